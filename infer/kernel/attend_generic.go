package kernel

import (
	"unsafe"

	"github.com/a472be26/cusp/infer/quant"
)

// scoresFunc and mixFunc are what a tier has of Scores and Mix. There are
// queries, pages and positions.
type (
	scoresFunc func(dst []float32, ld int, queries []float32, ldq, n int, keys [][]byte, headDim int)
	mixFunc    func(dst []float32, ld int, weights []float32, ldw, n int, values [][]byte, tokens, headDim int)
)

// scoresGeneric widens one value of all of a page's keys at a time.
func scoresGeneric[T uint16 | float32](dst []float32, ld int, queries []float32, ldq, n int, keys [][]byte, headDim int) {
	var key [PageTokens]float32
	for i, page := range keys {
		for q := range n {
			clear(dst[q*ld+i*PageTokens:][:PageTokens])
		}
		for d := range headDim {
			widen(key[:], numbers[T](page)[d*PageTokens:][:PageTokens])
			for q := range n {
				axpyGeneric(queries[q*ldq+d], key[:], dst[q*ld+i*PageTokens:][:PageTokens])
			}
		}
	}
}

func mixGeneric[T uint16 | float32](dst []float32, ld int, weights []float32, ldw, n int, values [][]byte, tokens, headDim int) {
	mixFrom[T](0, dst, ld, weights, ldw, n, values, tokens, headDim)
}

// mixFrom is Mix for the values from a given one on, a few at a time.
func mixFrom[T uint16 | float32](from int, dst []float32, ld int, weights []float32, ldw, n int, values [][]byte, tokens, headDim int) {
	var room [16]float32
	for ; from < headDim; from += len(room) {
		value := room[:min(len(room), headDim-from)]
		for p := range tokens {
			widen(value, numbers[T](values[p/PageTokens])[p%PageTokens*headDim+from:][:len(value)])
			for q := range n {
				axpyGeneric(weights[q*ldw+p], value, dst[q*ld+from:][:len(value)])
			}
		}
	}
}

// numbers are those that a page holds, in the order of the machine's bytes.
func numbers[T uint16 | float32](page []byte) []T {
	var number T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(page))), len(page)/int(unsafe.Sizeof(number)))
}

// widen converts len(dst) values. It is no parameter of its callers, whose
// buffers would go to the heap for it.
func widen[T uint16 | float32](dst []float32, src []T) {
	switch src := any(src).(type) {
	case []uint16:
		for i := range dst {
			dst[i] = quant.FromF16(src[i])
		}
	case []float32:
		copy(dst, src)
	}
}

// narrowGeneric rounds len(x) values to binary16.
func narrowGeneric(dst []uint16, x []float32) {
	for i, v := range x {
		dst[i] = quant.ToF16(v)
	}
}

// putKeyGeneric rounds len(key) values to binary16, PageTokens apart.
func putKeyGeneric(dst []uint16, key []float32) {
	for d, v := range key {
		dst[d*PageTokens] = quant.ToF16(v)
	}
}

// maximaFunc sets dst[q] to the largest of width values, for n rows that are ld
// apart; unspecified if a value is NaN.
type maximaFunc func(dst, x []float32, ld, n, width int)

// expAddFunc replaces the values of such rows by exp(x - largest[q]), as ExpSum
// does, and adds their sums to sum[q]. Where largest[q] is -Inf, 0 is taken.
type expAddFunc func(sum, x []float32, ld, n, width int, largest []float32)

func maximaBy(largest func([]float32) float32) maximaFunc {
	return func(dst, x []float32, ld, n, width int) {
		for q := range n {
			dst[q] = largest(x[q*ld:][:width])
		}
	}
}

func expAddBy(expSum func(dst, x []float32, shift float32) float32) expAddFunc {
	return func(sum, x []float32, ld, n, width int, largest []float32) {
		for q := range n {
			row, shift := x[q*ld:][:width], largest[q]
			if shift == negativeInfinity {
				shift = 0 // -Inf from -Inf would be NaN; a NaN that the largest passed over still is one
			}
			sum[q] += expSum(row, row, shift)
		}
	}
}
