package model_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/quant"
)

// expected is what Hugging Face transformers computed; see
// testdata/make_transformers.py.
type expected struct {
	Prompt    []int32
	Positions []int       // of logits
	Logits    [][]float64 // [positions][vocab]
	Greedy    []int32     // continuation of the prompt
}

func loadFixture(t *testing.T, name string) (model.Model, expected) {
	t.Helper()
	f, err := gguf.Open(filepath.Join("testdata", name+".gguf"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	m, err := model.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var want expected
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	return m, want
}

// A reference that nobody here wrote: logits and greedy text of transformers,
// for a tied model in F32, and an untied one in F16 with scaled positions and
// wide heads.
func TestAgainstTransformers(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"transformers_tied", "transformers_untied"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, want := loadFixture(t, name)
			got := pass(t, m, 1, 1, want.Prompt)
			for i, position := range want.Positions {
				if d := difference(got[position], want.Logits[i]); d > 1e-4 {
					t.Errorf("position %d: logits differ by %.2g of their scale", position, d)
				}
			}
			if got := greedy(t, m, want.Prompt, len(want.Greedy)); !slices.Equal(got, want.Greedy) {
				t.Errorf("greedy continuation\n got %v\nwant %v", got, want.Greedy)
			}
		})
	}
}

// greedy continues a prompt, which is run in one pass, token by token.
func greedy(t *testing.T, m model.Model, prompt []int32, n int) (out []int32) {
	t.Helper()
	r, pages := newRunner(t, m, quant.F32, model.Limits{Threads: 2, Sequences: 1, Rows: len(prompt), Context: len(prompt) + n})
	next := model.Sequence{Pages: pages[0], Tokens: prompt, Logits: make([]float32, m.Config().Vocab)}
	for len(out) < n {
		if err := r.Forward([]model.Sequence{next}); err != nil {
			t.Fatal(err)
		}
		best := int32(slices.Index(next.Logits, slices.Max(next.Logits)))
		out = append(out, best)
		next.Position += len(next.Tokens)
		next.Tokens = []int32{best}
	}
	return out
}
