//go:build cuda

package cuda_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/kernel"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/quant"
	"github.com/a472be26/cusp/infer/sample"
)

func room(n int) *model.Leaders {
	return &model.Leaders{IDs: make([]int32, n), Logits: make([]float32, n)}
}

// checkLeaders compares leaders with the logits that they are of.
func checkLeaders(t *testing.T, what string, got *model.Leaders, logits []float32) {
	t.Helper()
	rest := kernel.LogSumExp(logits, slices.Max(logits))
	if math.Abs(float64(got.Rest-rest)) > 1e-4 {
		t.Errorf("%s: the rest is %v, want %v", what, got.Rest, rest)
	}
	left := slices.Clone(logits)
	for i, id := range got.IDs {
		if want := best(left); id != want || got.Logits[i] != logits[want] {
			t.Fatalf("%s: leader %d is %d (%v), want %d (%v)", what, i, id, got.Logits[i], want, logits[want])
		}
		left[id] = float32(math.Inf(-1))
	}
}

// Leaders are the largest of the logits, in whatever company: in passes that are
// graphs and in those that are not, and behind caps.
func TestLeadersEqualLogits(t *testing.T) {
	t.Parallel()
	capped, _ := fixture(t, "gemma2", quant.Q8_0)
	for name, m := range map[string]model.Model{"llama": loadShape(t, shape()), "gemma2": capped} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, _ := onGPU(t, m, "")
			most := min(64, m.Config().Vocab)
			wants := []int{2, 0, most, -1, 1, 0, 40, 9} // 0: all logits, -1: nothing
			limits := model.Limits{Threads: 1, Sequences: len(wants), Rows: 64, Context: 32}
			whole, mixed := newRun(t, g, quant.F16, limits), newRun(t, g, quant.F16, limits)
			if n := mixed.runner.(model.Leading).MostLeaders(); n != most {
				t.Fatalf("at most %d leaders, want %d", n, most)
			}
			for pass, tokens := range []int{5, 1, 1, 3} {
				for _, n := range []int{len(wants), 1} { // the second time the same again, of the first sequence alone
					at := []int{0, 5, 6, 7}[pass]
					var all, some []model.Sequence
					for i, want := range wants[:n] {
						q := model.Sequence{Pages: whole.pages[i], Position: at, Tokens: long(40)[i+at:][:tokens]}
						all = append(all, q)
						all[i].Logits = make([]float32, m.Config().Vocab)
						q.Pages = mixed.pages[i]
						switch {
						case want > 0:
							q.Leaders = room(want)
						case want == 0:
							q.Logits = make([]float32, m.Config().Vocab)
						}
						some = append(some, q)
					}
					whole.forward(all...)
					mixed.forward(some...)
					for i, q := range some {
						what := fmt.Sprintf("pass %d, sequence %d of %d", pass, i, n)
						switch {
						case q.Leaders != nil:
							checkLeaders(t, what, q.Leaders, all[i].Logits)
						case q.Logits != nil && !slices.Equal(q.Logits, all[i].Logits):
							t.Errorf("%s: other logits beside leaders", what)
						}
					}
				}
			}
		})
	}
}

// Answers of an encoder-decoder have leaders too.
func TestLeadersOfAnswers(t *testing.T) {
	t.Parallel()
	m, want := fixture(t, "t5", quant.F32)
	g, _ := onGPU(t, m, "")
	r := newRun(t, g, quant.F16, model.Limits{Threads: 1, Sequences: 2, Rows: 80, Context: 64})
	for i, token := range want.Prompt {
		q := model.Sequence{
			Pages: r.pages[0], SourcePages: r.pages[1], Source: want.Source, Position: i, Tokens: []int32{token}, Logits: make([]float32, m.Config().Vocab),
		}
		r.forward(q)
		logits := q.Logits
		q.Logits, q.Leaders = nil, room(5)
		r.forward(q)
		checkLeaders(t, fmt.Sprintf("position %d", i), q.Leaders, logits)
	}
}

// Leaders that no kernel gives are refused.
func TestLeadersRefused(t *testing.T) {
	t.Parallel()
	m := loadShape(t, shape())
	g, _ := onGPU(t, m, "")
	d, _ := divided(t, m, "", 1)
	encoder, _ := fixture(t, "bert_classify", quant.F32)
	e, _ := onGPU(t, encoder, "")
	for _, c := range []struct {
		name string
		on   model.Model
		q    model.Sequence
		says string
	}{
		{"too many", g, model.Sequence{Leaders: room(65)}, "65 leaders are asked for, not between 1 and the 64"},
		{"none", g, model.Sequence{Leaders: room(0)}, "0 leaders"},
		{"both", g, model.Sequence{Leaders: room(2), Logits: make([]float32, 96)}, "both"},
		{"no room", g, model.Sequence{Leaders: &model.Leaders{IDs: make([]int32, 3)}}, "room for the logits of 0 leaders of 3"},
		{"CPU", m, model.Sequence{Leaders: room(1)}, "the 0 that"},
		{"divided", d, model.Sequence{Leaders: room(1)}, "the 0 that"},
		{"encoder", e, model.Sequence{Leaders: room(1)}, "the 0 that"},
	} {
		r := newRun(t, c.on, quant.F16, model.Limits{Threads: 1, Sequences: 1, Rows: 8, Context: 16})
		c.q.Pages, c.q.Tokens = r.pages[0], []int32{1}
		if err := r.runner.Forward([]model.Sequence{c.q}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.says)
		}
	}
}

// What comes back of a token is its leaders, and all logits only of the sequence that
// wants them.
func TestLeadersAreFewBytes(t *testing.T) {
	t.Parallel()
	s := shape()
	s.Vocab = 3000
	g, sim := onGPU(t, loadShape(t, s), "")
	if sim.Real() {
		t.Skip("only the simulator counts bytes")
	}
	r := newRun(t, g, quant.F16, model.Limits{Threads: 1, Sequences: 3, Rows: 8, Context: 32})
	for _, c := range []struct {
		wants []int // leaders of each sequence, 0: all logits
		bytes int
	}{
		{[]int{2}, 16 + 16 + 8}, // ids and logits in 16 bytes each, two sums
		{[]int{0}, 4 * 3000},
		{[]int{2, 2, 2}, 32 + 32 + 24},
		{[]int{2, 40, 5}, 3 * (64*8 + 8)}, // as many of each
		{[]int{40, 0, 2}, 4*3000 + 2*(64*8+8)},
	} {
		var batch []model.Sequence
		for i, n := range c.wants {
			q := model.Sequence{Pages: r.pages[i], Tokens: long(1)}
			if n > 0 {
				q.Leaders = room(n)
			} else {
				q.Logits = make([]float32, s.Vocab)
			}
			batch = append(batch, q)
		}
		before := sim.Count("bytes to the host")
		r.forward(batch...)
		if n := sim.Count("bytes to the host") - before; n != c.bytes {
			t.Errorf("%v: %d bytes came back, want %d", c.wants, n, c.bytes)
		}
	}
}

// unled is a model whose runners say nothing of leaders.
type unled struct{ model.Model }

func (m unled) NewRunner(kv model.KV, l model.Limits) (model.Runner, error) {
	r, err := m.Model.NewRunner(kv, l)
	return struct{ model.Runner }{r}, err
}

// The engine's tokens are the same from leaders as from logits, with all options at
// the same time.
func TestTokensFromLeaders(t *testing.T) {
	t.Parallel()
	s := shape()
	s.Layers = 1
	g, sim := onGPU(t, loadShape(t, s), "")
	o := infer.Options{Threads: 2, Sequences: 4, Rows: 32, Context: 64}
	engine := func(m model.Model) *infer.Engine {
		e, err := infer.New(m, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(e.Close)
		return e
	}
	plain, leads := engine(unled{g}), engine(g)
	options := []sample.Options{
		{}, {Top: 6}, {Temperature: 0.8, TopK: 40, Seed: 1}, {Temperature: 1.3, TopK: 7, TopP: 0.9, Top: 2, Seed: 2},
		{Temperature: 1, Seed: 3}, {RepetitionPenalty: 1.3}, {Temperature: 1, TopK: 65, Seed: 4}, {Temperature: 1, Mirostat: sample.Mirostat{Tau: 3}, Seed: 5},
	}
	want := make([]infer.Result, len(options))
	request := func(i int) infer.Request {
		return infer.Request{Prompt: long(60)[3*i : 3*i+9], MaxTokens: 9, Sampling: options[i]}
	}
	var callers sync.WaitGroup
	for i := range options {
		callers.Go(func() {
			var err error
			if want[i], err = plain.Generate(t.Context(), request(i), nil); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	if sim.Count("top_k") != 0 {
		t.Error("leaders were computed for an engine that does not want them")
	}
	for i := range options {
		callers.Go(func() {
			got, err := leads.Generate(t.Context(), request(i), nil)
			if err != nil || !slices.EqualFunc(got.Tokens, want[i].Tokens, sameToken) {
				t.Errorf("%+v: error %v\n got %v\nwant %v", options[i], err, got.Tokens, want[i].Tokens)
			}
		})
	}
	callers.Wait()
	if sim.Count("top_k") == 0 && !sim.Real() {
		t.Error("no leaders were computed")
	}
}

// sameToken: probabilities may differ as sums in another order do.
func sameToken(a, b infer.Token) bool {
	near := func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-4 }
	return a.ID == b.ID && a.Margin == b.Margin && near(a.LogProb, b.LogProb) && slices.EqualFunc(a.Top, b.Top, func(a, b sample.Likely) bool {
		return a.ID == b.ID && near(a.LogProb, b.LogProb)
	})
}
