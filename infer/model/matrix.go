package model

import (
	"github.com/a472be26/cusp/infer/kernel"
	"github.com/a472be26/cusp/infer/quant"
)

// matrix is a weight [rows][cols] as it lies in the file.
type matrix struct{ kernel.Weights }

// row decodes row i into dst, [cols].
func (m *matrix) row(dst []float32, i int) error {
	size := len(m.Data) / m.Rows
	return quant.Decode(m.Kind, dst, m.Data[i*size:(i+1)*size])
}

// vectors is a batch of row vectors.
type vectors struct {
	width  int
	flat   []float32   // [n][width]
	each   [][]float32 // the n rows of flat
	inputs kernel.Activations
}

// newVectors makes room for n vectors.
func newVectors(n, width int) *vectors {
	v := &vectors{width: width, flat: make([]float32, n*width)}
	for i := range n {
		v.each = append(v.each, v.flat[i*width:(i+1)*width:(i+1)*width])
	}
	return v
}

// product is a matrix and where its result goes, [n][rows].
func product(m *matrix, dst *vectors) kernel.Product {
	return kernel.Product{W: &m.Weights, Dst: dst.flat}
}

// multiply computes products of the first n vectors of x with several
// matrices at once.
func multiply(pool *kernel.Pool, x *vectors, n int, products ...kernel.Product) {
	x.inputs.Set(x.flat, n, x.width)
	kernel.MatMul(pool, &x.inputs, products...)
}
