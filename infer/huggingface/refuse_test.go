package huggingface

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/modeltest"
	"github.com/a472be26/cusp/infer/safetensors"
)

// good is a folder that can be read, as a start for those that cannot.
func good(t testing.TB) map[string][]byte {
	return map[string][]byte{
		"config.json": []byte(llamaConfig),
		"model.safetensors": modeltest.Safetensors(t, []modeltest.Array{
			array("model.embed_tokens.weight", "F32", 3, 8), array("model.layers.0.self_attn.q_proj.weight", "F32", 8, 8),
		}),
		"tokenizer.json": []byte(`{"pre_tokenizer":` + wordBytes + `,"model":{"type":"BPE","vocab":{"a":0,"b":1},"merges":[["a","b"]]}}`),
	}
}

func refused(t *testing.T, name string, files map[string][]byte, want ...string) {
	t.Helper()
	_, err := Open(modeltest.Folder(t, files))
	for _, w := range want {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("%s: error %v, want one about %s", name, err, w)
		}
	}
}

// with is llamaConfig with other values.
func with(values string) string {
	var config map[string]any
	_ = json.Unmarshal([]byte(llamaConfig), &config)
	_ = json.Unmarshal([]byte(values), &config)
	text, _ := json.Marshal(config)
	return string(text)
}

func TestRefusedConfigurations(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ config, want string }{
		{``, "no JSON object"},
		{`[]`, "no JSON object"},
		{`null`, "no JSON object"},
		{`{`, "no JSON object"},
		{`{}`, "architectures is missing"},
		{`{"architectures":"LlamaForCausalLM"}`, "architectures is no list"},
		{`{"architectures":["MambaForCausalLM"]}`, `"MambaForCausalLM": architecture is not supported (supported: BaiChuanForCausalLM, BaichuanForCausalLM, Bart`},
		{`{"architectures":["LlamaForCausalLM"]}`, "hidden_size or n_embd is missing"},
		{with(`{"num_hidden_layers":0}`), "num_hidden_layers"},
		{with(`{"num_hidden_layers":-1}`), "is -1, not a whole number"},
		{with(`{"num_hidden_layers":1.5}`), "is 1.5, not a whole number"},
		{with(`{"num_hidden_layers":1e30}`), "num_hidden_layers"},
		{with(`{"num_hidden_layers":"1"}`), "num_hidden_layers"},
		{with(`{"hidden_size":99999999999999999999}`), "hidden_size"},
		{with(`{"rms_norm_eps":"small"}`), "rms_norm_eps or"}, // names what was looked for
		{with(`{"rms_norm_eps":1e300}`), "rms_norm_eps"},
		{with(`{"hidden_act":"relu"}`), `hidden_act is "relu"`},
		{with(`{"rope_scaling":{"type":"ntk"}}`), `rope type is "ntk"`},
		{with(`{"rope_scaling":{"type":"linear"}}`), "rope_scaling: factor is missing"},
		{with(`{"rope_scaling":7}`), "rope_scaling is no object"},
		{with(`{"rope_theta":-1}`), "rope_theta is -1"},
		{with(`{"rope_scaling":{"rope_type":"llama3","factor":0}}`), "factor 0"},
		{with(`{"rope_scaling":{"rope_type":"yarn","factor":2,"truncate":false}}`), "truncate is false"},
		{with(`{"quantization_config":{"quant_method":"gptq"}}`), "quantized by gptq"},
		{with(`{"architectures":["MixtralForCausalLM"]}`), "num_local_experts or num_experts is missing"},
		{with(`{"architectures":["SmolLM3ForCausalLM"],"no_rope_layers":[0]}`), "no_rope_layers[0] is 0"},
		{with(`{"architectures":["Phi3ForCausalLM"],"rope_scaling":{"type":"longrope","long_factor":[1],"short_factor":[1]}}`), "1 and 1 numbers, not 2"},
		{with(`{"architectures":["Gemma2ForCausalLM"],"hidden_act":null,"layer_types":["full_attention","x"]}`), `layer_types[1] is x`},
		{with(`{"architectures":["BertModel"],"hidden_act":"gelu","position_embedding_type":"relative_key"}`), "position_embedding_type"},
		{with(`{"architectures":["RobertaModel"],"hidden_act":"gelu","pad_token_id":20}`), "no position"},
		{with(`{"architectures":["Qwen2ForCausalLM"],"use_sliding_window":true,"max_window_layers":0}`), "use_sliding_window"},
	} {
		files := good(t)
		files["config.json"] = []byte(c.config)
		want := c.want
		if want == "rms_norm_eps or" {
			want = "rms_norm_eps is small"
		}
		refused(t, c.config, files, want, "config.json")
	}
}

func TestRefusedTensors(t *testing.T) {
	t.Parallel()
	embedding := array("model.embed_tokens.weight", "F32", 3, 8)
	for name, c := range map[string]struct {
		arrays []modeltest.Array
		want   string
	}{
		"unknown":           {[]modeltest.Array{array("model.layers.0.self_attn.sinks", "F32", 2)}, `"model.layers.0.self_attn.sinks" has no place`},
		"layer too many":    {[]modeltest.Array{array("model.layers.1.mlp.up_proj.weight", "F32", 4, 8)}, "is of layer 1, but"},
		"layer of 2^31":     {[]modeltest.Array{array("model.layers.2147483648.mlp.up_proj.weight", "F32", 4, 8)}, "no place"},
		"type":              {[]modeltest.Array{array("model.norm.weight", "F64", 8)}, "is of type F64"},
		"scalar":            {[]modeltest.Array{array("model.norm.weight", "F32", []int{}...)}, "has the shape []"},
		"empty":             {[]modeltest.Array{array("model.norm.weight", "F32", 0)}, "has the shape [0]"},
		"five dimensions":   {[]modeltest.Array{array("model.norm.weight", "F32", 1, 1, 1, 1, 1)}, "has the shape"},
		"heads do not fit":  {[]modeltest.Array{array("model.layers.0.self_attn.q_proj.weight", "F32", 6, 8)}, "6 rows, which are not 2 heads"},
		"rows and no width": {[]modeltest.Array{array("model.layers.0.self_attn.k_proj.bias", "F32", 1)}, "1 rows, which are not 1 heads"},
		"other vocabulary":  {[]modeltest.Array{array("model.embed_tokens.weight", "F32", 4, 8)}, "vocab_size is 3, but"},
	} {
		files := good(t)
		if !strings.HasPrefix(name, "other") {
			c.arrays = append(c.arrays, embedding)
		}
		files["model.safetensors"] = modeltest.Safetensors(t, c.arrays)
		refused(t, name, files, c.want)
	}
	refused(t, "twice", map[string][]byte{"config.json": []byte(with(`{"architectures":["GPT2LMHeadModel"],"hidden_act":null,"n_layer":1,"n_head":1,"n_embd":2,"n_positions":2}`)),
		"model.safetensors": modeltest.Safetensors(t, []modeltest.Array{array("wte.weight", "F32", 3, 2), array("transformer.wte.weight", "F32", 3, 2)})}, `both "token_embd.weight"`)
}

func TestRefusedExperts(t *testing.T) {
	t.Parallel()
	expert := func(i int, shape ...int) modeltest.Array {
		return array(fmt.Sprintf("model.layers.0.mlp.experts.%d.up_proj.weight", i), "F32", shape...)
	}
	half := expert(1, 1, 2)
	half.DType, half.Data = "F16", half.Data[:4]
	for name, c := range map[string]struct {
		arrays []modeltest.Array
		want   string
	}{
		"missing":       {[]modeltest.Array{expert(1, 1, 2)}, "expert 0 of 2 is missing"},
		"too many":      {[]modeltest.Array{expert(2, 1, 2)}, "is of expert 2, but"},
		"another shape": {[]modeltest.Array{expert(0, 1, 2), expert(1, 2, 1)}, "has the type F32 and the dimensions [1 2]"},
		"another type":  {[]modeltest.Array{expert(0, 1, 2), half}, "has the type F16"},
		"odd halves":    {[]modeltest.Array{array("model.layers.0.mlp.experts.gate_up_proj", "F32", 2, 3, 2)}, "is not two matrices"},
		"both ways":     {[]modeltest.Array{expert(0, 1, 2), expert(1, 1, 2), array("model.layers.0.mlp.experts.gate_up_proj", "F32", 2, 2, 2)}, `both "blk.0.ffn_up_exps.weight"`},
	} {
		refused(t, name, map[string][]byte{"config.json": []byte(expertConfig), "model.safetensors": modeltest.Safetensors(t, c.arrays)}, c.want)
	}
}

func TestShards(t *testing.T) {
	t.Parallel()
	shard := func(names ...string) []byte {
		var arrays []modeltest.Array
		for _, name := range names {
			arrays = append(arrays, numbered(name, 3, 8))
		}
		return modeltest.Safetensors(t, arrays)
	}
	const embedding, head = "model.embed_tokens.weight", "lm_head.weight"
	files := func(index string) map[string][]byte {
		return map[string][]byte{"config.json": []byte(llamaConfig), indexFile: []byte(index), "a.safetensors": shard(embedding), "b.safetensors": shard(head)}
	}
	index := fmt.Sprintf(`{"metadata":{},"weight_map":{%q:"a.safetensors",%q:"b.safetensors"}}`, embedding, head)
	f, err := Open(modeltest.Folder(t, files(index)))
	if err != nil || len(f.Tensors()) != 2 {
		t.Fatal(f, err)
	}
	f.Close()

	missing := files(index)
	delete(missing, "b.safetensors")
	refused(t, "missing shard", missing, "b.safetensors", "no such file")
	cut := files(index)
	cut["b.safetensors"] = cut["b.safetensors"][:len(cut["b.safetensors"])-1]
	refused(t, "truncated shard", cut, "b.safetensors", "cut off")
	twice := files(index)
	twice["b.safetensors"] = shard(head, embedding)
	refused(t, "tensor in two shards", twice, "different downloads", embedding)
	refused(t, "tensor in no shard", files(strings.Replace(index, `"weight_map":{`, `"weight_map":{"model.norm.weight":"a.safetensors",`, 1)), "model.norm.weight", "incomplete")
	refused(t, "another folder", files(strings.Replace(index, `"b.safetensors"`, `"../b.safetensors"`, 1)), "no name of a file in this folder")
	refused(t, "a number", files(strings.Replace(index, `"b.safetensors"`, `7`, 1)), "no name of a file in this folder")
	refused(t, "no map", files(`{}`), "names no file")
	refused(t, "map of another kind", files(`{"weight_map":[]}`), "weight_map")
	none := files(index)
	delete(none, indexFile)
	refused(t, "no index", none, "neither model.safetensors nor model.safetensors.index.json")
}

func TestRefusedTokenizers(t *testing.T) {
	t.Parallel()
	bpe := func(rest string) string {
		return `{"pre_tokenizer":` + wordBytes + `,` + rest + `}`
	}
	const model = `"model":{"type":"BPE","vocab":{"a":0},"merges":[]}`
	for name, c := range map[string]struct{ file, text, want string }{
		"no JSON":                 {"tokenizer.json", "{", "tokenizer.json"},
		"no UTF-8":                {"tokenizer.json", "{\"model\":\"\xff\"}", "UTF-8"},
		"no model":                {"tokenizer.json", `{}`, `model.type is ""`},
		"model of another type":   {"tokenizer.json", `{"model":{"type":"WordLevel"}}`, `model.type is "WordLevel": supported are BPE`},
		"vocabulary too large":    {"tokenizer.json", bpe(`"model":{"type":"BPE","vocab":{"a":3},"merges":[]}`), `token "a" has the id 3, but the embedding has 3 rows`},
		"added beyond the rows":   {"tokenizer.json", bpe(`"added_tokens":[{"id":3,"content":"x"}],` + model), `token "x" has the id 3`},
		"negative id":             {"tokenizer.json", bpe(`"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}`), "has the id -1"},
		"two tokens of one id":    {"tokenizer.json", bpe(`"model":{"type":"BPE","vocab":{"a":0,"b":0},"merges":[]}`), "both have the id 0"},
		"vocabulary of a list":    {"tokenizer.json", bpe(`"model":{"type":"BPE","vocab":["a"],"merges":[]}`), "model.vocab"},
		"merge of one part":       {"tokenizer.json", bpe(`"model":{"type":"BPE","vocab":{"a":0},"merges":["ab"]}`), "model.merges[0]"},
		"merge of three parts":    {"tokenizer.json", bpe(`"model":{"type":"BPE","vocab":{"a":0},"merges":[["a","b"],["a","b","c"]]}`), "model.merges[1]"},
		"merges of numbers":       {"tokenizer.json", bpe(`"model":{"type":"BPE","vocab":{"a":0},"merges":[1]}`), "model.merges"},
		"unknown pattern":         {"tokenizer.json", `{"pre_tokenizer":` + splitJSON(`\p{Ugly}+`) + `,` + model + `}`, `Split \p{Ugly}+`},
		"no pre-tokenizer":        {"tokenizer.json", `{` + model + `}`, "pre_tokenizer is none of the known ones: none"},
		"normalizer":              {"tokenizer.json", bpe(`"normalizer":{"type":"Lowercase"},` + model), `normalizer "Lowercase" is not supported`},
		"prefix of pieces":        {"tokenizer.json", bpe(`"model":{"type":"BPE","vocab":{"a":0},"merges":[],"continuing_subword_prefix":"@@"}`), "continuing_subword_prefix"},
		"merge that is no token":  {"tokenizer.json", `{"model":{"type":"BPE","byte_fallback":true,"vocab":{"a":0},"merges":["a a"]}}`, `makes "aa", which is no token`},
		"splits":                  {"tokenizer.json", `{"pre_tokenizer":` + splitJSON("[0-9]") + `,"model":{"type":"BPE","byte_fallback":true,"vocab":{"a":0},"merges":[]}}`, `splits at "[0-9]"`},
		"digits apart":            {"tokenizer.json", `{"pre_tokenizer":{"type":"Digits"},"model":{"type":"BPE","byte_fallback":true,"vocab":{"a":0},"merges":[]}}`, `pre_tokenizer "Digits"`},
		"another replacement":     {"tokenizer.json", `{"normalizer":{"type":"Replace","pattern":{"String":"a"},"content":"b"},"model":{"type":"BPE","byte_fallback":true,"vocab":{"a":0},"merges":[]}}`, `replaces "a" by "b"`},
		"score of infinity":       {"tokenizer.json", `{"model":{"type":"Unigram","vocab":[["a",1e40]]}}`, "model.vocab"},
		"word pieces of another":  {"tokenizer.json", `{"model":{"type":"WordPiece","continuing_subword_prefix":"@@","vocab":{"a":0}}}`, `"@@"`},
		"a model that is none":    {"tokenizer.model", "hello", "no SentencePiece model"},
		"a model cut off":         {"tokenizer.model", string(spm(2, nil)[:30]), "no SentencePiece model"},
		"a model of words":        {"tokenizer.model", string(spm(3, nil)), "model_type is 3"},
		"a model without pieces":  {"tokenizer.model", string(message{}.varint(9, 1)), "no pieces"},
		"a model too large":       {"tokenizer.model", string(spm(2, nil)), "has the id 3"},
		"older vocabulary":        {"vocab.json", "{}", "vocab.json is there, but neither tokenizer.json"},
		"configuration of a list": {"tokenizer_config.json", "[]", "tokenizer_config.json"},
		"added of no number":      {"tokenizer_config.json", `{"added_tokens_decoder":{"x":{}}}`, `"x" is no id`},
		"template of a number":    {"tokenizer_config.json", `{"chat_template":7}`, "chat_template is of type"},
		"special map of a list":   {"special_tokens_map.json", "[]", "special_tokens_map.json"},
		"generation of a list":    {"generation_config.json", "[]", "generation_config.json"},
	} {
		files := good(t)
		if !strings.Contains(c.file, "config") && !strings.Contains(c.file, "map") {
			delete(files, "tokenizer.json")
		}
		files[c.file] = []byte(c.text)
		refused(t, name, files, c.want)
	}
}

// A file that is too large or no file is not read.
func TestRefusedFiles(t *testing.T) {
	t.Parallel()
	dir := modeltest.Folder(t, good(t))
	path := filepath.Join(dir, "config.json")
	if err := os.Truncate(path, maxConfigBytes+1); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "at most 16777216 bytes") {
		t.Errorf("error %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("error %v", err)
	}
}

// Refusing a folder takes memory in proportion to its files.
func TestHostileFoldersTakeNoMemory(t *testing.T) {
	for name, config := range map[string]string{
		"heads":  with(`{"num_attention_heads":268435456,"num_key_value_heads":268435456,"hidden_size":268435456}`),
		"layers": with(`{"num_hidden_layers":268435456}`), "vocabulary": with(`{"vocab_size":268435456}`),
		"head width": with(`{"head_dim":268435456,"rope_scaling":{"rope_type":"llama3"}}`),
		"experts":    with(`{"architectures":["Qwen3MoeForCausalLM"],"num_experts":268435456,"num_experts_per_tok":2,"moe_intermediate_size":4}`),
	} {
		files := good(t)
		files["config.json"] = []byte(config)
		if name == "experts" {
			files["model.safetensors"] = modeltest.Safetensors(t, []modeltest.Array{array("model.layers.0.mlp.experts.0.up_proj.weight", "F32", 4, 8)})
		}
		dir := modeltest.Folder(t, files)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f, err := Open(dir)
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
			t.Errorf("%s: %d bytes were allocated (%v)", name, grown, err)
		}
		if err == nil {
			f.Close()
		}
	}
}

// FuzzConfig checks that no config.json makes the reader panic, whatever the
// tensors are.
func FuzzConfig(f *testing.F) {
	f.Add([]byte(llamaConfig))
	f.Add([]byte(expertConfig))
	for _, class := range Architectures() {
		f.Add([]byte(with(`{"architectures":["` + class + `"],"d_model":8,"num_layers":1,"n_layer":1,"n_head":2,"n_embd":8,"hidden_act":null,"rope_scaling":{"type":"yarn","factor":2}}`)))
	}
	weights := modeltest.Safetensors(f, slices.Concat([]modeltest.Array{
		array("model.embed_tokens.weight", "F32", 3, 8), array("model.layers.0.self_attn.q_proj.weight", "BF16", 8, 8),
		array("h.0.mlp.c_fc.weight", "F16", 8, 3), array("gpt_neox.layers.0.attention.query_key_value.weight", "F32", 24, 8),
		array("model.layers.0.self_attn.W_pack.weight", "F32", 24, 8), array("model.layers.0.mlp.experts.0.up_proj.weight", "F32", 2, 2),
		array("model.layers.0.mlp.experts.gate_up_proj", "F32", 2, 2, 2), array("embeddings.position_embeddings.weight", "F32", 8, 2), array("final_logits_bias", "F32", 1, 3),
	}))
	file, err := safetensors.Parse("model.safetensors", weights)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		values, err := decodeObject(text)
		if err != nil {
			return
		}
		config := object{where: "config.json", values: values, err: new(error)}
		family, err := familyOf(config)
		if err != nil {
			return
		}
		p, err := planOf(family, config, "", &checkpoint{files: []*safetensors.File{file}})
		if err != nil {
			return
		}
		m := Model{name: "fuzz", meta: p.meta, weights: p.weights, files: &checkpoint{}}
		g, err := m.compose()
		if err != nil {
			t.Fatal(err)
		}
		g.Fingerprint()
	})
}

// FuzzIndex checks the same of an index.
func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"weight_map":{"lm_head.weight":"a.safetensors"}}`))
	f.Add([]byte(`{"weight_map":{"lm_head.weight":"../a.safetensors"}}`))
	shard := modeltest.Safetensors(f, []modeltest.Array{array("lm_head.weight", "F32", 3, 8)})
	f.Fuzz(func(t *testing.T, index []byte) {
		dir := modeltest.Folder(t, map[string][]byte{"config.json": []byte(llamaConfig), indexFile: index, "a.safetensors": shard})
		if g, err := Open(dir); err == nil {
			g.Close()
		}
	})
}
