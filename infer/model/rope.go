package model

import "math"

// Rope is a rotation of the pairs of a head by angles that grow with the
// position (arXiv 2104.09864): pair i turns by position * frequencies[i].
type Rope struct {
	Index       int // among those of the model
	Pairs       Pairs
	frequencies []float64 // [RopeDim/2]
	magnitude   float64   // cosines and sines are multiplied by it

	// For contexts longer than short, where longFrequencies is not nil.
	short           int
	longFrequencies []float64
}

// Pairs says how the pairs of a head lie.
type Pairs bool

const (
	Beside    Pairs = false // 2i and 2i+1: as GGUF files of the Llama architecture have them
	HalfApart Pairs = true  // i and i + RopeDim/2
)

// Of YaRN.
const (
	yarnFast = 32  // turns in the original context above which a pair is not slowed
	yarnSlow = 1   // and below which it is slowed by the whole factor
	yarnLog  = 0.1 // by which magnitudes grow with the logarithm of the factor
)

// rope reads the rotation and its scaling.
func (s *source) rope(c Config, p Pairs) *Rope {
	r := s.plainRope(c, p, s.positiveOr("rope.freq_base", 10000))
	s.scaleRope(r, c)
	return r
}

// plainRope is a rotation without scaling: pair i turns by base^(-2i/RopeDim) a
// position.
func (s *source) plainRope(c Config, p Pairs, base float32) *Rope {
	r := &Rope{Index: len(s.ropes), Pairs: p, magnitude: 1, frequencies: make([]float64, c.RopeDim/2)}
	for i := range r.frequencies {
		r.frequencies[i] = math.Pow(float64(base), -2*float64(i)/float64(c.RopeDim))
	}
	s.ropes = append(s.ropes, r)
	return r
}

// scaleRope applies what makes a model work beyond the context that it was
// first trained with. A kind that would be ignored would change the result.
func (s *source) scaleRope(r *Rope, c Config) {
	kind := s.textOr("rope.scaling.type", "")
	switch kind {
	case "":
		r.divide(float64(s.positiveOr("rope.scale_linear", 1)))
	case "none":
	case "linear":
		r.divide(float64(s.positive("rope.scaling.factor")))
	case "yarn":
		s.yarn(r, c)
	case "longrope":
	default:
		s.fail("%srope.scaling.type is %q: none, linear, yarn and longrope are supported", s.prefix, kind)
	}
	s.divisors(r, c)
}

func (r *Rope) divide(factor float64) {
	for i := range r.frequencies {
		r.frequencies[i] /= factor
	}
}

// divisors applies those that come as tensors: Llama 3's rope_freqs, or the
// short and long ones of LongRoPE (arXiv 2402.13753).
func (s *source) divisors(r *Rope, c Config) {
	plain := r.frequencies
	if d := s.vectorIf("rope_freqs.weight", c.RopeDim/2); d != nil {
		r.frequencies = divided(plain, d)
	}
	short, long := s.vectorIf("rope_factors_short.weight", c.RopeDim/2), s.vectorIf("rope_factors_long.weight", c.RopeDim/2)
	if short == nil || long == nil {
		return
	}
	r.short = s.size("rope.scaling.original_context_length")
	r.frequencies, r.longFrequencies = divided(plain, short), divided(plain, long)
	r.magnitude = float64(s.positiveOr("rope.scaling.attn_factor", longMagnitude(c.Context, r.short)))
}

func divided(frequencies []float64, by []float32) []float64 {
	out := make([]float64, len(frequencies))
	for i := range out {
		out[i] = frequencies[i] / float64(by[i])
	}
	return out
}

// longMagnitude is LongRoPE's for a context stretched from an original one.
func longMagnitude(context, original int) float32 {
	if context <= original || original < 2 {
		return 1
	}
	scale := float64(context) / float64(original)
	return float32(math.Sqrt(1 + math.Log(scale)/math.Log(float64(original))))
}

// yarn slows the pairs that turn seldom in the original context, and lets those
// that turn often be (arXiv 2309.00071).
func (s *source) yarn(r *Rope, c Config) {
	factor := float64(s.positive("rope.scaling.factor"))
	original := float64(s.sizeOr("rope.scaling.original_context_length", c.Context))
	base := float64(s.positiveOr("rope.freq_base", 10000))
	// The pair that turns a number of times in the original context.
	pair := func(turns float64) float64 {
		return float64(c.RopeDim) * math.Log(original/(turns*2*math.Pi)) / (2 * math.Log(base))
	}
	low := math.Floor(pair(float64(s.positiveOr("rope.scaling.yarn_beta_fast", yarnFast))))
	high := math.Ceil(pair(float64(s.positiveOr("rope.scaling.yarn_beta_slow", yarnSlow))))
	low, high = max(low, 0), min(high, float64(c.RopeDim-1))
	for i := range r.frequencies {
		scaled := min(max((float64(i)-low)/max(high-low, 0.001), 0), 1)
		r.frequencies[i] = r.frequencies[i] * (1 - scaled + scaled/factor)
	}
	r.magnitude = float64(s.positiveOr("rope.scaling.attn_factor", 1)) * (1 + yarnLog*math.Log(max(factor, 1)))
}

// Within is the rope in a run whose sequences have up to some context.
func (r *Rope) Within(context int) Rope {
	out := *r
	if r.longFrequencies != nil && context > r.short {
		out.frequencies = r.longFrequencies
	}
	return out
}

// Turns writes cosine and sine of every pair's angle at a position, [RopeDim].
func (r *Rope) Turns(dst []float32, position int) {
	for i, f := range r.frequencies {
		sin, cos := math.Sincos(float64(position) * f)
		dst[2*i], dst[2*i+1] = float32(cos*r.magnitude), float32(sin*r.magnitude)
	}
}
