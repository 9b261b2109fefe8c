package model_test

import (
	"slices"
	"testing"

	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/quant"
)

// A program that is cut before any layer, its parts run one after the other,
// gives the same bits, in every family.
func TestSplit(t *testing.T) {
	t.Parallel()
	for _, name := range families(t) {
		f, want := loadFamily(t, name)
		m := loadFile(t, f)
		c := m.Config()
		if c.Kind != model.Decoder {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := passAs(t, m, quant.F16, 1, 5, want.Prompt)
			for layer := 1; layer < c.Layers; layer++ {
				first, rest, err := m.(model.Programmed).Program().Split(layer)
				if err != nil {
					t.Fatal(err)
				}
				for i, got := range passParts(t, model.New(first), model.New(rest), want.Prompt) {
					if !slices.Equal(got, whole[i]) {
						t.Errorf("cut before layer %d: chunk %d differs", layer, i)
					}
				}
			}
		})
	}
}

// passParts runs tokens in chunks of 5 through both parts of a model.
func passParts(t *testing.T, first, rest model.Model, tokens []int32) (out [][]float32) {
	t.Helper()
	limits := model.Limits{Threads: 1, Sequences: 1, Rows: 5, Context: 64}
	a, pages := newRunner(t, first, quant.F16, limits)
	b, _ := newRunner(t, rest, quant.F16, limits)
	for from := 0; from < len(tokens); from += 5 {
		s := model.Sequence{Pages: pages[0], Position: from, Tokens: tokens[from:min(from+5, len(tokens))]}
		s.Hidden = make([]float32, len(s.Tokens)*first.Config().Dim)
		if err := a.Forward([]model.Sequence{s}); err != nil {
			t.Fatal(err)
		}
		s.Hidden, s.Input, s.Logits = nil, s.Hidden, make([]float32, rest.Config().Vocab)
		if err := b.Forward([]model.Sequence{s}); err != nil {
			t.Fatal(err)
		}
		out = append(out, s.Logits)
	}
	return out
}

func TestSplitRefuses(t *testing.T) {
	t.Parallel()
	f, _ := loadFamily(t, "llama")
	p := loadFile(t, f).(model.Programmed).Program()
	for _, layer := range []int{-1, 0, p.Config.Layers, p.Config.Layers + 1} {
		if _, _, err := p.Split(layer); err == nil {
			t.Errorf("layer %d: was split", layer)
		}
	}
	_, rest, err := p.Split(1)
	if err != nil {
		t.Fatal(err)
	}
	r, pages := newRunner(t, model.New(rest), quant.F16, model.Limits{Threads: 1, Sequences: 1, Rows: 4, Context: 64})
	if err := r.Forward([]model.Sequence{{Pages: pages[0], Tokens: []int32{1, 2}, Input: make([]float32, 1)}}); err == nil {
		t.Error("an input of the wrong size was accepted")
	}
}
