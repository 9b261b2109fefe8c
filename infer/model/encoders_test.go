package model_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/a472be26/cusp/infer/convert"
	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/modelfile"
	"github.com/a472be26/cusp/infer/quant"
)

// vectors is what transformers computed with an encoder; see
// testdata/make_families.py.
type vectors struct {
	Inputs []int32
	Hidden [][]float64 // [len(Inputs)][Dim]
	Mean   []float64   `json:"mean_normalized"`
	CLS    []float64   `json:"cls_normalized"`
	Scores []float64   // of classes
}

// family is a model of testdata as a type, F32 or rounded.
func family(t *testing.T, name string, kind quant.Type) model.Model {
	t.Helper()
	f, _ := loadFamily(t, name)
	plan, err := convert.NewPlan(modelfile.Whole{File: f}, quant.MixOf(kind))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := plan.Write(t.Context(), &b, func(int) {}); err != nil {
		t.Fatal(err)
	}
	g, err := gguf.Parse(name, b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return loadFile(t, g)
}

func loadVectors(t *testing.T, name string) (want vectors) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return want
}

func TestEncodersAgainstTransformers(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"bert", "roberta"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, m := loadVectors(t, name), family(t, name, quant.F32)
			hidden, _ := encode(t, m, 2, want.Inputs)
			if d := difference(hidden, slices.Concat(want.Hidden...)); d > 1e-4 {
				t.Errorf("hidden states differ by %.2g of their scale", d)
			}
			for how, vector := range map[model.Pooling][]float64{model.PoolMean: want.Mean, model.PoolCLS: want.CLS} {
				got, err := m.Config().Pool(hidden, how)
				if err != nil {
					t.Fatal(err)
				}
				model.Normalize(got)
				if d := difference(got, vector); d > 1e-4 {
					t.Errorf("pooling %d: vectors differ by %.2g of their scale", how, d)
				}
			}
			rounded, _ := encode(t, family(t, name, quant.Q8_0), 1, want.Inputs)
			if c := cosine(rounded, hidden); c < 0.999 {
				t.Errorf("cosine of the hidden states in Q8_0 is %.5f", c)
			}
		})
	}
}

func TestClassifiersAgainstTransformers(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"bert_classify", "roberta_classify"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, m := loadVectors(t, name), family(t, name, quant.F32)
			hidden, scores := encode(t, m, 2, want.Inputs)
			if d := difference(scores, want.Scores); d > 1e-4 {
				t.Errorf("scores differ by %.2g of their scale", d)
			}
			rounded, scores := encode(t, family(t, name, quant.Q8_0), 1, want.Inputs)
			if c := cosine(rounded, hidden); c < 0.999 {
				t.Errorf("cosine of the hidden states in Q8_0 is %.5f", c)
			}
			if d := difference(scores, want.Scores); d > 0.1 {
				t.Errorf("scores in Q8_0 differ by %.2g of their scale", d)
			}
		})
	}
}

// encode gives the hidden states of a text, and its scores if the model has
// classes.
func encode(t *testing.T, m model.Model, threads int, text []int32) (hidden, scores []float32) {
	t.Helper()
	c := m.Config()
	r, pages := newRunner(t, m, quant.F32, model.Limits{Threads: threads, Sequences: 1, Rows: len(text), Context: len(text)})
	s := model.Sequence{Pages: pages[0], Tokens: text, Hidden: make([]float32, len(text)*c.Dim)}
	if c.Labels > 0 {
		s.Logits = make([]float32, c.Labels)
	}
	if err := r.Forward([]model.Sequence{s}); err != nil {
		t.Fatal(err)
	}
	return s.Hidden, s.Logits
}

func TestEncoderDecodersAgainstTransformers(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"t5", "t5_gated", "bart"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, want := loadFamily(t, name)
			m := family(t, name, quant.F32)
			all := slices.Concat(want.Prompt, want.Greedy)
			exact := newDialogue(t, m, quant.F32, 2, want.Source, len(all))
			for i, got := range exact.run(want.Prompt, 1) {
				at := slices.Index(want.Positions, i)
				if d := difference(got, want.Logits[at]); d > 1e-4 {
					t.Errorf("position %d: logits differ by %.2g of their scale", i, d)
				}
			}
			if got := exact.greedy(len(want.Greedy)); !slices.Equal(got, want.Greedy) {
				t.Errorf("greedy continuation\n got %v\nwant %v", got, want.Greedy)
			}
			rounded := newDialogue(t, family(t, name, quant.Q8_0), quant.F32, 2, want.Source, len(all))
			if c := cosine(slices.Concat(rounded.run(want.Prompt, 1)...), slices.Concat(want.Logits...)); c < 0.999 {
				t.Errorf("cosine of the logits in Q8_0 is %.5f", c)
			}
		})
	}
}

// dialogue is an answer to a source text on its way.
type dialogue struct {
	t      *testing.T
	runner model.Runner
	next   model.Sequence
}

func newDialogue(t *testing.T, m model.Model, kind quant.Type, threads int, source []int32, answer int) *dialogue {
	t.Helper()
	longest := max(len(source), answer)
	r, pages := newRunner(t, m, kind, model.Limits{Threads: threads, Sequences: 2, Rows: longest, Context: longest})
	return &dialogue{t: t, runner: r, next: model.Sequence{
		Pages: pages[0], Source: source, SourcePages: pages[1], Logits: make([]float32, m.Config().Vocab),
	}}
}

// run runs tokens of the answer in chunks of a size and gives the logits after
// each chunk.
func (d *dialogue) run(tokens []int32, chunk int) (out [][]float32) {
	d.t.Helper()
	for part := range slices.Chunk(tokens, chunk) {
		d.next.Tokens = part
		if err := d.runner.Forward([]model.Sequence{d.next}); err != nil {
			d.t.Fatal(err)
		}
		d.next.Position += len(part)
		out = append(out, slices.Clone(d.next.Logits))
	}
	return out
}

// greedy continues by n tokens what has run.
func (d *dialogue) greedy(n int) (out []int32) {
	d.t.Helper()
	for len(out) < n {
		best := int32(slices.Index(d.next.Logits, slices.Max(d.next.Logits)))
		out = append(out, best)
		d.run([]int32{best}, 1)
	}
	return out
}
