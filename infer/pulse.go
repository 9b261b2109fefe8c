package infer

import (
	"slices"

	"github.com/a472be26/cusp/infer/model"
)

// Pulse is an engine's sign of life. An engine that had work at two looks and
// made no step between them is stuck; one without work is well.
type Pulse struct {
	Steps   uint64 // grows with every pass, and within a long one
	Work    bool   // there is something to compute now, or something to admit
	Running int    // sequences
	Waiting int    // requests
}

// Pulse looks at the engine. It waits for the scheduler's lock, which is held
// for moments only unless the scheduler itself is stuck.
func (e *Engine) Pulse() Pulse {
	var within uint64
	if p, ok := e.runner.(model.Progress); ok {
		within = p.Progress()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return Pulse{
		Steps:   e.passes + within,
		Work:    e.hasWork(),
		Running: len(e.running),
		Waiting: len(e.waiting),
	}
}

// hasWork tells whether the scheduler should be at work; e.mu is held. Sequences
// whose readers are slow are no work, nor is a request that waits for them, nor
// what waits for pages that are read or written from outside.
func (e *Engine) hasWork() bool {
	if len(e.running) == 0 {
		return len(e.waiting) > 0 && len(e.aside) == 0
	}
	scarce := len(e.aside) > 0 && e.pages.spare() < 1
	return slices.ContainsFunc(e.running, func(s *sequence) bool { return s.gone || !s.stalled() && !scarce })
}
