package evaluate

import (
	"cmp"
	"math"
	"slices"

	"github.com/a472be26/cusp/router/calibrate"
)

// RiskPoint is a trade-off: the share of answers that is given, and the share
// of these that is wrong.
type RiskPoint struct {
	Coverage float64 `json:"coverage"`
	Risk     float64 `json:"risk"`
}

// RiskCurve is the risk at every coverage, from the most confident answer down;
// answers of equal confidence go together.
func RiskCurve(judged []calibrate.Judged) []RiskPoint {
	sorted := slices.SortedFunc(slices.Values(judged), func(a, b calibrate.Judged) int { return cmp.Compare(b.Confidence, a.Confidence) })
	var out []RiskPoint
	wrong := 0
	for i, j := range sorted {
		if !j.Correct {
			wrong++
		}
		if i+1 == len(sorted) || sorted[i+1].Confidence != j.Confidence {
			out = append(out, RiskPoint{float64(i+1) / float64(len(sorted)), float64(wrong) / float64(i+1)})
		}
	}
	return out
}

// AURC is the area under a risk-coverage curve: the mean risk over all
// coverages. Less is better.
func AURC(curve []RiskPoint) float64 {
	area, before := 0., 0.
	for _, p := range curve {
		area += (p.Coverage - before) * p.Risk
		before = p.Coverage
	}
	return area
}

// Bin is one bar of a reliability diagram.
type Bin struct {
	Answers    int     `json:"answers"`
	Confidence float64 `json:"confidence"` // mean
	Right      float64 `json:"right"`      // share
}

// Reliability sorts answers into bins of equal width and returns the ones that
// are not empty, and the expected calibration error: the mean distance of
// confidence and share of right answers (Guo and others, arXiv 1706.04599).
func Reliability(judged []calibrate.Judged, bins int) (out []Bin, ece float64) {
	h := calibrate.NewHistogram(bins)
	sums := make([]Bin, bins)
	for _, j := range judged {
		b := &sums[h.Bin(j.Confidence)]
		b.Answers++
		b.Confidence += j.Confidence
		b.Right += truth(j.Correct)
	}
	for _, b := range sums {
		if b.Answers == 0 {
			continue
		}
		n := float64(b.Answers)
		b.Confidence, b.Right = b.Confidence/n, b.Right/n
		ece += n / float64(len(judged)) * math.Abs(b.Confidence-b.Right)
		out = append(out, b)
	}
	return out, ece
}
