package calibrate

import (
	"math"
	"math/rand/v2"
	"testing"
)

// question is a sample of which the probability of being right is known.
type question struct {
	Sample
	right float64
}

// draw makes samples with the features of the tokens, the first of which tells
// something of whether the answer is right: all of it with a signal of 1,
// nothing with 0. The others are noise.
func draw(n int, signal float64, r *rand.Rand) []question {
	out := make([]question, n)
	for i := range out {
		doubt := math.Pow(r.Float64(), 3) // most questions are easy
		q := question{right: 1 - 0.8*doubt, Sample: Sample{Given: map[string]float64{}}}
		for _, name := range tokenFeatures {
			q.Given[name] = r.NormFloat64()
		}
		q.Given[tokenFeatures[0]] = signal*doubt + (1-signal)*r.Float64()
		q.Correct = r.Float64() < q.right
		out[i] = q
	}
	return out
}

func samples(questions []question) []Sample {
	out := make([]Sample, len(questions))
	for i, q := range questions {
		out[i] = q.Sample
	}
	return out
}

// fitter is FitOn, or an unsound one.
type fitter func(fit, test []Sample, o Options) (Calibration, error)

const (
	splits = 200
	delta  = 0.05
	// allowed is the most broken promises that 200 splits may show: more have a
	// probability of 0.001 at a rate of delta. A sound fit stays far below it.
	allowed = 20
)

// promises counts the splits in which the true error rate above the threshold
// is more than alpha, and the mean of what is answered.
func promises(t *testing.T, n int, signal, alpha float64, fit fitter) (broken int, covered float64) {
	t.Helper()
	truth := draw(3000, signal, rand.New(rand.NewPCG(1, 2)))
	all := samples(truth)
	for i := range splits {
		drawn := samples(draw(2*n, signal, rand.New(rand.NewPCG(uint64(i), 3))))
		c, err := fit(drawn[:n], drawn[n:], Options{Alpha: alpha, Delta: delta, Features: tokenFeatures})
		if err != nil {
			t.Fatal(err)
		}
		judged, err := c.Judge(all)
		if err != nil {
			t.Fatal(err)
		}
		given, wrong := 0., 0.
		for k, j := range judged {
			if j.Confidence >= c.Threshold {
				given++
				wrong += 1 - truth[k].right
			}
		}
		covered += given / float64(len(truth)) / splits
		if wrong > alpha*given {
			broken++
		}
	}
	return broken, covered
}

func sound(fit, test []Sample, o Options) (Calibration, error) { return FitOn(fit, test, o) }

// The promise itself: over 200 splits the share whose true error rate is more
// than alpha is at most delta.
func TestFitKeepsThePromise(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		n                      int
		signal, alpha, covered float64
	}{
		"a good score":            {600, 0.9, 0.05, 0.2},
		"a fair score":            {600, 0.5, 0.10, 0.1},
		"no score at all":         {150, 0, 0.15, 0},
		"an alpha near the whole": {400, 0.9, 0.18, 0.8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broken, covered := promises(t, c.n, c.signal, c.alpha, sound)
			t.Logf("%d of %d broken, mean coverage %.2f", broken, splits, covered)
			if broken > delta*splits {
				t.Errorf("%d of %d splits broke the promise, at most %v may", broken, splits, delta*splits)
			}
			if covered < c.covered {
				t.Errorf("mean coverage is %.2f, want at least %v: the threshold is uselessly high", covered, c.covered)
			}
		})
	}
}

// The count notices what would break the promise: each of these is one line
// away from Fit.
func TestUnsoundFitsBreakThePromise(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		n             int
		signal, alpha float64
		fit           fitter
	}{
		"the rate itself in place of its bound": {600, 0.9, 0.05, func(fit, test []Sample, o Options) (Calibration, error) {
			o.Delta = 0.999
			return FitOn(fit, test, o)
		}},
		"tested on what shaped rule and curve": {150, 0, 0.18, func(fit, _ []Sample, o Options) (Calibration, error) {
			return FitOn(fit, fit, o)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broken, covered := promises(t, c.n, c.signal, c.alpha, c.fit)
			t.Logf("%d of %d broken, mean coverage %.2f", broken, splits, covered)
			if broken <= allowed {
				t.Errorf("%d of %d splits broke the promise: nobody would notice", broken, splits)
			}
		})
	}
}
