package kernel

import "fmt"

// MatVecF32 sets dst[r] to the product of row r of w with x. w holds rows x
// cols little-endian float32, as GGUF files store them and at any address. The
// error is that of Dot.
func MatVecF32(p *Pool, dst []float32, w []byte, rows, cols int, x []float32) {
	matMul(p, active.dotF32, 4, dst, w, rows, cols, [][]float32{x})
}

// MatVecF16 is MatVecF32 for rows of binary16.
func MatVecF16(p *Pool, dst []float32, w []byte, rows, cols int, x []float32) {
	matMul(p, active.dotF16, 2, dst, w, rows, cols, [][]float32{x})
}

// MatMulF32 sets dst[t*rows+r] to the product of row r of w with xs[t]. Each
// value equals that of MatVecF32 exactly.
func MatMulF32(p *Pool, dst []float32, w []byte, rows, cols int, xs [][]float32) {
	matMul(p, active.dotF32, 4, dst, w, rows, cols, xs)
}

// MatMulF16 is MatMulF32 for rows of binary16.
func MatMulF16(p *Pool, dst []float32, w []byte, rows, cols int, xs [][]float32) {
	matMul(p, active.dotF16, 2, dst, w, rows, cols, xs)
}

func matMul(p *Pool, dot func([]byte, []float32) float32, width int, dst []float32, w []byte, rows, cols int, xs [][]float32) {
	size := cols * width
	if rows < 0 || cols < 0 || len(w) < rows*size {
		panic(fmt.Sprintf("kernel: product of %d x %d needs %d bytes of weights, has %d", rows, cols, rows*size, len(w)))
	}
	dst = dst[:rows*len(xs)]
	for _, x := range xs {
		_ = x[:cols]
	}
	eachRange(p, rows, rows*size*len(xs), func(from, to int) {
		for r := from; r < to; r++ {
			row := w[r*size:][:size]
			for t, x := range xs {
				dst[t*rows+r] = dot(row, x[:cols])
			}
		}
	})
}

// Work on fewer bytes than this takes less time than to hand it out.
const parallelBytes = 32 << 10

// eachRange splits [0, n) into ranges, work bytes in all, and runs them on p.
// There are some more ranges than threads, so that a thread that loses its
// core for a moment holds up only its last one.
func eachRange(p *Pool, n, work int, f func(from, to int)) {
	parts := min(n, 4*p.Threads(), work/parallelBytes)
	if p.Threads() == 1 || parts < 2 {
		f(0, n)
		return
	}
	p.Run(parts, func(part int) {
		f(n*part/parts, n*(part+1)/parts)
	})
}
