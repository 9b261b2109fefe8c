package model

import "fmt"

// batch lays the tokens of several sequences out as rows: projections treat
// all rows alike, only attention looks at whose they are.
type batch struct {
	limits   Limits
	vocab    int
	pages    int // of the KV
	tileRows int
	rows     []row
	tiles    []tile
	last     []int     // the last row of every sequence that wants logits
	room     []float32 // [Sequences][Vocab] for the logits of several sequences
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
}

// end is how many positions the last row looks back at, its own included.
func (t *tile) end() int { return t.position + t.rows }

// segments is how many of them the positions take that the tile sees.
func (t *tile) segments(how *look) int {
	return (t.end()+segmentTokens-1)/segmentTokens - how.first(t.position)/segmentTokens
}

func newBatch(c Config, limits Limits, kv *pagedKV) *batch {
	b := &batch{
		limits:   limits,
		vocab:    c.Vocab,
		pages:    kv.Pages(),
		tileRows: tileRows(c),
		rows:     make([]row, 0, limits.Rows),
		tiles:    make([]tile, 0, limits.Rows),
		last:     make([]int, 0, limits.Sequences),
	}
	if limits.Sequences > 1 {
		b.room = make([]float32, limits.Sequences*c.Vocab)
	}
	return b
}

// fill replaces the rows; sequences that break a limit are refused before
// anything is computed.
func (b *batch) fill(sequences []Sequence) error {
	b.rows, b.tiles, b.last = b.rows[:0], b.tiles[:0], b.last[:0]
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

func (b *batch) append(s *Sequence) error {
	end := s.Position + len(s.Tokens)
	switch most := min(len(s.Pages)*PageTokens, b.limits.Context); {
	case len(s.Tokens) == 0:
		return fmt.Errorf("no tokens")
	case len(b.rows)+len(s.Tokens) > b.limits.Rows:
		return fmt.Errorf("%d tokens do not fit into what is left of %d rows", len(s.Tokens), b.limits.Rows)
	case s.Position < 0 || end > most:
		return fmt.Errorf("positions %d to %d are beyond the %d of the pages or the context", s.Position, end-1, most)
	case s.Logits != nil && len(s.Logits) != b.vocab:
		return fmt.Errorf("room for %d logits, but the vocabulary has %d", len(s.Logits), b.vocab)
	}
	for _, page := range s.Pages {
		if page < 0 || int(page) >= b.pages {
			return fmt.Errorf("page %d is not one of the cache's %d", page, b.pages)
		}
	}
	for i := 0; i < len(s.Tokens); i += b.tileRows {
		n := min(b.tileRows, len(s.Tokens)-i)
		b.tiles = append(b.tiles, tile{first: len(b.rows) + i, rows: n, position: s.Position + i, pages: s.Pages})
	}
	for i, token := range s.Tokens {
		if token < 0 || int(token) >= b.vocab {
			return fmt.Errorf("token %d is not one of the vocabulary of %d", token, b.vocab)
		}
		b.rows = append(b.rows, row{position: s.Position + i, token: token})
	}
	if s.Logits != nil {
		b.last = append(b.last, len(b.rows)-1)
	}
	return nil
}

// logits is where the products of the wanted rows go, nil if none is wanted. A
// single one goes straight to its sequence.
func (b *batch) logits(sequences []Sequence) []float32 {
	switch len(b.last) {
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
	if len(b.last) < 2 {
		return
	}
	from := b.room
	for _, s := range sequences {
		if s.Logits != nil {
			copy(s.Logits, from[:b.vocab])
			from = from[b.vocab:]
		}
	}
}
