//go:build amd64 || arm64

package kernel

// The assembly below takes one to scoresRows or mixRows queries and does as
// Scores and Mix say; mixTile and mixF32Tile only the first lanes values of a
// head, a multiple of 8 and not zero.

//go:noescape
func scoresTile(dst *float32, ld int, queries *float32, ldq, n int, keys *uint16, headDim int)

//go:noescape
func scoresF32Tile(dst *float32, ld int, queries *float32, ldq, n int, keys *float32, headDim int)

//go:noescape
func mixTile(dst *float32, ld int, weights *float32, ldw, n int, values *uint16, tokens, headDim, lanes int)

//go:noescape
func mixF32Tile(dst *float32, ld int, weights *float32, ldw, n int, values *float32, tokens, headDim, lanes int)

// These two take n > 0, a multiple of 8.

//go:noescape
func narrowEights(dst *uint16, x *float32, n int)

//go:noescape
func putKeyEights(dst *uint16, key *float32, n int)

func scoresVector(dst []float32, ld int, queries []float32, ldq, n int, keys []uint16, headDim int) {
	for q := 0; q < n; q += scoresRows {
		scoresTile(&dst[q*ld], ld, &queries[q*ldq], ldq, min(scoresRows, n-q), &keys[0], headDim)
	}
}

func scoresF32Vector(dst []float32, ld int, queries []float32, ldq, n int, keys []float32, headDim int) {
	for q := 0; q < n; q += scoresRows {
		scoresF32Tile(&dst[q*ld], ld, &queries[q*ldq], ldq, min(scoresRows, n-q), &keys[0], headDim)
	}
}

func mixVector(dst []float32, ld int, weights []float32, ldw, n int, values []uint16, tokens, headDim int) {
	lanes := headDim &^ 7
	for q := 0; q < n && lanes > 0; q += mixRows {
		mixTile(&dst[q*ld], ld, &weights[q*ldw], ldw, min(mixRows, n-q), &values[0], tokens, headDim, lanes)
	}
	mixFrom(lanes, dst, ld, weights, ldw, n, values, tokens, headDim)
}

func mixF32Vector(dst []float32, ld int, weights []float32, ldw, n int, values []float32, tokens, headDim int) {
	lanes := headDim &^ 7
	for q := 0; q < n && lanes > 0; q += mixRows {
		mixF32Tile(&dst[q*ld], ld, &weights[q*ldw], ldw, min(mixRows, n-q), &values[0], tokens, headDim, lanes)
	}
	mixFrom(lanes, dst, ld, weights, ldw, n, values, tokens, headDim)
}

func narrowVector(dst []uint16, x []float32) {
	n := len(x) &^ 7
	if n > 0 {
		narrowEights(&dst[0], &x[0], n)
	}
	narrowGeneric(dst[n:], x[n:])
}

func putKeyVector(dst []uint16, key []float32) {
	n := len(key) &^ 7
	if n > 0 {
		putKeyEights(&dst[0], &key[0], n)
	}
	if n < len(key) {
		putKeyGeneric(dst[n*PageTokens:], key[n:])
	}
}
