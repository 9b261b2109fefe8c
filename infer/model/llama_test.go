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

// newRunner makes a runner with room for the limits' sequences at full length,
// and one block table for each; the pages of a table are far apart.
func newRunner(t testing.TB, m model.Model, kind quant.Type, limits model.Limits) (model.Runner, [][]int32) {
	t.Helper()
	each := (limits.Context + model.PageTokens - 1) / model.PageTokens
	kv, err := m.NewKV(limits.Sequences*each, kind)
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.NewRunner(kv, limits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Close()
		if err := kv.Close(); err != nil {
			t.Error(err)
		}
	})
	tables := make([][]int32, limits.Sequences)
	for i := range each * limits.Sequences {
		tables[i%limits.Sequences] = append(tables[i%limits.Sequences], int32(each*limits.Sequences-1-i))
	}
	return r, tables
}

// pass runs tokens in chunks of a size and gives the logits after each chunk.
func pass(t *testing.T, m model.Model, threads, chunk int, tokens []int32) (out [][]float32) {
	t.Helper()
	return passAs(t, m, quant.F32, threads, chunk, tokens)
}

func passAs(t *testing.T, m model.Model, kind quant.Type, threads, chunk int, tokens []int32) (out [][]float32) {
	t.Helper()
	r, pages := newRunner(t, m, kind, model.Limits{Threads: threads, Sequences: 2, Rows: max(32, chunk), Context: max(64, len(tokens))})
	for from := 0; from < len(tokens); from += chunk {
		logits := make([]float32, m.Config().Vocab)
		batch := []model.Sequence{{
			Pages: pages[0], Position: from, Tokens: tokens[from:min(from+chunk, len(tokens))], Logits: logits,
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
	r, pages := newRunner(t, m, quant.F32, model.Limits{Threads: 2, Sequences: 2, Rows: 32, Context: 64})
	batch := []model.Sequence{
		{Pages: pages[0], Tokens: a, Logits: make([]float32, 96)},
		{Pages: pages[1], Tokens: b, Logits: make([]float32, 96)},
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

func cosine[A, B float32 | float64](a []A, b []B) float64 {
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
	r, pages := newRunner(t, m, quant.F16, model.Limits{Threads: 1, Sequences: 2, Rows: 4, Context: 24})
	a, b := pages[0], pages[1]
	cases := map[string][]model.Sequence{
		"no tokens":             {{Pages: a}},
		"no pages":              {{Tokens: []int32{1}}},
		"page too large":        {{Pages: []int32{4}, Tokens: []int32{1}}},
		"negative page":         {{Pages: []int32{-1}, Tokens: []int32{1}}},
		"negative token":        {{Pages: a, Tokens: []int32{-1}}},
		"token too large":       {{Pages: a, Tokens: []int32{96}}},
		"beyond the context":    {{Pages: a, Position: 22, Tokens: []int32{1, 2, 3}}},
		"beyond the pages":      {{Pages: a[:1], Position: 15, Tokens: []int32{1, 2}}},
		"negative position":     {{Pages: a, Position: -1, Tokens: []int32{1}}},
		"more rows than agreed": {{Pages: a, Tokens: []int32{1, 2, 3}}, {Pages: b, Tokens: []int32{1, 2}}},
		"too many sequences":    {{Pages: a, Tokens: []int32{1}}, {Pages: b, Tokens: []int32{1}}, {Pages: b, Tokens: []int32{1}}},
		"short logits":          {{Pages: a, Tokens: []int32{1}, Logits: make([]float32, 95)}},
		"leaders":               {{Pages: a, Tokens: []int32{1}, Leaders: &model.Leaders{IDs: make([]int32, 1), Logits: make([]float32, 1)}}},
	}
	for name, batch := range cases {
		if err := r.Forward(batch); err == nil {
			t.Errorf("%s: was accepted", name)
		}
	}
}

// A runner works on storage of its own model's shape only.
func TestForeignKV(t *testing.T) {
	t.Parallel()
	m := load(t, modeltest.Small())
	wide := modeltest.Small()
	wide.KVHeads = 4
	foreign, err := load(t, wide).NewKV(1, quant.F16)
	if err != nil {
		t.Fatal(err)
	}
	defer foreign.Close()
	for _, kv := range []model.KV{foreign, nil} {
		if _, err := m.NewRunner(kv, model.Limits{Threads: 1, Sequences: 1, Rows: 1, Context: 16}); err == nil {
			t.Errorf("a runner took the storage %T of another model", kv)
		}
	}
	for _, kind := range []quant.Type{quant.Q4_0, quant.BF16} {
		if _, err := m.NewKV(1, kind); err == nil {
			t.Errorf("keys and values as %s were accepted", kind)
		}
	}
	for _, pages := range []int{-1, 0, math.MaxInt / 4096} {
		if _, err := m.NewKV(pages, quant.F16); err == nil {
			t.Errorf("%d pages were accepted", pages)
		}
	}
}

// The storage of a page can be taken out, put back and copied, and gives the
// same logits then.
func TestPagesMove(t *testing.T) {
	t.Parallel()
	m := load(t, modeltest.Small())
	kv, err := m.NewKV(4, quant.F16)
	if err != nil {
		t.Fatal(err)
	}
	defer kv.Close()
	r, err := m.NewRunner(kv, model.Limits{Threads: 1, Sequences: 1, Rows: 32, Context: 64})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	forward := func(pages []int32, position int) []float32 {
		logits := make([]float32, 96)
		if err := r.Forward([]model.Sequence{{Pages: pages, Position: position, Tokens: tokens[position:], Logits: logits}}); err != nil {
			t.Fatal(err)
		}
		return logits
	}
	want := forward([]int32{0, 1}, 0)
	page := make([]byte, kv.PageBytes())
	if err := kv.Read(page, 0); err != nil {
		t.Fatal(err)
	}
	kv.Write(3, page)
	kv.Copy(2, 1)
	clear(page)
	kv.Write(0, page)
	kv.Write(1, page)
	if got := forward([]int32{3, 2}, len(tokens)-1); !slices.Equal(got, want) {
		t.Error("moved pages give other logits")
	}
	if int(m.Config().PageBytes(quant.F16)) != kv.PageBytes() || kv.Pages() != 4 {
		t.Errorf("%d pages of %d bytes", kv.Pages(), kv.PageBytes())
	}
}

// long crosses pages, chunks and segments of attention.
func long(n int) []int32 {
	out := make([]int32, n)
	for i := range out {
		out[i] = int32(i * (i + 3) % 95)
	}
	return out
}

// Over several segments attention is still right, for a whole prompt in one
// pass and token by token behind it, whose work is split over threads.
func TestLongContext(t *testing.T) {
	t.Parallel()
	s := modeltest.Small()
	s.Dim, s.Heads, s.KVHeads, s.HeadDim, s.FFN, s.RopeScale = 32, 2, 1, 16, 32, 4
	ids := long(1100)
	m := load(t, s)
	want := modeltest.NewReference(t, s, s.File(t)).Logits(ids)[len(ids)-1]
	var first []float32
	for kind, tolerance := range map[quant.Type]float64{quant.F32: 2e-5, quant.F16: 2e-2, quant.Q8_0: 5e-2} {
		for _, threads := range []int{1, 3} {
			for _, chunk := range []int{len(ids), 1099, 64} {
				all := passAs(t, m, kind, threads, chunk, ids)
				got := all[len(all)-1]
				if d := difference(got, want); d > tolerance {
					t.Errorf("%s in chunks of %d on %d threads: logits differ by %.2g of their scale", kind, chunk, threads, d)
				}
				if threads == 1 && chunk == len(ids) {
					first = got
				} else if !slices.Equal(got, first) {
					t.Errorf("%s in chunks of %d on %d threads differs from one pass on one thread", kind, chunk, threads)
				}
			}
		}
	}
}

// Storing keys and values as binary16 costs little, as INT8 a little more.
func TestCacheCloseToF32(t *testing.T) {
	t.Parallel()
	m := load(t, modeltest.Small())
	exact := passAs(t, m, quant.F32, 1, 32, tokens)[0]
	for kind, least := range map[quant.Type]float64{quant.F16: 0.99999, quant.Q8_0: 0.9999} {
		rounded := passAs(t, m, kind, 1, 32, tokens)[0]
		if c := cosine(exact, rounded); c < least || slices.Equal(exact, rounded) {
			t.Errorf("%s: cosine of the logits is %.7f", kind, c)
		}
	}
}

// What a sequence gets depends on nobody in its batch: many of different
// lengths and phases against each alone.
func TestManyEqualSingles(t *testing.T) {
	t.Parallel()
	s := modeltest.Small()
	s.Type, s.Context = quant.Q8_0, 2048
	m := load(t, s)
	for _, kind := range []quant.Type{quant.F16, quant.Q8_0} {
		t.Run(kind.String(), func(t *testing.T) { checkManyEqualSingles(t, m, kind) })
	}
}

func checkManyEqualSingles(t *testing.T, m model.Model, kind quant.Type) {
	lengths := []int{1, 15, 16, 17, 130, 511, 512, 513, 700}
	limits := model.Limits{Threads: 3, Sequences: len(lengths), Rows: 1024, Context: 720}
	r, pages := newRunner(t, m, kind, limits)
	alone, own := newRunner(t, m, kind, model.Limits{Threads: 1, Sequences: 1, Rows: 700, Context: 720})
	batch := make([]model.Sequence, len(lengths))
	for i, n := range lengths { // prompts, one by one
		batch[i] = model.Sequence{Pages: pages[i], Tokens: long(n + 3)[3:], Logits: make([]float32, 96)}
		if err := r.Forward(batch[i : i+1]); err != nil {
			t.Fatal(err)
		}
		batch[i].Position = n
	}
	for i := range batch { // then all together, some with one token and some with more
		batch[i].Tokens = long(3 + i%3)[2:]
	}
	if err := r.Forward(batch); err != nil {
		t.Fatal(err)
	}
	for i, n := range lengths {
		want := make([]float32, 96)
		for _, part := range []model.Sequence{
			{Pages: own[0], Tokens: long(n + 3)[3:]},
			{Pages: own[0], Position: n, Tokens: batch[i].Tokens, Logits: want},
		} {
			if err := alone.Forward([]model.Sequence{part}); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(batch[i].Logits, want) {
			t.Errorf("the sequence of %d tokens differs from being alone", n)
		}
	}
}

func TestForwardDoesNotAllocate(t *testing.T) {
	for weights, kind := range map[quant.Type]quant.Type{quant.F32: quant.F16, quant.F16: quant.F32, quant.Q8_0: quant.Q8_0} {
		for _, threads := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s on %d threads", weights, threads), func(t *testing.T) {
				s := modeltest.Small()
				s.Type = weights
				m := load(t, s)
				r, pages := newRunner(t, m, kind, model.Limits{Threads: threads, Sequences: 1, Rows: 1, Context: 700})
				// Over the border of a segment, so that some passes are split.
				batch := []model.Sequence{{Pages: pages[0], Position: 450, Tokens: []int32{7}, Logits: make([]float32, 96)}}
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
