package infer_test

import (
	"context"
	"slices"
	"testing"

	"github.com/a472be26/cusp/infer"
)

// With how many threads an engine computes, and when that changes, makes no
// difference to the tokens, and costs nothing from the heap.
func TestThreadsChangeWhileGenerating(t *testing.T) {
	e := newEngine(t, infer.Options{Threads: 3})
	r := infer.Request{Prompt: longPrompt(40), MaxTokens: 60}
	want := ids(generate(t, e, r).Tokens)
	n := 0
	changing := func(infer.Token) error {
		n++
		e.SetThreads(1 + n%3)
		if got := e.Stats().Threads; got != 1+n%3 {
			t.Errorf("set to %d threads, has %d", 1+n%3, got)
		}
		return nil
	}
	got, err := e.Generate(context.Background(), r, changing)
	if err != nil || !slices.Equal(ids(got.Tokens), want) {
		t.Errorf("tokens with changing threads, %v\n got %v\nwant %v", err, ids(got.Tokens), want)
	}
	e.SetThreads(99)
	if s := e.Stats(); s.Threads != 3 || s.MaxThreads != 3 {
		t.Errorf("set to 99: %d threads of %d", s.Threads, s.MaxThreads)
	}
	allocations := func(n int) float64 {
		r := infer.Request{Prompt: prompt, MaxTokens: n}
		return testing.AllocsPerRun(10, func() {
			if _, err := e.Generate(context.Background(), r, func(infer.Token) error { e.SetThreads(1 + n%3); n++; return nil }); err != nil {
				t.Fatal(err)
			}
		})
	}
	if short, long := allocations(10), allocations(60); long > short {
		t.Errorf("50 more tokens with changes cost %v allocations", long-short)
	}
}
