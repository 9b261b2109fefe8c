package kernel

import (
	"fmt"
	"math"
)

// Attention of queries over a paged KV cache, a stretch of pages at a time:
//
//	for each stretch of pages:
//		Scores, then -Inf where a query must not look
//		SoftmaxStep(scores, largest, keep, sum)
//		Scale(keep, dst)
//		Mix
//	Scale(1/sum, dst)
//
// The queries of a call share the pages: the heads of a group, and rows of a
// prompt. What a query gets does not depend on the others, bit for bit, nor on
// how many there are. Pages are given as bytes; see [PageTokens].

// Scores sets dst[q*ld+p] to the product of query q with key p, for n queries
// of headDim values, ldq apart, and the PageTokens keys of each page:
//
//	dst[q*ld+i*PageTokens+p] = sum over d of queries[q*ldq+d] * keys[i][d*PageTokens+p]
//
// summed in the order of d. The error is below headDim * 2^-23 * sum|q*k|. dst
// must not overlap the rest. Positions that were never written give whatever
// the page holds.
func Scores(dst []float32, ld int, queries []float32, ldq, n int, keys [][]byte, headDim int) {
	if checkScores("Scores", len(dst), ld, len(queries), ldq, n, keys, headDim, 2) {
		active.scores(dst, ld, queries, ldq, n, keys, headDim)
	}
}

// ScoresF32 is Scores for pages of float32.
func ScoresF32(dst []float32, ld int, queries []float32, ldq, n int, keys [][]byte, headDim int) {
	if checkScores("ScoresF32", len(dst), ld, len(queries), ldq, n, keys, headDim, 4) {
		active.scoresF32(dst, ld, queries, ldq, n, keys, headDim)
	}
}

// Mix adds the first tokens values of some pages to dst, weighted, for n queries:
//
//	dst[q*ld+d] += sum over p of weights[q*ldw+p] * values[p/PageTokens][p%PageTokens*headDim+d]
//
// in the order of p, one after the other onto dst, so that the result does not
// depend on how positions are split over calls. The error is below
// (tokens+1) * 2^-23 * (|dst| + sum|w*v|). A weight of zero leaves dst as it is
// if the value is finite. dst must not overlap the rest.
func Mix(dst []float32, ld int, weights []float32, ldw, n int, values [][]byte, tokens, headDim int) {
	if checkMix("Mix", len(dst), ld, len(weights), ldw, n, values, tokens, headDim, 2) {
		active.mix(dst, ld, weights, ldw, n, values, tokens, headDim)
	}
}

// MixF32 is Mix for pages of float32.
func MixF32(dst []float32, ld int, weights []float32, ldw, n int, values [][]byte, tokens, headDim int) {
	if checkMix("MixF32", len(dst), ld, len(weights), ldw, n, values, tokens, headDim, 4) {
		active.mixF32(dst, ld, weights, ldw, n, values, tokens, headDim)
	}
}

// SoftmaxStep takes n queries' scores of a stretch of width positions, rows that
// are ld apart, into their running softmax (arXiv 2205.14135, algorithm 1).
// largest and sum are those of the step before, -Inf and 0 at first. It replaces
// each score by exp(score - new largest), to be given to Mix; before that the
// values mixed so far are to be multiplied by keep = exp(largest - new largest).
// The new sum is sum*keep plus the sum of the new weights. The error of weights
// and sum is that of ExpSum, with width * 2^-23 for the sum. What becomes of a
// query does not depend on the others.
//
// width must be a multiple of PageTokens. Masked positions hold -Inf and get the
// weight 0; with more of them at the end the results are the same bit for bit.
// While a query has seen nothing else, its largest stays -Inf, its sum 0, and
// keep is 1. A NaN or +Inf makes its sum NaN, whatever else there is, and it
// stays so from step to step.
func SoftmaxStep(scores []float32, ld, n, width int, largest, keep, sum []float32) {
	checkSoftmax(len(scores), ld, n, width, min(len(largest), len(keep), len(sum)))
	largest, keep, sum = largest[:n], keep[:n], sum[:n]
	if n == 0 || width == 0 {
		for q := range keep {
			keep[q] = 1
		}
		return
	}
	active.maxima(keep, scores, ld, n, width)
	for q, most := range keep {
		was := largest[q]
		largest[q] = max(was, most) // NaN if one of them is
		keep[q] = 1
		if largest[q] != was && largest[q] != negativeInfinity {
			keep[q] = exp(was - largest[q])
			sum[q] *= keep[q]
		}
	}
	active.expAdd(sum, scores, ld, n, width, largest)
}

var negativeInfinity = float32(math.Inf(-1))

// checkScores panics unless the slices are long enough for numbers of size
// bytes, and reports whether there is anything to do.
func checkScores(caller string, dst, ld, queries, ldq, n int, keys [][]byte, headDim, size int) bool {
	checkHead(caller, headDim)
	width := len(keys) * PageTokens
	checkRows(caller, "dst", dst, n, ld, width)
	checkRows(caller, "queries", queries, n, ldq, headDim)
	checkRows(caller, "a page of keys", shortest(keys)/size, min(len(keys), 1), 0, headDim*PageTokens)
	if n > 1 && ld < width {
		panic(fmt.Sprintf("kernel: %s with rows of %d scores only %d apart", caller, width, ld))
	}
	return n > 0 && width > 0
}

func checkMix(caller string, dst, ld, weights, ldw, n int, values [][]byte, tokens, headDim, size int) bool {
	checkHead(caller, headDim)
	if tokens < 0 || tokens > len(values)*PageTokens {
		panic(fmt.Sprintf("kernel: %s of %d positions of %d pages of %d", caller, tokens, len(values), PageTokens))
	}
	checkRows(caller, "dst", dst, n, ld, headDim)
	checkRows(caller, "weights", weights, n, ldw, tokens)
	whole := tokens / PageTokens
	checkRows(caller, "a page of values", shortest(values[:whole])/size, min(whole, 1), 0, headDim*PageTokens)
	if rest := tokens % PageTokens; rest > 0 {
		checkRows(caller, "the last page of values", len(values[whole])/size, rest, headDim, headDim)
	}
	if n > 1 && ld < headDim {
		panic(fmt.Sprintf("kernel: %s with rows of %d values only %d apart", caller, headDim, ld))
	}
	return n > 0 && tokens > 0
}

// shortest is the length of the shortest page, 0 without any.
func shortest(pages [][]byte) int {
	if len(pages) == 0 {
		return 0
	}
	n := len(pages[0])
	for _, page := range pages {
		n = min(n, len(page))
	}
	return n
}

func checkSoftmax(scores, ld, n, width, room int) {
	const caller = "SoftmaxStep"
	checkRows(caller, "largest, keep or sum", room, n, 1, 1)
	checkRows(caller, "scores", scores, n, ld, width)
	if width%PageTokens != 0 {
		panic(fmt.Sprintf("kernel: %s of %d scores, not a multiple of %d", caller, width, PageTokens))
	}
	if n > 1 && ld < width {
		panic(fmt.Sprintf("kernel: %s with rows of %d scores only %d apart", caller, width, ld))
	}
}

func checkHead(caller string, headDim int) {
	if headDim < 1 {
		panic(fmt.Sprintf("kernel: %s with heads of %d values", caller, headDim))
	}
}

// checkRows panics unless length values hold n rows of width, ld apart.
func checkRows(caller, name string, length, n, ld, width int) {
	const most = 1 << 30 // products of two sizes stay within an int64
	if uint(n) > most || uint(ld) > most || uint(width) > most ||
		n > 0 && int64(n-1)*int64(ld)+int64(width) > int64(length) {
		panic(fmt.Sprintf("kernel: %s: %s of %d values cannot hold %d rows of %d, %d apart", caller, name, length, n, width, ld))
	}
}
