package kernel

// Queries that one call of the assembly takes: as many as there are registers
// for, two to each.
const (
	attendRows    = 6
	attendRows512 = 14
)

// pairFunc sets the scores of one to attendRows512 queries for the keys of two
// pages, dst2 those for the second one. Both may be the same.
type pairFunc func(dst *float32, ld int, queries *float32, ldq, n int, keys *byte, headDim int, dst2 *float32, keys2 *byte)

//go:noescape
func scoresPairAVX512(dst *float32, ld int, queries *float32, ldq, n int, keys *byte, headDim int, dst2 *float32, keys2 *byte)

//go:noescape
func scoresPairF32AVX512(dst *float32, ld int, queries *float32, ldq, n int, keys *byte, headDim int, dst2 *float32, keys2 *byte)

// lanesFunc is a mixFunc for one to attendRows512 queries and 1 to 32 values of
// every position, which begin some bytes after its first one. Positions are
// stride bytes apart.
type lanesFunc func(dst *float32, ld int, weights *float32, ldw, n int, pages *[]byte, tokens, stride, from, lanes int)

//go:noescape
func mixLanesAVX512(dst *float32, ld int, weights *float32, ldw, n int, pages *[]byte, tokens, stride, from, lanes int)

//go:noescape
func mixLanesF32AVX512(dst *float32, ld int, weights *float32, ldw, n int, pages *[]byte, tokens, stride, from, lanes int)

// scoresAVX512 goes over the pages in pairs; the last one may be a pair alone.
func scoresAVX512(pair pairFunc) scoresFunc {
	return func(dst []float32, ld int, queries []float32, ldq, n int, keys [][]byte, headDim int) {
		rows := share(n, attendRows512)
		for i := 0; i < len(keys); i += 2 {
			j := min(i+1, len(keys)-1)
			for q := 0; q < n; q += rows {
				row := dst[q*ld:]
				pair(&row[i*PageTokens], ld, &queries[q*ldq], ldq, min(rows, n-q), &keys[i][0], headDim, &row[j*PageTokens], &keys[j][0])
			}
		}
	}
}

func mixAVX512(mix lanesFunc, size int) mixFunc {
	const lanes = 32
	return func(dst []float32, ld int, weights []float32, ldw, n int, values [][]byte, tokens, headDim int) {
		rows := share(n, attendRows512)
		for d := 0; d < headDim; d += lanes {
			for q := 0; q < n; q += rows {
				mix(&dst[q*ld+d], ld, &weights[q*ldw], ldw, min(rows, n-q), &values[0], tokens, headDim*size, d*size, min(lanes, headDim-d))
			}
		}
	}
}
