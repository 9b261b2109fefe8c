package uplink

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/a472be26/cusp/router"
)

// slots bound how many questions are asked for nobody at the same time; the most
// urgent one that waits comes next.
type slots struct {
	mu      sync.Mutex // guards the fields below
	free    int
	waiting []*ticket
}

// ticket is a question that waits for a slot.
type ticket struct {
	c     *call
	given chan struct{} // closed when it has one
}

func newSlots(n int) *slots { return &slots{free: n} }

// urgency orders questions: higher priority, nearer deadline, longer wait.
func urgency(a, b *call) int {
	return cmp.Or(
		cmp.Compare(b.question.Priority, a.question.Priority),
		byDeadline(a.question, b.question),
		a.enqueued.Compare(b.enqueued),
		cmp.Compare(a.question.ID, b.question.ID))
}

// byDeadline puts questions without one last.
func byDeadline(a, b router.Question) int {
	switch {
	case a.Deadline.IsZero() && b.Deadline.IsZero():
		return 0
	case a.Deadline.IsZero():
		return 1
	case b.Deadline.IsZero():
		return -1
	}
	return a.Deadline.Compare(b.Deadline)
}

// take waits for a slot until ctx ends or changed is closed; ok is whether it got
// one, which release gives back.
func (s *slots) take(ctx context.Context, c *call, changed <-chan struct{}) (ok bool) {
	t := &ticket{c, make(chan struct{})}
	s.mu.Lock()
	s.waiting = append(s.waiting, t)
	s.serve()
	s.mu.Unlock()
	select {
	case <-t.given:
		return true
	case <-changed:
	case <-ctx.Done():
	}
	return s.leave(t)
}

// leave takes t out; true if it got a slot in that very moment.
func (s *slots) leave(t *ticket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.Index(s.waiting, t)
	if at < 0 {
		return true
	}
	s.waiting = slices.Delete(s.waiting, at, at+1)
	return false
}

func (s *slots) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free++
	s.serve()
}

// serve gives free slots to the most urgent. The caller holds mu.
func (s *slots) serve() {
	for s.free > 0 && len(s.waiting) > 0 {
		first := slices.MinFunc(s.waiting, func(a, b *ticket) int { return urgency(a.c, b.c) })
		at := slices.Index(s.waiting, first)
		s.waiting = slices.Delete(s.waiting, at, at+1)
		s.free--
		close(first.given)
	}
}
