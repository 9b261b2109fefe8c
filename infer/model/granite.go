package model

// granite is IBM's Granite 3 without experts (arXiv 2407.13739): Llama with four
// factors, of the embedding, of the scores, of what a half layer adds to the
// residual stream, and of the logits.
type granite struct {
	llama
	embeddingScale float32
	residualScale  float32
	logitScale     float32 // that logits are divided by
}

func newGranite(s *source) (Config, decoder) {
	c := s.config()
	l := plainLook(c, s.rope(c, Beside))
	l.Scale = s.positiveOr("attention.scale", l.Scale)
	c, d := s.llama(c, func(int) Look { return l })
	if c.Experts > 0 {
		s.fail("%sexpert_count is %d: Granite with experts is not supported", s.prefix, c.Experts)
	}
	return c, &granite{
		llama:          *d.(*llama),
		embeddingScale: s.positiveOr("embedding_scale", 1),
		residualScale:  s.positiveOr("residual_scale", 1),
		logitScale:     s.positiveOr("logit_scale", 1),
	}
}

func (m *granite) write(p *Program) {
	p.embed(&m.embedding)
	p.scale(Residual, m.embeddingScale)
	for i := range m.layers {
		l := &m.layers[i]
		p.normalize(Normed, Residual, &l.attentionNorm)
		p.attend(i, &l.heads, &l.look)
		m.add(p)
		p.normalize(Normed, Residual, &l.ffnNorm)
		p.feedForward(Normed, &l.ffn)
		m.add(p)
	}
	p.normalize(Normed, Residual, &m.norm)
	p.scale(Normed, 1/m.logitScale)
	p.predict(Normed, &m.head)
}

// add adds what half a layer computed to the residual stream.
func (m *granite) add(p *Program) {
	p.scale(Projected, m.residualScale)
	p.add(Projected)
}
