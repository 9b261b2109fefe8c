package border

import (
	"context"
	"sync"
)

// Handing collects the answers that one caller of [Cloud.Ask] got and has not yet
// for good: recorded, say. Until Close the link keeps them.
type Handing struct {
	mu   sync.Mutex // guards open
	open []*conn
}

type handingKey struct{}

// WithHanding returns a context for calls of [Cloud.Ask] whose answers count as
// arrived only at Close. Without one they do when Ask returns.
func WithHanding(ctx context.Context) (context.Context, *Handing) {
	h := new(Handing)
	return context.WithValue(ctx, handingKey{}, h), h
}

// handingOf is the Handing of a context, or nil.
func handingOf(ctx context.Context) *Handing {
	h, _ := ctx.Value(handingKey{}).(*Handing)
	return h
}

func (h *Handing) add(c *conn) {
	if h == nil {
		settle(c, true)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open = append(h.open, c)
}

// Close tells the link that the answers are here for good, or that they are not,
// and come again as late ones.
func (h *Handing) Close(arrived bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.open {
		settle(c, arrived)
	}
	h.open = nil
}

func settle(c *conn, arrived bool) {
	if arrived {
		_ = c.send(frame{Kind: kindTaken}) // if it does not get there, the answer comes again
	}
	c.close()
}
