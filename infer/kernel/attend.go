package kernel

import (
	"fmt"
	"math"
)

// Attention of queries over a paged KV cache, page by page:
//
//	for each stretch of pages:
//		Scores of every page, then -Inf where a query must not look
//		largest, keep, sum = SoftmaxStep(scores, largest, sum)
//		Scale(keep, dst)
//		Mix of every page
//	Scale(1/sum, dst)
//
// The queries of a call share the page: the heads of a group, and rows of a
// prompt. What a query gets does not depend on the others, bit for bit, nor on
// how many there are.

// Scores sets dst[q*ld+p] to the product of query q with key p, for n queries
// of headDim values, ldq apart, and the PageTokens keys of a page:
//
//	dst[q*ld+p] = sum over d of queries[q*ldq+d] * keys[d*PageTokens+p]
//
// summed in the order of d. The error is below headDim * 2^-23 * sum|q*k|. dst
// must not overlap the rest. Positions that were never written give whatever
// the page holds.
func Scores(dst []float32, ld int, queries []float32, ldq, n int, keys []uint16, headDim int) {
	if checkScores("Scores", len(dst), ld, len(queries), ldq, n, len(keys), headDim) {
		active.scores(dst, ld, queries, ldq, n, keys, headDim)
	}
}

// ScoresF32 is Scores for a page of float32.
func ScoresF32(dst []float32, ld int, queries []float32, ldq, n int, keys []float32, headDim int) {
	if checkScores("ScoresF32", len(dst), ld, len(queries), ldq, n, len(keys), headDim) {
		active.scoresF32(dst, ld, queries, ldq, n, keys, headDim)
	}
}

// Mix adds the first tokens values of a page to dst, weighted, for n queries:
//
//	dst[q*ld+d] += sum over p of weights[q*ldw+p] * values[p*headDim+d]
//
// in the order of p, one after the other onto dst, so that the result does not
// depend on how positions are split over calls. The error is below
// (tokens+1) * 2^-23 * (|dst| + sum|w*v|). A weight of zero leaves dst as it is
// if the value is finite. dst must not overlap the rest.
func Mix(dst []float32, ld int, weights []float32, ldw, n int, values []uint16, tokens, headDim int) {
	if checkMix("Mix", len(dst), ld, len(weights), ldw, n, len(values), tokens, headDim) {
		active.mix(dst, ld, weights, ldw, n, values, tokens, headDim)
	}
}

// MixF32 is Mix for a page of float32.
func MixF32(dst []float32, ld int, weights []float32, ldw, n int, values []float32, tokens, headDim int) {
	if checkMix("MixF32", len(dst), ld, len(weights), ldw, n, len(values), tokens, headDim) {
		active.mixF32(dst, ld, weights, ldw, n, values, tokens, headDim)
	}
}

// SoftmaxStep takes one query's scores of a stretch of positions into its
// running softmax (arXiv 2205.14135, algorithm 1). largest and sum are what the
// step before returned, -Inf and 0 at first. It replaces each score by
// exp(score - newLargest), to be given to Mix; before that the values mixed so
// far are to be multiplied by keep = exp(largest - newLargest). newSum is
// sum*keep plus the sum of the new weights. The error of weights and sum is
// that of ExpSum, with len(scores) * 2^-23 for the sum.
//
// len(scores) must be a multiple of PageTokens. Masked positions hold -Inf and
// get the weight 0; with more of them at the end the results are the same bit
// for bit. While a query has seen nothing else, newLargest stays -Inf and newSum
// 0, and keep is 1. A NaN or +Inf makes newSum NaN, whatever else there is, and
// it stays so from step to step.
func SoftmaxStep(scores []float32, largest, sum float32) (newLargest, keep, newSum float32) {
	if len(scores)%PageTokens != 0 {
		panic(fmt.Sprintf("kernel: SoftmaxStep of %d scores, not a multiple of %d", len(scores), PageTokens))
	}
	if len(scores) == 0 {
		return largest, 1, sum
	}
	newLargest = max(largest, active.largest(scores)) // NaN if one of them is
	shift, keep := newLargest, float32(1)
	switch {
	case newLargest == float32(math.Inf(-1)):
		shift = 0 // -Inf from -Inf would be NaN; a NaN that largest passed over still is one
	case newLargest != largest:
		keep = exp(largest - newLargest)
	}
	return newLargest, keep, sum*keep + active.expSum(scores, scores, shift)
}

// checkScores panics unless the slices are long enough, and reports whether
// there is anything to do.
func checkScores(caller string, dst, ld, queries, ldq, n, keys, headDim int) bool {
	checkHead(caller, headDim)
	checkRows(caller, "dst", dst, n, ld, PageTokens)
	checkRows(caller, "queries", queries, n, ldq, headDim)
	checkRows(caller, "keys", keys, 1, 0, headDim*PageTokens)
	if n > 1 && ld < PageTokens {
		panic(fmt.Sprintf("kernel: %s with rows of %d scores only %d apart", caller, PageTokens, ld))
	}
	return n > 0
}

func checkMix(caller string, dst, ld, weights, ldw, n, values, tokens, headDim int) bool {
	checkHead(caller, headDim)
	if tokens < 0 || tokens > PageTokens {
		panic(fmt.Sprintf("kernel: %s of %d positions of a page of %d", caller, tokens, PageTokens))
	}
	checkRows(caller, "dst", dst, n, ld, headDim)
	checkRows(caller, "weights", weights, n, ldw, tokens)
	checkRows(caller, "values", values, tokens, headDim, headDim)
	if n > 1 && ld < headDim {
		panic(fmt.Sprintf("kernel: %s with rows of %d values only %d apart", caller, headDim, ld))
	}
	return n > 0 && tokens > 0
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
