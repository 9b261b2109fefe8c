package calibrate

import (
	"fmt"
	"math"
	"sort"
)

// Isotonic is a non-decreasing function, linear between its points and flat
// outside them.
type Isotonic struct {
	X []float64 `json:"x"` // scores, increasing
	Y []float64 `json:"y"` // probabilities, non-decreasing
}

// At evaluates the function; a score that is not a number has probability 0.
func (f *Isotonic) At(x float64) float64 {
	if x != x {
		return 0
	}
	i := sort.SearchFloat64s(f.X, x)
	switch {
	case i == 0:
		return f.Y[0]
	case i == len(f.X):
		return f.Y[i-1]
	}
	share := (x - f.X[i-1]) / (f.X[i] - f.X[i-1])
	return f.Y[i-1] + share*(f.Y[i]-f.Y[i-1])
}

func (f *Isotonic) check() error {
	if len(f.X) == 0 || len(f.X) != len(f.Y) {
		return fmt.Errorf("calibration: isotonic has %d scores and %d probabilities, want as many of each and at least one", len(f.X), len(f.Y))
	}
	for i := range f.X {
		if !(f.Y[i] >= 0 && f.Y[i] <= 1) || i > 0 && !(f.X[i] > f.X[i-1] && f.Y[i] >= f.Y[i-1]) {
			return fmt.Errorf("calibration: isotonic point %d (%v, %v) does not rise from the one before within 0..1", i, f.X[i], f.Y[i])
		}
	}
	return nil
}

// pool is a run of neighbouring scores that share one probability.
type pool struct{ sumX, right, n, low, high float64 }

// rate is the pool's share of right answers, with one half of a right and one
// half of a wrong answer added: no finite evidence makes a certainty.
func (p pool) rate() float64 { return (p.right + 0.5) / (p.n + 1) }

// fitIsotonic pools adjacent violators. scores must be sorted; equal scores
// fall into one pool. One point stands for each pool, at its mean score, so
// that the function rises between pools instead of jumping (centered isotonic
// regression: Oron and Flournoy, arXiv 1701.05964).
func fitIsotonic(scores []float64, correct []bool) Isotonic {
	var pools []pool
	for i := 0; i < len(scores); {
		p := pool{low: scores[i], high: scores[i]}
		for x := scores[i]; i < len(scores) && scores[i] == x; i++ {
			p.sumX, p.n = p.sumX+x, p.n+1
			if correct[i] {
				p.right++
			}
		}
		pools = append(pools, p)
		for k := len(pools); k > 1 && pools[k-2].rate() >= pools[k-1].rate(); k = len(pools) {
			a, b := pools[k-2], pools[k-1]
			pools = append(pools[:k-2], pool{a.sumX + b.sumX, a.right + b.right, a.n + b.n, a.low, b.high})
		}
	}
	return smooth(pools)
}

// parts is how many a piece between two pools gets.
const parts = 4

// smooth draws the function through the pools, straight in log-odds: scores are
// log-odds, and straight lines in probability would run below the truth where
// most answers are right. Beyond the centers of the outer pools, which may hold
// many answers, it goes on to half the doubt at their ends, so that these
// answers keep their order.
func smooth(pools []pool) Isotonic {
	first, last := pools[0], pools[len(pools)-1]
	x, y := []float64{first.low}, []float64{first.rate() / 2}
	for _, p := range pools {
		x, y = append(x, p.sumX/p.n), append(y, p.rate())
	}
	x, y = append(x, last.high), append(y, 1-(1-last.rate())/2)
	var f Isotonic
	add := func(x, y float64) {
		if n := len(f.X); n == 0 || x > f.X[n-1] && y >= f.Y[n-1] {
			f.X, f.Y = append(f.X, x), append(f.Y, y)
		}
	}
	if x[0] == x[1] { // nothing below the first center
		x, y = x[1:], y[1:]
	}
	for i := range x[1:] {
		from, to := logit(y[i]), logit(y[i+1])
		for k := range parts {
			share := float64(k) / parts
			add(x[i]+share*(x[i+1]-x[i]), sigmoid(from+share*(to-from)))
		}
	}
	add(x[len(x)-1], y[len(y)-1])
	return f
}

func logit(p float64) float64   { return math.Log(p / (1 - p)) }
func sigmoid(z float64) float64 { return 1 / (1 + math.Exp(-z)) }
