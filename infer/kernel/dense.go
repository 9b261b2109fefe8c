package kernel

import "github.com/a472be26/cusp/infer/quant"

// dense is the product of a row of a dense type with a vector, nil for other
// types.
func (t *tier) dense(kind quant.Type) func(w []byte, x []float32) float32 {
	switch kind {
	case quant.F32:
		return t.dotF32
	case quant.F16:
		return t.dotF16
	case quant.BF16:
		return t.dotBF16
	}
	return nil
}

// densePanel multiplies the rows of a panel one by one.
func (j *job) densePanel(f *factor, index int) {
	rows := f.W.Rows
	for r := index * active.lanes; r < min((index+1)*active.lanes, rows); r++ {
		row := f.W.Data[r*f.stride:][:f.stride]
		for v := range j.x.n {
			f.Dst[v*rows+r] = f.dense(row, j.x.vector(v))
		}
	}
}
