package model

// gptNeoX is the GPT-NeoX architecture (arXiv 2204.06745; Pythia): layer norms,
// biases, rotation of a part of every head, and both halves of a layer beside
// each other on the same input.
type gptNeoX struct {
	embedding matrix // [Vocab][Dim]
	layers    []gpt2Layer
	norm      norm
	head      linear
	look      look
	parallel  bool // both halves of a layer read its input
}

func newGPTNeoX(s *source) (Config, decoder) {
	c := s.config()
	m := &gptNeoX{
		embedding: s.matrix("token_embd.weight", c.Vocab, c.Dim),
		layers:    s.layerNormed(c, gelu),
		norm:      s.layerNorm("output_norm", c.Dim),
		look:      plainLook(c, s.rope(c, halfApart)),
		parallel:  s.flagOr("use_parallel_residual", true),
	}
	m.head = s.head(m.embedding)
	return c, m
}

func (m *gptNeoX) forward(p *pass) {
	p.embed(&m.embedding)
	for i := range m.layers {
		w := &m.layers[i]
		p.normalize(p.normed, p.residual, &w.attentionNorm)
		p.attend(i, &w.heads, &m.look)
		if m.parallel {
			p.normalize(p.normed, p.residual, &w.ffnNorm)
			p.add(p.projected)
		} else {
			p.add(p.projected)
			p.normalize(p.normed, p.residual, &w.ffnNorm)
		}
		p.feedForward(p.normed, &w.ffn)
		p.add(p.projected)
	}
	p.normalize(p.normed, p.residual, &m.norm)
	p.predict(p.normed, &m.head)
}
