package daemon

import (
	"context"
	"log/slog"
	"testing"

	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/router"
)

// BenchmarkOverhead is what socket, HTTP, router and bookkeeping add to an
// answer of a model that takes no time.
func BenchmarkOverhead(b *testing.B) {
	m := newTestModels(&fakeLoader{})
	defer m.Close()
	if err := m.Update(b.Context(), at("v1")); err != nil {
		b.Fatal(err)
	}
	kept := newAnswers(nil, slog.New(slog.DiscardHandler))
	path := b.TempDir() + "/s"
	l, err := api.Listen(path, 0o600, "")
	if err != nil {
		b.Fatal(err)
	}
	s := api.New(api.Options{Answerer: counting{&router.Router{Local: m, Record: kept.keep}, kept, nil}, Log: slog.New(slog.DiscardHandler)})
	go func() { _ = s.Serve(l) }()
	defer func() { _ = s.Shutdown(context.Background()) }()
	c := api.NewClient(path)
	defer c.Close()
	for b.Loop() {
		if _, err := c.Ask(b.Context(), ask("hi"), nil); err != nil {
			b.Fatal(err)
		}
	}
}
