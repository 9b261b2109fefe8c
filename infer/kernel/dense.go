package kernel

import "fmt"

// MatVecF32 sets dst[r] to the product of row r of w with x. w holds rows x
// cols little-endian float32, as GGUF files store them and at any address. The
// error is that of Dot.
func MatVecF32(p *Pool, dst []float32, w []byte, rows, cols int, x []float32) {
	j := takeJob()
	j.one[0] = x
	matMul(p, j, active.dotF32, 4, dst, w, rows, cols, j.one[:])
}

// MatVecF16 is MatVecF32 for rows of binary16.
func MatVecF16(p *Pool, dst []float32, w []byte, rows, cols int, x []float32) {
	j := takeJob()
	j.one[0] = x
	matMul(p, j, active.dotF16, 2, dst, w, rows, cols, j.one[:])
}

// MatMulF32 sets dst[t*rows+r] to the product of row r of w with xs[t]. Each
// value equals that of MatVecF32 exactly.
func MatMulF32(p *Pool, dst []float32, w []byte, rows, cols int, xs [][]float32) {
	matMul(p, takeJob(), active.dotF32, 4, dst, w, rows, cols, xs)
}

// MatMulF16 is MatMulF32 for rows of binary16.
func MatMulF16(p *Pool, dst []float32, w []byte, rows, cols int, xs [][]float32) {
	matMul(p, takeJob(), active.dotF16, 2, dst, w, rows, cols, xs)
}

func matMul(p *Pool, j *job, dot func([]byte, []float32) float32, width int, dst []float32, w []byte, rows, cols int, xs [][]float32) {
	size := cols * width
	if rows < 0 || cols < 0 || len(w) < rows*size {
		panic(fmt.Sprintf("kernel: product of %d x %d needs %d bytes of weights, has %d", rows, cols, rows*size, len(w)))
	}
	for _, x := range xs {
		_ = x[:cols]
	}
	j.dst, j.w, j.size, j.rows = dst[:rows*len(xs)], w, size, rows
	j.dot, j.cols, j.xs = dot, cols, xs
	j.run(p, rows*size*len(xs), (*job).dense)
}

// dense multiplies rows [from, to) of float32 or binary16.
func (j *job) dense(from, to int) {
	for r := from; r < to; r++ {
		row := j.w[r*j.size:][:j.size]
		for t, x := range j.xs {
			j.dst[t*j.rows+r] = j.dot(row, x[:j.cols])
		}
	}
}
