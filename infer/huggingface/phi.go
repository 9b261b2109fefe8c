package huggingface

import "math"

// phi3 is Phi-3 and 4, with fused matrices and, for long contexts, two sets of
// factors for the frequencies.
func phi3(p *plan) names {
	p.activation("hidden_act", "silu")
	p.commonKeys()
	p.rmsEps(1e-5)
	r := p.rope(10000, 1)
	p.count("rope.dimension_count", int(r.fraction*float64(p.headDim())))
	original := r.original
	if original == 0 {
		original = p.config.size("max_position_embeddings")
	}
	p.count("rope.scaling.original_context_length", original)
	p.count("attention.sliding_window", p.config.count(0, "sliding_window"))
	p.ropeKeys(r)
	if r.kind == "longrope" || r.kind == "su" {
		p.longFactors(r, float64(original))
	}
	return join(decoderNames, names{
		"model.layers.*.self_attn.qkv_proj": {to: "blk.*.attn_qkv"},
		"model.layers.*.mlp.gate_up_proj":   {to: "blk.*.ffn_up"},
	})
}

// longFactors adds the factors, and what the queries are scaled with for the
// longer context.
func (p *plan) longFactors(r rope, original float64) {
	long, short := r.numbers("long_factor"), r.numbers("short_factor")
	if want := int(r.fraction*float64(p.headDim())) / 2; len(long) != want || len(short) != want {
		r.fail("long_factor and short_factor have %d and %d numbers, not %d", len(long), len(short), want)
		return
	}
	scale := float64(p.config.size("max_position_embeddings")) / original
	factor := 1.0
	if scale > 1 {
		factor = math.Sqrt(1 + math.Log(scale)/math.Log(original))
	}
	p.float("rope.scaling.attn_factor", r.numberOr(factor, "attention_factor"))
	p.extra("rope_factors_long.weight", long)
	p.extra("rope_factors_short.weight", short)
}
