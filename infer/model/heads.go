package model

// heads are the weights of a layer's attention.
type heads struct {
	query              Linear // [Heads*HeadDim][Dim]
	key, value         Linear // [KVHeads*HeadDim][Dim]
	output             Linear // [Dim][Heads*HeadDim]
	queryNorm, keyNorm *Norm  // of every head, [HeadDim]; nil for none
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
func (p *Program) attend(layer int, h *heads, l *Look) {
	// 1. Every row looks back at its own sequence.
	p.mix(Normed, layer, h, l)
	if layer == p.Config.Layers-1 {
		p.narrow()
	}
	// 2. Back to the width of the residual stream.
	p.multiply(Mixed, into(Projected, &h.output))
}

// attendAll sets projected to what attention makes of x, for all rows. layer is
// where their keys and values are kept.
func (p *Program) attendAll(x Buffer, layer int, h *heads, l *Look) {
	p.mix(x, layer, h, l)
	p.multiply(Mixed, into(Projected, &h.output))
}

// mix sets mixed to the values that the rows of x see, weighted.
func (p *Program) mix(x Buffer, layer int, h *heads, l *Look) {
	p.multiply(x, into(Queries, &h.query), into(Keys, &h.key), into(Values, &h.value))
	if h.queryNorm != nil {
		p.normalize(Queries, Queries, h.queryNorm)
	}
	if h.keyNorm != nil {
		p.normalize(Keys, Keys, h.keyNorm)
	}
	p.do(&Store{layer, l})
	p.do(&Attend{layer, l})
}
