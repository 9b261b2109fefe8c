package sample

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/a472be26/cusp/infer/kernel"
)

// Sampler chooses tokens for one sequence. It does not allocate after New.
type Sampler struct {
	options Options
	source  *rand.PCG
	random  *rand.Rand              // draws from source
	recent  [RepetitionWindow]int32 // a ring of the latest tokens
	seen    int                     // tokens accepted since Reset
	work    []float32               // [vocab] scratch: logits, then probabilities
	kept    []candidate             // [at most vocab] those that may be drawn
}

// candidate is a token that may still be drawn.
type candidate struct {
	id   int32
	prob float32 // not normalized
}

// Choice is a sampled token and what the model itself thought of it.
type Choice struct {
	ID      int32
	LogProb float32 // natural logarithm of its probability in the unmodified softmax
	Margin  float32 // log-probability of the likeliest minus that of the second
}

// New makes a greedy sampler for a vocabulary.
func New(vocab int) *Sampler {
	source := rand.NewPCG(0, 0)
	return &Sampler{
		source: source,
		random: rand.New(source),
		work:   make([]float32, vocab),
		kept:   make([]candidate, 0, vocab),
	}
}

// Reset starts a new sequence.
func (s *Sampler) Reset(o Options) error {
	if err := o.Check(); err != nil {
		return err
	}
	s.options = o
	s.seen = 0
	s.source.Seed(o.Seed, 0x9e3779b97f4a7c15) // any constant: the second word of PCG's seed
	return nil
}

// Accept notes a token of the prompt or the answer for the repetition penalty.
func (s *Sampler) Accept(id int32) {
	s.recent[s.seen%RepetitionWindow] = id
	s.seen++
}

// Sample chooses from the logits of the whole vocabulary, which it leaves as
// they are. Logits that are no numbers are an error.
func (s *Sampler) Sample(logits []float32) (Choice, error) {
	if len(logits) != len(s.work) {
		return Choice{}, fmt.Errorf("sample: %d logits for a vocabulary of %d", len(logits), len(s.work))
	}
	best, second := leaders(logits)
	sum := kernel.ExpSum(s.work, logits, logits[best])
	if !(sum > 0 && sum <= math.MaxFloat32) {
		return Choice{}, fmt.Errorf("sample: the model's logits are not finite (best is %v)", logits[best])
	}
	id := s.choose(logits, best)
	return Choice{
		ID:      id,
		LogProb: logits[id] - logits[best] - float32(math.Log(float64(sum))),
		Margin:  logits[best] - second,
	}, nil
}

// leaders finds the largest logit, the first one among equals, and the value of
// the second largest.
func leaders(logits []float32) (best int, second float32) {
	second = float32(math.Inf(-1))
	for i := 1; i < len(logits); i++ {
		switch x := logits[i]; {
		case x > logits[best]:
			best, second = i, logits[best]
		case x > second:
			second = x
		}
	}
	return best, second
}

// choose applies the options; work holds exp(logit - best logit).
func (s *Sampler) choose(logits []float32, best int) int32 {
	penalized := s.options.RepetitionPenalty != 0 && s.options.RepetitionPenalty != 1 && s.seen > 0
	if penalized {
		best = s.penalize(logits)
	}
	if s.options.Temperature == 0 {
		return int32(best)
	}
	if penalized {
		kernel.ExpSum(s.work, s.work, s.work[best])
	}
	s.keep(s.work[best])
	return s.draw()
}

// penalize puts the logits into work with those of recent tokens lowered, each
// once, and finds the new best.
func (s *Sampler) penalize(logits []float32) (best int) {
	copy(s.work, logits)
	penalty := float32(s.options.RepetitionPenalty)
	for _, id := range s.recent[:min(s.seen, RepetitionWindow)] {
		x := logits[id] * penalty
		if logits[id] > 0 {
			x = logits[id] / penalty
		}
		// Beyond float32 there would be infinities, whose difference is no number.
		s.work[id] = max(-math.MaxFloat32, min(x, math.MaxFloat32))
	}
	best, _ = leaders(s.work)
	return best
}
