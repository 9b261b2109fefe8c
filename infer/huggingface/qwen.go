package huggingface

// qwen2 is Qwen 2 and 2.5.
func qwen2(p *plan) names {
	p.activation("hidden_act", "silu")
	p.commonKeys()
	p.headWidth()
	p.rmsEps(1e-6)
	p.ropeKeys(p.rope(10000, 1))
	if p.config.flag(false, "use_sliding_window") && p.config.count(28, "max_window_layers") < p.layers {
		p.config.fail("use_sliding_window is true: windows in some layers are not supported for this architecture")
	}
	return decoderNames
}

// qwen3 norms queries and keys.
func qwen3(p *plan) names {
	return join(qwen2(p), names{
		"model.layers.*.self_attn.q_norm": {to: "blk.*.attn_q_norm"},
		"model.layers.*.self_attn.k_norm": {to: "blk.*.attn_k_norm"},
	})
}

func qwen3MoE(p *plan) names {
	all := qwen3(p)
	p.expertKeys()
	p.count("expert_feed_forward_length", p.config.size("moe_intermediate_size"))
	if !p.config.flag(false, "norm_topk_prob") {
		p.set("expert_weights_norm", false) // where the key is missing they are
	}
	return join(all, names{
		"model.layers.*.mlp.experts.*.gate_proj": {to: "blk.*.ffn_gate_exps"},
		"model.layers.*.mlp.experts.*.up_proj":   {to: "blk.*.ffn_up_exps"},
		"model.layers.*.mlp.experts.*.down_proj": {to: "blk.*.ffn_down_exps"},
	}, stackedExperts)
}
