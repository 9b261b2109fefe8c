package calibrate

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
)

// Sample is one held-out question with the model's answer, judged.
type Sample struct {
	Tokens   []Token
	Correct  bool
	Declined bool // the model passed the question on; such an answer is never given
}

// minSamples is the least from which a curve and a threshold are worth anything.
const minSamples = 200

// Fit learns rule, curve and threshold from held-out answers, none of which
// the model was trained on. Half of them, drawn by seed, make the rule and the
// curve and choose the thresholds to test; the other half tests them, so that
// the promise does not rest on data that shaped it. Model and Declines are
// the caller's to fill in.
func Fit(samples []Sample, alpha, delta float64, seed uint64) (Calibration, error) {
	answers, err := answered(samples, alpha, delta)
	if err != nil {
		return Calibration{}, err
	}
	shuffle := rand.New(rand.NewPCG(seed, 0))
	shuffle.Shuffle(len(answers), func(i, j int) { answers[i], answers[j] = answers[j], answers[i] })
	fit, test := answers[:len(answers)/2], answers[len(answers)/2:]

	c := Calibration{Version: 1, Alpha: alpha, Delta: delta, Samples: len(test)}
	if c.Rule, c.Isotonic, err = fitCurve(fit); err != nil {
		return Calibration{}, err
	}
	judgedTest := c.judge(test)
	c.Threshold = threshold(candidates(c.judge(fit), alpha, delta, len(test)), judgedTest, alpha, delta)
	kept, _ := accepted(judgedTest, c.Threshold)
	c.Coverage = float64(kept) / float64(len(test))
	return c, c.Check()
}

// answered are the samples that the model did not pass on.
func answered(samples []Sample, alpha, delta float64) ([]Sample, error) {
	if !(alpha > 0 && alpha < 1 && delta > 0 && delta < 1) {
		return nil, fmt.Errorf("calibrate: alpha is %v and delta %v, want both between 0 and 1", alpha, delta)
	}
	var out []Sample
	for _, s := range samples {
		if !s.Declined && len(s.Tokens) > 0 {
			out = append(out, s)
		}
	}
	if len(out) < minSamples {
		return nil, fmt.Errorf("calibrate: %d answered samples, want at least %d", len(out), minSamples)
	}
	return out, nil
}

// fitCurve fits the rule, and the isotonic curve over the rule's scores.
func fitCurve(samples []Sample) (Rule, Isotonic, error) {
	features := make([][]float64, len(samples))
	correct := make([]bool, len(samples))
	for i, s := range samples {
		features[i], correct[i] = Features(s.Tokens), s.Correct
	}
	rule, err := fitRule(features, correct)
	if err != nil {
		return Rule{}, Isotonic{}, err
	}
	order := make([]int, len(samples))
	scores := make([]float64, len(samples))
	for i := range samples {
		order[i], scores[i] = i, rule.Score(features[i])
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(scores[a], scores[b]) })
	sorted, right := make([]float64, len(order)), make([]bool, len(order))
	for i, at := range order {
		sorted[i], right[i] = scores[at], correct[at]
	}
	return rule, fitIsotonic(sorted, right), nil
}

func (c *Calibration) judge(samples []Sample) []judged {
	out := make([]judged, len(samples))
	for i, s := range samples {
		out[i] = judged{c.Confidence(s.Tokens), s.Correct}
	}
	return out
}
