package infer

import "github.com/a472be26/cusp/infer/model"

// SetThreads changes with how many threads the engine computes, from the next
// product on: from 1 to Options.Threads; other numbers count as the nearest of
// these. The tokens stay the same. It may be called at any time before Close
// returns, and by a back end without threads it is ignored.
func (e *Engine) SetThreads(n int) {
	if r, ok := e.runner.(model.Threads); ok {
		r.SetThreads(n)
	}
}

func (e *Engine) threads() int {
	if r, ok := e.runner.(model.Threads); ok {
		return r.Threads()
	}
	return e.options.Threads
}
