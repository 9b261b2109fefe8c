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
	chosen  []uint64                // [vocab/64, rounded up] scratch: a bit for each token
	sums    []float64               // [vocab/block, rounded up] scratch: of probabilities
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
		chosen: make([]uint64, (vocab+63)/64),
		sums:   make([]float64, (vocab+block-1)/block),
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
	best, second := kernel.Leaders(logits)
	rest := kernel.LogSumExp(logits, logits[best])
	if !(rest >= 0 && rest <= math.MaxFloat32) {
		return Choice{}, fmt.Errorf("sample: the model's logits are not finite (best is %v)", logits[best])
	}
	id := s.choose(logits, best)
	return Choice{
		ID:      id,
		LogProb: logits[id] - logits[best] - rest,
		Margin:  logits[best] - second,
	}, nil
}

// choose applies the options.
func (s *Sampler) choose(logits []float32, best int) int32 {
	if p := s.options.RepetitionPenalty; p != 0 && p != 1 && s.seen > 0 {
		best = s.penalize(logits)
		logits = s.work
	}
	switch {
	case s.options.Temperature == 0:
		return int32(best)
	case !s.options.filters():
		return s.drawFromAll(logits, best)
	}
	total := kernel.ExpSum(s.work, logits, logits[best])
	s.keep(float64(total), s.work[best])
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
	best, _ = kernel.Leaders(s.work)
	return best
}
