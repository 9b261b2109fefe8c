package model

// gpt2 is the GPT-2 architecture: learned positions, layer norms before each
// half of a layer, biases everywhere, and a GELU between two matrices.
type gpt2 struct {
	embedding Matrix // [Vocab][Dim]
	positions Matrix // [Context][Dim]
	layers    []gpt2Layer
	norm      Norm
	head      Linear
	look      Look
}

type gpt2Layer struct {
	attentionNorm Norm
	heads         heads
	ffnNorm       Norm
	ffn           FeedForward
}

func newGPT2(s *source) (Config, decoder) {
	c := s.config()
	c.RopeDim = 0
	m := &gpt2{
		embedding: s.matrix("token_embd.weight", c.Vocab, c.Dim),
		positions: s.matrix("position_embd.weight", c.Context, c.Dim),
		norm:      s.layerNorm("output_norm", c.Dim),
		look:      plainLook(c, nil),
	}
	m.head = s.head(m.embedding)
	m.layers = s.layerNormed(c, GELUTanh)
	return c, m
}

// layerNormed binds the layers of GPT-2, and of GPT-NeoX, which has the same.
func (s *source) layerNormed(c Config, a Activation) []gpt2Layer {
	return layers(s, c.Layers, func(_ int, prefix string) gpt2Layer {
		return gpt2Layer{
			attentionNorm: s.layerNorm(prefix+"attn_norm", c.Dim),
			heads:         s.heads(prefix, c),
			ffnNorm:       s.layerNorm(prefix+"ffn_norm", c.Dim),
			ffn:           s.plain(prefix, c, a),
		}
	})
}

func (m *gpt2) write(p *Program) {
	p.embed(&m.embedding)
	p.addPositions(&m.positions)
	for i := range m.layers {
		w := &m.layers[i]
		p.normalize(Normed, Residual, &w.attentionNorm)
		p.attend(i, &w.heads, &m.look)
		p.add(Projected)
		p.normalize(Normed, Residual, &w.ffnNorm)
		p.feedForward(Normed, &w.ffn)
		p.add(Projected)
	}
	p.normalize(Normed, Residual, &m.norm)
	p.predict(Normed, &m.head)
}
