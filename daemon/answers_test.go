package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/router"
)

// Long questions must not add up to more memory than the model has.
func TestRememberedAnswersAreBounded(t *testing.T) {
	t.Parallel()
	a := newAnswers(nil, slog.New(slog.DiscardHandler))
	long := router.Answer{Text: strings.Repeat("x", 1<<20)}
	for i := range 20 {
		a.keep(router.Question{ID: fmt.Sprint("long", i)}, "", long)
		a.keep(router.Question{ID: fmt.Sprint("long", i)}, "", long) // corrected
	}
	if len(a.latest) != 4 || len(a.order) != 4 || a.bytes != 4<<20 {
		t.Errorf("%d answers, %d in order, %d bytes; want 4, 4, 4 MiB", len(a.latest), len(a.order), a.bytes)
	}
	if _, ok := a.recall("long19"); !ok {
		t.Error("the latest is gone")
	}
	for i := range 300 {
		a.keep(router.Question{ID: fmt.Sprint("short", i)}, "", router.Answer{Text: "y"})
	}
	if len(a.latest) != remembered || a.bytes != remembered {
		t.Errorf("%d answers, %d bytes; want %d of 1 byte", len(a.latest), a.bytes, remembered)
	}
}

// told is a router that fails.
type told struct{ err error }

func (f told) Answer(context.Context, router.Question, func(router.Delta) error) (router.Answer, error) {
	return router.Answer{}, f.err
}

// What a client can do something about has its own status and code.
func TestFailuresThatClientsKnow(t *testing.T) {
	t.Parallel()
	cases := []struct {
		err    error
		status int
		code   string
	}{
		{infer.ErrContext, 400, "context_length_exceeded"},
		{infer.ErrBusy, 429, "busy"},
	}
	for _, c := range cases {
		answers := newAnswers(nil, slog.New(slog.DiscardHandler))
		wrapped := fmt.Errorf("%w: %w", router.ErrUnanswerable, fmt.Errorf("answer with tiny: %w", fmt.Errorf("infer: %w: 7", c.err)))
		_, err := counting{told{wrapped}, answers, nil}.Answer(t.Context(), router.Question{}, nil)
		var got *api.Error
		if !errors.As(err, &got) || got.Status != c.status || got.Code != c.code || answers.counters().Failed != 1 || got.Message != "infer: "+c.err.Error()+": 7" {
			t.Errorf("%v became %+v", c.err, err)
		}
	}
}
