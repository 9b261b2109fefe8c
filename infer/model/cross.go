package model

// The programs of encoder-decoders. The pages of a source text hold for every
// layer of the decoder the keys and values of the encoded text, which the rows
// of the answer look at. While the encoder runs, its own layers use the place of
// layer 0 in them, one after the other.

// remember keeps what a layer of the decoder sees of the encoded rows of x.
func (p *Program) remember(x Buffer, layer int, h *heads) {
	p.multiply(x, into(Keys, &h.key), into(Values, &h.value))
	p.do(&Store{layer, &plain})
}

// plain is a look without rotation.
var plain Look

// consult sets projected to what a layer makes of the source text for the rows
// of x. In the last layer only the rows whose logits are wanted are left; see
// narrow.
func (p *Program) consult(x Buffer, layer int, h *heads, l *Look) {
	p.multiply(x, into(Queries, &h.query))
	p.do(&Attend{layer, l})
	if layer == p.Config.Layers-1 {
		p.narrow()
	}
	p.multiply(Mixed, into(Projected, &h.output))
}

// encoderDecoder reads the shape of a model with two stacks of layers: Config's
// layers are the decoder's. The second result is the number of the encoder's.
func (s *source) encoderDecoder() (Config, int) {
	c := s.config()
	encoders := c.Layers
	c.Layers = s.sizeOr("decoder_block_count", c.Layers)
	c.RopeDim = 0
	c.Kind = EncoderDecoder
	start := s.countOr("decoder_start_token_id", 0)
	if s.err == nil && start >= c.Vocab {
		s.fail("%sdecoder_start_token_id is %d, but the vocabulary has %d tokens", s.prefix, start, c.Vocab)
	}
	c.Start = int32(start)
	return c, encoders
}

// stackHeads binds the four matrices whose names begin so, as T5's files have
// them.
func (s *source) stackHeads(name string, c Config) heads {
	q, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	return heads{
		query:  s.linear(name+"q", q, c.Dim),
		key:    s.linear(name+"k", kv, c.Dim),
		value:  s.linear(name+"v", kv, c.Dim),
		output: s.linear(name+"o", c.Dim, q),
	}
}
