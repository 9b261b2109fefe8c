package infer

import (
	"runtime"

	"github.com/a472be26/cusp/infer/model"
)

// serve runs one forward pass after another until requests is closed. All
// sessions that wait take part in the next pass, each with an equal share of
// its rows: a long prompt does not hold up those who want one token. Without
// requests it sleeps.
func (e *Engine) serve(sequences int) {
	defer close(e.served)
	defer e.kv.Close()
	defer e.runner.Close()
	waiting := make([]*session, 0, sequences)
	batch := make([]model.Sequence, 0, sequences)
	for first := range e.requests {
		waiting = e.gather(append(waiting[:0], first))
		batch = batch[:0]
		for _, s := range waiting {
			batch = append(batch, s.next(batchRows/len(waiting)))
		}
		err := e.runner.Forward(batch)
		for i, s := range waiting {
			if err == nil {
				s.advance(len(batch[i].Tokens))
			}
			s.done <- err
		}
	}
}

// gather adds the sessions that wait as well. Those that had a token in the
// last pass are about to ask for the next one: they get the processor first.
func (e *Engine) gather(waiting []*session) []*session {
	runtime.Gosched()
	for {
		select {
		case s, ok := <-e.requests:
			if !ok {
				return waiting
			}
			waiting = append(waiting, s)
		default:
			return waiting
		}
	}
}

// run has the session's next pass done and waits for it. The wait cannot be
// cut short, since the pass writes to the session.
func (e *Engine) run(s *session) error {
	e.requests <- s
	return <-s.done
}
