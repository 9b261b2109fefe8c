package infer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/quant"
)

// answer is what greedy decoding with a runner gives, one token at a time.
func answer(t *testing.T, m model.Model, source []int32, n int) (out []int32) {
	t.Helper()
	const context = 128
	kv, err := m.NewKV(2*pagesFor(context), quant.F16)
	if err != nil {
		t.Fatal(err)
	}
	defer kv.Close()
	r, err := m.NewRunner(kv, model.Limits{Threads: 1, Sequences: 1, Rows: context, Context: context})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s := model.Sequence{Tokens: []int32{m.Config().Start}, Logits: make([]float32, m.Config().Vocab), Source: source}
	for i := range int32(pagesFor(context)) {
		s.Pages, s.SourcePages = append(s.Pages, 2*i), append(s.SourcePages, 2*i+1)
	}
	for len(out) < n {
		if err := r.Forward([]model.Sequence{s}); err != nil {
			t.Fatal(err)
		}
		best := int32(slices.Index(s.Logits, slices.Max(s.Logits)))
		out = append(out, best)
		s.Tokens, s.Position = []int32{best}, s.Position+1
	}
	return out
}

func ids(r Result) (out []int32) {
	for _, token := range r.Tokens {
		out = append(out, token.ID)
	}
	return out
}

// Sources of many callers, some of them the same, are answered as each is alone,
// with few pages, so that they also wait for each other.
func TestAnswersInCompany(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"t5", "bart"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := family(t, name)
			page := int64(m.Config().PageBytes(quant.F16))
			e := engineOf(t, m, Options{Threads: 2, Sequences: 3, Rows: 64, Chunk: 2, KVBytes: 15 * page})
			sources := texts(8, 60)
			sources = append(sources, sources[3], sources[3])
			var callers sync.WaitGroup
			for i, source := range sources {
				n := 20 + 4*i
				want := answer(t, m, source, n)
				callers.Go(func() {
					got, err := e.Generate(t.Context(), Request{Prompt: source, MaxTokens: n}, nil)
					if err != nil || !slices.Equal(ids(got), want) || got.Finish != FinishLength {
						t.Errorf("source %d of %d tokens: finish %q, %v\n got %v\nwant %v", i, len(source), got.Finish, err, ids(got), want)
					}
					if got.PromptTokens != len(source) || got.CachedTokens != 0 {
						t.Errorf("source %d of %d tokens: counted as %d, of which %d were cached", i, len(source), got.PromptTokens, got.CachedTokens)
					}
				})
			}
			callers.Wait()
			checkIdle(t, e)
			all := 0
			for i, source := range sources {
				all += len(source) + 20 + 4*i // the start, and all tokens but the last
			}
			if s := e.Stats(); int(s.Rows-s.Recomputed) != all {
				t.Errorf("%d rows were run, %d of them again, not %d once", s.Rows, s.Recomputed, all)
			}
		})
	}
}

func TestAnswersHaveBounds(t *testing.T) {
	t.Parallel()
	m := family(t, "bart")
	page := int64(m.Config().PageBytes(quant.F16))
	stopped := answer(t, m, texts(3, 60)[2], 9)
	for _, c := range []struct {
		name    string
		options Options
		source  int
		stop    []int32
		tokens  int
		finish  string
		fails   string
	}{
		{name: "as long as the context", source: 40, tokens: 127, finish: FinishLength},
		{name: "a source as long as the context", source: 128, tokens: 127, finish: FinishLength},
		{name: "a source beyond the context", source: 129, fails: "129 tokens are more than 128"},
		{name: "a source beyond the rows", options: Options{Rows: 30}, source: 31, fails: "passes of 30 rows"},
		{name: "an answer that fills the pages", options: Options{KVBytes: 4 * page}, source: 33, tokens: 15, finish: FinishLength},
		{name: "no page for an answer", options: Options{KVBytes: 4 * page}, source: 49, fails: "4 pages"},
		{name: "a stop token", source: len(texts(3, 60)[2]), stop: stopped[8:], tokens: slices.Index(stopped, stopped[8]), finish: FinishStop},
	} {
		c.options.Threads = 1
		e := engineOf(t, m, c.options)
		source := make([]int32, c.source)
		if c.stop != nil {
			source = texts(3, 60)[2]
		}
		got, err := e.Generate(t.Context(), Request{Prompt: source, Stop: c.stop}, nil)
		switch {
		case c.fails != "":
			if !errors.Is(err, ErrContext) || !strings.Contains(fmt.Sprint(err), c.fails) {
				t.Errorf("%s: error %v", c.name, err)
			}
		case err != nil || len(got.Tokens) != c.tokens || got.Finish != c.finish:
			t.Errorf("%s: %d tokens, finish %q, %v; want %d, %q", c.name, len(got.Tokens), got.Finish, err, c.tokens, c.finish)
		}
		checkIdle(t, e)
	}
}
