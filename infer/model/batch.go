package model

import "fmt"

// batch lays the tokens of several sequences out as rows: projections treat
// all rows alike, only attention looks at whose they are.
type batch struct {
	limits   Limits
	config   Config
	pages    int // of the KV
	tileRows int
	rows     []row
	tiles    []tile
	answers  []int     // the row of every sequence that wants logits from which they come: its last, an encoder's first
	room     []float32 // [Sequences][outputs] for the logits of several sequences
}

// row is one token of a batch.
type row struct {
	position int
	token    int32
}

// tile is some consecutive rows of one sequence.
type tile struct {
	first, rows int
	position    int     // of the first row
	pages       []int32 // of the sequence
	all         int     // positions of the sequence, those of this pass included

	source       []int32 // pages of the text that the sequence answers
	sourceTokens int
}

// end is how many positions the last row sees.
func (t *tile) end(how *look) int {
	switch how.sees {
	case whole:
		return t.all
	case across:
		return t.sourceTokens
	}
	return t.position + t.rows
}

// seen are the pages in which they lie.
func (t *tile) seen(how *look) []int32 {
	if how.sees == across {
		return t.source
	}
	return t.pages
}

// segments is how many segments the positions take that the tile sees.
func (t *tile) segments(how *look) int {
	return (t.end(how)+segmentTokens-1)/segmentTokens - how.first(t.position)/segmentTokens
}

func newBatch(c Config, limits Limits, kv *pagedKV) *batch {
	b := &batch{
		limits:   limits,
		config:   c,
		pages:    kv.Pages(),
		tileRows: tileRows(c),
		rows:     make([]row, 0, limits.Rows),
		tiles:    make([]tile, 0, limits.Rows),
		answers:  make([]int, 0, limits.Sequences),
	}
	if limits.Sequences > 1 {
		b.room = make([]float32, limits.Sequences*c.outputs())
	}
	return b
}

// fill replaces the rows; sequences that break a limit are refused before
// anything is computed.
func (b *batch) fill(sequences []Sequence) error {
	b.rows, b.tiles, b.answers = b.rows[:0], b.tiles[:0], b.answers[:0]
	if len(sequences) > b.limits.Sequences {
		return fmt.Errorf("batch of %d sequences: the runner takes %d", len(sequences), b.limits.Sequences)
	}
	for i := range sequences {
		if err := b.append(&sequences[i]); err != nil {
			return fmt.Errorf("sequence %d: %w", i, err)
		}
	}
	return nil
}

// newSources is a batch of what the sequences of an encoder-decoder answer:
// texts for the encoder.
func newSources(c Config, limits Limits, kv *pagedKV) *batch {
	c.Kind = Encoder
	c.Labels = 0
	return newBatch(c, limits, kv)
}

// fillSources replaces the rows by the source texts of the sequences that begin.
func (b *batch) fillSources(sequences []Sequence) error {
	b.rows, b.tiles, b.answers = b.rows[:0], b.tiles[:0], b.answers[:0]
	for i := range sequences {
		s := &sequences[i]
		if s.Position > 0 {
			continue
		}
		if err := b.append(&Sequence{Pages: s.SourcePages, Tokens: s.Source}); err != nil {
			return fmt.Errorf("sequence %d: source text: %w", i, err)
		}
	}
	return nil
}

func (b *batch) append(s *Sequence) error {
	if err := b.check(s); err != nil {
		return err
	}
	first := len(b.rows)
	for i := 0; i < len(s.Tokens); i += b.tileRows {
		b.tiles = append(b.tiles, tile{
			first: first + i, rows: min(b.tileRows, len(s.Tokens)-i), position: s.Position + i, pages: s.Pages,
			all: s.Position + len(s.Tokens), source: s.SourcePages, sourceTokens: len(s.Source),
		})
	}
	for i, token := range s.Tokens {
		b.rows = append(b.rows, row{position: s.Position + i, token: token})
	}
	switch {
	case s.Logits == nil:
	case b.config.Kind == Encoder:
		b.answers = append(b.answers, first)
	default:
		b.answers = append(b.answers, len(b.rows)-1)
	}
	return nil
}

func (b *batch) check(s *Sequence) error {
	end := s.Position + len(s.Tokens)
	switch {
	case len(s.Tokens) == 0:
		return fmt.Errorf("no tokens")
	case len(b.rows)+len(s.Tokens) > b.limits.Rows:
		return fmt.Errorf("%d tokens do not fit into what is left of %d rows", len(s.Tokens), b.limits.Rows)
	case s.Position < 0:
		return fmt.Errorf("position %d is negative", s.Position)
	case s.Logits != nil && len(s.Logits) != b.config.outputs():
		return fmt.Errorf("room for %d logits, but the model gives %d", len(s.Logits), b.config.outputs())
	}
	if err := b.checkKind(s); err != nil {
		return err
	}
	if err := b.checkPages(s.Pages, end); err != nil {
		return err
	}
	return b.checkTokens(s.Tokens)
}

// checkKind checks what only some kinds of models have.
func (b *batch) checkKind(s *Sequence) error {
	encodes := b.config.Kind == Encoder
	switch {
	case encodes && s.Position != 0:
		return fmt.Errorf("position %d: an encoder takes a text in one pass, since every token looks at all others", s.Position)
	case s.Hidden != nil && !encodes:
		return fmt.Errorf("hidden states are asked for, but the model is no encoder")
	case s.Hidden != nil && len(s.Hidden) != len(s.Tokens)*b.config.Dim:
		return fmt.Errorf("room for %d values of hidden states, but %d tokens have %d", len(s.Hidden), len(s.Tokens), len(s.Tokens)*b.config.Dim)
	case b.config.Kind != EncoderDecoder && s.Source != nil:
		return fmt.Errorf("a source text, but the model has no encoder for one")
	case b.config.Kind == EncoderDecoder && len(s.Source) == 0:
		return fmt.Errorf("no source text")
	}
	if err := b.checkPages(s.SourcePages, len(s.Source)); err != nil {
		return fmt.Errorf("source text: %w", err)
	}
	return nil
}

// checkPages checks that some positions lie in pages of the cache.
func (b *batch) checkPages(pages []int32, positions int) error {
	if most := min(len(pages)*PageTokens, b.limits.Context); positions > most {
		return fmt.Errorf("%d positions are beyond the %d of the pages or the context", positions, most)
	}
	for _, page := range pages {
		if page < 0 || int(page) >= b.pages {
			return fmt.Errorf("page %d is not one of the cache's %d", page, b.pages)
		}
	}
	return nil
}

func (b *batch) checkTokens(tokens []int32) error {
	for _, token := range tokens {
		if token < 0 || int(token) >= b.config.Vocab {
			return fmt.Errorf("token %d is not one of the vocabulary of %d", token, b.config.Vocab)
		}
	}
	return nil
}

// logits is where the products of the wanted rows go, nil if none is wanted. A
// single one goes straight to its sequence.
func (b *batch) logits(sequences []Sequence) []float32 {
	switch len(b.answers) {
	case 0:
		return nil
	case 1:
		for _, s := range sequences {
			if s.Logits != nil {
				return s.Logits
			}
		}
	}
	return b.room
}

// deliver copies the logits of several sequences to where they are wanted.
func (b *batch) deliver(sequences []Sequence) {
	if len(b.answers) < 2 {
		return
	}
	from := b.room
	for _, s := range sequences {
		if s.Logits != nil {
			from = from[copy(s.Logits, from):]
		}
	}
}
