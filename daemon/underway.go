package daemon

import (
	"context"
	"sync"
)

// underway are questions that are being answered, so that a late answer of the cloud
// lets the one that is given go first. Its methods do nothing on nil.
type underway struct {
	mu  sync.Mutex // guards ids
	ids map[string]*answering
}

// answering is how many answers are being made under one id.
type answering struct {
	n    int
	over chan struct{} // closed when there is none any more
}

func newUnderway() *underway { return &underway{ids: map[string]*answering{}} }

// begin counts an answer in; what it returns counts it out.
func (u *underway) begin(id string) (end func()) {
	if u == nil {
		return func() {}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	a := u.ids[id]
	if a == nil {
		a = &answering{over: make(chan struct{})}
		u.ids[id] = a
	}
	a.n++
	return func() { u.end(id, a) }
}

func (u *underway) end(id string, a *answering) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if a.n--; a.n == 0 {
		delete(u.ids, id)
		close(a.over)
	}
}

// wait returns when nothing is being answered under the id, or the error of ctx.
func (u *underway) wait(ctx context.Context, id string) error {
	if u == nil {
		return nil
	}
	u.mu.Lock()
	a := u.ids[id]
	u.mu.Unlock()
	if a == nil {
		return nil
	}
	select {
	case <-a.over:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
