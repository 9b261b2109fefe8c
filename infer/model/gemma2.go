package model

import "math"

// sandwich is an architecture with a norm before and one behind each half of a
// layer, as in Gemma 2 (arXiv 2408.00118).
type sandwich struct {
	embedding Matrix // [Vocab][Dim]
	layers    []sandwichLayer
	norm      Norm
	head      Linear
	scale     float32 // of the embedding
	limit     float32 // logits become limit*tanh(logit/limit), 0: they do not
}

type sandwichLayer struct {
	look                         Look
	attentionNorm, attentionPost Norm
	heads                        heads
	ffnNorm, ffnPost             Norm
	ffn                          FeedForward
}

// newGemma2: capped scores and logits, and every other layer looks back through
// a window.
func newGemma2(s *source) (Config, decoder) {
	const window, period, layersOf27B = 4096, 2, 46
	c := s.config()
	global := s.gemmaLook(c, s.rope(c, HalfApart), layersOf27B)
	global.Limit = s.positiveOr("attn_logit_softcapping", 50)
	local := global
	local.Window = s.sizeOr("attention.sliding_window", window)
	m := s.sandwich(c, GELUTanh, s.alternate(local, global, period))
	m.scale = float32(math.Sqrt(float64(c.Dim)))
	m.limit = s.positiveOr("final_logit_softcapping", 30)
	return c, m
}

// alternate has layers look through a window but for every period-th; the file
// may give another period, or say it of every layer.
func (s *source) alternate(local, global Look, period int) func(layer int) Look {
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
	return func(layer int) Look {
		if local.Window != 0 && windowed(layer) {
			return local
		}
		return global
	}
}

// gemmaLook scales scores by what the file says, or by the head's width, but in
// the largest of a family by the model's width over its heads.
func (s *source) gemmaLook(c Config, r *Rope, largest int) Look {
	l := plainLook(c, r)
	if c.Layers == largest {
		l.Scale = float32(1 / math.Sqrt(float64(c.Dim/c.Heads)))
	}
	l.Scale = s.positiveOr("attention.scale", l.Scale)
	return l
}

func (s *source) sandwich(c Config, a Activation, looks func(layer int) Look) *sandwich {
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

func (m *sandwich) write(p *Program) {
	p.embed(&m.embedding)
	if m.scale != 1 {
		p.scale(Residual, m.scale)
	}
	for i := range m.layers {
		l := &m.layers[i]
		p.normalize(Normed, Residual, &l.attentionNorm)
		p.attend(i, &l.heads, &l.look)
		p.normalize(Projected, Projected, &l.attentionPost)
		p.add(Projected)
		p.normalize(Normed, Residual, &l.ffnNorm)
		p.feedForward(Normed, &l.ffn)
		p.normalize(Projected, Projected, &l.ffnPost)
		p.add(Projected)
	}
	p.normalize(Normed, Residual, &m.norm)
	p.predict(Normed, &m.head)
	if m.limit != 0 {
		p.capLogits(m.limit)
	}
}
