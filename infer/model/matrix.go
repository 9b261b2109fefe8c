package model

import (
	"github.com/a472be26/cusp/infer/kernel"
	"github.com/a472be26/cusp/infer/quant"
)

// matrix is a weight [rows][cols] as it lies in the file.
type matrix struct{ kernel.Weights }

// row decodes row i into dst, [cols]. Its type was checked when it was bound.
func (m *matrix) row(dst []float32, i int) {
	size := len(m.Data) / m.Rows
	if err := quant.Decode(m.Kind, dst, m.Data[i*size:(i+1)*size]); err != nil {
		panic(err)
	}
}

// part is n rows of it.
func (m matrix) part(from, n int) matrix {
	if m.Rows == 0 || len(m.Data)%m.Rows != 0 { // of a source that failed
		return matrix{}
	}
	size := len(m.Data) / m.Rows
	m.Rows, m.Data = n, m.Data[from*size:(from+n)*size]
	return m
}

// linear is a matrix with what is added to its products.
type linear struct {
	matrix
	bias []float32 // [rows], nil for none
}

// part is n rows of it.
func (l linear) part(from, n int) linear {
	out := linear{matrix: l.matrix.part(from, n)}
	if l.bias != nil {
		out.bias = l.bias[from : from+n]
	}
	return out
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
