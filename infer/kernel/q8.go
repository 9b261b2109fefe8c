package kernel

import (
	"fmt"
	"unsafe"
)

// A Q8_0 row, as GGUF files store it, is a chain of blocks of 32 weights: a
// binary16 scale d, then 32 signed bytes q; a weight is d*q.
const (
	q8Block = 32
	q8Bytes = 2 + q8Block
)

// Q8 is a vector of activations in blocks of 32, each value d*q with d =
// max|x|/127 in float32 and q in [-127, 127]. The zero value is ready for
// Quantize; one Q8 is reused from vector to vector.
//
// A block with a NaN or an infinity has d = NaN, so that the fault shows in
// every product; a block whose largest magnitude is below 2^-119 is zero.
type Q8 struct {
	blocks int
	// The three planes have the same size in bytes, 32 a block, and lie one
	// after the other in one allocation: kernels step through them with one
	// index. The number of blocks is rounded up to even; the rest is zero.
	q    []int8    // 32 values a block
	bias []int32   // 8 a block: -128 times the sum of each four values of q
	d    []float32 // 8 a block: the scale, repeated for a vector's lanes
}

// Len is the number of values.
func (q *Q8) Len() int { return q.blocks * q8Block }

// plane is the distance in bytes between the planes.
func (q *Q8) plane() int { return len(q.q) }

// Quantize replaces the contents by x, rounded to nearest with ties away from
// zero. len(x) must be a multiple of 32. It allocates only to grow.
func (q *Q8) Quantize(x []float32) {
	if len(x)%q8Block != 0 {
		panic(fmt.Sprintf("kernel: Quantize of %d values, not a multiple of %d", len(x), q8Block))
	}
	q.resize(len(x) / q8Block)
	if q.blocks > 0 {
		active.quantize(q, x)
	}
}

func (q *Q8) resize(blocks int) {
	if blocks == q.blocks && q.q != nil {
		return
	}
	size := roundUp(blocks, 2) * q8Block
	room := unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(q.q))), cap(q.q)/4)
	if len(room) < 3*size/4 {
		room = make([]float32, 3*size/4)
	}
	clear(room[:3*size/4])
	q.blocks = blocks
	if size == 0 {
		return
	}
	base := unsafe.Pointer(unsafe.SliceData(room))
	q.q = unsafe.Slice((*int8)(base), len(room)*4)[:size]
	q.bias = unsafe.Slice((*int32)(unsafe.Add(base, size)), size/4)
	q.d = unsafe.Slice((*float32)(unsafe.Add(base, 2*size)), size/4)
}

// MatVecQ8 sets dst[r] to the product of row r of w with x, for rows rows of
// cols values. The integer products of a block are summed exactly, in up to
// eight partial sums; those are scaled and summed in float32 in any order. The
// error is below (cols/32+8) * 2^-23 * sum|w*x|. A row's result does not depend
// on the number of threads.
func MatVecQ8(p *Pool, dst []float32, w []byte, rows, cols int, x *Q8) {
	size := q8RowBytes("MatVecQ8", w, rows, cols)
	if x.Len() != cols {
		panic(fmt.Sprintf("kernel: MatVecQ8 with %d activations for %d columns", x.Len(), cols))
	}
	if cols == 0 {
		clear(dst[:rows])
		return
	}
	j := takeJob()
	j.q1[0] = x
	j.dst, j.w, j.size, j.rows, j.q8 = dst[:rows], w, size, rows, j.q1[:]
	j.run(p, rows*size, (*job).q8One)
}

func (j *job) q8One(from, to int) {
	active.q8Rows(j.dst[from:to], j.w[from*j.size:to*j.size], j.q8[0])
}

// MatMulQ8 sets dst[t*rows+r] to the product of row r of w with xs[t]. Each
// value equals that of MatVecQ8 exactly.
func MatMulQ8(p *Pool, dst []float32, w []byte, rows, cols int, xs []*Q8) {
	size := q8RowBytes("MatMulQ8", w, rows, cols)
	for _, x := range xs {
		if x.Len() != cols {
			panic(fmt.Sprintf("kernel: MatMulQ8 with %d activations for %d columns", x.Len(), cols))
		}
	}
	dst = dst[:len(xs)*rows]
	if cols == 0 {
		clear(dst)
		return
	}
	j := takeJob()
	j.dst, j.w, j.size, j.rows, j.q8 = dst, w, size, rows, xs
	j.run(p, rows*size*len(xs), (*job).q8Many)
}

func (j *job) q8Many(from, to int) {
	q8Strips(j.dst, j.rows, j.w, j.size, from, to, j.q8)
}

// q8Strips multiplies rows [from, to), strip by strip so that the weights of a
// strip stay in the second-level cache while all activations pass by.
func q8Strips(dst []float32, ld int, w []byte, size, from, to int, xs []*Q8) {
	const strip = 128 << 10
	step := max(1, strip/size)
	for ; from < to; from += step {
		end := min(from+step, to)
		part := w[from*size : end*size]
		t := 0
		for ; t+4 <= len(xs); t += 4 {
			active.q8Rows4(dst[t*ld+from:], ld, part, end-from, xs[t:t+4])
		}
		for ; t < len(xs); t++ {
			active.q8Rows(dst[t*ld+from:t*ld+end], part, xs[t])
		}
	}
}

func q8RowBytes(caller string, w []byte, rows, cols int) int {
	if rows < 0 || cols < 0 || cols%q8Block != 0 {
		panic(fmt.Sprintf("kernel: %s of %d x %d: columns must be a multiple of %d", caller, rows, cols, q8Block))
	}
	size := cols / q8Block * q8Bytes
	if len(w) < rows*size {
		panic(fmt.Sprintf("kernel: %s of %d x %d needs %d bytes of weights, has %d", caller, rows, cols, rows*size, len(w)))
	}
	return size
}
