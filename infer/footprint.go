package infer

import (
	"fmt"

	"github.com/a472be26/cusp/infer/model"
)

// memory is how many bytes there are, and whose they are.
type memory struct {
	bytes float64
	whose string // "the machine's"
}

// ofMachine is some memory of the machine.
func ofMachine(bytes float64) memory { return memory{bytes, "the machine's"} }

// memoryOf is what there is for a model's keys and values and run state: the
// machine's memory, unless the model has another, as a GPU's.
func memoryOf(m model.Model) memory {
	if own, ok := m.(model.Memory); ok {
		return memory{own.Memory(), "the GPU's free"}
	}
	return ofMachine(machineMemory())
}

func (m memory) String() string { return fmt.Sprintf("%s %.3g GB", m.whose, m.bytes/1e9) }

// Footprint is what an engine would take of memory beside the weights, in bytes.
type Footprint struct {
	KV        float64 // keys and values
	Run       float64 // passes and sampling, about
	Context   int     // tokens of one sequence
	Sequences int
}

// Footprint is that of an engine with these options for a model, where the
// process may have memory bytes (0: what this machine and control group allow).
// The error is that of [New].
func (o Options) Footprint(c model.Config, memory float64) (Footprint, error) {
	if memory == 0 {
		memory = machineMemory()
	}
	o, pages, err := o.complete(c, ofMachine(memory))
	if err != nil {
		return Footprint{}, err
	}
	return Footprint{KV: float64(pages) * c.PageBytes(o.kind()), Run: o.runBytes(c), Context: o.Context, Sequences: o.Sequences}, nil
}
