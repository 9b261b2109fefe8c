package model

// bart is the BART architecture (arXiv 1910.13461): an encoder and a decoder
// with learned positions, layer norms behind each part of a layer and behind the
// embedding, biases everywhere, an exact GELU or a ReLU, and a head that is the
// embedding, as a rule.
//
// llama.cpp has no BART. Our names, general.architecture "bart", are those of T5
// where it has the same part:
//
//	token_embd.weight                            shared by both stacks and the head
//	output.weight                                where the head is not the embedding
//	output.bias                                  final_logits_bias, may be absent
//	enc.position_embd.weight                     [Context][Dim]; the two rows that Hugging Face has in front are left out
//	enc.token_embd_norm.{weight,bias}            layernorm_embedding
//	enc.blk.N.attn_{q,k,v,o}.{weight,bias}       self_attn
//	enc.blk.N.attn_output_norm.{weight,bias}     self_attn_layer_norm
//	enc.blk.N.ffn_{up,down}.{weight,bias}        fc1, fc2
//	enc.blk.N.layer_output_norm.{weight,bias}    final_layer_norm
//	dec. the same, and in its layers
//	dec.blk.N.cross_attn_{q,k,v,o}.{weight,bias} encoder_attn
//	dec.blk.N.cross_attn_output_norm.{weight,bias}
//
// and the keys T5's: block_count (encoder), decoder_block_count,
// decoder_start_token_id, with attention.layer_norm_epsilon, hidden_activation
// ("gelu", or "relu"), and embedding_scale where the embedding is multiplied
// (scale_embedding).
type bart struct {
	embedding Matrix  // [Vocab][Dim]
	scale     float32 // of the embedding
	encoder   bartStack
	decoder   bartStack
	head      Linear
	source    Look
}

type bartStack struct {
	positions Matrix // [Context][Dim]
	look      Look   // of the stack itself
	norm      Norm   // of the embedding
	layers    []bartLayer
}

type bartLayer struct {
	heads         heads
	attentionNorm Norm
	crossHeads    heads // of the decoder, as crossNorm
	crossNorm     Norm
	ffn           FeedForward
	ffnNorm       Norm
}

func newBART(s *source) (Config, decoder) {
	c, encoders := s.encoderDecoder()
	m := &bart{
		embedding: s.matrix("token_embd.weight", c.Vocab, c.Dim),
		scale:     s.positiveOr("embedding_scale", 1),
		encoder:   s.bartStack("enc.", encoders, c, Whole),
		decoder:   s.bartStack("dec.", c.Layers, c, Past),
		source:    directed(c, Across),
	}
	m.head = s.head(m.embedding)
	if m.head.Bias == nil {
		m.head.Bias = s.vectorIf("output.bias", c.Vocab)
	}
	for i := range m.decoder.layers {
		l, prefix := &m.decoder.layers[i], layerPrefix("dec.blk.", i)
		l.crossHeads = s.stackHeads(prefix+"cross_attn_", c)
		l.crossNorm = s.layerNorm(prefix+"cross_attn_output_norm", c.Dim)
	}
	return c, m
}

// bartStack binds what both stacks have.
func (s *source) bartStack(stack string, n int, c Config, sees Sees) bartStack {
	a := s.bartActivation()
	return bartStack{
		positions: s.matrix(stack+"position_embd.weight", c.Context, c.Dim),
		look:      directed(c, sees),
		norm:      s.layerNorm(stack+"token_embd_norm", c.Dim),
		layers: layersOf(s, stack+"blk.", n, func(_ int, prefix string) bartLayer {
			return bartLayer{
				heads:         s.stackHeads(prefix+"attn_", c),
				attentionNorm: s.layerNorm(prefix+"attn_output_norm", c.Dim),
				ffn:           s.plain(prefix, c, a),
				ffnNorm:       s.layerNorm(prefix+"layer_output_norm", c.Dim),
			}
		}),
	}
}

func (s *source) bartActivation() Activation {
	switch name := s.textOr("hidden_activation", "gelu"); name {
	case "gelu":
		return GELU
	case "relu":
		return ReLU
	default:
		s.fail("%shidden_activation is %q: gelu and relu are supported", s.prefix, name)
		return GELU
	}
}

func (m *bart) write(p *Program) {
	// 1. Source texts that have not been read yet are.
	p.read(func() { m.encode(p) })
	// 2. The answers go on.
	m.decode(p)
}

func (m *bart) encode(p *Program) {
	m.begin(p, &m.encoder)
	for i := range m.encoder.layers {
		w := &m.encoder.layers[i]
		p.attendAll(Residual, 0, &w.heads, &m.encoder.look)
		p.addNormed(Projected, &w.attentionNorm)
		p.feedForward(Residual, &w.ffn)
		p.addNormed(Projected, &w.ffnNorm)
	}
	for i := range m.decoder.layers {
		p.remember(Residual, i, &m.decoder.layers[i].crossHeads)
	}
}

func (m *bart) decode(p *Program) {
	m.begin(p, &m.decoder)
	for i := range m.decoder.layers {
		w := &m.decoder.layers[i]
		p.attendAll(Residual, i, &w.heads, &m.decoder.look)
		p.addNormed(Projected, &w.attentionNorm)
		p.consult(Residual, i, &w.crossHeads, &m.source)
		p.addNormed(Projected, &w.crossNorm)
		p.feedForward(Residual, &w.ffn)
		p.addNormed(Projected, &w.ffnNorm)
	}
	p.predict(Residual, &m.head)
}

// begin makes the rows' vectors from tokens and positions.
func (m *bart) begin(p *Program, s *bartStack) {
	p.embed(&m.embedding)
	if m.scale != 1 {
		p.scale(Residual, m.scale)
	}
	p.addPositions(&s.positions)
	p.normalize(Residual, Residual, &s.norm)
}
