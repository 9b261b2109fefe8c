package sample

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/a472be26/cusp/infer/kernel"
)

// Sampler chooses tokens for one sequence. It allocates in New and Reset, never
// for a token.
type Sampler struct {
	options Options
	source  *rand.PCG
	random  *rand.Rand  // draws from source
	bias    bias        // of the options
	past    past        // what came before
	dry     dry         // what DRY remembers of it
	mu      float64     // of Mirostat: the largest surprise allowed, in bits
	work    []float32   // [vocab] scratch: logits, then probabilities
	shifted []float32   // [at most block] scratch: logits, for the entropy; nil until needed
	chosen  []uint64    // [vocab/64, rounded up] scratch: a bit for each token
	sums    []float64   // [vocab/block, rounded up] scratch: of probabilities
	kept    []candidate // [at most vocab] those that may be drawn
	top     []Likely    // [at most MaxTop]
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
		top:    make([]Likely, 0, MaxTop),
	}
}

// Reset starts a new sequence with a prompt, whose tokens must be of the
// vocabulary.
func (s *Sampler) Reset(o Options, prompt []int32) error {
	vocab := len(s.work)
	if err := o.Check(vocab); err != nil {
		return err
	}
	s.options = o
	s.source.Seed(o.Seed, 0x9e3779b97f4a7c15) // any constant: the second word of PCG's seed
	s.bias.set(o.LogitBias)
	s.past.reset(o, vocab)
	s.dry.reset(o.DRY, vocab)
	if o.Mirostat.Eta == 0 {
		s.options.Mirostat.Eta = defaultEta
	}
	s.mu = 2 * o.Mirostat.Tau
	s.top = s.top[:0]
	if o.typical() && s.shifted == nil {
		s.shifted = make([]float32, min(vocab, block))
	}
	for _, id := range prompt {
		s.past.note(id)
		s.dry.note(id)
	}
	return nil
}

// Accept notes a token of the answer, mostly the chosen one.
func (s *Sampler) Accept(id int32) {
	s.past.note(id)
	s.past.count(id)
	s.dry.note(id)
	if s.options.Mask != nil {
		s.options.Mask.Accept(id)
	}
}

// Sample chooses from the logits of the whole vocabulary, which it leaves as
// they are. Logits that are no numbers are an error, and so are options that
// leave no token.
func (s *Sampler) Sample(logits []float32) (Choice, error) {
	if len(logits) != len(s.work) {
		return Choice{}, fmt.Errorf("sample: %d logits for a vocabulary of %d", len(logits), len(s.work))
	}
	best, second := kernel.Leaders(logits)
	rest := kernel.LogSumExp(logits, logits[best])
	if err := checkRest(rest, logits[best]); err != nil {
		return Choice{}, err
	}
	if s.options.Top > 0 {
		s.findTop(logits, logits[best], rest)
	}
	id, err := s.choose(logits, best)
	return Choice{
		ID:      id,
		LogProb: logits[id] - logits[best] - rest,
		Margin:  logits[best] - second,
	}, err
}

// checkRest checks the logarithm of the sum of exponentials above the best logit.
func checkRest(rest, best float32) error {
	if !(rest >= 0 && rest <= math.MaxFloat32) {
		return fmt.Errorf("sample: the model's logits are not finite (best is %v)", best)
	}
	return nil
}

// choose applies the options.
func (s *Sampler) choose(logits []float32, best int) (int32, error) {
	if s.edits() {
		var err error
		if best, err = s.edit(logits); err != nil {
			return 0, err
		}
		logits = s.work
	}
	switch {
	case s.options.Temperature == 0:
		return int32(best), nil
	case s.options.Mirostat.Tau > 0:
		return s.mirostat(logits, best), nil
	case !s.options.filters():
		return s.drawFromAll(logits, best), nil
	}
	s.keep(logits, logits[best])
	return s.draw(), nil
}

// edits reports whether the logits change before anything looks at them.
func (s *Sampler) edits() bool {
	o := &s.options
	return o.LogitBias != nil || o.Mask != nil || o.repetition() || o.counts() || s.dry.on()
}

var errNoToken = errors.New("sample: logit_bias and grammar leave no token that could come next")

// edit puts the logits into work, changes them, and finds the new best.
func (s *Sampler) edit(logits []float32) (best int, err error) {
	copy(s.work, logits)
	s.bias.apply(s.work)
	if s.options.Mask != nil {
		s.options.Mask.Mask(s.work)
	}
	s.past.penalize(s.work, &s.options, s.chosen)
	s.dry.penalize(s.work)
	best, _ = kernel.Leaders(s.work)
	if !(s.work[best] >= -math.MaxFloat32) {
		return 0, errNoToken
	}
	return best, nil
}

// lower is a logit less an amount. Tokens that are out stay out; the others stay
// within float32, since the difference of infinities is no number.
func lower(x float32, by float64) float32 { return within(x, float64(x)-by) }

// within is what becomes of a logit x that was changed to y.
func within(x float32, y float64) float32 {
	if math.IsInf(float64(x), -1) {
		return x
	}
	return float32(max(-math.MaxFloat32, min(y, math.MaxFloat32)))
}
