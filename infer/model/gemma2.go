package model

import "math"

// sandwich is an architecture with a norm before and one behind each half of a
// layer, as in Gemma 2 (arXiv 2408.00118).
type sandwich struct {
	embedding matrix // [Vocab][Dim]
	layers    []sandwichLayer
	norm      norm
	head      linear
	scale     float32 // of the embedding
	limit     float32 // logits become limit*tanh(logit/limit), 0: they do not
}

type sandwichLayer struct {
	look                         look
	attentionNorm, attentionPost norm
	heads                        heads
	ffnNorm, ffnPost             norm
	ffn                          feedForward
}

// newGemma2: capped scores and logits, and every other layer looks back through
// a window.
func newGemma2(s *source) (Config, decoder) {
	const window, period, layersOf27B = 4096, 2, 46
	c := s.config()
	global := s.gemmaLook(c, s.rope(c, halfApart), layersOf27B)
	global.limit = s.positiveOr("attn_logit_softcapping", 50)
	local := global
	local.window = s.sizeOr("attention.sliding_window", window)
	m := s.sandwich(c, geluTanh, s.alternate(local, global, period))
	m.scale = float32(math.Sqrt(float64(c.Dim)))
	c.Window = widest(m.layers, func(l *sandwichLayer) *look { return &l.look })
	m.limit = s.positiveOr("final_logit_softcapping", 30)
	return c, m
}

// alternate has layers look through a window but for every period-th; the file
// may give another period, or say it of every layer.
func (s *source) alternate(local, global look, period int) func(layer int) look {
	const key = "attention.sliding_window_pattern"
	windowed := func(layer int) bool { return (layer+1)%period != 0 }
	switch v, ok := s.f.Value(s.prefix + key); each := v.(type) {
	case []bool:
		windowed = func(layer int) bool { return layer < len(each) && each[layer] }
	default:
		if ok {
			period = s.size(key)
		}
	}
	return func(layer int) look {
		if local.window != 0 && windowed(layer) {
			return local
		}
		return global
	}
}

// gemmaLook scales scores by what the file says, or by the head's width, but in
// the largest of a family by the model's width over its heads.
func (s *source) gemmaLook(c Config, r *rope, largest int) look {
	l := plainLook(c, r)
	if c.Layers == largest {
		l.scale = float32(1 / math.Sqrt(float64(c.Dim/c.Heads)))
	}
	l.scale = s.positiveOr("attention.scale", l.scale)
	return l
}

func (s *source) sandwich(c Config, a activation, looks func(layer int) look) *sandwich {
	m := &sandwich{embedding: s.matrix("token_embd.weight", c.Vocab, c.Dim), norm: s.rmsNorm("output_norm", c.Dim), scale: 1}
	m.head = s.head(m.embedding)
	m.layers = layers(s, c.Layers, func(i int, prefix string) sandwichLayer {
		return sandwichLayer{
			look:          looks(i),
			attentionNorm: s.rmsNorm(prefix+"attn_norm", c.Dim),
			heads:         s.heads(prefix, c),
			attentionPost: s.rmsNorm(prefix+"post_attention_norm", c.Dim),
			ffnNorm:       s.rmsNorm(prefix+"ffn_norm", c.Dim),
			ffn:           s.gated(prefix, c, a),
			ffnPost:       s.rmsNorm(prefix+"post_ffw_norm", c.Dim),
		}
	})
	return m
}

func (m *sandwich) forward(p *pass) {
	p.embed(&m.embedding)
	if m.scale != 1 {
		p.scale(p.residual, m.scale)
	}
	for i := range m.layers {
		l := &m.layers[i]
		p.normalize(p.normed, p.residual, &l.attentionNorm)
		p.attend(i, &l.heads, &l.look)
		p.normalize(p.projected, p.projected, &l.attentionPost)
		p.add(p.projected)
		p.normalize(p.normed, p.residual, &l.ffnNorm)
		p.feedForward(p.normed, &l.ffn)
		p.normalize(p.projected, p.projected, &l.ffnPost)
		p.add(p.projected)
	}
	p.normalize(p.normed, p.residual, &m.norm)
	p.predict(p.normed, &m.head)
	if m.limit != 0 {
		p.capLogits(m.limit)
	}
}
