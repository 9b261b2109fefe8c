package infer

import (
	"fmt"

	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/sample"
)

// session is one sequence: its cache, which outlives a request so that the next
// one with the same beginning starts later, and what the token loop needs.
type session struct {
	busy bool   // guarded by Engine.mu
	used uint64 // Engine.clock when it was last acquired; guarded by Engine.mu

	// The rest belongs to the goroutine that acquired the session, and during
	// a forward pass, between run and done, to the scheduler.
	pages   []int32 // its own, for the whole context
	tokens  []int32 // those the cache holds, from position 0
	pending []int32 // those the next passes have to add
	logits  []float32
	sampler *sample.Sampler
	done    chan error // one value for every pass asked for
}

func newSession(m model.Model, context, firstPage, pages int) *session {
	s := &session{
		pages:   make([]int32, pages),
		tokens:  make([]int32, 0, context),
		pending: make([]int32, 0, context),
		logits:  make([]float32, m.Config().Vocab),
		sampler: sample.New(m.Config().Vocab),
		done:    make(chan error, 1),
	}
	for i := range s.pages {
		s.pages[i] = int32(firstPage + i)
	}
	return s
}

// shared is the length of the common beginning of the cached tokens and the
// prompt, whose last token always has to run to give logits.
func (s *session) shared(prompt []int32) int {
	n := 0
	for n < len(s.tokens) && n < len(prompt)-1 && s.tokens[n] == prompt[n] {
		n++
	}
	return n
}

// next is the session's share of a forward pass of at most rows tokens. Only
// the last pending token asks for logits.
func (s *session) next(rows int) model.Sequence {
	n := min(rows, len(s.pending))
	q := model.Sequence{Pages: s.pages, Position: len(s.tokens), Tokens: s.pending[:n]}
	if n == len(s.pending) {
		q.Logits = s.logits
	}
	return q
}

// advance notes that the first n pending tokens are in the cache.
func (s *session) advance(n int) {
	s.tokens = append(s.tokens, s.pending[:n]...)
	s.pending = s.pending[:copy(s.pending, s.pending[n:])]
}

// sampleOne chooses a token from the logits of the last pass.
func (s *session) sampleOne() (Token, error) {
	c, err := s.sampler.Sample(s.logits)
	if err != nil {
		return Token{}, fmt.Errorf("infer: position %d: %w", len(s.tokens), err)
	}
	s.sampler.Accept(c.ID)
	return Token{ID: c.ID, LogProb: c.LogProb, Margin: c.Margin}, nil
}
