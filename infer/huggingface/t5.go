package huggingface

// t5 is T5 and Flan-T5. A head of its own means that the decoder's output is
// not scaled before it.
func t5(p *plan) names {
	c := p.config
	p.activation("feed_forward_proj", "relu", "gated-gelu")
	encoder := c.size("num_layers")
	decoder := c.sizeOr(encoder, "num_decoder_layers")
	p.layers, p.heads = max(encoder, decoder), c.size("num_heads")
	eps := c.numberOr(1e-6, "layer_norm_epsilon")
	p.count("context_length", c.sizeOr(512, "n_positions"))
	p.count("embedding_length", c.size("d_model"))
	p.count("feed_forward_length", c.size("d_ff"))
	p.count("block_count", encoder)
	p.count("decoder_block_count", decoder)
	p.count("attention.head_count", p.heads)
	p.count("attention.key_length", c.size("d_kv"))
	p.count("attention.value_length", c.size("d_kv"))
	p.float("attention.layer_norm_epsilon", eps)
	p.float("attention.layer_norm_rms_epsilon", eps)
	p.count("attention.relative_buckets_count", c.sizeOr(32, "relative_attention_num_buckets"))
	p.count("attention.relative_max_distance", c.sizeOr(128, "relative_attention_max_distance"))
	p.set("decoder_start_token_id", uint32(c.count(0, "decoder_start_token_id")))
	all := join(t5Stack("encoder", "enc", "1"), t5Stack("decoder", "dec", "2"), names{
		"shared":                             {to: "token_embd"},
		"encoder.embed_tokens":               {}, // the same again
		"decoder.embed_tokens":               {},
		"lm_head":                            {to: "output"},
		"decoder.block.*.layer.1.layer_norm": {to: "dec.blk.*.cross_attn_norm"},
		"decoder.block.*.layer.1.EncDecAttention.q":                       {to: "dec.blk.*.cross_attn_q"},
		"decoder.block.*.layer.1.EncDecAttention.k":                       {to: "dec.blk.*.cross_attn_k"},
		"decoder.block.*.layer.1.EncDecAttention.v":                       {to: "dec.blk.*.cross_attn_v"},
		"decoder.block.*.layer.1.EncDecAttention.o":                       {to: "dec.blk.*.cross_attn_o"},
		"decoder.block.*.layer.1.EncDecAttention.relative_attention_bias": {}, // of old files, never used
	})
	if p.t5Scales() {
		all["lm_head"] = rule{} // the embedding again
	} else {
		p.required = "output.weight"
	}
	return all
}

// t5Scales reports whether the decoder's output is scaled before a head that is
// the embedding: in the first T5, by a key of its own since transformers 5.
func (p *plan) t5Scales() bool {
	return p.config.flag(p.config.flag(true, "tie_word_embeddings"), "scale_decoder_outputs")
}

// t5Stack are the tensors that encoder and decoder both have; the feed-forward
// block is the encoder's second part and the decoder's third.
func t5Stack(from, to, feedForward string) names {
	in, out := from+".block.*.layer.", to+".blk.*."
	attention := in + "0.SelfAttention."
	block := in + feedForward + "."
	return names{
		from + ".final_layer_norm":            {to: to + ".output_norm"},
		in + "0.layer_norm":                   {to: out + "attn_norm"},
		attention + "q":                       {to: out + "attn_q"},
		attention + "k":                       {to: out + "attn_k"},
		attention + "v":                       {to: out + "attn_v"},
		attention + "o":                       {to: out + "attn_o"},
		attention + "relative_attention_bias": {to: out + "attn_rel_b"},
		block + "layer_norm":                  {to: out + "ffn_norm"},
		block + "DenseReluDense.wi":           {to: out + "ffn_up"},
		block + "DenseReluDense.wi_0":         {to: out + "ffn_gate"},
		block + "DenseReluDense.wi_1":         {to: out + "ffn_up"},
		block + "DenseReluDense.wo":           {to: out + "ffn_down"},
	}
}
