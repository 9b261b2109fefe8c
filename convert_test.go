package main

import (
	"bytes"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/modelfile"
	"github.com/a472be26/cusp/infer/quant"
)

// The help must not fall behind the table.
func TestConvertHelpListsTheTypes(t *testing.T) {
	t.Parallel()
	field, _ := reflect.TypeFor[convertCmd]().FieldByName("Type")
	for _, name := range quant.MixNames() {
		if !strings.Contains(field.Tag.Get("help"), name) {
			t.Errorf("the help of --type does not mention %q", name)
		}
	}
}

// A folder becomes one file with all that it says; what is no matrix is F32.
func TestConvertAFolder(t *testing.T) {
	t.Parallel()
	in := llamaFolder(t, "LlamaForCausalLM")
	path := filepath.Join(t.TempDir(), "out.gguf")
	var out, errOut bytes.Buffer
	if err := (convertCmd{In: in, Out: path, Type: "q8_0"}).Run(t.Context(), streams{out: &out, err: &errOut}); err != nil {
		t.Fatal(err)
	}
	if want := "out.gguf: Q8_0, "; strings.Count(out.String(), "\n") != 1 || !strings.Contains(out.String(), want) || errOut.Len() > 0 {
		t.Errorf("printed %q and %q, want one line with %q", out.String(), errOut.String(), want)
	}
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	folder, err := modelfile.Open(in)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	for name, kind := range map[string]quant.Type{"token_embd.weight": quant.Q8_0, "blk.0.attn_q.weight": quant.Q8_0, "output_norm.weight": quant.F32} {
		if tensor, ok := f.Tensor(name); !ok || tensor.Type != kind {
			t.Errorf("%s is of type %s", name, tensor.Type)
		}
	}
	for _, key := range folder.Keys() {
		want, _ := folder.Value(key)
		got, ok := f.Value(key)
		if key != "general.file_type" && (!ok || !reflect.DeepEqual(got, want)) {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
}
