package model_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/a472be26/cusp/infer/convert"
	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/huggingface"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/modelfile"
	"github.com/a472be26/cusp/infer/quant"
)

// expected is what Hugging Face transformers computed for the tiny model beside
// it; see testdata/make_families.py.
type expected struct {
	Source    []int32 // of an encoder-decoder
	Prompt    []int32
	Positions []int       // of logits
	Logits    [][]float64 // [positions][vocab]
	Greedy    []int32     // continuation of the prompt
}

// A reference that nobody here wrote: for every family, from the folder that
// transformers saved.
func TestFamilies(t *testing.T) {
	t.Parallel()
	tested := map[string]bool{}
	for _, name := range families(t) {
		f, want := loadFamily(t, name)
		if len(want.Prompt) == 0 || len(want.Source) > 0 {
			continue // not a decoder
		}
		architecture, _ := f.String("general.architecture")
		tested[architecture] = true
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := loadFile(t, f)
			t.Run("logits", func(t *testing.T) { checkLogits(t, m, want) })
			t.Run("greedy", func(t *testing.T) { checkGreedy(t, m, want) })
			t.Run("chunks", func(t *testing.T) { checkChunks(t, m, want) })
			t.Run("Q8_0", func(t *testing.T) { checkQuantized(t, f, want) })
			t.Run("INT8 keys and values", func(t *testing.T) { checkINT8Cache(t, m, want) })
		})
	}
	for _, name := range decoders() {
		if !tested[name] {
			t.Errorf("no fixture is of the architecture %q", name)
		}
	}
}

// decoders are the architectures that continue a prompt.
func decoders() []string {
	return slices.DeleteFunc(model.Architectures(), func(name string) bool {
		return slices.Contains([]string{"bart", "bert", "t5"}, name)
	})
}

// families are the folders of testdata that hold a model.
func families(t *testing.T) (names []string) {
	t.Helper()
	all, err := filepath.Glob("testdata/*/config.json")
	if err != nil || len(all) == 0 {
		t.Fatalf("no families in testdata: %v", err)
	}
	for _, path := range all {
		names = append(names, filepath.Base(filepath.Dir(path)))
	}
	return names
}

func loadFamily(t *testing.T, name string) (*gguf.File, expected) {
	t.Helper()
	dir := filepath.Join("testdata", name)
	f, err := huggingface.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	raw, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want expected
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return f, want
}

func loadFile(t *testing.T, f *gguf.File) model.Model {
	t.Helper()
	m, err := model.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func checkLogits(t *testing.T, m model.Model, want expected) {
	got := pass(t, m, 1, 1, want.Prompt)
	for i, position := range want.Positions {
		if d := difference(got[position], want.Logits[i]); d > 1e-4 {
			t.Errorf("position %d: logits differ by %.2g of their scale", position, d)
		}
	}
}

func checkGreedy(t *testing.T, m model.Model, want expected) {
	if len(want.Greedy) < 64 {
		t.Errorf("the fixture has only %d greedy tokens", len(want.Greedy))
	}
	if got := greedy(t, m, want.Prompt, len(want.Greedy)); !slices.Equal(got, want.Greedy) {
		t.Errorf("greedy continuation\n got %v\nwant %v", got, want.Greedy)
	}
}

// checkChunks: however the prompt is cut into passes, the bits are the same.
func checkChunks(t *testing.T, m model.Model, want expected) {
	alone := pass(t, m, 1, 1, want.Prompt)
	for _, chunk := range []int{3, 16, len(want.Prompt)} {
		chunks := pass(t, m, 2, chunk, want.Prompt)
		for i, got := range chunks {
			if last := min((i+1)*chunk, len(want.Prompt)) - 1; !slices.Equal(got, alone[last]) {
				t.Errorf("chunks of %d: position %d differs from token by token", chunk, last)
			}
		}
	}
}

// checkQuantized converts the model as a user would and compares directions.
func checkQuantized(t *testing.T, f *gguf.File, want expected) {
	plan, err := convert.NewPlan(modelfile.Whole{File: f}, quant.MixOf(quant.Q8_0))
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := plan.Write(context.Background(), &file, func(int) {}); err != nil {
		t.Fatal(err)
	}
	q, err := gguf.Parse("q8_0.gguf", file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	got := pass(t, loadFile(t, q), 1, 1, want.Prompt)
	var all []float32
	for _, position := range want.Positions {
		all = append(all, got[position]...)
	}
	if c := cosine(all, slices.Concat(want.Logits...)); c < 0.999 {
		t.Errorf("cosine %.5f with the logits of transformers", c)
	}
}

// checkINT8Cache: keys and values in INT8 turn the logits a little, and rarely the
// most likely token; however the prompt is cut, they turn them in the same way.
func checkINT8Cache(t *testing.T, m model.Model, want expected) {
	alone := passAs(t, m, quant.Q8_0, 1, 1, want.Prompt)
	for _, chunk := range []int{3, 16, len(want.Prompt)} {
		for i, got := range passAs(t, m, quant.Q8_0, 2, chunk, want.Prompt) {
			if last := min((i+1)*chunk, len(want.Prompt)) - 1; !slices.Equal(got, alone[last]) {
				t.Errorf("chunks of %d: position %d differs from token by token", chunk, last)
			}
		}
	}
	var all []float32
	for _, position := range want.Positions {
		all = append(all, alone[position]...)
	}
	if c := cosine(all, slices.Concat(want.Logits...)); c < 0.999 {
		t.Errorf("cosine %.5f with the logits of transformers", c)
	}
	same := 0
	for i, id := range greedyAs(t, m, quant.Q8_0, slices.Concat(want.Prompt, want.Greedy), len(want.Prompt)) {
		if id == want.Greedy[i] {
			same++
		}
	}
	if same < len(want.Greedy)*15/16 {
		t.Errorf("only %d of %d times the most likely token of transformers", same, len(want.Greedy))
	}
}

// greedyAs are the most likely tokens after each beginning of ids, from some number on.
func greedyAs(t *testing.T, m model.Model, kind quant.Type, ids []int32, from int) (out []int32) {
	t.Helper()
	for _, logits := range passAs(t, m, kind, 1, 1, ids[:len(ids)-1])[from-1:] {
		out = append(out, int32(slices.Index(logits, slices.Max(logits))))
	}
	return out
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

// A decoded token takes no memory from the heap, in any family. Not parallel:
// others' allocations would be counted.
func TestFamiliesDoNotAllocate(t *testing.T) {
	for _, name := range families(t) {
		f, want := loadFamily(t, name)
		if len(want.Prompt) == 0 || len(want.Source) > 0 {
			continue // see texts_test.go
		}
		m := loadFile(t, f)
		r, pages := newRunner(t, m, quant.F16, model.Limits{Threads: 2, Sequences: 1, Rows: 1, Context: 64})
		batch := []model.Sequence{{Pages: pages[0], Tokens: []int32{7}, Logits: make([]float32, m.Config().Vocab)}}
		if n := testing.AllocsPerRun(20, func() {
			if err := r.Forward(batch); err != nil {
				t.Fatal(err)
			}
			batch[0].Position++
		}); n != 0 {
			t.Errorf("%s: %v allocations per token", name, n)
		}
	}
}

// Most published folders are in the words of an earlier transformers; they mean
// the same.
func TestOldConfigs(t *testing.T) {
	t.Parallel()
	tested := 0
	for _, name := range families(t) {
		old, err := os.ReadFile(filepath.Join("testdata", name, "config.v4.json"))
		if err != nil {
			continue // the words are the same
		}
		tested++
		dir := t.TempDir()
		weights, err := os.ReadFile(filepath.Join("testdata", name, "model.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		for file, data := range map[string][]byte{"config.json": old, "model.safetensors": weights} {
			if err := os.WriteFile(filepath.Join(dir, file), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got, err := huggingface.Open(dir)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want, _ := loadFamily(t, name)
		sameMeta(t, name, got, want)
		if err := got.Close(); err != nil {
			t.Error(err)
		}
	}
	if tested < 10 {
		t.Errorf("only %d folders have an old config", tested)
	}
}

func sameMeta(t *testing.T, name string, got, want *gguf.File) {
	t.Helper()
	if !slices.Equal(got.Keys(), want.Keys()) {
		t.Errorf("%s: keys %v, want %v", name, got.Keys(), want.Keys())
	}
	for _, key := range want.Keys() {
		a, _ := got.Value(key)
		b, _ := want.Value(key)
		if key != "general.name" && !reflect.DeepEqual(a, b) {
			t.Errorf("%s: %s is %v, want %v", name, key, a, b)
		}
	}
	for _, tensor := range want.Tensors() {
		other, _ := got.Tensor(tensor.Name)
		if !bytes.Equal(other.Data, tensor.Data) {
			t.Errorf("%s: tensor %s differs", name, tensor.Name)
		}
	}
}
