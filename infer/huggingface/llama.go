package huggingface

// llamaNames have queries and keys in the order of adjacent pairs.
var llamaNames = join(decoderNames, names{
	"model.layers.*.self_attn.q_proj": {"blk.*.attn_q", queryPairs},
	"model.layers.*.self_attn.k_proj": {"blk.*.attn_k", keyPairs},
})

// llamaFamily is Llama 1 to 3, Mistral, and SmolLM3.
func llamaFamily(p *plan) names {
	p.activation("hidden_act", "silu")
	p.commonKeys()
	p.headWidth()
	p.vocabSize()
	p.rmsEps(1e-6)
	p.count("rope.dimension_count", p.headDim())
	p.ropeKeys(p.rope(10000, 1))
	return llamaNames
}

// mistral has a window in its first versions. llama.cpp ignores the key, and
// with it what lies behind the window.
func mistral(p *plan) names {
	llamaFamily(p)
	if p.config.has("sliding_window") {
		p.count("attention.sliding_window", p.config.size("sliding_window"))
	}
	return llamaNames
}

// mixtral is Mistral with experts: of every layer, or of all layers in one
// tensor each, as transformers 5 has them.
func mixtral(p *plan) names {
	mistral(p)
	p.expertKeys()
	return join(llamaNames, names{
		"model.layers.*.block_sparse_moe.gate":         {to: "blk.*.ffn_gate_inp"},
		"model.layers.*.block_sparse_moe.experts.*.w1": {to: "blk.*.ffn_gate_exps"},
		"model.layers.*.block_sparse_moe.experts.*.w2": {to: "blk.*.ffn_down_exps"},
		"model.layers.*.block_sparse_moe.experts.*.w3": {to: "blk.*.ffn_up_exps"},
	}, stackedExperts)
}

// stackedExperts are experts that come as one tensor.
var stackedExperts = names{
	"model.layers.*.mlp.gate":                 {to: "blk.*.ffn_gate_inp"},
	"model.layers.*.mlp.experts.gate_up_proj": {"blk.*", gateAndUp},
	"model.layers.*.mlp.experts.down_proj":    {to: "blk.*.ffn_down_exps.weight"},
}

func (p *plan) expertKeys() {
	p.experts = p.config.size("num_local_experts", "num_experts")
	p.count("expert_count", p.experts)
	p.count("expert_used_count", p.config.size("num_experts_per_tok"))
}

// smolLM3 rotates but in every fourth layer; the architecture's name says so.
func smolLM3(p *plan) names {
	for i, v := range p.config.list("no_rope_layers") {
		if n, ok := whole(v); !ok || (n == 0) != (i%4 == 3) {
			p.config.fail("no_rope_layers[%d] is %v: only models that do not rotate in every fourth layer are supported", i, v)
		}
	}
	if p.config.flag(false, "use_sliding_window") {
		p.config.fail("use_sliding_window is true: that is not supported for this architecture")
	}
	return llamaFamily(p)
}

// granite is Llama with four factors.
func granite(p *plan) names {
	llamaFamily(p)
	p.float("attention.scale", p.config.numberOr(1, "attention_multiplier"))
	p.float("embedding_scale", p.config.numberOr(1, "embedding_multiplier"))
	p.float("residual_scale", p.config.numberOr(1, "residual_multiplier"))
	p.float("logit_scale", p.config.numberOr(1, "logits_scaling"))
	return llamaNames
}
