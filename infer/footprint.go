package infer

import "github.com/a472be26/cusp/infer/model"

// memoryOf is how many bytes there are for a model's keys and values and run
// state: the machine's, unless the model has memory of its own.
func memoryOf(m model.Model) float64 {
	if own, ok := m.(model.Memory); ok {
		return own.Memory()
	}
	return machineMemory()
}

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
	o, pages, err := o.complete(c, memory)
	if err != nil {
		return Footprint{}, err
	}
	return Footprint{KV: float64(pages) * c.PageBytes(o.kind()), Run: o.runBytes(c), Context: o.Context, Sequences: o.Sequences}, nil
}
