package model

// bert is the BERT architecture (arXiv 1810.04805), an encoder: learned
// positions, layer norms behind each half of a layer and behind the embedding,
// biases everywhere, an exact GELU. It gives hidden states, and scores of classes
// if there is a head for them. All tokens are of the first type ("sentence A"),
// as llama.cpp has it. RoBERTa is the same, the rows of its positions that are
// never used left out of the file. Tensor names are those of llama.cpp.
type bert struct {
	embedding Matrix    // [Vocab][Dim]
	kind      []float32 // [Dim], of tokens of the first type; nil for none
	positions Matrix    // [Context][Dim]
	norm      Norm      // of the embedding
	look      Look
	layers    []bertLayer
	pooler    *Linear // [Dim][Dim], before the classes; nil for none
	classes   *Linear // [Labels][Dim], nil for none
}

type bertLayer struct {
	heads         heads
	attentionNorm Norm
	ffn           FeedForward
	ffnNorm       Norm
}

func newBERT(s *source) (Config, decoder) {
	c := s.config()
	c.RopeDim, c.Kind, c.Pooling = 0, Encoder, s.pooling()
	m := &bert{
		embedding: s.matrix("token_embd.weight", c.Vocab, c.Dim),
		kind:      s.firstRowIf("token_types", c.Dim),
		positions: s.matrix("position_embd.weight", c.Context, c.Dim),
		norm:      s.layerNorm("token_embd_norm", c.Dim),
		look:      directed(c, Whole),
	}
	m.layers = layers(s, c.Layers, func(_ int, prefix string) bertLayer {
		return bertLayer{
			heads:         s.heads(prefix, c),
			attentionNorm: s.layerNorm(prefix+"attn_output_norm", c.Dim),
			ffn:           s.plain(prefix, c, GELU),
			ffnNorm:       s.layerNorm(prefix+"layer_output_norm", c.Dim),
		}
	})
	m.classifier(s, &c)
	return c, m
}

// classifier binds the head for classes: a matrix, behind the pooler that BERT
// has and RoBERTa calls dense. Some files of BERT come without it.
func (m *bert) classifier(s *source, c *Config) {
	if !s.has("cls.output.weight") {
		return
	}
	classes := s.tall("cls.output", c.Dim)
	m.classes, c.Labels = &classes, classes.Rows
	if s.has("cls.weight") {
		pooler := s.linear("cls", c.Dim, c.Dim)
		m.pooler = &pooler
	}
}

func (m *bert) write(p *Program) {
	p.embed(&m.embedding)
	if m.kind != nil {
		p.addVector(m.kind)
	}
	p.addPositions(&m.positions)
	p.normalize(Residual, Residual, &m.norm)
	for i := range m.layers {
		w := &m.layers[i]
		p.attendAll(Residual, 0, &w.heads, &m.look)
		p.addNormed(Projected, &w.attentionNorm)
		p.feedForward(Residual, &w.ffn)
		p.addNormed(Projected, &w.ffnNorm)
	}
	p.deliverHidden()
	m.classify(p)
}

// classify scores the classes of the texts for which that is wanted, by their
// first tokens.
func (m *bert) classify(p *Program) {
	if m.classes == nil {
		return
	}
	p.narrow()
	x := Residual
	if m.pooler != nil {
		p.multiply(x, into(Normed, m.pooler))
		p.activate(Tanh, Normed, None)
		x = Normed
	}
	p.predict(x, m.classes)
}
