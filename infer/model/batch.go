package model

import "fmt"

// batch lays the tokens of several sequences out as rows: projections treat
// all rows alike, only attention looks at whose they are.
type batch struct {
	limits Limits
	vocab  int
	rows   []row
	last   []int     // the last row of every sequence that wants logits
	room   []float32 // [Sequences][Vocab] for the logits of several sequences
}

// row is one token of a batch.
type row struct {
	cache    *kvCache
	position int
	token    int32
}

func newBatch(limits Limits, vocab int) *batch {
	b := &batch{
		limits: limits,
		vocab:  vocab,
		rows:   make([]row, 0, limits.Rows),
		last:   make([]int, 0, limits.Sequences),
	}
	if limits.Sequences > 1 {
		b.room = make([]float32, limits.Sequences*vocab)
	}
	return b
}

// fill replaces the rows; sequences that break a limit are refused before
// anything is computed.
func (b *batch) fill(sequences []Sequence) error {
	b.rows, b.last = b.rows[:0], b.last[:0]
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
	cache, ok := s.Cache.(*kvCache)
	if !ok {
		return fmt.Errorf("cache of type %T was not made by this model", s.Cache)
	}
	end := s.Position + len(s.Tokens)
	switch most := min(cache.capacity, b.limits.Context); {
	case len(s.Tokens) == 0:
		return fmt.Errorf("no tokens")
	case len(b.rows)+len(s.Tokens) > b.limits.Rows:
		return fmt.Errorf("%d tokens do not fit into what is left of %d rows", len(s.Tokens), b.limits.Rows)
	case s.Position < 0 || end > most:
		return fmt.Errorf("positions %d to %d are beyond the %d of the cache", s.Position, end-1, most)
	case s.Logits != nil && len(s.Logits) != b.vocab:
		return fmt.Errorf("room for %d logits, but the vocabulary has %d", len(s.Logits), b.vocab)
	}
	for i, token := range s.Tokens {
		if token < 0 || int(token) >= b.vocab {
			return fmt.Errorf("token %d is not one of the vocabulary of %d", token, b.vocab)
		}
		b.rows = append(b.rows, row{cache: cache, position: s.Position + i, token: token})
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
