package router

import (
	"context"
	"strings"
	"sync"
)

// early is a question that the cloud works on while the local model does. Whoever
// wants the answer after all takes it with Ask, as of any [Cloud], once.
type early struct {
	Cloud
	cancel context.CancelFunc // nobody wants the answer; it may come late
	ended  chan struct{}      // closed when answer and err are set
	answer CloudAnswer
	err    error
	taken  bool // Ask returned the answer

	mu   sync.Mutex // guards the fields below
	text strings.Builder
	more chan struct{} // closed when there is more text
}

// startEarly asks the cloud early, if that is decided.
func (a *asking) startEarly(ctx context.Context) {
	if a.spared != nil || !Early(a.signals) {
		return
	}
	q := a.q.forCloud()
	q.Early = true
	way := a.way()
	ctx, cancel := context.WithCancel(ctx)
	e := &early{Cloud: a.Cloud, cancel: cancel, ended: make(chan struct{}), more: make(chan struct{})}
	a.early = e
	go func() {
		defer close(e.ended)
		e.answer, e.err = way.Ask(ctx, q, e.add)
	}()
}

func (e *early) add(piece string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.text.WriteString(piece)
	close(e.more)
	e.more = make(chan struct{})
	return nil
}

// since is the text after the first n bytes, and a channel that is closed when more
// has come.
func (e *early) since(n int) (string, <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.text.String()[n:], e.more
}

// Ask waits for the answer of the question that is on its way.
func (e *early) Ask(ctx context.Context, _ Question, emit func(string) error) (CloudAnswer, error) {
	sent := 0
	for {
		piece, more := e.since(sent)
		if piece != "" {
			if err := emit(piece); err != nil {
				return e.drop(err)
			}
			sent += len(piece)
			continue
		}
		select {
		case <-more:
		case <-ctx.Done():
			return e.drop(context.Cause(ctx))
		case <-e.ended:
			if piece, _ := e.since(sent); piece != "" {
				continue
			}
			e.taken = e.err == nil
			return e.answer, e.err
		}
	}
}

// drop ends the wait for a reason.
func (e *early) drop(err error) (CloudAnswer, error) {
	e.cancel()
	<-e.ended
	return CloudAnswer{}, err
}

// release ends an early question whose answer nobody took, once the answer that was
// given is kept. If the cloud's has come all the same it is as late as any other.
func (a *asking) release() {
	if a.early == nil {
		return
	}
	_, _ = a.early.drop(nil)
	if a.Late != nil && !a.early.taken && a.early.err == nil {
		q := a.q
		q.Early = true
		a.Late(q, a.early.answer)
	}
}
