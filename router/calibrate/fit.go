package calibrate

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
)

// Sample is one held-out question with the model's answer, judged.
type Sample struct {
	Evidence
	// Given are the rule's inputs themselves, by name, where they are known
	// without the evidence.
	Given    map[string]float64
	Correct  bool
	Declined bool // the model passed the question on; such an answer is never given
}

// Options are the promise to be kept, and how.
type Options struct {
	Alpha, Delta float64
	Seed         uint64   // of the split into halves
	Features     []string // of the rule; nil: FeatureNames
}

// minSamples is the least from which a curve and a threshold are worth anything.
const minSamples = 200

// Fit learns rule, curve and threshold from held-out answers, none of which
// the model was trained on. Half of them, drawn by seed, make the rule and the
// curve and choose the thresholds to test; the other half tests them, so that
// the promise does not rest on data that shaped it. Model and Declines are
// the caller's to fill in.
func Fit(samples []Sample, o Options) (Calibration, error) {
	fit, test, err := halves(samples, o.Seed)
	if err != nil {
		return Calibration{}, err
	}
	c, err := FitOn(fit, test, o)
	c.PassedOn = len(samples) - len(fit) - len(test)
	return c, err
}

// halves are the answered samples in two halves, drawn by seed.
func halves(samples []Sample, seed uint64) (fit, test []Sample, err error) {
	answers := Answered(samples)
	if len(answers) < minSamples {
		return nil, nil, fmt.Errorf("calibrate: %d answered samples, want at least %d", len(answers), minSamples)
	}
	for i, at := range Order(len(answers), seed) {
		if i < len(answers)/2 {
			fit = append(fit, answers[at])
		} else {
			test = append(test, answers[at])
		}
	}
	return fit, test, nil
}

// Order is the order in which Fit takes n answers; the first half makes rule
// and curve.
func Order(n int, seed uint64) []int { return rand.New(rand.NewPCG(seed, 0)).Perm(n) }

// FitOn is Fit with halves of the caller's, none of which may have declined
// answers: fit makes rule and curve, test the threshold.
func FitOn(fit, test []Sample, o Options) (Calibration, error) {
	if !(o.Alpha > 0 && o.Alpha < 1 && o.Delta > 0 && o.Delta < 1) {
		return Calibration{}, fmt.Errorf("calibrate: alpha is %v and delta %v, want both between 0 and 1", o.Alpha, o.Delta)
	}
	c, err := FitCurve(fit, o.Features)
	if err != nil {
		return Calibration{}, err
	}
	choose, err := c.Judge(fit)
	if err != nil {
		return Calibration{}, err
	}
	judged, err := c.Judge(test)
	if err != nil {
		return Calibration{}, err
	}
	c.promise(choose, judged, o.Alpha, o.Delta)
	return c, c.Check()
}

// promise finds the threshold and notes what it was found on.
func (c *Calibration) promise(choose, test []Judged, alpha, delta float64) {
	c.Alpha, c.Delta, c.Samples = alpha, delta, len(test)
	c.Threshold = min(FindThreshold(choose, test, alpha, delta), Impossible)
	c.Accepted, c.AcceptedWrong = Accepted(test, c.Threshold)
	c.Coverage = float64(c.Accepted) / float64(max(len(test), 1))
	c.Bound = UpperBound(c.AcceptedWrong, c.Accepted, delta)
	c.Histogram = NewHistogram(Bins)
	for _, j := range test {
		c.Histogram.Add(j)
	}
}

// Answered are the samples that the model did not pass on, and of which there
// is something to judge by.
func Answered(samples []Sample) []Sample {
	var out []Sample
	for _, s := range samples {
		if !s.Declined && (len(s.Tokens) > 0 || s.Given != nil) {
			out = append(out, s)
		}
	}
	return out
}

// FitCurve fits the rule of features by name, nil for FeatureNames, and the isotonic curve over the rule's scores.
func FitCurve(samples []Sample, names []string) (Calibration, error) {
	if names == nil {
		names = FeatureNames
	}
	c := Calibration{Version: 2}
	features := make([][]float64, len(samples))
	correct := make([]bool, len(samples))
	var err error
	for i, s := range samples {
		correct[i] = s.Correct
		if features[i], err = s.features(names); err != nil {
			return c, fmt.Errorf("calibrate: %w", err)
		}
	}
	if c.Rule, err = fitRule(names, features, correct); err != nil {
		return c, err
	}
	order := make([]int, len(samples))
	scores := make([]float64, len(samples))
	for i := range samples {
		order[i], scores[i] = i, c.Rule.Score(features[i])
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(scores[a], scores[b]) })
	sorted, right := make([]float64, len(order)), make([]bool, len(order))
	for i, at := range order {
		sorted[i], right[i] = scores[at], correct[at]
	}
	c.Isotonic = fitIsotonic(sorted, right)
	return c, nil
}

// features are the rule's inputs, given or computed.
func (s *Sample) features(names []string) ([]float64, error) {
	if s.Given == nil {
		return Features(s.Evidence, names)
	}
	out := make([]float64, len(names))
	for i, name := range names {
		v, ok := s.Given[name]
		if !ok {
			return nil, fmt.Errorf("feature %q is not given", name)
		}
		out[i] = bounded(v, -1e6, 1e6)
	}
	return out, nil
}

// Judge puts the confidence in every answer beside whether it was right.
func (c *Calibration) Judge(samples []Sample) ([]Judged, error) {
	out := make([]Judged, len(samples))
	for i, s := range samples {
		features, err := s.features(c.Rule.Features)
		if err != nil {
			return nil, fmt.Errorf("calibrate: %w", err)
		}
		out[i] = Judged{c.ConfidenceOf(features), s.Correct}
	}
	return out, nil
}
