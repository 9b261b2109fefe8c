package infer

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/quant"
)

// fakeModel answers token 1 to everything and lets a test look at each pass.
type fakeModel struct {
	passes chan []int // rows per sequence of a pass that waits to be let through
	answer chan error // lets it through
}

type fakeKV struct{ model.KV }

func (fakeKV) Close() error { return nil }

func newFake() *fakeModel {
	return &fakeModel{passes: make(chan []int), answer: make(chan error)}
}

func (f *fakeModel) Config() model.Config                                   { return model.Config{Vocab: 4, Context: 512} }
func (f *fakeModel) NewKV(int, quant.Type) (model.KV, error)                { return fakeKV{}, nil }
func (f *fakeModel) NewRunner(model.KV, model.Limits) (model.Runner, error) { return f, nil }
func (f *fakeModel) Close()                                                 {}

func (f *fakeModel) Forward(batch []model.Sequence) error {
	var rows []int
	for _, s := range batch {
		rows = append(rows, len(s.Tokens))
		if s.Logits != nil {
			copy(s.Logits, []float32{0, 2, 1, 0})
		}
	}
	f.passes <- rows
	return <-f.answer
}

// next lets the pass through that is under way and tells what it was.
func (f *fakeModel) next(err error) []int {
	rows := <-f.passes
	f.answer <- err
	return rows
}

var (
	_ model.Model  = (*fakeModel)(nil)
	_ model.Runner = (*fakeModel)(nil)
)

// queued waits until n sessions wait for the next pass.
func queued(t *testing.T, e *Engine, n int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); len(e.requests) < n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d sessions wait for a pass, not %d", len(e.requests), n)
		}
	}
}

// Everyone who waits has a share of the next pass, and a long prompt gives up
// rows to others instead of holding them up.
func TestSharesOfAPass(t *testing.T) {
	t.Parallel()
	fake := newFake()
	e, err := New(fake, Options{Sequences: 3})
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	start := func(prompt, answer int) {
		done.Go(func() {
			if _, err := e.Generate(context.Background(), Request{Prompt: make([]int32, prompt), MaxTokens: answer}, nil); err != nil {
				t.Error(err)
			}
		})
	}
	start(100, 3)
	first := <-fake.passes // 64 of the 100 tokens, alone
	start(200, 1)
	start(5, 2)
	queued(t, e, 2)
	if !slices.Equal(first, []int{64}) {
		t.Errorf("the first pass had the rows %v", first)
	}
	go func() {
		done.Wait()
		e.Close()
		close(fake.passes)
	}()
	fake.answer <- nil
	second := <-fake.passes
	slices.Sort(second)
	// The two that waited, and perhaps the first one again.
	if !slices.Equal(second, []int{5, 32}) && !slices.Equal(second, []int{5, 21, 21}) {
		t.Errorf("the second pass had the rows %v", second)
	}
	fake.answer <- nil
	for range fake.passes {
		fake.answer <- nil
	}
}

// A pass that fails ends the requests in it, and what was cached before stays
// good while what the pass was to add is not counted.
func TestFailedPass(t *testing.T) {
	t.Parallel()
	fake := newFake()
	e, err := New(fake, Options{Sequences: 1})
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("the device is gone")
	go func() {
		fake.next(nil)
		fake.next(broken)
		fake.next(nil)
	}()
	prompt := make([]int32, 100)
	if _, err := e.Generate(context.Background(), Request{Prompt: prompt, MaxTokens: 1}, nil); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	got, err := e.Generate(context.Background(), Request{Prompt: prompt, MaxTokens: 1}, nil)
	if err != nil || got.CachedTokens != batchRows || got.Tokens[0].ID != 1 {
		t.Errorf("after the failure: %+v, %v", got, err)
	}
	e.Close()
}
