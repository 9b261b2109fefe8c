package model

// heads are the weights of a layer's attention.
type heads struct {
	query              linear // [Heads*HeadDim][Dim]
	key, value         linear // [KVHeads*HeadDim][Dim]
	output             linear // [Dim][Heads*HeadDim]
	queryNorm, keyNorm *norm  // of every head, [HeadDim]; nil for none
}

// heads binds attn_q, attn_k, attn_v and attn_output of a layer, or attn_qkv, in
// which the first three lie one after the other, with the biases and norms that
// the file has.
func (s *source) heads(prefix string, c Config) heads {
	q, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	h := heads{
		output:    s.linear(prefix+"attn_output", c.Dim, q),
		queryNorm: s.rmsNormIf(prefix+"attn_q_norm", c.HeadDim),
		keyNorm:   s.rmsNormIf(prefix+"attn_k_norm", c.HeadDim),
	}
	if s.has(prefix + "attn_qkv.weight") {
		all := s.linear(prefix+"attn_qkv", q+2*kv, c.Dim)
		if s.err == nil {
			h.query, h.key, h.value = all.part(0, q), all.part(q, kv), all.part(q+kv, kv)
		}
		return h
	}
	h.query = s.linear(prefix+"attn_q", q, c.Dim)
	h.key = s.linear(prefix+"attn_k", kv, c.Dim)
	h.value = s.linear(prefix+"attn_v", kv, c.Dim)
	return h
}

// attend sets projected to what a layer's attention makes of normed. In the last
// layer only the rows whose logits are wanted are left; see narrow.
func (p *pass) attend(layer int, h *heads, l *look) {
	// 1. Every row looks back at its own sequence.
	p.mix(p.normed, layer, h, l)
	if layer == p.config.Layers-1 {
		p.narrow()
	}
	// 2. Back to the width of the residual stream.
	p.multiply(p.mixed, into(p.projected, &h.output))
}

// attendAll sets projected to what attention makes of x, for all rows. layer is
// where their keys and values are kept.
func (p *pass) attendAll(x *vectors, layer int, h *heads, l *look) {
	p.mix(x, layer, h, l)
	p.multiply(p.mixed, into(p.projected, &h.output))
}

// mix sets mixed to the values that the rows of x see, weighted.
func (p *pass) mix(x *vectors, layer int, h *heads, l *look) {
	p.multiply(x, into(p.queries, &h.query), into(p.keys, &h.key), into(p.values, &h.value))
	if h.queryNorm != nil {
		p.normalize(p.queries, p.queries, h.queryNorm)
	}
	if h.keyNorm != nil {
		p.normalize(p.keys, p.keys, h.keyNorm)
	}
	p.attention.run(layer, l)
}
