package train

import (
	"gorgonia.org/tensor"

	"github.com/a472be26/cusp/infer/kernel"
)

// embedding maps token ids to rows of a matrix.
type embedding struct {
	weight, grad []float32 // [vocab, dim]
	dim          int
}

// forward writes x [n, dim]; tokens is [n].
func (e *embedding) forward(w workers, x *tensor.Dense, tokens []int32) {
	xs := values(x)
	w.run(len(tokens), rowGrain, func(lo, hi int) {
		for t := lo; t < hi; t++ {
			copy(xs[t*e.dim:(t+1)*e.dim], e.weight[int(tokens[t])*e.dim:])
		}
	})
}

// backward adds dx [n, dim] to the rows of the gradient that forward read. One goroutine, in token order: tokens repeat,
// and the sums must not depend on timing.
func (e *embedding) backward(dx *tensor.Dense, tokens []int32) {
	dxs := values(dx)
	for t, id := range tokens {
		kernel.Axpy(1, dxs[t*e.dim:(t+1)*e.dim], e.grad[int(id)*e.dim:][:e.dim])
	}
}
