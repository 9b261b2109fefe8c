package sample

import (
	"fmt"
	"math"
	"slices"
)

// Leaders is how many of the likeliest tokens [Sampler.SampleLeaders] has to know with
// the options of the sequence; 0 if only the logits of all are enough.
func (s *Sampler) Leaders() int {
	o := &s.options
	n := max(o.Top, 2) // two for the margin
	switch {
	case s.edits():
		return 0
	case o.Temperature == 0:
	case o.TopK == 0 || o.Mirostat.Tau > 0:
		return 0
	default:
		n = max(n, o.TopK)
	}
	return min(n, len(s.work))
}

// SampleLeaders chooses as Sample does where only the leaders are known: the
// [Sampler.Leaders] or more tokens of the largest logits, in falling order, equal ones
// by id, and rest, the natural logarithm of the sum of exp(logit-logits[0]) over the whole
// vocabulary. The choice is the same.
func (s *Sampler) SampleLeaders(ids []int32, logits []float32, rest float32) (Choice, error) {
	if need := s.Leaders(); need == 0 || len(ids) < need || len(ids) != len(logits) {
		return Choice{}, fmt.Errorf("sample: %d leaders and %d logits, but the options need %d (0: the logits of all tokens)", len(ids), len(logits), need)
	}
	peak, second := logits[0], out
	if err := checkRest(rest, peak); err != nil {
		return Choice{}, err
	}
	if len(logits) > 1 {
		second = logits[1]
	}
	if s.options.Top > 0 {
		s.follow(ids, logits, s.options.Top)
		s.report(peak, rest)
	}
	at := 0
	if s.options.Temperature > 0 {
		s.follow(ids, logits, s.options.TopK)
		s.keepLeaders(peak)
		at = slices.Index(ids, s.draw())
	}
	return Choice{ID: ids[at], LogProb: logits[at] - peak - rest, Margin: peak - second}, nil
}

// follow fills kept with the first k leaders, as topK does.
func (s *Sampler) follow(ids []int32, logits []float32, k int) {
	s.kept = s.kept[:0]
	for i, x := range logits[:min(k, len(logits))] {
		if x >= -math.MaxFloat32 {
			s.kept = append(s.kept, candidate{ids[i], x})
		}
	}
}
