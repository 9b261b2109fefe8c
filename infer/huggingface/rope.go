package huggingface

import (
	"math"
	"strings"
)

// rope is how a configuration describes rotations: rope_parameters since
// transformers 5, before that rope_scaling and keys beside it.
type rope struct {
	object           // of the layers with full attention
	kind     string  // "default", "linear", "yarn", "llama3", "longrope"
	theta    float64 // base of the frequencies
	local    float64 // the same for layers with a sliding window, 0 where they do not differ
	fraction float64 // of a head that is rotated
	original int     // positions before the context was extended
}

// rope reads the description; theta and fraction are what transformers takes
// where the configuration does not say.
func (p *plan) rope(theta, fraction float64) rope {
	c := p.config
	all := c.object("rope_parameters")
	if len(all.values) == 0 {
		all = c.object("rope_scaling")
	}
	r := rope{object: all}
	if all.has("full_attention") {
		r.object = all.object("full_attention")
	}
	r.kind = r.text("default", "rope_type", "type")
	r.theta = r.numberOr(c.numberOr(theta, "rope_theta", "rotary_emb_base"), "rope_theta")
	r.local = all.object("sliding_attention").numberOr(c.numberOr(0, "rope_local_base_freq"), "rope_theta")
	r.fraction = r.numberOr(c.numberOr(fraction, "partial_rotary_factor", "rotary_pct"), "partial_rotary_factor")
	r.original = r.sizeOr(c.sizeOr(0, "original_max_position_embeddings"), "original_max_position_embeddings")
	if r.theta <= 0 || r.fraction <= 0 || r.fraction > 1 {
		r.fail("rope_theta is %v and partial_rotary_factor %v: the one must be above 0, the other up to 1", r.theta, r.fraction)
	}
	return r
}

// ropeKeys sets the keys of a description. What is not known would change every
// answer if it were ignored, so it is refused.
func (p *plan) ropeKeys(r rope) {
	p.float("rope.freq_base", r.theta)
	if r.local > 0 {
		p.float("rope.freq_base_swa", r.local)
	}
	switch r.kind {
	case "default":
	case "dynamic": // changes nothing within the context length, and beyond it nothing runs
	case "linear":
		p.set("rope.scaling.type", "linear")
		p.float("rope.scaling.factor", r.number("factor"))
	case "yarn":
		p.yarnKeys(r)
	case "su", "longrope":
		p.set("rope.scaling.type", "longrope")
	case "llama3":
		p.llama3Factors(r)
	default:
		r.fail("rope type is %q: supported are default, dynamic, linear, llama3, longrope and yarn", r.kind)
	}
}

func (p *plan) yarnKeys(r rope) {
	p.set("rope.scaling.type", "yarn")
	p.float("rope.scaling.factor", r.number("factor"))
	original := r.original
	if original == 0 {
		original = p.config.size("max_position_embeddings")
	}
	p.count("rope.scaling.original_context_length", original)
	for _, name := range []string{"extrapolation_factor", "beta_fast", "beta_slow"} {
		if r.has(name) {
			p.float("rope.scaling.yarn_"+strings.Replace(name, "extrapolation", "ext", 1), r.number(name))
		}
	}
	p.yarnMagnitude(r)
	if !r.flag(true, "truncate") {
		r.fail("truncate is false: that is not supported")
	}
}

// yarnMagnitude sets by how much more than usual queries and keys grow. Readers
// of GGUF multiply that with the usual 1 + 0.1 ln(factor), which is what
// transformers takes unless the configuration says otherwise.
func (p *plan) yarnMagnitude(r rope) {
	factor := r.number("factor")
	grown := func(scale float64) float64 {
		if factor <= 1 {
			return 1
		}
		return 1 + 0.1*scale*math.Log(factor)
	}
	switch {
	case r.has("attention_factor"):
		p.float("rope.scaling.attn_factor", r.number("attention_factor")/grown(1))
	case r.has("mscale") && r.has("mscale_all_dim"):
		p.float("rope.scaling.attn_factor", grown(r.number("mscale"))/grown(r.number("mscale_all_dim"))/grown(1))
	}
}

// llama3Factors adds what the frequencies are divided by in Llama 3.1 and
// later: 1 for short waves, factor for those longer than the first training
// saw, and something between. The formula is transformers'
// _compute_llama3_parameters.
func (p *plan) llama3Factors(r rope) {
	dim := p.headDim()
	factor := r.numberOr(8, "factor")
	low, high := r.numberOr(1, "low_freq_factor"), r.numberOr(4, "high_freq_factor")
	original := float64(r.original)
	if original == 0 {
		original = 8192
	}
	if factor <= 0 || low <= 0 || high <= low {
		r.fail("factor %v, low_freq_factor %v and high_freq_factor %v must be above 0, and the last the largest", factor, low, high)
		return
	}
	factors := make([]float32, dim/2)
	for i := range factors {
		length := 2 * math.Pi * math.Pow(r.theta, float64(2*i)/float64(dim))
		switch {
		case length < original/high:
			factors[i] = 1
		case length > original/low:
			factors[i] = float32(factor)
		default:
			smooth := (original/length - low) / (high - low)
			factors[i] = float32(1 / ((1-smooth)/factor + smooth))
		}
	}
	p.extra("rope_freqs.weight", factors)
}

// extra adds a tensor that no checkpoint has.
func (p *plan) extra(to string, values []float32) {
	if len(values) == 0 {
		return
	}
	if err := p.add(vector(to, values), "config.json"); err != nil {
		p.config.fail("%v", err)
	}
}
