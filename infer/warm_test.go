package infer_test

import (
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/prefix"
)

func newStore(t *testing.T) *prefix.Store {
	t.Helper()
	s, err := prefix.Open(t.TempDir(), 1<<24, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Keys and values in INT8 come back as they were.
func TestPrefixInINT8(t *testing.T) {
	t.Parallel()
	store, system := newStore(t), longPrompt(70)
	ask := infer.Request{Prompt: append(slices.Clone(system), 1, 2, 3), MaxTokens: 10}
	first, second := newEngine(t, infer.Options{Threads: 1, KV: "q8_0"}), newEngine(t, infer.Options{Threads: 2, KV: "q8_0"})
	want := generate(t, first, ask)
	if err := first.Memorize(t.Context(), store, "model", system); err != nil {
		t.Fatal(err)
	}
	if !second.Recall(store, "model", system) {
		t.Fatal("not recalled")
	}
	if got := generate(t, second, ask); got.CachedTokens != 64 || !reflect.DeepEqual(got.Tokens, want.Tokens) {
		t.Errorf("%d tokens cached, %v after the recall, %v before", got.CachedTokens, got.Tokens, want.Tokens)
	}
}

// What one engine saved another one recalls: with the same answers, and only if
// model, type and tokens are the same.
func TestPrefixSurvivesARestart(t *testing.T) {
	t.Parallel()
	store, system := newStore(t), longPrompt(70)
	ask := infer.Request{Prompt: append(slices.Clone(system), 1, 2, 3), MaxTokens: 10}
	first := newEngine(t, infer.Options{Threads: 1})
	want := generate(t, first, ask)
	if err := first.Memorize(t.Context(), store, "model", system); err != nil {
		t.Fatal(err)
	}
	first.Close()
	cases := []struct {
		name   string
		o      infer.Options
		model  string
		tokens []int32
		want   bool
	}{
		{"the same", infer.Options{}, "model", system, true},
		{"the same whole pages", infer.Options{}, "model", system[:65], true},
		{"another model", infer.Options{}, "other", system, false},
		{"another type", infer.Options{KV: "f32"}, "model", system, false},
		{"INT8", infer.Options{KV: "q8_0"}, "model", system, false},
		{"other tokens", infer.Options{}, "model", longPrompt(71)[1:], false},
		{"fewer tokens", infer.Options{}, "model", system[:63], false},
		{"less than a page", infer.Options{}, "model", system[:15], false},
		{"more than the context", infer.Options{Context: 64}, "model", system, false},
	}
	for _, c := range cases {
		c.o.Threads = 2
		e := newEngine(t, c.o)
		if got := e.Recall(store, c.model, c.tokens); got != c.want {
			t.Errorf("%s: recalled %v", c.name, got)
		}
		if !c.want {
			if s := e.Stats(); s.Cached != 0 || s.Used != 0 {
				t.Errorf("%s: stats %+v", c.name, s)
			}
			continue
		}
		if !e.Recall(store, c.model, c.tokens) {
			t.Errorf("%s: not a second time", c.name)
		}
		got := generate(t, e, ask)
		if got.CachedTokens != 64 || !reflect.DeepEqual(got.Tokens, want.Tokens) {
			t.Errorf("%s: %d tokens cached, other answer: %v", c.name, got.CachedTokens, !reflect.DeepEqual(got.Tokens, want.Tokens))
		}
	}
	if first.Recall(store, "model", system) || first.Memorize(t.Context(), store, "model", system) == nil {
		t.Error("a closed engine recalls and memorizes")
	}
}

// Saving and recalling go on beside requests, on pages that are scarce.
func TestPrefixesBesideRequests(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	e := newEngine(t, infer.Options{Threads: 2, Sequences: 3, KVBytes: 20 * 8192})
	alone := newEngine(t, infer.Options{Threads: 1})
	var done sync.WaitGroup
	for i := range 4 {
		done.Go(func() {
			for range 5 {
				e.Recall(store, "model", longPrompt(100)[i:])
				_ = e.Memorize(t.Context(), store, "model", longPrompt(100)[i:]) // may be pushed out by others
			}
		})
		done.Go(func() {
			for n := range 5 {
				r := infer.Request{Prompt: append(longPrompt(80)[i:], int32(n), 5), MaxTokens: 20}
				got, err := e.Generate(t.Context(), r, nil)
				want := generate(t, alone, r)
				if err != nil || !reflect.DeepEqual(got.Tokens, want.Tokens) {
					t.Errorf("request %d.%d differs from being alone, error %v", i, n, err)
				}
			}
		})
	}
	done.Wait()
	if s := e.Stats(); s.Used != 0 || s.Running != 0 {
		t.Errorf("stats %+v", s)
	}
}
