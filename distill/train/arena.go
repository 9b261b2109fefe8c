package train

import "gorgonia.org/tensor"

// arena hands out the matrices of one step from one piece of memory, so that the steps of a run allocate no activations.
type arena struct {
	engine Engine // of all matrices
	memory []float32
	used   int // values handed out since reset, also those that did not fit
}

// lineValues is the number of float32 values in a cache line; every matrix starts on one.
const lineValues = 16

// reset takes all matrices back and grows the memory to what the last step needed.
func (a *arena) reset() {
	if a.used > len(a.memory) {
		a.memory = make([]float32, a.used+a.used/32)
	}
	a.used = 0
}

// matrix is valid until the next reset; its contents are arbitrary.
func (a *arena) matrix(rows, cols int) *tensor.Dense {
	at, size := a.used, rows*cols
	a.used += (size + lineValues - 1) / lineValues * lineValues
	if a.used > len(a.memory) {
		return a.engine.matrix(make([]float32, size), rows, cols)
	}
	return a.engine.matrix(a.memory[at:at+size], rows, cols)
}
