package train

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// copyExamples: some random tokens, a separator, the same tokens again. It cannot be solved without attending to the
// right earlier position.
func copyExamples(r *rand.Rand, n int) Examples {
	const separator, letters = 0, 7
	var examples Examples
	for range n {
		length := 2 + r.IntN(3)
		tokens := make([]int32, length, 2*length+1)
		for i := range tokens {
			tokens[i] = int32(1 + r.IntN(letters))
		}
		tokens = append(append(tokens, separator), tokens...)
		e := Example{Tokens: tokens, Loss: make([]float32, len(tokens))}
		for i := length; i < 2*length; i++ {
			e.Loss[i] = 1
		}
		examples = append(examples, e)
	}
	return examples
}

func TestRunLearnsToCopy(t *testing.T) {
	t.Parallel()
	c := Config{Vocab: 8, Dim: 32, Layers: 2, Heads: 4, KVHeads: 2, FFN: 64, Context: 10, RopeTheta: 10000, NormEps: 1e-5, Tied: true}
	r := rand.New(rand.NewPCG(1, 1))
	o := Defaults()
	o.Steps, o.BatchTokens, o.LR, o.WarmupSteps, o.EMA, o.Seed = 500, 384, 5e-3, 20, 0.98, 3
	var last Step
	w, err := Run(context.Background(), c, copyExamples(r, 20000), o, func(s Step) { last = s })
	if err != nil {
		t.Fatal(err)
	}
	score, err := NewScorer(w, 0).Score(copyExamples(r, 500))
	if err != nil {
		t.Fatal(err)
	}
	if last.Loss > 0.05 || score.Exact < 0.95 || score.Loss > 0.05 {
		t.Errorf("loss %v after %d steps, on new examples %+v", last.Loss, last.Step, score)
	}
}

// short is a run with everything switched on that takes a few milliseconds.
func short() Options {
	o := Defaults()
	o.Steps, o.BatchTokens, o.WarmupSteps, o.CheckpointEvery, o.Seed = 24, 50, 5, 5, 11
	o.Dropout, o.Smoothing = 0.1, 0.05
	return o
}

func shortData() Examples { return tinyExamples(rand.New(rand.NewPCG(5, 5)), tiny.Vocab, 31) }

func mustRun(t *testing.T, o Options) *Weights {
	t.Helper()
	w, err := Run(context.Background(), tiny, shortData(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestRunDoesNotDependOnThreads(t *testing.T) {
	t.Parallel()
	want := newRun(tiny, shortData(), short())
	want.workers, want.model.workers = 1, 1
	got := newRun(tiny, shortData(), short())
	got.workers, got.model.workers = 3, 3
	for range 10 {
		if _, err := want.step(); err != nil {
			t.Fatal(err)
		}
		if _, err := got.step(); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(want.model.value, got.model.value) {
		t.Error("1 and 3 workers give different weights")
	}
}

func TestRunDependsOnTheSeed(t *testing.T) {
	t.Parallel()
	o := short()
	a, b := mustRun(t, o), mustRun(t, o)
	o.Seed++
	c := mustRun(t, o)
	if !slices.Equal(a.flat, b.flat) {
		t.Error("the same seed gives different weights")
	}
	if slices.Equal(a.flat, c.flat) {
		t.Error("another seed gives the same weights")
	}
}

func TestRunResumesAfterItsContextEnds(t *testing.T) {
	t.Parallel()
	o := short()
	want := mustRun(t, o)
	o.Checkpoint = filepath.Join(t.TempDir(), "run.ckpt")
	for _, stop := range []int{1, 7, 10, 23} {
		ctx, cancel := context.WithCancel(context.Background())
		_, err := Run(ctx, tiny, shortData(), o, func(s Step) {
			if s.Step == stop {
				cancel()
			}
		})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped at step %d: %v", stop, err)
		}
	}
	if got := mustRun(t, o); !slices.Equal(want.flat, got.flat) {
		t.Error("a run stopped four times gives other weights than an uninterrupted one")
	}
	checkHistory(t, o)
	// Once finished, it returns the same again without a step.
	got, err := Run(context.Background(), tiny, shortData(), o, func(s Step) { t.Errorf("step %d after the end", s.Step) })
	if err != nil || !slices.Equal(want.flat, got.flat) {
		t.Errorf("running a finished run again: %v", err)
	}
}

func TestRunResumesAfterAKill(t *testing.T) {
	t.Parallel()
	o := short()
	want := mustRun(t, o)
	o.Checkpoint = filepath.Join(t.TempDir(), "run.ckpt")
	// What a kill between steps 13 and 14 leaves: the checkpoint of step 10 and a history up to step 13.
	var left []byte
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	Run(ctx, tiny, shortData(), o, func(s Step) {
		if s.Step == 13 {
			left, _ = os.ReadFile(o.Checkpoint)
			cancel()
		}
	})
	if err := os.WriteFile(o.Checkpoint, left, 0o600); err != nil {
		t.Fatal(err)
	}
	first := 0
	got, err := Run(context.Background(), tiny, shortData(), o, func(s Step) {
		if first == 0 {
			first = s.Step
		}
	})
	if err != nil || first != 11 {
		t.Fatalf("resumed at step %d, want 11: %v", first, err)
	}
	if !slices.Equal(want.flat, got.flat) {
		t.Error("a killed run gives other weights than an uninterrupted one")
	}
	checkHistory(t, o)
}

// checkHistory wants every step of a finished run exactly once.
func checkHistory(t *testing.T, o Options) {
	t.Helper()
	steps, err := ReadHistory(HistoryPath(o.Checkpoint))
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range steps {
		if s.Step != i+1 || s.Steps != o.Steps || !(s.Loss > 0) || !(s.GradNorm > 0) || s.Tokens == 0 {
			t.Errorf("line %d of the history is %+v", i, s)
		}
	}
	if len(steps) != o.Steps {
		t.Errorf("the history has %d steps, want %d", len(steps), o.Steps)
	}
}

func TestRunValidates(t *testing.T) {
	t.Parallel()
	o := short()
	o.Valid, o.ValidEvery = shortData()[:7], 10
	o.Checkpoint = filepath.Join(t.TempDir(), "run.ckpt")
	scored := map[int]Score{}
	w, err := Run(context.Background(), tiny, shortData(), o, func(s Step) {
		if s.Valid != nil {
			scored[s.Step] = *s.Valid
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	want, err := NewScorer(w, 1).Score(o.Valid)
	if err != nil {
		t.Fatal(err)
	}
	if len(scored) != 3 || scored[24] != want || want.Examples != 7 {
		t.Errorf("scored %v, want steps 10, 20 and 24, the last as %+v", scored, want)
	}
	if plain := mustRun(t, short()); !slices.Equal(plain.flat, w.flat) {
		t.Error("validation changes the weights")
	}
}

func TestRunRefusesBadInput(t *testing.T) {
	t.Parallel()
	good := Example{Tokens: []int32{1, 2}, Loss: []float32{1, 0}}
	for name, test := range map[string]struct {
		data   Examples
		change func(*Config, *Options)
		want   string
	}{
		"empty":         {data: nil, want: "empty"},
		"no loss":       {data: Examples{{Tokens: []int32{1, 2}, Loss: []float32{0, 1}}}, want: "no example carries"},
		"token":         {data: Examples{{Tokens: []int32{1, 99}, Loss: []float32{1, 0}}}, want: "token 1 is 99"},
		"loss length":   {data: Examples{{Tokens: []int32{1, 2}, Loss: []float32{1}}}, want: "1 loss weights for 2 tokens"},
		"loss negative": {data: Examples{{Tokens: []int32{1, 2}, Loss: []float32{1, -1}}}, want: "loss weight 1 is -1"},
		"soft length":   {data: Examples{{Tokens: []int32{1, 2}, Loss: []float32{1, 0}, Soft: [][]TopK{nil}}}, want: "1 teacher rows"},
		"soft token":    {data: Examples{{Tokens: []int32{1, 2}, Loss: []float32{1, 0}, Soft: [][]TopK{{{ID: -1}}, nil}}}, want: "token -1"},
		"too long":      {data: Examples{{Tokens: make([]int32, 20), Loss: []float32{18: 1, 19: 0}}}, want: "context of 16"},
		"config":        {data: Examples{good}, change: func(c *Config, _ *Options) { c.Heads = 0 }, want: "Heads is 0"},
		"options":       {data: Examples{good}, change: func(_ *Config, o *Options) { o.LR = 0 }, want: "LR is 0"},
	} {
		c, o := tiny, short()
		if test.change != nil {
			test.change(&c, &o)
		}
		if _, err := Run(context.Background(), c, test.data, o, nil); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, test.want)
		}
	}
}

func TestRunRefusesAStartOfAnotherShape(t *testing.T) {
	t.Parallel()
	c := Config{Vocab: 8, Dim: 32, Layers: 1, Heads: 4, KVHeads: 2, FFN: 64, Context: 10, RopeTheta: 10000, NormEps: 1e-5, Tied: true}
	o := Defaults()
	other := c
	other.Layers = 2
	o.Start = newWeights(other, make([]float32, other.Parameters()))
	if _, err := Run(context.Background(), c, Examples{}, o, nil); err == nil || !strings.Contains(err.Error(), "start from") {
		t.Errorf("error %v", err)
	}
}
