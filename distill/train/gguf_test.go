package train

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/gguf"
	infermodel "github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/quant"
)

// wideShape has rows that are whole Q8_0 blocks.
var wideShape = Config{Vocab: 50, Dim: 64, Layers: 3, Heads: 4, KVHeads: 2, FFN: 96, Context: 32, RopeTheta: 500, NormEps: 1e-5, Tied: true}

// randomWeights are larger than a fresh model's, so that every part matters to the logits.
func randomWeights(c Config, seed uint64) *Weights {
	w := newWeights(c, random(rand.New(rand.NewPCG(seed, 1)), c.Parameters(), 0.15))
	for _, t := range w.Tensors {
		for i := range t.Data {
			if t.isNorm() {
				t.Data[i] += 1
			}
		}
	}
	return w
}

// file writes the weights to memory and reads them back.
func file(t *testing.T, w *Weights, as quant.Type, change func([]gguf.KV, []gguf.Tensor) ([]gguf.KV, []gguf.Tensor)) *gguf.File {
	t.Helper()
	meta, tensors, err := w.GGUF(as)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		meta, tensors = change(meta, tensors)
	}
	var out bytes.Buffer
	if err := gguf.Write(&out, meta, tensors); err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Parse("test.gguf", out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestForwardAgreesWithTheEngine guards everything that trainer and engine must agree on: names, the layout of matrices,
// the order of rotary pairs, the groups of heads, the norms.
func TestForwardAgreesWithTheEngine(t *testing.T) {
	t.Parallel()
	for _, tied := range []bool{true, false} {
		c := wideShape
		c.Tied = tied
		w := randomWeights(c, 21)
		engine, err := infermodel.Load(file(t, w, quant.F32, nil))
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(22, 1))
		tokens := make([]int32, 20)
		for i := range tokens {
			tokens[i] = int32(r.IntN(c.Vocab))
		}
		pages := make([]int32, (c.Context+infermodel.PageTokens-1)/infermodel.PageTokens)
		for i := range pages {
			pages[i] = int32(i)
		}
		kv, err := engine.NewKV(len(pages), quant.F32)
		if err != nil {
			t.Fatal(err)
		}
		defer kv.Close()
		runner, err := engine.NewRunner(kv, infermodel.Limits{Threads: 1, Sequences: 1, Rows: len(tokens), Context: c.Context})
		if err != nil {
			t.Fatal(err)
		}
		defer runner.Close()
		for _, position := range []int{0, 1, 7, 19} {
			want := make([]float32, c.Vocab)
			batch := []infermodel.Sequence{{Pages: pages, Tokens: tokens[:position+1], Logits: want}}
			if err := runner.Forward(batch); err != nil {
				t.Fatal(err)
			}
			got, err := w.Logits(tokens, position)
			if err != nil {
				t.Fatal(err)
			}
			if gap := relativeGap(got, want); gap > 1e-4 {
				t.Errorf("tied %v, position %d: logits differ by %.2g of their size", tied, position, gap)
			}
		}
	}
}

// relativeGap is the largest difference as a share of the largest value.
func relativeGap(got, want []float32) float64 {
	var gap, top float64
	for i := range want {
		gap = max(gap, math.Abs(float64(got[i]-want[i])))
		top = max(top, math.Abs(float64(want[i])))
	}
	return gap / top
}

func TestLoadReadsWhatGGUFWrites(t *testing.T) {
	t.Parallel()
	for as, tolerance := range map[quant.Type]float64{quant.F32: 0, quant.F16: 1e-3, quant.Q8_0: 1e-2} {
		for _, tied := range []bool{true, false} {
			c := wideShape
			c.Tied = tied
			w := randomWeights(c, 23)
			got, err := Load(file(t, w, as, nil))
			if err != nil {
				t.Fatal(err)
			}
			if got.Config != c {
				t.Errorf("%v: shape %+v, want %+v", as, got.Config, c)
			}
			for i, tensor := range w.Tensors {
				if gap := relativeGap(got.Tensors[i].Data, tensor.Data); gap > tolerance {
					t.Errorf("%v: %s differs by %.2g", as, tensor.Name, gap)
				}
			}
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	set := func(key string, value any) func([]gguf.KV, []gguf.Tensor) ([]gguf.KV, []gguf.Tensor) {
		return func(meta []gguf.KV, tensors []gguf.Tensor) ([]gguf.KV, []gguf.Tensor) {
			for i := range meta {
				if meta[i].Key == key {
					meta[i].Value = value
				}
			}
			return meta, tensors
		}
	}
	for name, test := range map[string]struct {
		change func([]gguf.KV, []gguf.Tensor) ([]gguf.KV, []gguf.Tensor)
		want   string
	}{
		"architecture": {set("general.architecture", "qwen2"), `architecture is "qwen2"`},
		"no layers":    {set("llama.block_count", uint32(0)), "Layers is 0"},
		"too many":     {set("llama.block_count", uint32(1000)), "the tensors hold"},
		"huge":         {set("llama.feed_forward_length", uint32(1<<31)), "FFN is"},
		"other width":  {set("llama.feed_forward_length", uint32(95)), "blk.0.ffn_gate.weight: has dimensions"},
		"missing": {func(meta []gguf.KV, tensors []gguf.Tensor) ([]gguf.KV, []gguf.Tensor) {
			for i := range tensors {
				if tensors[i].Name == "blk.1.attn_k.weight" {
					tensors[i].Name = "other.weight"
				}
			}
			return meta, tensors
		}, "blk.1.attn_k.weight: is missing"},
		"no embedding": {func(meta []gguf.KV, tensors []gguf.Tensor) ([]gguf.KV, []gguf.Tensor) {
			return meta, tensors[1:]
		}, "token_embd.weight is missing"},
	} {
		f := file(t, randomWeights(wideShape, 1), quant.F32, test.change)
		if _, err := Load(f); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, test.want)
		}
	}
}

func TestGGUFRefusesRowsThatAreNoBlocks(t *testing.T) {
	t.Parallel()
	if _, _, err := randomWeights(tiny, 1).GGUF(quant.Q8_0); err == nil || !strings.Contains(err.Error(), "token_embd.weight") {
		t.Errorf("rows of %d as Q8_0: %v", tiny.Dim, err)
	}
}

func TestLayoutCoversTheParametersOnce(t *testing.T) {
	t.Parallel()
	for _, tied := range []bool{true, false} {
		c := tiny
		c.Tied = tied
		w, next := newWeights(c, make([]float32, c.Parameters())), 0
		var names []string
		for i, s := range layout(c) {
			if s.offset != next || len(w.Tensors[i].Data) != s.rows*s.cols {
				t.Errorf("%s starts at %d, want %d", s.name, s.offset, next)
			}
			if norm := w.Tensors[i].isNorm(); norm != (s.offset >= decayed(c)) {
				t.Errorf("%s: norm %v but on the wrong side of %d", s.name, norm, decayed(c))
			}
			next = s.end()
			names = append(names, s.name)
		}
		slices.Sort(names)
		if next != c.Parameters() || len(slices.Compact(names)) != len(w.Tensors) {
			t.Errorf("%d of %d parameters placed, names %v", next, c.Parameters(), names)
		}
	}
}
