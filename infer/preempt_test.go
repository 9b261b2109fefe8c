package infer_test

import (
	"math"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/grammar"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/modeltest"
	"github.com/a472be26/cusp/infer/sample"
)

// grammarMask is a grammar as a sampler sees it.
type grammarMask struct {
	state *grammar.State
	bits  []uint64
}

var _ sample.Mask = (*grammarMask)(nil)

func (m *grammarMask) Mask(logits []float32) {
	m.state.Mask(m.bits)
	for id := range logits {
		if m.bits[id/64]>>(id%64)&1 == 0 {
			logits[id] = float32(math.Inf(-1))
		}
	}
}

func (m *grammarMask) Accept(id int32) { _ = m.state.Accept(id) }

// lists is a grammar that has to know how deep it is in brackets, over the
// tokens of modeltest.Small: letters, brackets, and the first one, which ends.
func lists(t *testing.T) *grammar.Machine {
	t.Helper()
	g, err := grammar.Parse(`root ::= list{3,40}
list ::= "(" ([a-z]{1,7} | list) ")"`)
	if err != nil {
		t.Fatal(err)
	}
	tokens := make([][]byte, modeltest.Small().Vocab)
	for i := range tokens {
		tokens[i] = []byte{byte(' ' + i)}
	}
	tokens[0] = nil
	return grammar.NewVocabulary(tokens, []int32{0}).Compile(g)
}

// Whoever is preempted, however often and whatever their options are, gets the
// tokens, probabilities and ending of somebody who is alone: with penalties, DRY,
// mirostat, grammars and several answers to a prompt.
func TestPreemptedEqualsUndisturbed(t *testing.T) {
	t.Parallel()
	m, err := model.Load(modeltest.Small().File(t))
	if err != nil {
		t.Fatal(err)
	}
	machine := lists(t)
	request := func(i int) infer.Request {
		r := infer.Request{Prompt: longPrompt(70)[i%3*20:], MaxTokens: 30 + 17*i%90, Stop: []int32{0}}
		if i < len(everyOption) {
			r.Sampling = everyOption[i]
		} else {
			r.Sampling.Temperature, r.Sampling.Seed, r.Sampling.Top = float64(i%2), uint64(i), i%4
			r.Sampling.Mask = &grammarMask{machine.Start(), make([]uint64, 2)}
		}
		return r
	}
	const kinds, copies = 12, 2
	for _, kv := range []string{"f16", "f32"} {
		o := infer.Options{Threads: 2, Sequences: 8, KV: kv, Rows: 24, Chunk: 8}
		o.KVBytes = int64(14 * pageBytes(t, m, kv))
		e, err := infer.New(m, o)
		if err != nil {
			t.Fatal(err)
		}
		var want []infer.Result
		single := newEngine(t, infer.Options{Threads: 1, KV: kv})
		for i := range kinds {
			want = append(want, generate(t, single, request(i)))
		}
		var done sync.WaitGroup
		for i := range kinds * copies {
			done.Go(func() {
				var streamed []infer.Token
				r := request(i % kinds)
				got, err := e.Generate(t.Context(), r, func(token infer.Token) error {
					streamed = append(streamed, token)
					return nil
				})
				alone := want[i%kinds]
				if err != nil || got.Finish != alone.Finish || !reflect.DeepEqual(got.Tokens, alone.Tokens) || !reflect.DeepEqual(streamed, alone.Tokens) {
					t.Errorf("%s, request %d: finish %q, want %q, error %v\n got %v\nwant %v", kv, i, got.Finish, alone.Finish, err, ids(got.Tokens), ids(alone.Tokens))
				}
			})
		}
		done.Wait()
		e.Close()
		if s := e.Stats(); s.Preemptions < 5 || s.Recomputed == 0 {
			t.Errorf("%s: %d preemptions, %d tokens computed again: memory was not short", kv, s.Preemptions, s.Recomputed)
		}
		if !slices.ContainsFunc(want, func(r infer.Result) bool { return r.Finish == infer.FinishStop }) {
			t.Errorf("%s: no grammar came to its end", kv)
		}
	}
}

// pageBytes is the size of a page.
func pageBytes(t *testing.T, m model.Model, kv string) int {
	t.Helper()
	e, err := infer.New(m, infer.Options{KV: kv})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	return e.Stats().PageBytes
}
