package console

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/router"
)

// watch looks for corrections until ctx ends.
func (c *conversation) watch(ctx context.Context) {
	tick := time.NewTicker(c.o.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			c.correct(ctx)
		}
	}
}

// correct shows the answers of the cloud that came after a provisional one was
// given; they take its place in the conversation. A daemon that cannot be asked
// is asked again later.
func (c *conversation) correct(ctx context.Context) {
	c.mu.Lock()
	ids := slices.Sorted(maps.Keys(c.pending))
	c.mu.Unlock()
	for _, id := range ids {
		if e, err := c.daemon.Why(ctx, id); err == nil && e.Receipt.Route == router.RouteCloud {
			c.replace(id, e)
		}
	}
}

func (c *conversation) replace(id string, e api.Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	place, waits := c.pending[id]
	if !waits { // a new conversation began
		return
	}
	delete(c.pending, id)
	asked := c.history[place-1].Content
	c.history[place].Content = e.Text
	if c.last.ID == id {
		c.last = e.Receipt
	}
	fmt.Fprintf(c.err, "%s\n", c.style.dim(fmt.Sprintf("[the cloud's answer to %q came]", short(asked))))
	fmt.Fprintln(c.out, e.Text)
	fmt.Fprintln(c.err, c.style.mark(e.Receipt))
}

// short is the beginning of a question, enough to know it again.
func short(text string) string {
	const most = 40
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "..."
	}
	return text
}
