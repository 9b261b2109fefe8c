package infer_test

import (
	"io/fs"
	"slices"
	"testing"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/builtin"
	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/kernel"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/modeltest"
	"github.com/a472be26/cusp/infer/quant"
)

// The fast way, with its packing, tiles, pages and threads, says what the slow
// and obvious one says, for every type of weights.
func TestGreedyEqualsNaivePath(t *testing.T) {
	t.Parallel()
	for _, kind := range kernel.Types() {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			s := modeltest.Shape{
				Vocab: 96, Dim: 256, Layers: 2, Heads: 4, KVHeads: 2, HeadDim: 64, FFN: 256, Context: 64, Type: kind, Seed: 3,
				Types: map[string]quant.Type{"token_embd.weight": quant.F16},
			}
			sameGreedy(t, s, s.File(t), naiveTokens(10))
		})
	}
}

func TestBuiltinGreedyEqualsNaivePath(t *testing.T) {
	t.Parallel()
	student, err := builtin.Student()
	if err != nil {
		t.Fatal(err)
	}
	data, err := fs.ReadFile(student, "model.gguf")
	if err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Parse("student", data)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	c := m.Config()
	_, untied := f.Tensor("output.weight")
	sameGreedy(t, modeltest.Shape{
		Vocab: c.Vocab, Dim: c.Dim, Layers: c.Layers, Heads: c.Heads, KVHeads: c.KVHeads, HeadDim: c.HeadDim, FFN: c.FFN,
		Context: c.Context, RopeDim: c.RopeDim, Tied: !untied,
	}, f, naiveTokens(4))
}

// naiveTokens is fewer where the naive path takes long, as under emulation.
func naiveTokens(n int) int {
	if testing.Short() {
		return min(n, 2)
	}
	return n
}

func sameGreedy(t *testing.T, s modeltest.Shape, f *gguf.File, n int) {
	t.Helper()
	reference := modeltest.NewReference(t, s, f)
	reference.Rounding = true
	want := reference.Greedy(prompt, n)
	m, err := model.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	e, err := infer.New(m, infer.Options{Threads: 2, KV: "f32"})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	got := ids(generate(t, e, infer.Request{Prompt: prompt, MaxTokens: n}).Tokens)
	if !slices.Equal(got, want) {
		t.Errorf("greedy tokens\n got %v\nwant %v", got, want)
	}
}
