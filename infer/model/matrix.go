package model

import (
	"github.com/a472be26/cusp/infer/kernel"
	"github.com/a472be26/cusp/infer/quant"
)

// weightTypes are the tensor types that products can read.
var weightTypes = []quant.Type{quant.F32, quant.F16, quant.Q8_0}

// matrix is a weight [rows][cols] as it lies in the file.
type matrix struct {
	kind       quant.Type
	rows, cols int
	data       []byte
}

// row decodes row i into dst, [cols].
func (m *matrix) row(dst []float32, i int) error {
	size := len(m.data) / m.rows
	return quant.Decode(m.kind, dst, m.data[i*size:(i+1)*size])
}

// vectors is a batch of row vectors.
type vectors struct {
	width int
	flat  []float32    // [n][width]
	each  [][]float32  // the n rows of flat
	q8    []*kernel.Q8 // [n], filled when a Q8_0 matrix reads the batch
}

// newVectors makes room for n vectors.
func newVectors(n, width int) *vectors {
	v := &vectors{width: width, flat: make([]float32, n*width)}
	for i := range n {
		v.each = append(v.each, v.flat[i*width:(i+1)*width:(i+1)*width])
		v.q8 = append(v.q8, &kernel.Q8{})
	}
	return v
}

// quantize fills q8 from the first n vectors.
func (v *vectors) quantize(n int) {
	for i := range n {
		v.q8[i].Quantize(v.each[i])
	}
}

// product is a matrix and where its result goes.
type product struct {
	m   *matrix
	dst []float32 // [n][m.rows]
}

// multiply computes products of the first n vectors of x with several
// matrices; x is quantized at most once.
func multiply(pool *kernel.Pool, x *vectors, n int, products ...product) {
	quantized := false
	for _, p := range products {
		if p.m.kind == quant.Q8_0 && !quantized {
			x.quantize(n)
			quantized = true
		}
		if n == 1 {
			p.m.timesOne(pool, p.dst, x)
		} else {
			p.m.timesMany(pool, p.dst, x, n)
		}
	}
}

func (m *matrix) timesOne(pool *kernel.Pool, dst []float32, x *vectors) {
	switch m.kind {
	case quant.F32:
		kernel.MatVecF32(pool, dst, m.data, m.rows, m.cols, x.each[0])
	case quant.F16:
		kernel.MatVecF16(pool, dst, m.data, m.rows, m.cols, x.each[0])
	case quant.Q8_0:
		kernel.MatVecQ8(pool, dst, m.data, m.rows, m.cols, x.q8[0])
	}
}

func (m *matrix) timesMany(pool *kernel.Pool, dst []float32, x *vectors, n int) {
	switch m.kind {
	case quant.F32:
		kernel.MatMulF32(pool, dst, m.data, m.rows, m.cols, x.each[:n])
	case quant.F16:
		kernel.MatMulF16(pool, dst, m.data, m.rows, m.cols, x.each[:n])
	case quant.Q8_0:
		kernel.MatMulQ8(pool, dst, m.data, m.rows, m.cols, x.q8[:n])
	}
}
