package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/router"
)

// playOutage stops the broker, asks a hard question, and starts it again: the
// question waits in the outbox, on disk, and is answered then.
func playOutage(ctx context.Context, h *house) error {
	if err := h.broker.stop(); err != nil {
		return fmt.Errorf("stop broker: %w", err)
	}
	if err := h.until(ctx, "the device sees that the link is down", func(s daemon.Status) bool { return !s.Link.Up }); err != nil {
		return err
	}
	h.say("  The broker is down. Asked meanwhile: %s\n", hard[0])
	type result struct {
		answer router.Answer
		err    error
	}
	done := make(chan result, 1)
	go func() {
		a, err := h.ask(ctx, hard[0])
		done <- result{a, err}
	}()
	if err := h.until(ctx, "the question is in the outbox", func(s daemon.Status) bool { return s.Link.Outbox > 0 }); err != nil {
		return err
	}
	h.say("  It waits in the outbox, synced to disk.\n")
	if err := h.broker.start(); err != nil {
		return err
	}
	back := time.Now()
	h.say("  The broker is back.\n")
	r := <-done
	if r.err != nil {
		return r.err
	}
	h.say("  Answered %.0f ms later: %s\n    %s\n", ms(time.Since(back)), r.answer.Text, r.answer.Receipt.Line())
	return wantRoute(r.answer, router.RouteCloud)
}
