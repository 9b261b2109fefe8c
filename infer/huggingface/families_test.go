package huggingface

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/modeltest"
)

// example is a model of testdata/families.json, which make_families.py
// describes: what llama.cpp's conversion makes of a configuration and tensors.
type example struct {
	Config  json.RawMessage
	Tensors map[string][]int
	Keys    map[string]any
	GGUF    map[string][]int
}

// ours are keys that llama.cpp's conversion does not write, and why they are
// worth it.
var ours = map[string]string{
	"attention.scale":                 "Gemma's queries are not scaled by the width of a head",
	"attention.sliding_window":        "Mistral's first versions have a window",
	"attention.relative_max_distance": "it is not 128 everywhere",
	"attention.key_length":            "not written for GLM",
	"attention.value_length":          "not written for GLM",
	"attention.head_count_kv":         "not written for GPT-NeoX",
	"rope.freq_base":                  "not written for Gemma 2 and GPT-NeoX",
	"rope.scaling.type":               "not written for Phi-3",
	"hidden_activation":               "GPT-NeoX has several",
	"pooling_type":                    "a classifier is known by it",
}

// better are keys with other values than llama.cpp's, which are wrong.
var better = map[string]string{
	"chatglm.context_length":                   "of GLM-4-9B in transformers' layout it takes the embedding's width",
	"chatglm.attention.layer_norm_rms_epsilon": "it takes 1e-5 for any",
}

// added are tensors that llama.cpp's conversion drops.
var added = []string{"cls.weight", "cls.bias"}

func readExamples(t *testing.T) map[string]example {
	t.Helper()
	text, err := os.ReadFile("testdata/families.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]example
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// folder is the example with zeros for weights.
func (e example) folder(t *testing.T) string {
	var arrays []modeltest.Array
	for _, name := range slices.Sorted(maps.Keys(e.Tensors)) {
		arrays = append(arrays, array(name, "F16", e.Tensors[name]...))
	}
	return modeltest.Folder(t, map[string][]byte{"config.json": e.Config, "model.safetensors": modeltest.Safetensors(t, arrays)})
}

// array is a tensor of zeros.
func array(name, dtype string, shape ...int) modeltest.Array {
	size := map[string]int{"F32": 4, "F16": 2, "BF16": 2, "F64": 8, "U8": 1}[dtype]
	for _, n := range shape {
		size *= n
	}
	return modeltest.Array{Name: name, DType: dtype, Shape: shape, Data: make([]byte, size)}
}

// Every family has the keys, and the tensors in the shapes, that llama.cpp's
// conversion gives it.
func TestFamiliesAsConverted(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for name, e := range readExamples(t) {
		f, err := Open(e.folder(t))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		arch, _ := f.String("general.architecture")
		seen[arch] = true
		checkKeys(t, name, arch, f, e)
		checkTensors(t, name, f, e)
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	for class, family := range families {
		if !seen[family.arch] && family.arch != "bart" && family.arch != "baichuan" {
			t.Errorf("no example of %s (%s)", family.arch, class)
		}
	}
}

func checkKeys(t *testing.T, name, arch string, f *gguf.File, e example) {
	for key, want := range e.Keys {
		if _, ok := better[key]; ok {
			continue
		}
		got, ok := f.Value(key)
		if !ok || !same(got, want) {
			t.Errorf("%s: %s is %v, not %v", name, key, got, want)
		}
	}
	for _, key := range f.Keys() {
		part, ok := strings.CutPrefix(key, arch+".")
		if _, known := e.Keys[key]; ok && !known && ours[part] == "" {
			t.Errorf("%s: %s is not in the converted file", name, key)
		}
	}
}

// same compares a value with what JSON says of it.
func same(got, want any) bool {
	if x, ok := want.(float64); ok {
		var y float64
		_, err := fmt.Sscan(fmt.Sprint(got), &y)
		return err == nil && math.Abs(x-y) <= 1e-6*math.Abs(x)
	}
	return fmt.Sprint(got) == fmt.Sprint(want)
}

func checkTensors(t *testing.T, name string, f *gguf.File, e example) {
	for tensor, dims := range e.GGUF {
		if got, ok := f.Tensor(tensor); !ok || !slices.Equal(got.Dims, dims) {
			t.Errorf("%s: tensor %q has the dimensions %v, not %v", name, tensor, got.Dims, dims)
		}
	}
	for _, tensor := range f.Tensors() {
		if _, ok := e.GGUF[tensor.Name]; !ok && !slices.Contains(added, tensor.Name) {
			t.Errorf("%s: tensor %q is not in the converted file", name, tensor.Name)
		}
	}
}

// Tensors whose order is the same are not copied.
func TestReadMovesOnlyWhatItMust(t *testing.T) {
	t.Parallel()
	moved := map[string]string{
		"qwen2": "", "llama": "attn_q.weight attn_k.weight", "gpt2": "attn_qkv.weight attn_output.weight ffn_up.weight ffn_down.weight",
		"gpt_neox": "attn_qkv.weight attn_qkv.bias", "t5": "", "bert": "", "phi3": "", "glm4": "",
	}
	examples := readExamples(t)
	for name, want := range moved {
		m, err := Read(examples[name].folder(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, tensor := range m.Tensors() {
			_, part, _ := strings.Cut(strings.TrimPrefix(tensor.Name, "blk."), ".")
			if got := tensor.Data == nil; got != (part != "" && slices.Contains(strings.Fields(want), part)) {
				t.Errorf("%s: %s is moved: %v", name, tensor.Name, got)
			}
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}

// The same folder is the same file every time: what is kept for a model is
// found by its fingerprint.
func TestFingerprintStays(t *testing.T) {
	t.Parallel()
	examples := readExamples(t)
	for _, name := range []string{"gemma2", "llama_yarn", "phi3_longrope", "t5", "mixtral"} {
		dir := examples[name].folder(t)
		seen := map[[32]byte]bool{}
		for range 20 {
			f, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			seen[f.Fingerprint()] = true
			f.Close()
		}
		if len(seen) != 1 {
			t.Errorf("%s: %d fingerprints", name, len(seen))
		}
	}
}
