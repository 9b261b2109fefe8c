package model

// llama is the Llama architecture: RMSNorm before each half of a layer, rotary
// positions, grouped-query attention, a SwiGLU feed-forward layer, and a head
// that may be the embedding itself (arXiv 2302.13971; GQA: arXiv 2305.13245).
// Mistral is the same with a window, Mixtral with experts. Tensor names are
// those of llama.cpp.
type llama struct {
	embedding matrix // [Vocab][Dim]
	layers    []llamaLayer
	norm      norm
	head      linear // [Vocab][Dim], the embedding itself in tied models
}

type llamaLayer struct {
	look          look
	attentionNorm norm
	heads         heads
	ffnNorm       norm
	ffn           feedForward
	experts       *experts // instead of ffn, nil for none
}

func newLlama(s *source) (Config, decoder) {
	c := s.config()
	l := plainLook(c, s.rope(c, beside))
	l.window = s.countOr("attention.sliding_window", 0)
	return s.llama(c, func(int) look { return l })
}

// llama binds the layers of all architectures that differ from Llama only in
// what heads finds in the file and in how each layer looks.
func (s *source) llama(c Config, looks func(layer int) look) (Config, decoder) {
	s.experts(&c)
	m := &llama{embedding: s.matrix("token_embd.weight", c.Vocab, c.Dim), norm: s.rmsNorm("output_norm", c.Dim)}
	m.head = s.head(m.embedding)
	m.layers = layers(s, c.Layers, func(i int, prefix string) llamaLayer {
		l := llamaLayer{
			look:          looks(i),
			attentionNorm: s.rmsNorm(prefix+"attn_norm", c.Dim),
			heads:         s.heads(prefix, c),
			ffnNorm:       s.rmsNorm(prefix+"ffn_norm", c.Dim),
		}
		if c.Experts > 0 {
			l.experts = s.sparse(prefix, c)
		} else {
			l.ffn = s.gated(prefix, c, silu)
		}
		return l
	})
	c.Window = widest(m.layers, func(l *llamaLayer) *look { return &l.look })
	return c, m
}

func (m *llama) forward(p *pass) {
	p.embed(&m.embedding)
	for i := range m.layers {
		l := &m.layers[i]
		p.normalize(p.normed, p.residual, &l.attentionNorm)
		p.attend(i, &l.heads, &l.look)
		p.add(p.projected)
		p.normalize(p.normed, p.residual, &l.ffnNorm)
		if l.experts != nil {
			p.sparse(l.experts)
		} else {
			p.feedForward(p.normed, &l.ffn)
		}
		p.add(p.projected)
	}
	p.normalize(p.normed, p.residual, &m.norm)
	p.predict(p.normed, &m.head)
}
