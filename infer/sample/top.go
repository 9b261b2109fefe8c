package sample

import "math"

// Likely is one of the likeliest tokens.
type Likely struct {
	ID      int32
	LogProb float32 // natural logarithm of its probability in the unmodified softmax
}

// Top is the likeliest tokens of the logits that were sampled last, the
// likeliest first: Options.Top of them, less where fewer have a probability. It
// stays valid until the next token.
func (s *Sampler) Top() []Likely { return s.top }

// findTop fills top. peak is the largest logit, and rest the logarithm of the
// sum of exponentials above it.
func (s *Sampler) findTop(logits []float32, peak, rest float32) {
	s.topK(logits, min(s.options.Top, len(logits)), -math.MaxFloat32)
	s.report(peak, rest)
}

// report makes top of the candidates, which have logits.
func (s *Sampler) report(peak, rest float32) {
	s.top = s.top[:0]
	for _, c := range s.kept {
		s.top = append(s.top, Likely{c.id, c.prob - peak - rest})
	}
}
