package kernel

// Rows that one call of the AVX2 code takes: as many as there are registers
// for, two or one to a row.
const (
	scoresRows = 4
	mixRows    = 8
)

// The assembly below takes one to eight queries.

//go:noescape
func scores8AVX512(dst *float32, ld int, queries *float32, ldq, n int, keys *uint16, headDim int)

//go:noescape
func scoresF32x8AVX512(dst *float32, ld int, queries *float32, ldq, n int, keys *float32, headDim int)

//go:noescape
func mix8AVX512(dst *float32, ld int, weights *float32, ldw, n int, values *uint16, tokens, headDim int)

//go:noescape
func mixF32x8AVX512(dst *float32, ld int, weights *float32, ldw, n int, values *float32, tokens, headDim int)

func scoresAVX512(dst []float32, ld int, queries []float32, ldq, n int, keys []uint16, headDim int) {
	for q := 0; q < n; q += 8 {
		scores8AVX512(&dst[q*ld], ld, &queries[q*ldq], ldq, min(8, n-q), &keys[0], headDim)
	}
}

func scoresF32AVX512(dst []float32, ld int, queries []float32, ldq, n int, keys []float32, headDim int) {
	for q := 0; q < n; q += 8 {
		scoresF32x8AVX512(&dst[q*ld], ld, &queries[q*ldq], ldq, min(8, n-q), &keys[0], headDim)
	}
}

func mixAVX512(dst []float32, ld int, weights []float32, ldw, n int, values []uint16, tokens, headDim int) {
	for q := 0; q < n; q += 8 {
		mix8AVX512(&dst[q*ld], ld, &weights[q*ldw], ldw, min(8, n-q), &values[0], tokens, headDim)
	}
}

func mixF32AVX512(dst []float32, ld int, weights []float32, ldw, n int, values []float32, tokens, headDim int) {
	for q := 0; q < n; q += 8 {
		mixF32x8AVX512(&dst[q*ld], ld, &weights[q*ldw], ldw, min(8, n-q), &values[0], tokens, headDim)
	}
}
