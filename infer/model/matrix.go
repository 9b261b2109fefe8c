package model

import (
	"github.com/a472be26/cusp/infer/kernel"
	"github.com/a472be26/cusp/infer/quant"
)

// Matrix is a weight [rows][cols] as it lies in the file.
type Matrix struct{ kernel.Weights }

// row decodes row i into dst, [cols]. Its type was checked when it was bound.
func (m *Matrix) row(dst []float32, i int) {
	size := len(m.Data) / m.Rows
	if err := quant.Decode(m.Kind, dst, m.Data[i*size:(i+1)*size]); err != nil {
		panic(err)
	}
}

// part is n rows of it.
func (m Matrix) part(from, n int) Matrix {
	if m.Rows == 0 || len(m.Data)%m.Rows != 0 { // of a source that failed
		return Matrix{}
	}
	size := len(m.Data) / m.Rows
	m.Rows, m.Data = n, m.Data[from*size:(from+n)*size]
	return m
}

// Linear is a matrix with what is added to its products.
type Linear struct {
	Matrix
	Bias []float32 // [rows], nil for none
}

// part is n rows of it.
func (l Linear) part(from, n int) Linear {
	out := Linear{Matrix: l.Matrix.part(from, n)}
	if l.Bias != nil {
		out.Bias = l.Bias[from : from+n]
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
