package model

import "math"

// t5 is the T5 architecture (arXiv 1910.10683): an encoder and a decoder with
// RMS norms before each part of a layer, no positions but biases by distance, and
// scores that are not scaled. Version 1.0 has a ReLU and a head that is the
// embedding, scaled; version 1.1 a gated GELU and a head of its own (arXiv
// 2002.05202). Tensor names are those of llama.cpp.
type t5 struct {
	embedding Matrix // [Vocab][Dim]
	encoder   []t5Layer
	encoded   Norm
	decoder   []t5Layer
	decoded   Norm
	head      Linear
	tied      float32 // factor before a head that is the embedding, 0: it is not
	source    Look
}

type t5Layer struct {
	look          Look
	attentionNorm Norm
	heads         heads
	crossNorm     Norm // of the decoder, as crossHeads
	crossHeads    heads
	ffnNorm       Norm
	ffn           FeedForward
}

func newT5(s *source) (Config, decoder) {
	c, encoders := s.encoderDecoder()
	m := &t5{
		embedding: s.matrix("token_embd.weight", c.Vocab, c.Dim),
		encoded:   s.rmsNorm("enc.output_norm", c.Dim),
		decoded:   s.rmsNorm("dec.output_norm", c.Dim),
		source:    Look{Sees: Across, Scale: 1},
	}
	m.head = s.head(m.embedding)
	if !s.has("output.weight") {
		m.tied = float32(1 / math.Sqrt(float64(c.Dim)))
	}
	m.encoder = s.t5Layers("enc.blk.", encoders, c, Whole)
	m.decoder = s.t5Layers("dec.blk.", c.Layers, c, Past)
	return c, m
}

// t5Layers binds one of the stacks. Its first layer has the biases, and others
// may have their own.
func (s *source) t5Layers(stack string, n int, c Config, sees Sees) []t5Layer {
	var first *Biases
	return layersOf(s, stack, n, func(i int, prefix string) t5Layer {
		l := t5Layer{
			attentionNorm: s.rmsNorm(prefix+"attn_norm", c.Dim),
			heads:         s.stackHeads(prefix+"attn_", c),
			ffnNorm:       s.rmsNorm(prefix+"ffn_norm", c.Dim),
		}
		l.look = Look{Sees: sees, Scale: 1, Biases: s.biasesOr(prefix+"attn_rel_b.weight", c, sees == Whole, first)}
		if i == 0 {
			first = l.look.Biases
		}
		if s.has(prefix + "ffn_gate.weight") {
			l.ffn = s.gated(prefix, c, GELUTanh)
		} else {
			l.ffn = s.plain(prefix, c, ReLU)
		}
		if sees == Past {
			l.crossNorm = s.rmsNorm(prefix+"cross_attn_norm", c.Dim)
			l.crossHeads = s.stackHeads(prefix+"cross_attn_", c)
			s.ignore(prefix + "cross_attn_rel_b.weight") // in some files, but used by nobody
		}
		return l
	})
}

func (m *t5) write(p *Program) {
	// 1. Source texts that have not been read yet are.
	p.read(func() { m.encode(p) })
	// 2. The answers go on.
	m.decode(p)
}

func (m *t5) encode(p *Program) {
	p.embed(&m.embedding)
	for i := range m.encoder {
		l := &m.encoder[i]
		p.normalize(Normed, Residual, &l.attentionNorm)
		p.attendAll(Normed, 0, &l.heads, &l.look)
		p.add(Projected)
		p.normalize(Normed, Residual, &l.ffnNorm)
		p.feedForward(Normed, &l.ffn)
		p.add(Projected)
	}
	p.normalize(Normed, Residual, &m.encoded)
	for i := range m.decoder {
		p.remember(Normed, i, &m.decoder[i].crossHeads)
	}
}

func (m *t5) decode(p *Program) {
	p.embed(&m.embedding)
	for i := range m.decoder {
		l := &m.decoder[i]
		p.normalize(Normed, Residual, &l.attentionNorm)
		p.attendAll(Normed, i, &l.heads, &l.look)
		p.add(Projected)
		p.normalize(Normed, Residual, &l.crossNorm)
		p.consult(Normed, i, &l.crossHeads, &m.source)
		p.add(Projected)
		p.normalize(Normed, Residual, &l.ffnNorm)
		p.feedForward(Normed, &l.ffn)
		p.add(Projected)
	}
	p.normalize(Normed, Residual, &m.decoded)
	if m.tied != 0 {
		p.scale(Normed, m.tied)
	}
	p.predict(Normed, &m.head)
}
