package evaluate

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/a472be26/cusp/router/calibrate"
)

// Score is one way to judge answers: learned on the answers of fit, it puts a
// number on each of the others, higher where an answer is more likely right.
type Score struct {
	Name string
	// Learn returns the numbers for fit and for others.
	Learn func(fit, others []Record) (ofFit, ofOthers []float64, err error)
}

// OursName is the name of the rule's score in every table.
const OursName = "cusp"

// Scores are the rule of package calibrate and what it is compared with. The
// first is ours. Those that need what records lack are left out.
func Scores(records []Record) []Score {
	scores := []Score{{OursName, learnRule(nil)}}
	if all(records, func(r Record) bool { return len(r.Tokens) > 0 }) {
		scores = append(scores,
			Score{"max-probability", fixed(func(r Record) float64 { return sum(r.Tokens) })},
			Score{"mean log-probability", fixed(func(r Record) float64 { return sum(r.Tokens) / float64(len(r.Tokens)) })},
			Score{"least margin", fixed(func(r Record) float64 { return margins(r)[0] })},
			Score{"mean margin", fixed(func(r Record) float64 { return mean(margins(r)) })},
		)
	}
	if all(records, func(r Record) bool { return len(r.Entropies) > 0 }) {
		scores = append(scores,
			Score{"mean entropy", fixed(func(r Record) float64 { return -mean(floats(r.Entropies)) })},
			Score{"greatest entropy", fixed(func(r Record) float64 { return -slices.Max(floats(r.Entropies)) })},
		)
	}
	if all(records, func(r Record) bool { return r.Question != "" }) {
		scores = append(scores, Score{"text only (n-grams)", learnText})
	}
	return scores
}

func all(records []Record, has func(Record) bool) bool {
	return len(records) > 0 && !slices.ContainsFunc(records, func(r Record) bool { return !has(r) })
}

// fixed is a score with nothing to learn.
func fixed(of func(Record) float64) func(fit, others []Record) ([]float64, []float64, error) {
	each := func(records []Record) []float64 {
		out := make([]float64, len(records))
		for i, r := range records {
			out[i] = of(r)
		}
		return out
	}
	return func(fit, others []Record) ([]float64, []float64, error) { return each(fit), each(others), nil }
}

func sum(tokens []calibrate.Token) float64 {
	total := 0.
	for _, t := range tokens {
		total += float64(t.LogProb)
	}
	return total
}

func margins(r Record) []float64 {
	out := make([]float64, len(r.Tokens))
	for i, t := range r.Tokens {
		out[i] = float64(t.Margin)
	}
	slices.Sort(out)
	return out
}

func floats(in []float32) []float64 {
	out := make([]float64, len(in))
	for i, v := range in {
		out[i] = float64(v)
	}
	return out
}

func mean(in []float64) float64 {
	total := 0.
	for _, v := range in {
		total += v
	}
	return total / float64(len(in))
}

// learnRule fits calibrate's rule with the features of these names, nil for
// all.
func learnRule(names []string) func(fit, others []Record) ([]float64, []float64, error) {
	return func(fit, others []Record) ([]float64, []float64, error) {
		c, err := calibrate.FitCurve(Samples(fit), names)
		if err != nil {
			return nil, nil, err
		}
		a, err := confidences(c, fit)
		if err != nil {
			return nil, nil, err
		}
		b, err := confidences(c, others)
		return a, b, err
	}
}

func confidences(c calibrate.Calibration, records []Record) ([]float64, error) {
	judged, err := c.Judge(Samples(records))
	out := make([]float64, len(judged))
	for i, j := range judged {
		out[i] = j.Confidence
	}
	return out, err
}

// learnText fits a linear model over the question's n-grams: what a router can
// know that does not look at the answer.
func learnText(fit, others []Record) ([]float64, []float64, error) {
	vectors, labels := make([]Sparse, len(fit)), make([]int, len(fit))
	for i, r := range fit {
		vectors[i], labels[i] = NGrams(r.Question), int(truth(*r.Correct))
	}
	m := TrainLinear(NGramInputs, 2, vectors, labels, LinearOptions{Decay: 1e-5})
	score := func(x Sparse) float64 { return float64(m.Probabilities(x)[1]) }
	a, b := make([]float64, len(fit)), make([]float64, len(others))
	for i, x := range vectors {
		a[i] = score(x)
	}
	for i, r := range others {
		b[i] = score(NGrams(r.Question))
	}
	return a, b, nil
}

// Samples are records as package calibrate takes them. All must have a verdict,
// or have been declined.
func Samples(records []Record) []calibrate.Sample {
	out := make([]calibrate.Sample, len(records))
	for i, r := range records {
		e := calibrate.Evidence{Tokens: r.Tokens, Question: r.Question, Answer: r.Answer}
		out[i] = calibrate.Sample{Evidence: e, Given: r.Features, Correct: r.Correct != nil && *r.Correct, Declined: r.Declined}
	}
	return out
}

// AUROC is the probability that a right answer has a higher score than a wrong
// one.
func AUROC(scores []float64, right []bool) float64 {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(scores[a], scores[b]) })
	positives, ranks := 0., 0.
	for i := 0; i < len(order); {
		k := i
		for k < len(order) && scores[order[k]] == scores[order[i]] {
			k++
		}
		for _, at := range order[i:k] {
			if right[at] {
				positives++
				ranks += float64(i+k+1) / 2 // the mean of ranks i+1..k
			}
		}
		i = k
	}
	negatives := float64(len(order)) - positives
	if positives == 0 || negatives == 0 {
		return math.NaN()
	}
	return (ranks - positives*(positives+1)/2) / (positives * negatives)
}

// verdicts are whether each answer is right.
func verdicts(records []Record) []bool {
	out := make([]bool, len(records))
	for i, r := range records {
		out[i] = *r.Correct
	}
	return out
}

// Answered are the records that the model did not pass on. One that was not
// judged is an error.
func Answered(records []Record) ([]Record, error) {
	var out []Record
	for i, r := range records {
		switch {
		case r.Declined:
			continue
		case r.Correct == nil || !r.Answered():
			return nil, fmt.Errorf("record %d has no verdict or no answer yet: ask the model, or give a comparer", i+1)
		}
		out = append(out, r)
	}
	return out, nil
}
