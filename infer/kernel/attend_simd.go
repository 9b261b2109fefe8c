//go:build amd64 || arm64

package kernel

import "unsafe"

// pageFunc sets the scores of one to attendRows queries for the keys of a page.
type pageFunc func(dst *float32, ld int, queries *float32, ldq, n int, keys *byte, headDim int)

//go:noescape
func scoresPage(dst *float32, ld int, queries *float32, ldq, n int, keys *byte, headDim int)

//go:noescape
func scoresF32Page(dst *float32, ld int, queries *float32, ldq, n int, keys *byte, headDim int)

// valuesFunc is a mixFunc for one to attendRows queries and 16 or 8 values of
// every position, which begin some bytes after its first one. Positions are
// stride bytes apart.
type valuesFunc func(dst *float32, ld int, weights *float32, ldw, n int, pages *[]byte, tokens, stride, from int)

//go:noescape
func mixSixteen(dst *float32, ld int, weights *float32, ldw, n int, pages *[]byte, tokens, stride, from int)

//go:noescape
func mixEight(dst *float32, ld int, weights *float32, ldw, n int, pages *[]byte, tokens, stride, from int)

//go:noescape
func mixF32Sixteen(dst *float32, ld int, weights *float32, ldw, n int, pages *[]byte, tokens, stride, from int)

//go:noescape
func mixF32Eight(dst *float32, ld int, weights *float32, ldw, n int, pages *[]byte, tokens, stride, from int)

// These two take n > 0, a multiple of 8.

//go:noescape
func narrowEights(dst *uint16, x *float32, n int)

//go:noescape
func putKeyEights(dst *uint16, key *float32, n int)

func scoresVector(page pageFunc) scoresFunc {
	return func(dst []float32, ld int, queries []float32, ldq, n int, keys [][]byte, headDim int) {
		rows := share(n, attendRows)
		for i := range keys {
			for q := 0; q < n; q += rows {
				page(&dst[q*ld+i*PageTokens], ld, &queries[q*ldq], ldq, min(rows, n-q), &keys[i][0], headDim)
			}
		}
	}
}

// mixVector leaves what is less than eight values to the portable code.
func mixVector[T uint16 | float32](sixteen, eight valuesFunc) mixFunc {
	size := int(unsafe.Sizeof(*new(T)))
	return func(dst []float32, ld int, weights []float32, ldw, n int, values [][]byte, tokens, headDim int) {
		rows, d := share(n, attendRows), 0
		some := func(mix valuesFunc, lanes int) {
			for q := 0; q < n; q += rows {
				mix(&dst[q*ld+d], ld, &weights[q*ldw], ldw, min(rows, n-q), &values[0], tokens, headDim*size, d*size)
			}
			d += lanes
		}
		for headDim-d >= 16 {
			some(sixteen, 16)
		}
		if headDim-d >= 8 {
			some(eight, 8)
		}
		mixFrom[T](d, dst, ld, weights, ldw, n, values, tokens, headDim)
	}
}

// share is how many of n rows each of as few calls as possible takes, where one
// takes most at most.
func share(n, most int) int {
	calls := (n + most - 1) / most
	return (n + calls - 1) / calls
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
