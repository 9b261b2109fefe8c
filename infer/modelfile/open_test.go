package modelfile_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/modelfile"
	"github.com/a472be26/cusp/infer/modeltest"
	"github.com/a472be26/cusp/packaging/bundle"
)

const config = `{"architectures":["LlamaForCausalLM"],"hidden_size":4,"intermediate_size":4,"num_hidden_layers":1,
	"num_attention_heads":1,"max_position_embeddings":16,"vocab_size":3}`

// models is a directory with a model in every form.
func models(t *testing.T) string {
	t.Helper()
	part := func(no, tensor int) []byte {
		meta := []gguf.KV{{Key: "split.no", Value: uint16(no)}, {Key: "split.count", Value: uint16(2)}}
		if no == 0 {
			meta = append(meta, gguf.KV{Key: "general.architecture", Value: "llama"})
		}
		return modeltest.Bytes(t, meta, modeltest.Small().Tensors()[tensor:tensor+1])
	}
	file := modeltest.Bytes(t, modeltest.Small().Meta(), modeltest.Small().Tensors())
	return modeltest.Folder(t, map[string][]byte{
		"one.gguf": file, "two-00001-of-00002.gguf": part(0, 0), "two-00002-of-00002.gguf": part(1, 1),
		"bundle/" + bundle.ModelFile: file, "bundle/" + bundle.ManifestFile: []byte("{}"), "bundle/config.json": []byte("{}"),
		"folder/config.json": []byte(config), "empty/notes.txt": nil, "wrong.gguf": []byte("hello, this is no model at all"),
		"folder/model.safetensors": modeltest.Safetensors(t, []modeltest.Array{
			{Name: "model.layers.0.self_attn.q_proj.weight", DType: "F32", Shape: []int{4, 2}, Data: []byte("aaaabbbbccccddddeeeeffffgggghhhh")},
			{Name: "model.norm.weight", DType: "F32", Shape: []int{1}, Data: []byte("norm")},
		}),
	})
}

// What is opened at once and what is read piece by piece are the same model.
func TestEveryForm(t *testing.T) {
	t.Parallel()
	dir := models(t)
	for _, name := range []string{"one.gguf", "two-00001-of-00002.gguf", "two-00002-of-00002.gguf", "bundle", "folder"} {
		path := filepath.Join(dir, name)
		f, err := modelfile.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		source, err := modelfile.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		if arch, err := f.String("general.architecture"); arch != "llama" || err != nil {
			t.Errorf("%s: architecture %q, %v", name, arch, err)
		}
		if len(source.Meta()) != len(f.Keys()) || len(source.Tensors()) != len(f.Tensors()) || len(f.Tensors()) == 0 {
			t.Errorf("%s: %d keys and %d tensors, or %d and %d", name, len(source.Meta()), len(source.Tensors()), len(f.Keys()), len(f.Tensors()))
		}
		for i, tensor := range f.Tensors() {
			data := make([]byte, len(tensor.Data))
			source.Fill(i, data)
			if got := source.Tensors()[i]; got.Name != tensor.Name || !bytes.Equal(data, tensor.Data) || got.Data != nil && !bytes.Equal(got.Data, data) {
				t.Errorf("%s: tensor %q is %q, not %q", name, tensor.Name, data, tensor.Data)
			}
		}
		if err := source.Close(); err != nil {
			t.Error(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestNoModel(t *testing.T) {
	t.Parallel()
	dir := models(t)
	for name, want := range map[string]string{"none.gguf": "none.gguf", "empty": "neither config.json", "wrong.gguf": `magic is "hell"`} {
		path := filepath.Join(dir, name)
		_, errOpen := modelfile.Open(path)
		_, errRead := modelfile.Read(path)
		for _, err := range []error{errOpen, errRead} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want one about %s", name, err, want)
			}
		}
	}
}
