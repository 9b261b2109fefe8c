package kernel

import (
	"fmt"

	"github.com/a472be26/cusp/infer/quant"
)

// Weights is a matrix as it lies in a model file: rows of cols elements of one
// type, one after the other, at any address.
type Weights struct {
	Kind       quant.Type
	Rows, Cols int
	Data       []byte
}

// stepCols is how many columns one step of a panel has; the int8 formats all
// have blocks of 32 or 256.
const stepCols = 32

// rowBytes is the length of a row in the file.
func (w *Weights) rowBytes() int { return w.Cols / w.Kind.BlockSize() * w.Kind.BlockBytes() }

// check panics unless the shape is possible and the data is there: sizes are
// the caller's promise.
func (w *Weights) check() {
	block := w.Kind.BlockSize()
	if !Supported(w.Kind) || w.Rows < 0 || w.Cols < 0 || w.Cols%block != 0 {
		panic(fmt.Sprintf("kernel: weights of %d x %d in %s: columns must be a multiple of %d", w.Rows, w.Cols, w.Kind, block))
	}
	if need := w.Rows * w.rowBytes(); len(w.Data) < need {
		panic(fmt.Sprintf("kernel: weights of %d x %d in %s need %d bytes, have %d", w.Rows, w.Cols, w.Kind, need, len(w.Data)))
	}
}

// Supported reports whether MatMul multiplies with weights of this type.
func Supported(t quant.Type) bool { return Quantized(t) || denseType(t) }

// Quantized reports whether MatMul multiplies weights of this type with int8
// activations.
func Quantized(t quant.Type) bool {
	_, _, ok := t.Groups()
	return ok
}

// Types lists what is Supported, in the order of the numbers.
func Types() []quant.Type {
	var all []quant.Type
	for t := range quant.Type(packTypes) {
		if Supported(t) {
			all = append(all, t)
		}
	}
	return all
}

// denseType: such types are multiplied in float32, all others in int8.
func denseType(t quant.Type) bool { return t == quant.F32 || t == quant.F16 || t == quant.BF16 }

// smallCodes: the codes of such a type are within -32 to 31.
func smallCodes(t quant.Type) bool { return t != quant.Q8_0 && t != quant.IQ4_NL && t != quant.IQ4_XS }
