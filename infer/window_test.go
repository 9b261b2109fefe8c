package infer_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/modeltest"
	"github.com/a472be26/cusp/infer/quant"
)

const window = 100

// windowed is a model whose layers all look through a window, as Mistral's do.
func windowed(t *testing.T) model.Model {
	t.Helper()
	s := modeltest.Small()
	meta := append(s.Meta(), gguf.KV{Key: "llama.attention.sliding_window", Value: uint32(window)})
	f, err := gguf.Parse("window.gguf", modeltest.Bytes(t, meta, s.Tensors()))
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// greedyByHand runs one token after another on pages that nobody else has.
func greedyByHand(t *testing.T, m model.Model, prompt []int32, n int) (out []int32) {
	t.Helper()
	total := len(prompt) + n
	kv, err := m.NewKV(total/model.PageTokens+1, quant.F16)
	if err != nil {
		t.Fatal(err)
	}
	defer kv.Close()
	r, err := m.NewRunner(kv, model.Limits{Threads: 1, Sequences: 1, Rows: 1, Context: total})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s := model.Sequence{Logits: make([]float32, m.Config().Vocab)}
	for i := range kv.Pages() {
		s.Pages = append(s.Pages, int32(i))
	}
	for token := range slices.Values(prompt) {
		s.Tokens = []int32{token}
		if err := r.Forward([]model.Sequence{s}); err != nil {
			t.Fatal(err)
		}
		s.Position++
	}
	for {
		best := int32(slices.Index(s.Logits, slices.Max(s.Logits)))
		if out = append(out, best); len(out) == n {
			return out
		}
		s.Tokens = []int32{best}
		if err := r.Forward([]model.Sequence{s}); err != nil {
			t.Fatal(err)
		}
		s.Position++
	}
}

// Sequences that are much longer than the memory for keys and values go through
// it, with the tokens of a memory that holds all of them.
func TestSequencesLongerThanTheMemory(t *testing.T) {
	t.Parallel()
	m := windowed(t)
	if w := m.Config().Window; w != window {
		t.Fatalf("a window of %d", w)
	}
	const rows, answer = 32, 250
	for _, pages := range []int{17, 40} { // 100 of the window, 128 of a chunk, 32 of a pass
		e, err := infer.New(m, infer.Options{Threads: 2, Sequences: 3, Rows: rows, Chunk: 8, Context: 2000, KVBytes: int64(pages * pageBytes(t, m, "f16"))})
		if err != nil {
			t.Fatal(err)
		}
		if s := e.Stats(); s.Pages != pages || e.Context() != 2000 {
			t.Errorf("%d pages and a context of %d", s.Pages, e.Context())
		}
		var done sync.WaitGroup
		for i := range 4 {
			prompt := longPrompt(900)[i%2*50 : 600+i*60]
			want := greedyByHand(t, m, prompt, answer)
			done.Go(func() {
				got, err := e.Generate(t.Context(), infer.Request{Prompt: prompt, MaxTokens: answer}, nil)
				if err != nil || !slices.Equal(ids(got.Tokens), want) {
					t.Errorf("%d pages, request %d: error %v\n got %v\nwant %v", pages, i, err, ids(got.Tokens), want)
				}
			})
		}
		done.Wait()
		e.Close()
	}
}

// With enough memory what was given back is still found by the next request.
func TestPagesBehindTheWindowAreReused(t *testing.T) {
	t.Parallel()
	e, err := infer.New(windowed(t), infer.Options{Threads: 1, Sequences: 20, Rows: 32})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	prompt := longPrompt(700)
	first := generate(t, e, infer.Request{Prompt: prompt, MaxTokens: 40})
	again := generate(t, e, infer.Request{Prompt: prompt, MaxTokens: 40})
	if again.CachedTokens != 699 || !slices.Equal(ids(first.Tokens), ids(again.Tokens)) {
		t.Errorf("%d tokens were cached, tokens %v and %v", again.CachedTokens, ids(first.Tokens), ids(again.Tokens))
	}
}
