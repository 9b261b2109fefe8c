package huggingface

// gpt2 has Conv1D layers, whose matrices lie the other way round.
func gpt2(p *plan) names {
	p.activation("activation_function", "gelu_new")
	p.layers, p.heads = p.config.size("n_layer"), p.config.size("n_head")
	dim := p.config.size("n_embd")
	p.count("block_count", p.layers)
	p.count("context_length", p.config.size("n_positions", "n_ctx"))
	p.count("embedding_length", dim)
	p.count("feed_forward_length", p.config.sizeOr(4*dim, "n_inner"))
	p.count("attention.head_count", p.heads)
	p.normEps(1e-5)
	if p.config.flag(false, "scale_attn_by_inverse_layer_idx") || !p.config.flag(true, "scale_attn_weights") {
		p.config.fail("scale_attn_by_inverse_layer_idx or scale_attn_weights differ from GPT-2: that is not supported")
	}
	return prefixed("transformer.", names{
		"wte":                  {to: "token_embd"},
		"wpe":                  {to: "position_embd"},
		"ln_f":                 {to: "output_norm"},
		"lm_head":              {to: "output"},
		"h.*.ln_1":             {to: "blk.*.attn_norm"},
		"h.*.attn.c_attn":      {"blk.*.attn_qkv", conv1D},
		"h.*.attn.c_proj":      {"blk.*.attn_output", conv1D},
		"h.*.ln_2":             {to: "blk.*.ffn_norm"},
		"h.*.mlp.c_fc":         {"blk.*.ffn_up", conv1D},
		"h.*.mlp.c_proj":       {"blk.*.ffn_down", conv1D},
		"h.*.attn.bias":        {}, // the causal mask
		"h.*.attn.masked_bias": {},
	})
}

// prefixed accepts the names with and without a prefix: published files of one
// family have either.
func prefixed(prefix string, n names) names {
	all := join(n)
	for name, r := range n {
		all[prefix+name] = r
	}
	return all
}

// gptNeoX is GPT-NeoX and Pythia. Their exact or approximated GELU is said by a
// key of our own, which other readers ignore.
func gptNeoX(p *plan) names {
	p.commonKeys()
	p.normEps(1e-5)
	r := p.rope(10000, 0.25)
	p.count("rope.dimension_count", int(r.fraction*float64(p.headDim())))
	p.ropeKeys(r)
	p.set("use_parallel_residual", p.config.flag(true, "use_parallel_residual"))
	p.activation("hidden_act", "gelu", "gelu_new", "gelu_fast", "gelu_pytorch_tanh")
	p.set("hidden_activation", p.config.text("gelu", "hidden_act"))
	return names{
		"gpt_neox.embed_in":                 {to: "token_embd"},
		"gpt_neox.final_layer_norm":         {to: "output_norm"},
		"embed_out":                         {to: "output"},
		"lm_head":                           {to: "output"},
		"gpt_neox.layers.*.input_layernorm": {to: "blk.*.attn_norm"},
		"gpt_neox.layers.*.attention.query_key_value":     {"blk.*.attn_qkv", headsApart},
		"gpt_neox.layers.*.attention.dense":               {to: "blk.*.attn_output"},
		"gpt_neox.layers.*.post_attention_layernorm":      {to: "blk.*.ffn_norm"},
		"gpt_neox.layers.*.mlp.dense_h_to_4h":             {to: "blk.*.ffn_up"},
		"gpt_neox.layers.*.mlp.dense_4h_to_h":             {to: "blk.*.ffn_down"},
		"gpt_neox.layers.*.attention.bias":                {},
		"gpt_neox.layers.*.attention.masked_bias":         {},
		"gpt_neox.layers.*.attention.rotary_emb.inv_freq": {},
		"gpt_neox.rotary_emb.inv_freq":                    {},
	}
}
