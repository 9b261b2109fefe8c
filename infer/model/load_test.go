package model_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/modeltest"
	"github.com/a472be26/cusp/infer/quant"
)

// A file that is no model of ours is refused with what is wrong with it.
func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	type change func([]gguf.KV, []gguf.Tensor) ([]gguf.KV, []gguf.Tensor)
	set := func(key string, value any) change {
		return func(meta []gguf.KV, tensors []gguf.Tensor) ([]gguf.KV, []gguf.Tensor) {
			meta = slices.DeleteFunc(meta, func(kv gguf.KV) bool { return kv.Key == key })
			if value != nil {
				meta = append(meta, gguf.KV{Key: key, Value: value})
			}
			return meta, tensors
		}
	}
	tensor := func(name string, edit func(*gguf.Tensor)) change {
		return func(meta []gguf.KV, tensors []gguf.Tensor) ([]gguf.KV, []gguf.Tensor) {
			i := slices.IndexFunc(tensors, func(t gguf.Tensor) bool { return t.Name == name })
			if edit == nil {
				return meta, slices.Delete(tensors, i, i+1)
			}
			edit(&tensors[i])
			return meta, tensors
		}
	}
	cases := []struct {
		name   string
		change change
		want   []string
	}{
		{"no architecture", set("general.architecture", nil), []string{"general.architecture", "missing"}},
		{"another architecture", set("general.architecture", "mamba"), []string{`"mamba"`, "supported: baichuan", "llama"}},
		{"no layers", set("llama.block_count", uint32(0)), []string{"llama.block_count is 0"}},
		{"too many layers", set("llama.block_count", uint32(1<<27)), []string{`"blk.2.attn_norm.weight" is missing`}},
		{"absurd layers", set("llama.block_count", uint64(1)<<60), []string{"llama.block_count", "1152921504606846976"}},
		{"missing key", set("llama.embedding_length", nil), []string{"llama.embedding_length", "missing"}},
		{"key of another type", set("llama.context_length", "long"), []string{"llama.context_length", "string"}},
		{"no epsilon", set("llama.attention.layer_norm_rms_epsilon", float32(0)), []string{"epsilon is 0"}},
		{"heads that do not share", set("llama.attention.head_count_kv", uint32(3)), []string{"4 query heads", "3 key heads"}},
		{"heads per layer", set("llama.attention.head_count", []uint32{4, 4}), []string{"llama.attention.head_count", "[]uint32"}},
		{"odd rotation", set("llama.rope.dimension_count", uint32(7)), []string{"rope dimension count 7"}},
		{"rotation wider than a head", set("llama.rope.dimension_count", uint32(34)), []string{"34", "32"}},
		{"other scaling", set("llama.rope.scaling.type", "dynamic"), []string{"llama.rope.scaling.type", `"dynamic"`}},
		{"scaling without factor", set("llama.rope.scaling.type", "linear"), []string{"llama.rope.scaling.factor", "missing"}},
		{"values wider than keys", set("llama.attention.value_length", uint32(16)), []string{"value_length is 16", "32"}},
		{"wrong vocabulary size", set("llama.vocab_size", uint32(97)), []string{"llama.vocab_size is 97", "96 rows"}},
		{"missing embedding", tensor("token_embd.weight", nil), []string{`"token_embd.weight" is missing`}},
		{"missing tensor", tensor("blk.1.ffn_up.weight", nil), []string{`"blk.1.ffn_up.weight" is missing`}},
		{"misshapen tensor", tensor("blk.0.attn_k.weight", func(t *gguf.Tensor) { t.Dims = []int{32, 128} }), []string{`"blk.0.attn_k.weight"`, "[32 128]", "[64 64]"}},
		{"tensor of another type", tensor("output.weight", func(t *gguf.Tensor) {
			t.Type, t.Data = 24, make([]byte, len(t.Data)/4)
		}), []string{`"output.weight"`, "I8", "[F32 F16 Q4_0 "}},
		{"bias of another shape", func(meta []gguf.KV, tensors []gguf.Tensor) ([]gguf.KV, []gguf.Tensor) {
			return meta, append(tensors, gguf.Tensor{Name: "blk.0.attn_q.bias", Dims: []int{1}, Data: make([]byte, 4)})
		}, []string{`"blk.0.attn_q.bias"`, "[1]", "[128]"}},
		{"tensors without a place", func(meta []gguf.KV, tensors []gguf.Tensor) ([]gguf.KV, []gguf.Tensor) {
			return meta, append(tensors, gguf.Tensor{Name: "blk.0.attn_sinks.weight", Dims: []int{1}, Data: make([]byte, 4)})
		}, []string{`"blk.0.attn_sinks.weight"`, "no place"}},
	}
	for _, c := range cases {
		s := modeltest.Small()
		meta, tensors := c.change(s.Meta(), s.Tensors())
		f, err := gguf.Parse("some.gguf", modeltest.Bytes(t, meta, tensors))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		_, err = model.Load(f)
		if err == nil {
			t.Errorf("%s: was loaded", c.name)
			continue
		}
		for _, want := range append(c.want, "some.gguf") {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %q does not name %s", c.name, err, want)
			}
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	got := load(t, modeltest.Shape{
		Vocab: 50, Dim: 24, Layers: 1, Heads: 4, KVHeads: 1, HeadDim: 8, FFN: 40, Context: 99, RopeDim: 4, RopeScale: 2,
		Type: quant.F16,
	}).Config()
	want := model.Config{
		Vocab: 50, Dim: 24, Layers: 1, Heads: 4, KVHeads: 1, HeadDim: 8, FFN: 40, Context: 99, RopeDim: 4,
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
