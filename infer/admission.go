package infer

import (
	"slices"
	"time"
)

// admit lets waiting requests run.
func (e *Engine) admit() {
	for len(e.waiting) > 0 && e.reserve(e.waiting[0]) {
		e.running = append(e.running, e.waiting[0])
		e.waiting = slices.Delete(e.waiting, 0, 1)
	}
}

// reserve gives a request a slot, and the pages for what is known of it and a
// page to go on with; false if it has to wait. A page for each of the others that
// may need one must be left, so that the one does not push out the other at once.
func (e *Engine) reserve(s *sequence) bool {
	if s.slot == nil && !e.seat(s) {
		return false
	}
	cached := s.cached
	s.begin()
	s.adopt(e.pages)
	if !s.promise(e.pages, e.growing()) {
		s.release(e.pages)
		s.cached = cached
		return false
	}
	s.copyPart(e.pages, e.kv)
	if s.admitted.IsZero() {
		e.welcome(s)
	}
	return true
}

// growing is how many of the sequences that run may need a further page.
func (e *Engine) growing() int {
	n := 0
	for _, s := range e.running {
		if s.mayGrow() {
			n++
		}
	}
	return n
}

// seat gives a request a slot, which it keeps to its end; false if none is free.
func (e *Engine) seat(s *sequence) bool {
	if len(e.slots) == 0 {
		return false
	}
	last := len(e.slots) - 1
	s.slot, e.slots = e.slots[last], e.slots[:last]
	s.sit()
	return true
}

// welcome notes that a request is admitted for the first time.
func (e *Engine) welcome(s *sequence) {
	s.admitted = time.Now()
	e.promptTokens += uint64(s.asked())
	e.admitted++
	e.queued.since(s.arrived, s.admitted)
}

// preempt puts the newest sequence back to the head of the queue, which is where
// it was last, so that running and waiting ones stay in the order of arrival. It
// keeps what it knows, its slot and its reader. What its pages hold is computed
// again, as far as others have needed them meanwhile.
func (e *Engine) preempt() {
	last := len(e.running) - 1
	s := e.running[last]
	e.running = slices.Delete(e.running, last, last+1)
	e.waiting = slices.Insert(e.waiting, 0, s)
	s.reached = max(s.reached, s.stored)
	s.release(e.pages)
	e.preemptions++
}
