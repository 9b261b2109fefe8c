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
//     and the pages for its prompt and the longest answer it may get can be set
//     aside. A sequence that runs therefore never lacks a page. Nobody overtakes
//     a request that waits for pages.
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
		e.mu.Lock()
		e.dismiss()
		e.admit()
		e.plan()
		over := e.over
		e.mu.Unlock()
		if len(e.batch) > 0 {
			return true
		}
		if over {
			return false
		}
		<-e.wake
	}
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

// admit lets waiting requests run.
func (e *Engine) admit() {
	for len(e.waiting) > 0 && len(e.slots) > 0 && e.reserve(e.waiting[0]) {
		s := e.waiting[0]
		e.waiting = slices.Delete(e.waiting, 0, 1)
		e.running = append(e.running, s)
	}
}

// reserve gives a request a slot and the pages that it may come to need; false
// if it has to wait.
func (e *Engine) reserve(s *sequence) bool {
	slot := e.slots[len(e.slots)-1]
	s.known = append(slices.Grow(slot.known[:0], s.limit), s.Prompt...)
	s.pages = slices.Grow(slot.pages[:0], s.mostPages())
	slot.known, slot.pages = s.known, s.pages // with the room that they have now
	s.adopt(e.pages)
	if !s.promise(e.pages) {
		s.release(e.pages)
		s.stored, s.linked, s.cached = 0, 0, 0
		return false
	}
	s.copyPart(e.pages, e.kv)
	s.slot, s.admitted = slot, time.Now()
	e.slots = e.slots[:len(e.slots)-1]
	e.promptTokens += uint64(s.asked())
	e.admitted++
	e.queued.since(s.arrived, s.admitted)
	s.prepare()
	return true
}

// plan fills batch with the parts of the next pass.
func (e *Engine) plan() {
	e.batch, e.members = e.batch[:0], e.members[:0]
	rows := e.options.Rows
	for _, s := range e.running {
		if !s.decoding() {
			continue
		}
		rows = e.options.Chunk
		if len(s.tokens) < cap(s.tokens) { // its reader keeps up
			e.join(s, 1)
		}
	}
	sources, decode := e.options.Rows, len(e.batch) > 0
	rows = min(rows, e.options.Rows-len(e.batch))
	for _, s := range e.running {
		if s.decoding() || rows == 0 {
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
		e.join(s, n)
		rows -= n
	}
}

// join adds a sequence's next n tokens to the batch.
func (e *Engine) join(s *sequence, n int) {
	s.grow(e.pages, s.stored+n)
	e.batch = append(e.batch, s.share(n))
	e.members = append(e.members, s)
}

// follow takes over what others have computed of a prompt: whole pages from the
// tree, and the one that another sequence is still writing to by copying it.
func (e *Engine) follow(s *sequence) {
	for s.adopt(e.pages); ; s.adopt(e.pages) {
		other := e.ahead(s)
		if other == nil {
			return
		}
		s.copyFrom(other, e.pages, e.kv)
	}
}

// ahead is the sequence that has computed the most of what one wants next, nil
// if none has computed more.
func (e *Engine) ahead(s *sequence) (best *sequence) {
	most := s.stored
	for _, other := range e.running {
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
		if !other.decoding() && q.Position+len(q.Tokens) > s.stored && commonPrefix(other.Prompt, wanted) >= end {
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
		s.stored += len(q.Tokens)
		s.link(e.pages)
		switch {
		case s.encodes:
			e.end(s, "", nil)
		case q.Logits != nil:
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
	if s.decoding() {
		e.interToken.since(s.latest, now)
	} else {
		s.first = now
		e.firstToken.since(s.arrived, now)
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
