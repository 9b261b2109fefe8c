package huggingface

import (
	"math"
)

// bart is BART, which llama.cpp does not have. Its keys and names are ours, in
// the spirit of those of T5 and BERT:
//
//   - architecture "bart"; block_count of the encoder, decoder_block_count;
//     attention.layer_norm_epsilon; decoder_start_token_id;
//     hidden_activation ("gelu" or "relu"); embedding_scale, which the token
//     embeddings are multiplied with.
//   - token_embd is shared; enc. and dec. have position_embd, without the two
//     rows that are never used, and token_embd_norm.
//   - enc.blk.N and dec.blk.N: attn_q, attn_k, attn_v, attn_o, attn_output_norm,
//     ffn_up, ffn_down, layer_output_norm; the decoder's cross_attn_q, _k, _v,
//     _o and cross_attn_output_norm. The norms come after what they norm.
//   - output.bias, and output.weight where the head is not the embedding.
func bart(p *plan) names {
	c := p.config
	p.activation("activation_function", "gelu", "relu")
	encoder, decoder := c.size("encoder_layers"), c.size("decoder_layers")
	p.layers, p.heads = max(encoder, decoder), c.size("encoder_attention_heads")
	p.offset = 2
	dim := c.size("d_model")
	p.count("block_count", encoder)
	p.count("decoder_block_count", decoder)
	p.count("context_length", c.size("max_position_embeddings"))
	p.count("embedding_length", dim)
	p.count("feed_forward_length", c.size("encoder_ffn_dim"))
	p.count("attention.head_count", p.heads)
	p.float("attention.layer_norm_epsilon", 1e-5)
	p.set("decoder_start_token_id", uint32(c.count(2, "decoder_start_token_id")))
	p.set("hidden_activation", c.text("gelu", "activation_function"))
	scale := 1.0
	if c.flag(false, "scale_embedding") {
		scale = math.Sqrt(float64(dim))
	}
	p.float("embedding_scale", scale)
	if c.size("decoder_attention_heads") != p.heads || c.size("decoder_ffn_dim") != c.size("encoder_ffn_dim") {
		c.fail("encoder and decoder have different numbers of heads or feed-forward widths: that is not supported")
	}
	return join(bartStack("encoder", "enc"), bartStack("decoder", "dec"), names{
		"model.shared":               {to: "token_embd"},
		"model.encoder.embed_tokens": {}, // the same again
		"model.decoder.embed_tokens": {},
		"lm_head":                    p.bartHead(),
		"final_logits_bias":          {"output.bias", flat},
	})
}

func (p *plan) bartHead() rule {
	if p.config.flag(true, "tie_word_embeddings") {
		return rule{}
	}
	return rule{to: "output"}
}

func bartStack(from, to string) names {
	in, out := "model."+from+".", to+"."
	layer, block := in+"layers.*.", out+"blk.*."
	return names{
		in + "embed_positions":            {out + "position_embd", positions},
		in + "layernorm_embedding":        {to: out + "token_embd_norm"},
		layer + "self_attn.q_proj":        {to: block + "attn_q"},
		layer + "self_attn.k_proj":        {to: block + "attn_k"},
		layer + "self_attn.v_proj":        {to: block + "attn_v"},
		layer + "self_attn.out_proj":      {to: block + "attn_o"},
		layer + "self_attn_layer_norm":    {to: block + "attn_output_norm"},
		layer + "encoder_attn.q_proj":     {to: block + "cross_attn_q"},
		layer + "encoder_attn.k_proj":     {to: block + "cross_attn_k"},
		layer + "encoder_attn.v_proj":     {to: block + "cross_attn_v"},
		layer + "encoder_attn.out_proj":   {to: block + "cross_attn_o"},
		layer + "encoder_attn_layer_norm": {to: block + "cross_attn_output_norm"},
		layer + "fc1":                     {to: block + "ffn_up"},
		layer + "fc2":                     {to: block + "ffn_down"},
		layer + "final_layer_norm":        {to: block + "layer_output_norm"},
	}
}

// flat is a tensor of one row as a vector.
func flat(p *plan, to string, t tensor) error {
	t.dims = []int{t.elements()}
	return p.add(keep(to, t), t.name)
}
