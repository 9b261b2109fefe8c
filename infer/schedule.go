package infer

import (
	"errors"
	"runtime"
	"slices"
	"time"

	"github.com/a472be26/cusp/infer/model"
)

// schedule decides who takes part in a pass. Requests join and leave between any
// two passes:
//
//   - A waiting request is admitted, in the order of arrival, when a slot is free
//     and the pages for its prompt can be set aside; see admission.go. Nobody
//     overtakes a request that waits for pages.
//   - A sequence takes further pages as it grows. When they run short the newest
//     one goes back to the head of the queue, and on from there later, so that
//     the oldest one always gets on.
//   - Every pass takes one token of each sequence that decodes, and fills up with
//     tokens of prompts, of the longest admitted one first. While any sequence
//     decodes, all prompts together get Options.Chunk tokens of a pass, so that
//     no stream waits for longer than that; else they get Options.Rows.
//   - A text for an encoder is not cut: it runs in one pass. With an
//     encoder-decoder that is one text in a pass while others decode.
//   - What two prompts have in common is computed for the first of them alone;
//     the other waits for it. Of a prompt that is known, only the last token is
//     run, since it gives logits.
//
// Its fields belong to the goroutine of serve, but for those that are guarded by
// Engine.mu.
type schedule struct {
	batch    []model.Sequence
	members  []*sequence // whose parts batch holds
	sampling []*sequence // those of them that got logits
	one      func(int)   // samples for one of them; bound once, so that a pass does not allocate

	running []*sequence // admitted, in that order; guarded by Engine.mu
	waiting []*sequence // in the order of arrival; guarded by Engine.mu
	aside   []*sequence // pages being read or written from outside; guarded by Engine.mu
	slots   []*slot     // that nobody uses; guarded by Engine.mu
}

// serve runs one forward pass after another until the engine is closed. Without
// requests it sleeps.
func (e *Engine) serve() {
	defer close(e.served)
	e.one = func(i int) { e.sampling[i].sample() }
	for e.prepare() {
		err := e.runner.Forward(e.batch)
		e.account(err)
		e.runner.Spread(len(e.sampling), e.one)
		e.deliver()
		runtime.Gosched() // readers see a token before the next pass has the processors
	}
}

// prepare waits until there is something for a pass to do and sets batch to it.
// It returns false when there will be nothing any more.
func (e *Engine) prepare() bool {
	for {
		over := e.begin()
		if len(e.batch) > 0 {
			return true
		}
		if over {
			return false
		}
		<-e.wake
	}
}

// begin sets batch to what there is for a pass to do, and tells whether there
// will be nothing any more.
func (e *Engine) begin() (over bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.dismiss()
	e.admit()
	e.plan()
	return e.over
}

// dismiss ends the sequences whose callers have left.
func (e *Engine) dismiss() {
	for _, s := range e.running {
		if s.gone {
			e.end(s, "", nil)
		}
	}
	e.running = slices.DeleteFunc(e.running, ended)
}

// ended tells whether a sequence that ran runs no more.
func ended(s *sequence) bool { return s.slot == nil }

// plan sets batch to the parts of the next pass. The oldest sequence is never
// preempted: if it lacks a page, somebody reads or writes pages from outside, who
// will say when that is over.
func (e *Engine) plan() {
	for !e.fill() && len(e.running) > 1 {
		e.preempt()
	}
}

// fill fills batch; false if there was no page for the next token of a sequence.
func (e *Engine) fill() bool {
	e.batch, e.members = e.batch[:0], e.members[:0]
	rows := e.options.Rows
	for _, s := range e.running {
		if !s.decoding() {
			continue
		}
		rows = e.options.Chunk
		if s.stalled() {
			continue
		}
		if !s.grow(e.pages, s.stored+1) {
			return false
		}
		e.join(s, 1)
	}
	sources, decode := e.options.Rows, len(e.batch) > 0
	rows = min(rows, e.options.Rows-len(e.batch))
	for _, s := range e.running {
		if s.decoding() || s.stalled() || rows == 0 {
			continue
		}
		e.follow(s)
		if e.comes(s) {
			continue
		}
		n := s.chunk(rows)
		if n == 0 || s.sourceRows() > sources {
			continue
		}
		if sources -= s.sourceRows(); decode && s.source != nil {
			sources = 0
		}
		if !s.grow(e.pages, s.stored+n) {
			return false
		}
		e.join(s, n)
		rows -= n
	}
	return true
}

// join adds a sequence's next n tokens to the batch.
func (e *Engine) join(s *sequence, n int) {
	e.batch = append(e.batch, s.share(n))
	e.members = append(e.members, s)
}

// follow takes over what others have computed of a prompt: whole pages from the
// tree, and the one that another sequence is still writing to by copying it.
func (e *Engine) follow(s *sequence) {
	for s.adopt(e.pages); ; s.adopt(e.pages) {
		other := e.ahead(s)
		if other == nil || !s.copyFrom(other, e.pages, e.kv) {
			return
		}
	}
}

// ahead is the sequence that has computed the most of what one wants next, nil
// if none has computed more and still has it.
func (e *Engine) ahead(s *sequence) (best *sequence) {
	most := s.stored
	for _, other := range e.running {
		if s.stored/model.PageTokens < other.passed {
			continue
		}
		if same := commonPrefix(other.known[:other.stored], s.wanted()); other != s && same > most {
			best, most = other, same
		}
	}
	return best
}

// comes tells whether this pass goes on with computing for another sequence what
// this one wants next, so that it can be taken over: the rest of a page, or all
// that is left.
func (e *Engine) comes(s *sequence) bool {
	wanted := s.wanted()
	end := min((s.stored/model.PageTokens+1)*model.PageTokens, len(wanted))
	if end <= s.stored {
		return false
	}
	for i, other := range e.members {
		q := &e.batch[i]
		if !other.decoding() && q.Position+len(q.Tokens) > s.stored && commonPrefix(other.known, wanted) >= end {
			return true
		}
	}
	return false
}

// account notes what a pass has done, or that it failed.
func (e *Engine) account(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sampling = e.sampling[:0]
	e.passes++
	e.batchSize.observe(float64(len(e.members)))
	for i, s := range e.members {
		if err != nil {
			e.end(s, "", err)
			continue
		}
		q := &e.batch[i]
		e.rows += uint64(len(q.Tokens) + s.sourceRows())
		e.recomputed += uint64(s.again(len(q.Tokens)))
		s.stored += len(q.Tokens)
		s.link(e.pages)
		switch {
		case s.encodes:
			e.end(s, "", nil)
		case q.Answered():
			e.sampling = append(e.sampling, s)
		}
	}
	if errors.Is(err, model.ErrLost) {
		e.lose(err)
	}
	e.running = slices.DeleteFunc(e.running, ended)
}

// deliver hands out the tokens that were sampled.
func (e *Engine) deliver() {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	for _, s := range e.sampling {
		c := s.choice
		switch {
		case s.failure != nil:
			e.end(s, "", s.failure)
			continue
		case slices.Contains(s.Stop, c.ID):
			e.end(s, FinishStop, nil)
			continue
		}
		e.clock(s, now)
		s.known = append(s.known, c.ID)
		s.tokens <- Token{ID: c.ID, LogProb: c.LogProb, Margin: c.Margin, Top: s.top()} // has room: see plan
		if len(s.known) == s.limit {
			e.end(s, FinishLength, nil)
		}
	}
	e.running = slices.DeleteFunc(e.running, ended)
}

// clock notes that a sequence gets its next token now.
func (e *Engine) clock(s *sequence, now time.Time) {
	if s.first.IsZero() {
		s.first = now
		e.firstToken.since(s.arrived, now)
	} else {
		e.interToken.since(s.latest, now)
	}
	s.latest = now
	e.generated++
	e.recent.add(now)
}

// end takes everything from a sequence and tells its reader, if there is one.
func (e *Engine) end(s *sequence, finish string, err error) {
	e.cachedTokens += uint64(s.cached)
	if s.cached > 0 {
		e.hits++
	}
	s.release(e.pages)
	e.slots = append(e.slots, s.slot)
	s.slot = nil
	s.finish, s.err = finish, err
	close(s.tokens)
}
