package model

import "math"

// t5 is the T5 architecture (arXiv 1910.10683): an encoder and a decoder with
// RMS norms before each part of a layer, no positions but biases by distance, and
// scores that are not scaled. Version 1.0 has a ReLU and a head that is the
// embedding, scaled; version 1.1 a gated GELU and a head of its own (arXiv
// 2002.05202). Tensor names are those of llama.cpp.
type t5 struct {
	embedding matrix // [Vocab][Dim]
	encoder   []t5Layer
	encoded   norm
	decoder   []t5Layer
	decoded   norm
	head      linear
	tied      float32 // factor before a head that is the embedding, 0: it is not
	source    look
}

type t5Layer struct {
	look          look
	attentionNorm norm
	heads         heads
	crossNorm     norm // of the decoder, as crossHeads
	crossHeads    heads
	ffnNorm       norm
	ffn           feedForward
}

func newT5(s *source) (Config, decoder) {
	c, encoders := s.encoderDecoder()
	m := &t5{
		embedding: s.matrix("token_embd.weight", c.Vocab, c.Dim),
		encoded:   s.rmsNorm("enc.output_norm", c.Dim),
		decoded:   s.rmsNorm("dec.output_norm", c.Dim),
		source:    look{sees: across, scale: 1},
	}
	m.head = s.head(m.embedding)
	if !s.has("output.weight") {
		m.tied = float32(1 / math.Sqrt(float64(c.Dim)))
	}
	m.encoder = s.t5Layers("enc.blk.", encoders, c, whole)
	m.decoder = s.t5Layers("dec.blk.", c.Layers, c, past)
	return c, m
}

// t5Layers binds one of the stacks. Its first layer has the biases, and others
// may have their own.
func (s *source) t5Layers(stack string, n int, c Config, sees sees) []t5Layer {
	var first *biases
	return layersOf(s, stack, n, func(i int, prefix string) t5Layer {
		l := t5Layer{
			attentionNorm: s.rmsNorm(prefix+"attn_norm", c.Dim),
			heads:         s.stackHeads(prefix+"attn_", c),
			ffnNorm:       s.rmsNorm(prefix+"ffn_norm", c.Dim),
		}
		l.look = look{sees: sees, scale: 1, biases: s.biasesOr(prefix+"attn_rel_b.weight", c, sees == whole, first)}
		if i == 0 {
			first = l.look.biases
		}
		if s.has(prefix + "ffn_gate.weight") {
			l.ffn = s.gated(prefix, c, geluTanh)
		} else {
			l.ffn = s.plain(prefix, c, relu)
		}
		if sees == past {
			l.crossNorm = s.rmsNorm(prefix+"cross_attn_norm", c.Dim)
			l.crossHeads = s.stackHeads(prefix+"cross_attn_", c)
			s.ignore(prefix + "cross_attn_rel_b.weight") // in some files, but used by nobody
		}
		return l
	})
}

func (m *t5) forward(p *pass) {
	// 1. What has not been read yet is.
	if p.encode() {
		m.encode(p)
	}
	// 2. The answers go on.
	p.answer()
	m.decode(p)
}

func (m *t5) encode(p *pass) {
	p.embed(&m.embedding)
	for i := range m.encoder {
		l := &m.encoder[i]
		p.normalize(p.normed, p.residual, &l.attentionNorm)
		p.attendAll(p.normed, 0, &l.heads, &l.look)
		p.add(p.projected)
		p.normalize(p.normed, p.residual, &l.ffnNorm)
		p.feedForward(p.normed, &l.ffn)
		p.add(p.projected)
	}
	p.normalize(p.normed, p.residual, &m.encoded)
	for i := range m.decoder {
		p.remember(p.normed, i, &m.decoder[i].crossHeads)
	}
}

func (m *t5) decode(p *pass) {
	p.embed(&m.embedding)
	for i := range m.decoder {
		l := &m.decoder[i]
		p.normalize(p.normed, p.residual, &l.attentionNorm)
		p.attendAll(p.normed, i, &l.heads, &l.look)
		p.add(p.projected)
		p.normalize(p.normed, p.residual, &l.crossNorm)
		p.consult(p.normed, i, &l.crossHeads, &m.source)
		p.add(p.projected)
		p.normalize(p.normed, p.residual, &l.ffnNorm)
		p.feedForward(p.normed, &l.ffn)
		p.add(p.projected)
	}
	p.normalize(p.normed, p.residual, &m.decoded)
	if m.tied != 0 {
		p.scale(p.normed, m.tied)
	}
	p.predict(p.normed, &m.head)
}
