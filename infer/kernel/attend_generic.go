package kernel

import "github.com/a472be26/cusp/infer/quant"

func scoresGeneric(dst []float32, ld int, queries []float32, ldq, n int, keys []uint16, headDim int) {
	scoresOf(dst, ld, queries, ldq, n, keys, headDim)
}

func scoresF32Generic(dst []float32, ld int, queries []float32, ldq, n int, keys []float32, headDim int) {
	scoresOf(dst, ld, queries, ldq, n, keys, headDim)
}

func mixGeneric(dst []float32, ld int, weights []float32, ldw, n int, values []uint16, tokens, headDim int) {
	mixFrom(0, dst, ld, weights, ldw, n, values, tokens, headDim)
}

func mixF32Generic(dst []float32, ld int, weights []float32, ldw, n int, values []float32, tokens, headDim int) {
	mixFrom(0, dst, ld, weights, ldw, n, values, tokens, headDim)
}

// scoresOf widens one value of all the page's keys at a time.
func scoresOf[T uint16 | float32](dst []float32, ld int, queries []float32, ldq, n int, keys []T, headDim int) {
	var key [PageTokens]float32
	for q := range n {
		clear(dst[q*ld:][:PageTokens])
	}
	for d := range headDim {
		widen(key[:], keys[d*PageTokens:][:PageTokens])
		for q := range n {
			axpyGeneric(queries[q*ldq+d], key[:], dst[q*ld:][:PageTokens])
		}
	}
}

// mixFrom is Mix for the values from a given one on, a few at a time.
func mixFrom[T uint16 | float32](from int, dst []float32, ld int, weights []float32, ldw, n int, values []T, tokens, headDim int) {
	var room [16]float32
	for ; from < headDim; from += len(room) {
		value := room[:min(len(room), headDim-from)]
		for p := range tokens {
			widen(value, values[p*headDim+from:][:len(value)])
			for q := range n {
				axpyGeneric(weights[q*ldw+p], value, dst[q*ld+from:][:len(value)])
			}
		}
	}
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
