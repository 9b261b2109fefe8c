package model

// gptNeoX is the GPT-NeoX architecture (arXiv 2204.06745; Pythia): layer norms,
// biases, rotation of a part of every head, and both halves of a layer beside
// each other on the same input.
type gptNeoX struct {
	embedding Matrix // [Vocab][Dim]
	layers    []gpt2Layer
	norm      Norm
	head      Linear
	look      Look
	parallel  bool // both halves of a layer read its input
}

func newGPTNeoX(s *source) (Config, decoder) {
	c := s.config()
	m := &gptNeoX{
		embedding: s.matrix("token_embd.weight", c.Vocab, c.Dim),
		layers:    s.layerNormed(c, GELU),
		norm:      s.layerNorm("output_norm", c.Dim),
		look:      plainLook(c, s.rope(c, HalfApart)),
		parallel:  s.flagOr("use_parallel_residual", true),
	}
	m.head = s.head(m.embedding)
	return c, m
}

func (m *gptNeoX) write(p *Program) {
	p.embed(&m.embedding)
	for i := range m.layers {
		w := &m.layers[i]
		p.normalize(Normed, Residual, &w.attentionNorm)
		p.attend(i, &w.heads, &m.look)
		if m.parallel {
			p.normalize(Normed, Residual, &w.ffnNorm)
			p.add(Projected)
		} else {
			p.add(Projected)
			p.normalize(Normed, Residual, &w.ffnNorm)
		}
		p.feedForward(Normed, &w.ffn)
		p.add(Projected)
	}
	p.normalize(Normed, Residual, &m.norm)
	p.predict(Normed, &m.head)
}
