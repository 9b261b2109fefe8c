package model_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/modeltest"
	"github.com/a472be26/cusp/infer/quant"
)

var tokens = []int32{5, 17, 3, 3, 90, 41, 0, 95, 12, 64, 33, 8, 71, 5, 17, 3, 28, 55}

// pass runs tokens in chunks of a size and gives the logits after each chunk.
func pass(t *testing.T, m model.Model, threads, chunk int, tokens []int32) (out [][]float32) {
	t.Helper()
	r := m.NewRunner(model.Limits{Threads: threads, Sequences: 2, Rows: 32, Context: 64})
	defer r.Close()
	cache := m.NewCache(64)
	for from := 0; from < len(tokens); from += chunk {
		logits := make([]float32, m.Config().Vocab)
		batch := []model.Sequence{{
			Cache: cache, Position: from, Tokens: tokens[from:min(from+chunk, len(tokens))], Logits: logits,
		}}
		if err := r.Forward(batch); err != nil {
			t.Fatal(err)
		}
		out = append(out, logits)
	}
	return out
}

func load(t *testing.T, s modeltest.Shape) model.Model {
	t.Helper()
	m, err := model.Load(s.File(t))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// difference is the largest error relative to the largest logit.
func difference(got []float32, want []float64) float64 {
	worst, scale := 0.0, 0.0
	for i := range want {
		worst = max(worst, math.Abs(float64(got[i])-want[i]))
		scale = max(scale, math.Abs(want[i]))
	}
	return worst / scale
}

func TestAgainstReference(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name      string
		tolerance float64
		change    func(*modeltest.Shape)
	}{
		{"F32", 1e-5, func(s *modeltest.Shape) {}},
		{"tied head", 1e-5, func(s *modeltest.Shape) { s.Tied = true }},
		{"every head its own keys", 1e-5, func(s *modeltest.Shape) { s.KVHeads = 4 }},
		{"one key head", 1e-5, func(s *modeltest.Shape) { s.KVHeads = 1 }},
		{"part of the head rotates", 1e-5, func(s *modeltest.Shape) { s.RopeDim = 8 }},
		{"positions scaled", 1e-5, func(s *modeltest.Shape) { s.RopeScale = 4 }},
		{"frequencies divided", 1e-5, func(s *modeltest.Shape) { s.Divisors = true }},
		{"odd sizes", 1e-5, func(s *modeltest.Shape) { s.Dim, s.HeadDim, s.FFN, s.Vocab = 30, 10, 37, 96 }},
		{"F16", 1e-5, func(s *modeltest.Shape) { s.Type = quant.F16 }},
		// Products with Q8_0 round the activations as well: half a step of
		// 1/127 of a block's peak each, which averages out.
		{"Q8_0", 0.05, func(s *modeltest.Shape) { s.Type = quant.Q8_0 }},
		{"mixed", 0.05, func(s *modeltest.Shape) {
			s.Types = map[string]quant.Type{"blk.0.attn_q.weight": quant.Q8_0, "blk.1.ffn_up.weight": quant.F16, "output.weight": quant.Q8_0}
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := modeltest.Small()
			c.change(&s)
			want := modeltest.NewReference(t, s, s.File(t)).Logits(tokens)
			for i, got := range pass(t, load(t, s), 2, 1, tokens) {
				if d := difference(got, want[i]); d > c.tolerance {
					t.Errorf("position %d: logits differ by %.2g of their scale", i, d)
				}
			}
		})
	}
}

// However a prompt is cut into passes, and on however many threads, the bits
// are the same.
func TestChunksAgree(t *testing.T) {
	t.Parallel()
	for _, kind := range []quant.Type{quant.F32, quant.F16, quant.Q8_0} {
		s := modeltest.Small()
		s.Type = kind
		m := load(t, s)
		single := pass(t, m, 1, 1, tokens)
		want := single[len(single)-1]
		for _, chunk := range []int{2, 5, 7, len(tokens)} {
			for _, threads := range []int{1, 3} {
				all := pass(t, m, threads, chunk, tokens)
				if got := all[len(all)-1]; !slices.Equal(got, want) {
					t.Errorf("%s in chunks of %d on %d threads differs from token by token", kind, chunk, threads)
				}
			}
		}
	}
}

// Two sequences of different lengths in one batch get what each gets alone.
func TestBatchedSequences(t *testing.T) {
	t.Parallel()
	m := load(t, modeltest.Small())
	a, b := tokens[:7], tokens[4:9]
	r := m.NewRunner(model.Limits{Threads: 2, Sequences: 2, Rows: 32, Context: 64})
	defer r.Close()
	batch := []model.Sequence{
		{Cache: m.NewCache(64), Tokens: a, Logits: make([]float32, 96)},
		{Cache: m.NewCache(64), Tokens: b, Logits: make([]float32, 96)},
	}
	if err := r.Forward(batch); err != nil {
		t.Fatal(err)
	}
	for i, ids := range [][]int32{a, b} {
		if want := pass(t, m, 1, 32, ids)[0]; !slices.Equal(batch[i].Logits, want) {
			t.Errorf("sequence %d differs from being alone", i)
		}
	}
}

func TestQ8CloseToF32(t *testing.T) {
	t.Parallel()
	s := modeltest.Shape{Vocab: 256, Dim: 128, Layers: 3, Heads: 4, KVHeads: 2, HeadDim: 32, FFN: 256, Context: 64, Seed: 3}
	exact := load(t, s)
	s.Type = quant.Q8_0
	want, got := pass(t, exact, 1, 32, tokens)[0], pass(t, load(t, s), 1, 32, tokens)[0]
	if c := cosine(got, want); c < 0.999 {
		t.Errorf("cosine of the logits is %.5f", c)
	}
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

func TestForwardRefuses(t *testing.T) {
	t.Parallel()
	m := load(t, modeltest.Small())
	r := m.NewRunner(model.Limits{Threads: 1, Sequences: 2, Rows: 4, Context: 8})
	defer r.Close()
	cache := m.NewCache(8)
	cases := map[string][]model.Sequence{
		"no tokens":             {{Cache: cache}},
		"foreign cache":         {{Cache: nil, Tokens: []int32{1}}},
		"negative token":        {{Cache: cache, Tokens: []int32{-1}}},
		"token too large":       {{Cache: cache, Tokens: []int32{96}}},
		"beyond the context":    {{Cache: cache, Position: 6, Tokens: []int32{1, 2, 3}}},
		"beyond a small cache":  {{Cache: m.NewCache(2), Position: 1, Tokens: []int32{1, 2}}},
		"negative position":     {{Cache: cache, Position: -1, Tokens: []int32{1}}},
		"more rows than agreed": {{Cache: cache, Tokens: []int32{1, 2, 3}}, {Cache: m.NewCache(8), Tokens: []int32{1, 2}}},
		"too many sequences":    {{Cache: cache, Tokens: []int32{1}}, {Cache: cache, Tokens: []int32{1}}, {Cache: cache, Tokens: []int32{1}}},
		"short logits":          {{Cache: cache, Tokens: []int32{1}, Logits: make([]float32, 95)}},
	}
	for name, batch := range cases {
		if err := r.Forward(batch); err == nil {
			t.Errorf("%s: was accepted", name)
		}
	}
}

func TestForwardDoesNotAllocate(t *testing.T) {
	for _, kind := range []quant.Type{quant.F32, quant.F16, quant.Q8_0} {
		for _, threads := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s on %d threads", kind, threads), func(t *testing.T) {
				s := modeltest.Small()
				s.Type = kind
				m := load(t, s)
				r := m.NewRunner(model.Limits{Threads: threads, Sequences: 1, Rows: 1, Context: 256})
				defer r.Close()
				batch := []model.Sequence{{Cache: m.NewCache(256), Tokens: []int32{7}, Logits: make([]float32, 96)}}
				if n := testing.AllocsPerRun(100, func() {
					if err := r.Forward(batch); err != nil {
						t.Fatal(err)
					}
					batch[0].Position++
				}); n != 0 {
					t.Errorf("%v allocations per token", n)
				}
			})
		}
	}
}
