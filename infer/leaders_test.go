package infer_test

import (
	"cmp"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/kernel"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/modeltest"
	"github.com/a472be26/cusp/infer/sample"
)

// leading is a model whose runners give leaders, found by sorting what the CPU gives.
type leading struct {
	model.Model
	most       int
	led, whole *atomic.Int32 // how often leaders and logits were asked for
}

type leadingRunner struct {
	model.Runner
	leading
}

var _ model.Leading = leadingRunner{}

func (m leading) NewRunner(kv model.KV, l model.Limits) (model.Runner, error) {
	r, err := m.Model.NewRunner(kv, l)
	return leadingRunner{r, m}, err
}

func (r leadingRunner) MostLeaders() int { return r.most }

func (r leadingRunner) Forward(batch []model.Sequence) error {
	inner := slices.Clone(batch)
	for i := range inner {
		switch q := &inner[i]; {
		case q.Leaders != nil:
			r.led.Add(1)
			q.Leaders, q.Logits = nil, make([]float32, r.Config().Vocab)
		case q.Logits != nil:
			r.whole.Add(1)
		}
	}
	if err := r.Runner.Forward(inner); err != nil {
		return err
	}
	for i := range batch {
		if l := batch[i].Leaders; l != nil {
			lead(l, inner[i].Logits)
		}
	}
	return nil
}

func lead(l *model.Leaders, logits []float32) {
	ids := make([]int32, len(logits))
	for i := range ids {
		ids[i] = int32(i)
	}
	slices.SortStableFunc(ids, func(a, b int32) int { return cmp.Compare(logits[b], logits[a]) })
	for i := range l.IDs {
		l.IDs[i], l.Logits[i] = ids[i], logits[ids[i]]
	}
	l.Rest = kernel.LogSumExp(logits, l.Logits[0])
}

// Where the runner gives leaders, it is asked for them as far as the options allow and as
// many as it gives, in one batch with those that need all logits; the tokens are the same.
func TestTokensFromLeaders(t *testing.T) {
	t.Parallel()
	m, err := model.Load(modeltest.Small().File(t))
	if err != nil {
		t.Fatal(err)
	}
	led := []sample.Options{{}, {Top: 7}, {Temperature: 0.7, TopK: 40, Seed: 1}, {Temperature: 1.5, TopK: 9, TopP: 0.9, Top: 3, Seed: 2}}
	whole := []sample.Options{{Temperature: 1, TopK: 41, Seed: 3}, {RepetitionPenalty: 1.2}}
	for _, o := range everyOption {
		if o.TopK > 0 {
			led = append(led, o)
		} else {
			whole = append(whole, o)
		}
	}
	const answer = 30
	for _, most := range []int{40, 0} {
		leads := leading{Model: m, most: most, led: new(atomic.Int32), whole: new(atomic.Int32)}
		e, err := infer.New(leads, infer.Options{Threads: 2, Sequences: 5, Rows: 40, Chunk: 7})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(e.Close)
		plain := newEngine(t, infer.Options{Threads: 1})
		var callers sync.WaitGroup
		for i, o := range slices.Concat(led, whole) {
			r := infer.Request{Prompt: longPrompt(20 + i), MaxTokens: answer, Sampling: o}
			want := generate(t, plain, r)
			callers.Go(func() {
				got, err := e.Generate(t.Context(), r, nil)
				if err != nil || !reflect.DeepEqual(got.Tokens, want.Tokens) {
					t.Errorf("%+v: error %v\n got %v\nwant %v", o, err, got.Tokens, want.Tokens)
				}
			})
		}
		callers.Wait()
		wantLed, all := len(led), len(led)+len(whole)
		if most == 0 {
			wantLed = 0
		}
		if int(leads.led.Load()) != wantLed*answer || int(leads.whole.Load()) != (all-wantLed)*answer {
			t.Errorf("at most %d leaders: %d tokens came from leaders and %d from logits, want %d and %d",
				most, leads.led.Load(), leads.whole.Load(), wantLed*answer, (all-wantLed)*answer)
		}
	}
}
