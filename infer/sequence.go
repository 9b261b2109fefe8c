package infer

import (
	"fmt"
	"slices"
	"time"

	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/sample"
)

// ahead is how many tokens a sequence may be in front of its reader: enough
// that a reader need not be waited for in every pass, few enough that little is
// lost when it ends the answer.
const ahead = 4

// sequence is one request on its way. The caller's goroutine reads tokens, and
// after their end finish and err; everything else is guarded by Engine.mu, and
// during a pass and the sampling after it pages, tokens and slot are the
// scheduler's.
type sequence struct {
	Request
	limit  int        // tokens of prompt and answer together
	tokens chan Token // closed at the end
	finish string
	err    error

	gone     bool // the caller waits no more
	arrived  time.Time
	admitted time.Time
	first    time.Time // when the prompt had been run
	latest   time.Time // when the latest token was handed out
	cached   int       // tokens of the prompt that were not computed
	reached  int       // tokens whose keys and values were there when the sequence was preempted last

	source []int32 // what the sequence answers, nil unless the model is an encoder-decoder

	// Of an encoder's text.
	encodes bool
	hidden  []float32 // [len(Prompt)][Dim], nil: not wanted
	scores  []float32 // [Labels], nil: not wanted

	slot     *slot   // nil before it is first in the queue, and at the end
	known    []int32 // prompt, and answer as far as it was sampled
	prefill  int     // of known, when it was admitted: they run as a prompt does
	stored   int     // of known, whose keys and values are in pages
	pages    []int32 // for the source, and then for known tokens, the last one perhaps partly filled
	linked   int     // leading pages that are in the tree, or were until it was cut
	passed   int     // leading pages that were given back, since nothing reads them any more; less than linked unless cut
	cut      bool    // a page that was given back is forgotten, so that the others are in no tree
	lost     bool    // what the pages held was lost while they were set aside
	bound    int     // pages for known tokens that it may have at the same time
	promised int     // pages that are set aside for it
	choice   sample.Choice
	failure  error // of the sampling
}

// decoding tells whether all that was known has been run.
func (s *sequence) decoding() bool { return len(s.known) > s.prefill }

// stalled tells whether the reader has to catch up before there may be a token more.
func (s *sequence) stalled() bool { return len(s.tokens) == cap(s.tokens) && !s.encodes }

// alone tells whether nothing is shared with other sequences: what the pages of
// an encoder or an encoder-decoder hold depends on more than the tokens up to
// them.
func (s *sequence) alone() bool { return s.encodes || s.source != nil }

// asked is how many tokens the caller's prompt has.
func (s *sequence) asked() int {
	if s.source != nil {
		return len(s.source)
	}
	return len(s.Prompt)
}

// sourceRows is how many rows the source takes in the next pass.
func (s *sequence) sourceRows() int {
	if s.stored > 0 {
		return 0
	}
	return len(s.source)
}

// firstPages is how many pages it takes to run what is known, and a page more if
// it may need one.
func (s *sequence) firstPages() int {
	return pagesFor(len(s.source)) + min(pagesFor(s.prefill)+1, s.bound)
}

// promise has the pages set aside that the sequence needs first and that are not
// there yet; false if that would not leave some others.
func (s *sequence) promise(p *pages, leave int) bool {
	need := max(0, s.firstPages()-(len(s.pages)-s.passed))
	if p.spare() < need+leave || !p.promise(need) {
		return false
	}
	s.promised = need
	return true
}

// mayGrow: the sequence may need pages beyond those that it has or was promised.
func (s *sequence) mayGrow() bool {
	return len(s.pages)-s.passed+s.promised < pagesFor(len(s.source))+s.bound
}

// sit settles the sequence in its slot.
func (s *sequence) sit() {
	s.known = append(slices.Grow(s.slot.known[:0], s.limit), s.Prompt...)
	s.slot.pages = slices.Grow(s.slot.pages[:0], pagesFor(len(s.source))+pagesFor(s.limit))
	s.slot.known = s.known // with the room that it has now
	if !s.encodes {
		s.slot.reset(s.Sampling, s.Prompt)
	}
}

// begin makes all that is known a prompt, of which nothing is there.
func (s *sequence) begin() {
	s.prefill, s.pages = len(s.known), s.slot.pages[:0]
}

// chunk is how many tokens of a prompt to run when there is room for some: to
// the end of a page, so that others can share it soon, or to that of the prompt.
// A text for an encoder runs as a whole, or not yet.
func (s *sequence) chunk(room int) int {
	if s.encodes {
		if len(s.Prompt) > room {
			return 0
		}
		return len(s.Prompt)
	}
	end := min(s.stored+room, s.prefill)
	if whole := end / model.PageTokens * model.PageTokens; end < s.prefill && whole > s.stored {
		end = whole
	}
	return end - s.stored
}

// parent is the page before the first one that is not in the tree.
func (s *sequence) parent(p *pages) int32 {
	if s.linked == 0 {
		return p.root()
	}
	return s.pages[s.linked-1]
}

// adopt takes over the pages that hold what would be computed next, as far as it
// is wanted.
func (s *sequence) adopt(p *pages) {
	for s.stored == len(s.pages)*model.PageTokens && s.stored+model.PageTokens <= len(s.wanted()) && !s.apart(p) {
		page := p.find(s.parent(p), s.known[s.stored:s.stored+model.PageTokens])
		if page == none || p.nodes[page].refs == 0 && s.promised == 0 && p.spare() < 1 {
			return
		}
		p.pin(page)
		s.pages = append(s.pages, page)
		s.linked++
		s.advance(model.PageTokens)
		if s.promised > 0 { // one page less has to be taken
			s.promised--
			p.promised--
		}
		s.pass(p)
	}
}

// pass gives back the pages that nothing reads any more, but for the last one in
// the tree, below which the next one is to hang.
func (s *sequence) pass(p *pages) {
	passed := p.unread(s.stored) / model.PageTokens
	if passed <= s.passed || s.slot == nil {
		return
	}
	if !s.apart(p) {
		passed = min(passed, s.linked-1)
	}
	for ; s.passed < passed; s.passed++ {
		p.unpin(s.pages[s.passed])
		p.refresh(s.pages[s.passed])
	}
}

// apart tells whether the sequence's pages are in no tree any more.
func (s *sequence) apart(p *pages) bool {
	if !s.cut && s.linked > 0 {
		s.cut = p.nodes[s.pages[s.linked-1]].filled == 0
	}
	return s.cut
}

// wanted is the part of what runs as a prompt that others may compute for it: all
// but the last token, which always has to run, since it gives logits.
func (s *sequence) wanted() []int32 {
	if s.alone() {
		return nil
	}
	return s.known[:s.prefill-1]
}

// copyFrom copies what another sequence's page holds of what would be computed
// next; false if there is no page for it. If that fills the page and it is in the
// tree, link takes it from there.
func (s *sequence) copyFrom(other *sequence, p *pages, kv model.KV) bool {
	page := s.stored / model.PageTokens
	end := min((page+1)*model.PageTokens, commonPrefix(other.known[:other.stored], s.wanted()))
	if !s.grow(p, end) {
		return false
	}
	kv.Copy(s.pages[page], other.pages[page])
	s.advance(end - s.stored)
	s.link(p)
	return true
}

// copyPart copies the page that holds the most of what would be computed next,
// of which only the common tokens are used.
func (s *sequence) copyPart(p *pages, kv model.KV) {
	if s.stored != len(s.pages)*model.PageTokens || s.apart(p) {
		return
	}
	rest := s.wanted()[s.stored:]
	from, n := p.closest(s.parent(p), rest[:min(len(rest), model.PageTokens)])
	if n == 0 {
		return
	}
	p.pin(from) // so that it is not what is forgotten for its copy
	if len(p.free)+p.idle > 0 && s.grow(p, s.stored+n) {
		kv.Copy(s.pages[len(s.pages)-1], from)
		s.advance(n)
	}
	p.unpin(from)
	p.refresh(from)
}

// advance counts tokens that were found in the cache, unless the sequence had
// them before.
func (s *sequence) advance(n int) {
	s.cached += max(0, s.stored+n-max(s.stored, s.reached))
	s.stored += n
}

// again is how many of the next n tokens were run before, the source included.
func (s *sequence) again(n int) int {
	if s.reached == 0 {
		return 0
	}
	return s.sourceRows() + min(n, max(0, s.reached-s.stored))
}

// grow takes pages for that many tokens, first those that are set aside; false if
// there are not enough.
func (s *sequence) grow(p *pages, tokens int) bool {
	s.pass(p)
	for len(s.pages) < pagesFor(len(s.source))+pagesFor(tokens) {
		if s.promised == 0 {
			if !p.promise(1) {
				return false
			}
			s.promised++
		}
		s.pages = append(s.pages, p.take())
		s.promised--
	}
	return true
}

// link puts the pages that were filled into the tree. If another sequence came
// first with the same one, that is used instead, and this one becomes free: what
// they hold is the same.
func (s *sequence) link(p *pages) {
	if s.alone() {
		return
	}
	for (s.linked+1)*model.PageTokens <= s.stored && !s.apart(p) {
		parent, own := s.parent(p), s.pages[s.linked]
		tokens := s.known[s.linked*model.PageTokens:][:model.PageTokens]
		if page := p.find(parent, tokens); page == none {
			p.link(parent, own, tokens)
		} else {
			p.pin(page)
			p.unpin(own)
			s.pages[s.linked] = page
		}
		s.linked++
	}
}

// release gives the pages back. What they hold stays in the tree, the page that
// is partly filled too.
func (s *sequence) release(p *pages) {
	if part := s.known[s.linked*model.PageTokens : s.stored]; len(part) > 0 && !s.alone() && !s.apart(p) {
		parent := s.parent(p)
		if _, n := p.closest(parent, part); n < len(part) {
			p.link(parent, s.pages[s.linked], part)
		}
	}
	for i := len(s.pages) - 1; i >= s.passed; i-- {
		p.unpin(s.pages[i])
	}
	if s.passed > 0 && !s.cut {
		p.refresh(s.pages[s.passed])
	}
	p.promised -= s.promised
	s.promised, s.pages, s.linked, s.passed, s.stored, s.cut = 0, nil, 0, 0, 0, false
}

// share is the sequence's part of a pass: its next n tokens. Only the last known
// token asks for logits.
func (s *sequence) share(n int) model.Sequence {
	sources := pagesFor(len(s.source))
	q := model.Sequence{
		Pages: s.pages[sources:], Position: s.stored, Tokens: s.known[s.stored : s.stored+n],
		Source: s.source, SourcePages: s.pages[:sources],
	}
	switch {
	case s.encodes:
		q.Hidden, q.Logits = s.hidden, s.scores
	case s.stored+n == len(s.known):
		s.slot.want(&q)
	}
	return q
}

// top is what the sampler knows of the likeliest tokens, for its reader to keep.
func (s *sequence) top() []sample.Likely {
	if s.Sampling.Top == 0 {
		return nil
	}
	return slices.Clone(s.slot.sampler.Top())
}

// sample chooses the next token from the logits of the last pass.
func (s *sequence) sample() {
	s.choice, s.failure = s.slot.choose()
	if s.failure != nil {
		s.failure = fmt.Errorf("infer: position %d: %w", s.stored, s.failure)
		return
	}
	s.slot.sampler.Accept(s.choice.ID)
}
