package calibrate

import (
	"math"
	"slices"
)

// FeatureNames are the inputs of the rule, in order: quantiles over the tokens
// of one answer, and the logarithm of their number. (Quantiles of token
// uncertainty carry more than the sequence's mean: arXiv 2404.10136.)
var FeatureNames = []string{
	"logprob_min", "logprob_p10", "logprob_p50", "logprob_mean",
	"margin_min", "margin_p10", "margin_p50", "tokens_log",
}

// worst bounds log-probabilities from below and margins from above, so that
// one impossible token does not drown the other features.
const worst = 20

// Features computes the inputs of the rule, len(FeatureNames) of them, all
// finite. tokens must not be empty.
func Features(tokens []Token) []float64 {
	logprobs := make([]float64, len(tokens))
	margins := make([]float64, len(tokens))
	var sum float64
	for i, t := range tokens {
		logprobs[i] = bounded(float64(t.LogProb), -worst, 0)
		margins[i] = bounded(float64(t.Margin), 0, worst)
		sum += logprobs[i]
	}
	slices.Sort(logprobs)
	slices.Sort(margins)
	return []float64{
		logprobs[0], quantile(logprobs, 0.1), quantile(logprobs, 0.5), sum / float64(len(tokens)),
		margins[0], quantile(margins, 0.1), quantile(margins, 0.5),
		math.Log(float64(len(tokens))),
	}
}

// bounded clamps v; not-a-number counts as the lower bound.
func bounded(v, low, high float64) float64 {
	if !(v > low) {
		return low
	}
	return min(v, high)
}

// quantile interpolates linearly between the order statistics.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
