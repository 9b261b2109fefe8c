package infer

import "github.com/a472be26/cusp/infer/model"

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
