package huggingface

// glm4 is GLM-4-0414, with norms behind the blocks too.
func glm4(p *plan) names {
	p.activation("hidden_act", "silu")
	p.commonKeys()
	p.headWidth()
	p.rmsEps(1.5625e-7)
	r := p.rope(10000, 0.5)
	p.count("rope.dimension_count", int(r.fraction*float64(p.headDim())))
	p.ropeKeys(r)
	return join(glmNames, names{
		"model.layers.*.post_self_attn_layernorm": {to: "blk.*.post_attention_norm"},
		"model.layers.*.post_mlp_layernorm":       {to: "blk.*.post_ffw_norm"},
	})
}

// glmNames have both halves of the gated feed-forward block in one tensor.
var glmNames = join(decoderNames, names{"model.layers.*.mlp.gate_up_proj": {to: "blk.*.ffn_up"}})

// glm is GLM-4-9B in transformers' own layout.
func glm(p *plan) names {
	glm4(p)
	return glmNames
}

// chatGLM is ChatGLM 2 and 3 and GLM-4-9B in the layout of their publisher.
func chatGLM(p *plan) names {
	c := p.config
	dim := c.size("hidden_size")
	p.layers, p.heads = c.size("num_layers", "num_hidden_layers"), c.size("num_attention_heads")
	p.kvHeads = p.heads
	if c.flag(false, "multi_query_attention") {
		p.kvHeads = c.size("multi_query_group_num")
	}
	p.count("block_count", p.layers)
	p.count("context_length", c.size("seq_length"))
	p.count("embedding_length", dim)
	p.count("feed_forward_length", c.size("ffn_hidden_size"))
	p.count("attention.head_count", p.heads)
	p.count("attention.head_count_kv", p.kvHeads)
	p.float("attention.layer_norm_rms_epsilon", c.numberOr(1e-5, "layernorm_epsilon"))
	p.count("rope.dimension_count", c.sizeOr(dim/p.heads, "kv_channels")/2)
	p.float("rope.freq_base", 10000*c.numberOr(1, "rope_ratio"))
	p.chatGLMVariant()
	return prefixed("transformer.", names{
		"embedding.word_embeddings":                       {to: "token_embd"},
		"encoder.final_layernorm":                         {to: "output_norm"},
		"output_layer":                                    {to: "output"},
		"encoder.layers.*.input_layernorm":                {to: "blk.*.attn_norm"},
		"encoder.layers.*.self_attention.query_key_value": {to: "blk.*.attn_qkv"},
		"encoder.layers.*.self_attention.dense":           {to: "blk.*.attn_output"},
		"encoder.layers.*.post_attention_layernorm":       {to: "blk.*.ffn_norm"},
		"encoder.layers.*.mlp.dense_h_to_4h":              {to: "blk.*.ffn_up"},
		"encoder.layers.*.mlp.dense_4h_to_h":              {to: "blk.*.ffn_down"},
		"rotary_pos_emb.inv_freq":                         {},
	})
}

// chatGLMVariant refuses options that no published model uses and that the
// architecture does not know.
func (p *plan) chatGLMVariant() {
	for key, usual := range map[string]bool{
		"rmsnorm": true, "post_layer_norm": true, "apply_residual_connection_post_layernorm": false,
	} {
		if p.config.flag(usual, key) != usual {
			p.config.fail("%s is %v: that is not supported for this architecture", key, !usual)
		}
	}
}
