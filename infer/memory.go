package infer

import (
	"fmt"

	"github.com/a472be26/cusp/infer/model"
)

// checkMemory refuses an engine whose caches and buffers the machine could
// never hold. The numbers of a model file are only claims, and a Go program
// does not survive an allocation that fails.
func (o Options) checkMemory(c model.Config, machine float64) error {
	need := o.memory(c)
	if need <= machine {
		return nil
	}
	return fmt.Errorf("infer: %d sequences of %d tokens take %.3g GB with this model, more than the machine's %.3g GB; choose a smaller context",
		o.Sequences, o.Context, need/1e9, machine/1e9)
}

// memory is about how many bytes the engine takes beyond the weights: keys and
// values of every position, and for every row of a pass the widest vectors. It
// is a float because no product of a file's numbers overflows one.
func (o Options) memory(c model.Config) float64 {
	heads, kv := float64(c.Heads)*float64(c.HeadDim), float64(c.KVHeads)*float64(c.HeadDim)
	position := 2 * float64(c.Layers) * kv
	row := 4*float64(c.Dim) + 2*heads + 2*kv + 2*float64(c.FFN)
	return 4 * (float64(o.Sequences)*float64(o.Context)*position + batchRows*row)
}
