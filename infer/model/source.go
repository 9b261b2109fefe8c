package model

import (
	"fmt"
	"slices"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/kernel"
	"github.com/a472be26/cusp/infer/quant"
)

// source is a model file on its way to becoming a network: metadata and tensors
// are asked for by name, what was taken is remembered, and so is the first thing
// that was wrong. After an error all results are to be thrown away.
type source struct {
	f      *gguf.File
	prefix string // of the keys: the architecture and a dot
	taken  map[string]bool
	ropes  []*Rope
	err    error
}

func newSource(f *gguf.File, architecture string) *source {
	return &source{f: f, prefix: architecture + ".", taken: map[string]bool{}}
}

func (s *source) has(name string) bool {
	_, ok := s.f.Tensor(name)
	return ok
}

// tensor takes the tensor of that name and checks its shape, fastest dimension
// first.
func (s *source) tensor(name string, dims ...int) gguf.Tensor {
	t, ok := s.f.Tensor(name)
	if !ok {
		s.fail("tensor %q is missing", name)
		return t
	}
	s.taken[name] = true
	if !slices.Equal(t.Dims, dims) {
		s.fail("tensor %q has the shape %v, not %v", name, t.Dims, dims)
	}
	if !kernel.Supported(t.Type) {
		s.fail("tensor %q is of type %s: weights of type %v are supported", name, t.Type, kernel.Types())
	}
	return t
}

// matrix takes a weight that maps vectors of width cols to width rows.
func (s *source) matrix(name string, rows, cols int) Matrix {
	t := s.tensor(name, cols, rows)
	return Matrix{kernel.Weights{Kind: t.Type, Rows: rows, Cols: cols, Data: t.Data}}
}

// tall is linear with as many rows as the tensor has.
func (s *source) tall(name string, cols int) Linear {
	rows := 1
	if t, ok := s.f.Tensor(name + ".weight"); ok && len(t.Dims) == 2 && t.Dims[1] <= maxSize {
		rows = t.Dims[1]
	}
	return s.linear(name, rows, cols)
}

// firstRowIf decodes the first row of a matrix that may be absent: nil then.
func (s *source) firstRowIf(name string, cols int) []float32 {
	if !s.has(name + ".weight") {
		return nil
	}
	m := s.tall(name, cols)
	if s.err != nil {
		return nil
	}
	row := make([]float32, cols)
	m.row(row, 0)
	return row
}

// stack takes n matrices that lie in one tensor, as those of experts do.
func (s *source) stack(name string, n, rows, cols int) []Matrix {
	t := s.tensor(name, cols, rows, n)
	if s.err != nil {
		return nil
	}
	all := Matrix{kernel.Weights{Kind: t.Type, Rows: rows * n, Cols: cols, Data: t.Data}}
	out := make([]Matrix, n)
	for i := range out {
		out[i] = all.part(i*rows, rows)
	}
	return out
}

// vector takes a weight of n values and decodes it, since norms read it as
// float32.
func (s *source) vector(name string, n int) []float32 {
	t := s.tensor(name, n)
	if s.err != nil {
		return nil
	}
	v := make([]float32, n)
	if err := quant.Decode(t.Type, v, t.Data); err != nil {
		s.fail("tensor %q: %w", name, err)
	}
	return v
}

// vectorIf is vector for a tensor that may be absent: nil then.
func (s *source) vectorIf(name string, n int) []float32 {
	if !s.has(name) {
		return nil
	}
	return s.vector(name, n)
}

// linear takes NAME.weight, and NAME.bias if there is one.
func (s *source) linear(name string, rows, cols int) Linear {
	return Linear{Matrix: s.matrix(name+".weight", rows, cols), Bias: s.vectorIf(name+".bias", rows)}
}

// head is the output matrix, which in tied models is the embedding itself.
func (s *source) head(embedding Matrix) Linear {
	if s.has("output.weight") {
		return s.linear("output", embedding.Rows, embedding.Cols)
	}
	return Linear{Matrix: embedding}
}

// layers calls bind with the prefix of every layer's tensors. The first error
// ends the loop: the layer count is only a claim.
func layers[L any](s *source, n int, bind func(i int, prefix string) L) (out []L) {
	return layersOf(s, "blk.", n, bind)
}

// layersOf is layers for those of one of two stacks.
func layersOf[L any](s *source, stack string, n int, bind func(i int, prefix string) L) (out []L) {
	for i := 0; i < n && s.err == nil; i++ {
		out = append(out, bind(i, layerPrefix(stack, i)))
	}
	return out
}

// layerPrefix is what the names of a layer's tensors begin with.
func layerPrefix(stack string, i int) string { return fmt.Sprintf("%s%d.", stack, i) }

// ignore takes a tensor that makes no difference, if it is there.
func (s *source) ignore(name string) { s.taken[name] = true }

// done reports the first error, or a tensor that nothing took: a model with
// weights that we would ignore (biases, experts) would run but answer wrongly.
func (s *source) done() error {
	if s.err != nil {
		return s.err
	}
	for _, t := range s.f.Tensors() {
		if !s.taken[t.Name] {
			return fmt.Errorf("tensor %q has no place in this architecture: the file holds a variant that is not supported", t.Name)
		}
	}
	return nil
}
