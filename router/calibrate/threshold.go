package calibrate

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Impossible is the threshold, above all confidences, of a model for which no threshold keeps the promise.
const Impossible = 2

// UpperBound is the one-sided Clopper-Pearson bound: with confidence 1 - delta
// the error rate is at most this, when wrong of n answers were wrong.
func UpperBound(wrong, n int, delta float64) float64 {
	if wrong >= n {
		return 1
	}
	return distuv.Beta{Alpha: float64(wrong) + 1, Beta: float64(n - wrong)}.Quantile(1 - delta)
}

// Judged is the confidence in one answer, and whether it was right.
type Judged struct {
	Confidence float64
	Correct    bool
}

// FindThreshold chooses the least threshold of any score for which the promise
// holds: thresholds to be tested come from choose, and are tested on test. No
// answer may be in both, nor may test have shaped the score. The result is
// +Inf if no threshold keeps the promise.
//
// The tests have half of delta. The other half is for what they cannot know: the
// promise is on the answers that will be given, of which there are finitely many,
// and these may be worse than their true rate.
func FindThreshold(choose, test []Judged, alpha, delta float64) float64 {
	level := delta / 2
	return threshold(candidates(choose, alpha, level, len(test)), test, alpha, level)
}

// candidates are thresholds to be tested, falling from one that lets through
// just enough of the answers to prove anything to one that lets all through.
// They come from other data than they are tested on.
func candidates(answers []Judged, alpha, delta float64, tested int) []float64 {
	var all []float64
	for _, a := range answers {
		all = append(all, a.Confidence)
	}
	slices.Sort(all)
	slices.Reverse(all)
	// So many answers without an error are the least that prove a rate of alpha;
	// three times as many leave room for one or two.
	enough := 3 * math.Log(delta) / math.Log1p(-alpha)
	first := int(enough * float64(len(all)) / float64(max(tested, 1)))
	var out []float64
	const steps = 60
	for i := range steps + 1 {
		at := first + (len(all)-1-first)*i/steps
		if at < 0 || at >= len(all) {
			continue
		}
		out = append(out, all[at])
	}
	return slices.Compact(out)
}

// threshold tests the candidates in their order, at level delta each, and
// stops at the first that fails: with a sequence fixed beforehand the whole
// search errs with probability at most delta (fixed-sequence testing, as in
// Learn then Test, arXiv 2110.01052).
func threshold(candidates []float64, answers []Judged, alpha, delta float64) float64 {
	best := math.Inf(1)
	for _, c := range candidates {
		n, wrong := Accepted(answers, c)
		if n == 0 || UpperBound(wrong, n, delta) > alpha {
			break
		}
		best = c
	}
	return best
}

// Accepted counts the answers at or above the threshold, and the wrong ones of them.
func Accepted(answers []Judged, threshold float64) (n, wrong int) {
	for _, a := range answers {
		if a.Confidence >= threshold {
			n++
			if !a.Correct {
				wrong++
			}
		}
	}
	return n, wrong
}
