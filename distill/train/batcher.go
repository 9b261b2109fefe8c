package train

import (
	"errors"
	"fmt"
	"math/rand/v2"
)

// batcher deals a dataset into batches, each epoch in a new order. Its whole state is seed and place, so that a resumed
// run reads on where the last one stopped.
type batcher struct {
	data  Dataset
	cfg   Config
	limit int // tokens in a batch
	seed  uint64
	place place
	order []int // of the epoch in place; nil until it is needed
}

// place is the next example: the cursor-th in the epoch's order.
type place struct {
	Epoch, Cursor int
}

// next fills the batch up to the limit, at least with one example that carries loss.
func (d *batcher) next(b *batch) error {
	if d.data.Len() == 0 {
		return errors.New("train data: the dataset is empty")
	}
	b.reset()
	barren := 0
	for barren <= d.data.Len() {
		i := d.peek()
		e := d.data.Example(i)
		if err := e.check(d.cfg); err != nil {
			return fmt.Errorf("train data: example %d: %w", i, err)
		}
		if len(b.tokens) > 0 && len(b.tokens)+e.used() > d.limit {
			return nil
		}
		if e.used() == 0 {
			barren++
		}
		b.add(e)
		d.place.Cursor++
	}
	return errors.New("train data: no example carries a loss weight")
}

// peek is the index of the next example; it starts a new epoch behind the last one.
func (d *batcher) peek() int {
	if d.place.Cursor >= d.data.Len() {
		d.place, d.order = place{Epoch: d.place.Epoch + 1}, nil
	}
	if d.order == nil {
		d.order = rand.New(rand.NewPCG(d.seed, uint64(d.place.Epoch))).Perm(d.data.Len())
	}
	return d.order[d.place.Cursor]
}
