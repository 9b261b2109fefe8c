package model

import (
	"fmt"
	"slices"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/kernel"
	"github.com/a472be26/cusp/infer/quant"
)

// binder hands out the tensors of a file by name and remembers which were taken
// and the first thing that was wrong.
type binder struct {
	f     *gguf.File
	taken map[string]bool
	err   error
}

func newBinder(f *gguf.File) *binder { return &binder{f: f, taken: map[string]bool{}} }

func (b *binder) fail(format string, args ...any) {
	if b.err == nil {
		b.err = fmt.Errorf(format, args...)
	}
}

// tensor takes the tensor of that name and checks its shape, fastest dimension
// first.
func (b *binder) tensor(name string, dims ...int) gguf.Tensor {
	t, ok := b.f.Tensor(name)
	if !ok {
		b.fail("tensor %q is missing", name)
		return t
	}
	b.taken[name] = true
	if !slices.Equal(t.Dims, dims) {
		b.fail("tensor %q has the shape %v, not %v", name, t.Dims, dims)
	}
	if !kernel.Supported(t.Type) {
		b.fail("tensor %q is of type %s: weights of type %v are supported", name, t.Type, kernel.Types())
	}
	return t
}

// matrix takes a weight that maps vectors of width cols to width rows.
func (b *binder) matrix(name string, rows, cols int) matrix {
	t := b.tensor(name, cols, rows)
	return matrix{kernel.Weights{Kind: t.Type, Rows: rows, Cols: cols, Data: t.Data}}
}

// vector takes a weight of n values and decodes it, since norms read it as
// float32.
func (b *binder) vector(name string, n int) []float32 {
	t := b.tensor(name, n)
	if b.err != nil {
		return nil
	}
	v := make([]float32, n)
	if err := quant.Decode(t.Type, v, t.Data); err != nil {
		b.fail("tensor %q: %w", name, err)
	}
	return v
}

// vectorIf is vector for a tensor that may be absent: nil then.
func (b *binder) vectorIf(name string, n int) []float32 {
	if _, ok := b.f.Tensor(name); !ok {
		return nil
	}
	return b.vector(name, n)
}

// done reports the first error, or a tensor that nothing took: a model with
// weights that we would ignore (biases, experts) would run but answer wrongly.
func (b *binder) done() error {
	if b.err != nil {
		return b.err
	}
	for _, t := range b.f.Tensors() {
		if !b.taken[t.Name] {
			return fmt.Errorf("tensor %q has no place in this architecture: the file holds a variant that is not supported", t.Name)
		}
	}
	return nil
}
