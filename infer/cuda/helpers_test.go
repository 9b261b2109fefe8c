//go:build cuda

package cuda_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/a472be26/cusp/infer/convert"
	"github.com/a472be26/cusp/infer/cuda"
	"github.com/a472be26/cusp/infer/cuda/simulator"
	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/huggingface"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/modelfile"
	"github.com/a472be26/cusp/infer/modeltest"
	"github.com/a472be26/cusp/infer/quant"
)

// onGPU puts a model on a simulated GPU that ends with the test.
func onGPU(t testing.TB, m model.Model, settings string) (model.Model, *simulator.GPU) {
	t.Helper()
	g := simulator.New(t, settings)
	return put(t, m, cuda.Options{Library: g.Path}), g
}

func put(t testing.TB, m model.Model, o cuda.Options) model.Model {
	t.Helper()
	out, err := cuda.Load(m, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := out.(*cuda.Model).Close(); err != nil {
			t.Error(err)
		}
	})
	return out
}

// run is a runner with tables of pages, far apart, for its sequences.
type run struct {
	t      testing.TB
	model  model.Model
	kv     model.KV
	runner model.Runner
	pages  [][]int32
}

func newRun(t testing.TB, m model.Model, kind quant.Type, limits model.Limits) *run {
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
	out := &run{t: t, model: m, kv: kv, runner: r, pages: make([][]int32, limits.Sequences)}
	for i := range each * limits.Sequences {
		out.pages[i%limits.Sequences] = append(out.pages[i%limits.Sequences], int32(each*limits.Sequences-1-i))
	}
	return out
}

func (r *run) forward(batch ...model.Sequence) {
	r.t.Helper()
	if err := r.runner.Forward(batch); err != nil {
		r.t.Fatal(err)
	}
}

// logits runs tokens of sequence i behind a position.
func (r *run) logits(i, position int, tokens ...int32) []float32 {
	r.t.Helper()
	out := make([]float32, r.model.Config().Outputs())
	r.forward(model.Sequence{Pages: r.pages[i], Position: position, Tokens: tokens, Logits: out})
	return out
}

// chunks runs a text in chunks of a size and gives the logits after each.
func (r *run) chunks(size int, text []int32) (all [][]float32) {
	r.t.Helper()
	for from := 0; from < len(text); from += size {
		all = append(all, r.logits(0, from, text[from:min(from+size, len(text))]...))
	}
	return all
}

// checkClose compares results with those of the CPU.
func checkClose(t testing.TB, what string, got, want []float32) {
	t.Helper()
	checkWithin(t, what, got, want, 0.9999)
}

func checkWithin(t testing.TB, what string, got, want []float32, least float64) {
	t.Helper()
	if c := cosine(got, want); !(c > least) {
		t.Errorf("%s: cosine %.6f with what the CPU gives", what, c)
	}
}

// closeness is how close the results of the fixtures must be. Theirs are small
// models of sharp attention: where the last bit of an activation decides how it
// rounds to 8 bits, so far apart are the CPU's own kernels, AVX2 and portable ones.
func closeness(kind quant.Type) float64 {
	if kind == quant.F32 {
		return 0.99999
	}
	return 0.999
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

func best(logits []float32) int32 { return int32(slices.Index(logits, slices.Max(logits))) }

// shape is a random model that is quick to run.
func shape() modeltest.Shape {
	return modeltest.Shape{Vocab: 96, Dim: 64, Layers: 2, Heads: 4, KVHeads: 2, HeadDim: 32, FFN: 96, Context: 2048, Seed: 1, Type: quant.Q8_0}
}

func loadShape(t testing.TB, s modeltest.Shape) model.Model {
	t.Helper()
	return loadFile(t, s.File(t))
}

func loadFile(t testing.TB, f *gguf.File) model.Model {
	t.Helper()
	m, err := model.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const testdata = "../model/testdata"

// expected is what the fixtures of infer/model ask.
type expected struct {
	Source, Prompt, Greedy, Inputs []int32
}

// fixtures are the folders of tiny models of all families.
func fixtures(t testing.TB) (names []string) {
	t.Helper()
	all, err := filepath.Glob(testdata + "/*/config.json")
	if err != nil || len(all) == 0 {
		t.Fatalf("no families in %s: %v", testdata, err)
	}
	for _, path := range all {
		names = append(names, filepath.Base(filepath.Dir(path)))
	}
	return names
}

// fixture is one of them with its weights as a type.
func fixture(t testing.TB, name string, kind quant.Type) (model.Model, expected) {
	t.Helper()
	f, err := huggingface.Open(filepath.Join(testdata, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
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
	var want expected
	raw, err := os.ReadFile(filepath.Join(testdata, name, "expected.json"))
	if err == nil {
		err = json.Unmarshal(raw, &want)
	}
	if err != nil {
		t.Fatal(err)
	}
	return loadFile(t, g), want
}
