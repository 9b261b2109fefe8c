package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/modeltest"
	"github.com/a472be26/cusp/packaging/bundle"
)

// A file from anywhere must neither steer the terminal nor break the JSON.
func TestInspectOfAHostileFile(t *testing.T) {
	t.Parallel()
	var file, out bytes.Buffer
	meta := []gguf.KV{{Key: "x\x1b]0;title\a", Value: "\x1b[2J\x00"}, {Key: "nan", Value: []float32{1, float32(math.NaN())}},
		{Key: "texts", Value: []string{"\x1b[2J", "\a"}}, {Key: "general.architecture", Value: "\x1b[2J"}, {Key: "tokenizer.ggml.model", Value: "\a"},
		{Key: "tokenizer.chat_template.\a", Value: "\x00"}}
	if err := gguf.Write(&file, meta, nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "hostile.gguf")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (inspectCmd{File: path, Tensors: true}).Run(streams{out: &out}); err != nil || strings.ContainsAny(out.String(), "\x1b\a\x00") {
		t.Errorf("printed %q, error %v", out.String(), err)
	}
	out.Reset()
	if err := (inspectCmd{File: path, JSON: true}).Run(streams{out: &out}); err != nil || !json.Valid(out.Bytes()) {
		t.Errorf("JSON %q, error %v", out.String(), err)
	}
}

// llamaFolder is a Llama as transformers saves it, of some class.
func llamaFolder(t *testing.T, class string) string {
	t.Helper()
	const config = `"],"hidden_size":32,"intermediate_size":32,"num_hidden_layers":1,"num_attention_heads":2,"max_position_embeddings":16,"vocab_size":3}`
	return modeltest.Folder(t, map[string][]byte{
		"config.json": []byte(`{"architectures":["` + class + config),
		"model.safetensors": modeltest.Safetensors(t, []modeltest.Array{
			{Name: "model.embed_tokens.weight", DType: "BF16", Shape: []int{3, 32}, Data: make([]byte, 192)},
			{Name: "model.layers.0.self_attn.q_proj.weight", DType: "BF16", Shape: []int{32, 32}, Data: make([]byte, 2048)},
			{Name: "model.norm.weight", DType: "BF16", Shape: []int{32}, Data: make([]byte, 64)},
		}),
		"tokenizer.json": []byte(`{"pre_tokenizer":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}`),
	})
}

// Every form of a model shows what it is.
func TestInspectForms(t *testing.T) {
	t.Parallel()
	folder := llamaFolder(t, "LlamaForCausalLM")
	file := modeltest.Bytes(t, modeltest.Small().Meta(), modeltest.Small().Tensors())
	foreign := modeltest.Bytes(t, []gguf.KV{{Key: "general.architecture", Value: "mamba"}}, nil)
	files := modeltest.Folder(t, map[string][]byte{
		"small.gguf": file, "foreign.gguf": foreign, "bundle/" + bundle.ModelFile: file,
		"bundle/" + bundle.ManifestFile: []byte(`{"name":"mine","version":"1.2"}`),
	})
	for _, c := range []struct {
		path string
		want []string
	}{
		{folder, []string{"Hugging Face folder", "3 tensors (3 BF16)", "architecture     llama\n", "parameters       1152 (1.15K)", "bits per weight  16.00",
			"context          16 tokens", "tokenizer        gpt2 (gpt-2), 3 tokens", "chat template    none", "3 × string [a, [PAD1], [PAD2]]", "blk.0.attn_q.weight "}},
		{filepath.Join(folder, "model.safetensors"), []string{"safetensors, weights alone", "3 tensors (3 BF16)", "model.norm.weight"}},
		{llamaFolder(t, "MambaForCausalLM"), []string{"under their own names", "MambaForCausalLM, which cannot run here (supported: ", "model.norm.weight"}},
		{filepath.Join(files, "small.gguf"), []string{"GGUF v3", "architecture     llama\n", "context          2048 tokens", "tokenizer        none"}},
		{filepath.Join(files, "foreign.gguf"), []string{"mamba, which cannot run here (supported: ", "0 tensors"}},
		{filepath.Join(files, "bundle"), []string{"bundle           mine 1.2 (not verified", "architecture     llama\n"}},
	} {
		var out bytes.Buffer
		err := inspectCmd{File: c.path, Tensors: true}.Run(streams{out: &out})
		for _, want := range c.want {
			if err != nil || !strings.Contains(out.String(), want) {
				t.Errorf("%s: %v, printed\n%s\nwithout %q", c.path, err, out.String(), want)
			}
		}
		out.Reset()
		var got inspection
		if err := (inspectCmd{File: c.path, JSON: true}).Run(streams{out: &out}); err != nil {
			t.Error(err)
		}
		if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.File != c.path || got.Metadata == nil || got.Tensors == nil {
			t.Errorf("JSON %s, %v", out.String(), err)
		}
	}
}
