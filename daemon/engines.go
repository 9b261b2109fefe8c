package daemon

import (
	"maps"
	"slices"
	"sync"

	"github.com/a472be26/cusp/infer"
)

// engines sums what all engines did since the start: those that run, of which
// there are two while a model is replaced, and those that were closed. Its
// methods do nothing on nil.
type engines struct {
	mu   sync.Mutex // guards the fields below
	open map[engine]int
	next int
	past infer.Stats // of the closed ones
}

// engine is what can be asked of a model's engine, also when it is closed.
type engine interface {
	Stats() infer.Stats
	SetThreads(n int)
}

func newEngines() *engines { return &engines{open: map[engine]int{}} }

func (e *engines) add(one engine) {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.next++
	e.open[one] = e.next
}

// remove is called when an engine is closed.
func (e *engines) remove(one engine) {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open[one] == 0 {
		return
	}
	delete(e.open, one)
	e.past = e.past.Add(one.Stats().Ended())
}

// limit makes those that run compute with so many of their threads.
func (e *engines) limit(threads func(of int) int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for one := range e.open {
		one.SetThreads(threads(one.Stats().MaxThreads))
	}
}

// stats sums up; what there is one of is that of the engine opened last.
func (e *engines) stats() infer.Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	sum := e.past
	for _, one := range slices.SortedFunc(maps.Keys(e.open), func(a, b engine) int { return e.open[a] - e.open[b] }) {
		sum = sum.Add(one.Stats())
	}
	return sum
}
