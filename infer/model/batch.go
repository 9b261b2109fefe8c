package model

import "fmt"

// Batch lays the tokens of several sequences out as rows: projections treat
// all rows alike, only attention looks at whose they are.
type Batch struct {
	Rows    []Row
	Answers []int // the row of every sequence that wants logits or leaders from which they come: its last, an encoder's first

	MostLeaders int // of a sequence, for a Runner that is Leading

	limits   Limits
	config   Config
	pages    int // of the KV
	tileRows int
	tiles    []tile
}

// Row is one token of a batch.
type Row struct {
	Sequence int // of the batch, by index
	Position int
	Token    int32
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
func (t *tile) end(how *Look) int {
	switch how.Sees {
	case Whole:
		return t.all
	case Across:
		return t.sourceTokens
	}
	return t.position + t.rows
}

// seen are the pages in which they lie.
func (t *tile) seen(how *Look) []int32 {
	if how.Sees == Across {
		return t.source
	}
	return t.pages
}

// segments is how many segments the positions take that the tile sees.
func (t *tile) segments(how *Look) int {
	return (t.end(how)+segmentTokens-1)/segmentTokens - how.First(t.position)/segmentTokens
}

// NewBatch makes room for batches within the limits, on a KV of some pages.
func NewBatch(c Config, limits Limits, pages int) *Batch {
	return &Batch{
		limits:   limits,
		config:   c,
		pages:    pages,
		tileRows: tileRows(c),
		Rows:     make([]Row, 0, limits.Rows),
		tiles:    make([]tile, 0, limits.Rows),
		Answers:  make([]int, 0, limits.Sequences),
	}
}

// Fill replaces the rows; sequences that break a limit are refused before
// anything is computed.
func (b *Batch) Fill(sequences []Sequence) error {
	b.Rows, b.tiles, b.Answers = b.Rows[:0], b.tiles[:0], b.Answers[:0]
	if len(sequences) > b.limits.Sequences {
		return fmt.Errorf("batch of %d sequences: the runner takes %d", len(sequences), b.limits.Sequences)
	}
	for i := range sequences {
		if err := b.append(i, &sequences[i]); err != nil {
			return fmt.Errorf("sequence %d: %w", i, err)
		}
	}
	return nil
}

// NewSources is a batch of what the sequences of an encoder-decoder answer:
// texts for the encoder.
func NewSources(c Config, limits Limits, pages int) *Batch {
	c.Kind = Encoder
	c.Labels = 0
	return NewBatch(c, limits, pages)
}

// FillSources replaces the rows by the source texts of the sequences that begin.
func (b *Batch) FillSources(sequences []Sequence) error {
	b.Rows, b.tiles, b.Answers = b.Rows[:0], b.tiles[:0], b.Answers[:0]
	for i := range sequences {
		s := &sequences[i]
		if s.Position > 0 {
			continue
		}
		if err := b.append(i, &Sequence{Pages: s.SourcePages, Tokens: s.Source}); err != nil {
			return fmt.Errorf("sequence %d: source text: %w", i, err)
		}
	}
	return nil
}

func (b *Batch) append(index int, s *Sequence) error {
	if err := b.check(s); err != nil {
		return err
	}
	first := len(b.Rows)
	for i := 0; i < len(s.Tokens); i += b.tileRows {
		b.tiles = append(b.tiles, tile{
			first: first + i, rows: min(b.tileRows, len(s.Tokens)-i), position: s.Position + i, pages: s.Pages,
			all: s.Position + len(s.Tokens), source: s.SourcePages, sourceTokens: len(s.Source),
		})
	}
	for i, token := range s.Tokens {
		b.Rows = append(b.Rows, Row{Sequence: index, Position: s.Position + i, Token: token})
	}
	switch {
	case !s.Answered():
	case b.config.Kind == Encoder:
		b.Answers = append(b.Answers, first)
	default:
		b.Answers = append(b.Answers, len(b.Rows)-1)
	}
	return nil
}

func (b *Batch) check(s *Sequence) error {
	end := s.Position + len(s.Tokens)
	switch {
	case len(s.Tokens) == 0:
		return fmt.Errorf("no tokens")
	case len(b.Rows)+len(s.Tokens) > b.limits.Rows:
		return fmt.Errorf("%d tokens do not fit into what is left of %d rows", len(s.Tokens), b.limits.Rows)
	case s.Position < 0:
		return fmt.Errorf("position %d is negative", s.Position)
	case s.Logits != nil && len(s.Logits) != b.config.Outputs():
		return fmt.Errorf("room for %d logits, but the model gives %d", len(s.Logits), b.config.Outputs())
	}
	if err := b.checkLeaders(s); err != nil {
		return err
	}
	if err := b.checkKind(s); err != nil {
		return err
	}
	if err := b.checkPages(s.Pages, end); err != nil {
		return err
	}
	return b.checkTokens(s.Tokens)
}

func (b *Batch) checkLeaders(s *Sequence) error {
	if s.Leaders == nil {
		return nil
	}
	n, most := len(s.Leaders.IDs), min(b.MostLeaders, b.config.Vocab)
	switch {
	case s.Logits != nil:
		return fmt.Errorf("both logits and their leaders are asked for")
	case n < 1 || n > most:
		return fmt.Errorf("%d leaders are asked for, not between 1 and the %d that the runner gives", n, most)
	case len(s.Leaders.Logits) != n:
		return fmt.Errorf("room for the logits of %d leaders of %d", len(s.Leaders.Logits), n)
	}
	return nil
}

// checkKind checks what only some kinds of models have.
func (b *Batch) checkKind(s *Sequence) error {
	encodes := b.config.Kind == Encoder
	switch {
	case encodes && s.Position != 0:
		return fmt.Errorf("position %d: an encoder takes a text in one pass, since every token looks at all others", s.Position)
	case s.Hidden != nil && !encodes && !b.config.Gives:
		return fmt.Errorf("hidden states are asked for, but the model is no encoder")
	case s.Hidden != nil && len(s.Hidden) != len(s.Tokens)*b.config.Dim:
		return fmt.Errorf("room for %d values of hidden states, but %d tokens have %d", len(s.Hidden), len(s.Tokens), len(s.Tokens)*b.config.Dim)
	case b.config.Takes && len(s.Input) != len(s.Tokens)*b.config.Dim:
		return fmt.Errorf("%d values of what was computed before, but %d tokens have %d", len(s.Input), len(s.Tokens), len(s.Tokens)*b.config.Dim)
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
func (b *Batch) checkPages(pages []int32, positions int) error {
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

func (b *Batch) checkTokens(tokens []int32) error {
	for _, token := range tokens {
		if token < 0 || int(token) >= b.config.Vocab {
			return fmt.Errorf("token %d is not one of the vocabulary of %d", token, b.config.Vocab)
		}
	}
	return nil
}
