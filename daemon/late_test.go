package daemon

import (
	"context"
	"log/slog"
	"testing"

	"github.com/a472be26/cusp/router"
)

// A correction that cannot reach its asker goes back to the outbox; it is
// recorded and counted once, however often it is offered.
func TestUndeliveredCorrectionIsOfferedAgain(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	log := slog.New(slog.DiscardHandler)
	d := &device{log: log, answers: newAnswers(nil, log), ctx: ctx, open: make(chan struct{})}
	for range 2 {
		if err := d.late(router.Question{ID: "q1", Asker: "iot"}, router.CloudAnswer{Text: "better"}, nil); err == nil {
			t.Error("a correction that nobody got counts as delivered")
		}
	}
	if n := d.answers.counters().Answered["cloud/late"]; n != 1 {
		t.Errorf("counted %d times", n)
	}
	if e, err := d.answers.Find(t.Context(), "q1"); err != nil || e.Text != "better" {
		t.Errorf("kept %+v, %v", e, err)
	}
}
