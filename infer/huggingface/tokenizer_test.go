package huggingface

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/modeltest"
)

// withTokenizer is a Llama of some rows and the tokenizer's files.
func withTokenizer(t testing.TB, rows int, class string, files map[string]string) string {
	t.Helper()
	name := "model.embed_tokens.weight"
	config := `"hidden_size":8,"intermediate_size":4,"num_hidden_layers":1,"num_attention_heads":2,"max_position_embeddings":16,"d_model":8,"d_kv":4,
		"d_ff":4,"num_layers":1,"num_heads":2,"pad_token_id":0`
	switch class {
	case "BertModel", "RobertaModel":
		name = "embeddings.word_embeddings.weight"
	case "T5ForConditionalGeneration":
		name = "shared.weight"
	}
	all := map[string][]byte{
		"config.json":       fmt.Appendf(nil, `{"architectures":[%q],"vocab_size":%d,%s}`, class, rows, config),
		"model.safetensors": modeltest.Safetensors(t, []modeltest.Array{array(name, "F32", rows, 8)}),
	}
	for name, text := range files {
		all[name] = []byte(text)
	}
	return modeltest.Folder(t, all)
}

// checkMeta compares keys; nil means that the key must be absent.
func checkMeta(t *testing.T, f *gguf.File, want map[string]any) {
	t.Helper()
	for key, w := range want {
		key = "tokenizer." + key
		got, ok := f.Value(key)
		if ok != (w != nil) || ok && !reflect.DeepEqual(got, w) {
			t.Errorf("%s is %#v, want %#v", key, got, w)
		}
	}
}

func openTokenizer(t *testing.T, rows int, class string, files map[string]string) *gguf.File {
	t.Helper()
	f, err := Open(withTokenizer(t, rows, class, files))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// quoted is a text as JSON.
func quoted(text string) string {
	b, _ := json.Marshal(text)
	return string(b)
}

func splitJSON(pattern string) string {
	return `{"type":"Split","pattern":{"Regex":` + quoted(pattern) + `},"behavior":"Isolated","invert":false}`
}

func sequence(steps ...string) string {
	return `{"type":"Sequence","pretokenizers":[` + strings.Join(steps, ",") + `]}`
}

const (
	plainBytes = `{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":false,"use_regex":false}`
	wordBytes  = `{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}`
)

// A tokenizer of Qwen's kind: what is added, special or not, what pads, and what
// ends an answer.
func TestByteLevelBPE(t *testing.T) {
	t.Parallel()
	f := openTokenizer(t, 8, "Qwen2ForCausalLM", map[string]string{
		"tokenizer.json": `{"added_tokens":[{"id":4,"content":"<|im_end|>","special":false},{"id":5,"content":"▁mine","special":false},{"id":6,"content":"end","special":true}],
			"normalizer":{"type":"NFC"},"pre_tokenizer":` + sequence(splitJSON(qwen2Words), plainBytes) + `,"post_processor":{"type":"ByteLevel"},
			"model":{"type":"BPE","vocab":{"a":0,"Ġ":1,"aĠ":2,"aĠa":3},"merges":[["a"," "],["aĠ","a"]],"byte_fallback":false}}`,
		"tokenizer_config.json":  `{"bos_token":null,"eos_token":{"content":"<|im_end|>"},"pad_token":"end","chat_template":"{{ messages }}"}`,
		"generation_config.json": `{"eos_token_id":[4,6]}`,
	})
	checkMeta(t, f, map[string]any{
		"ggml.model": "gpt2", "ggml.pre": "qwen2", "ggml.tokens": []string{"a", "Ġ", "aĠ", "aĠa", "<|im_end|>", " mine", "end", "[PAD7]"},
		"ggml.token_type": []int32{1, 1, 1, 1, 3, 4, 3, 5}, "ggml.merges": []string{"a Ġ", "aĠ a"}, "ggml.scores": nil,
		"ggml.bos_token_id": nil, "ggml.eos_token_id": uint32(4), "ggml.padding_token_id": uint32(6), "ggml.eot_token_id": uint32(6),
		"ggml.add_bos_token": false, "ggml.add_eos_token": false, "ggml.add_space_prefix": nil,
		"chat_template": "{{ messages }}", "chat_templates": nil,
	})
}

// Llama 3 puts its first token before a text, whatever ByteLevel says first.
func TestLlama3Tokenizer(t *testing.T) {
	t.Parallel()
	f := openTokenizer(t, 3, "LlamaForCausalLM", map[string]string{
		"tokenizer.json": `{"added_tokens":[{"id":1,"content":"<|begin_of_text|>","special":true},{"id":2,"content":"<|eot_id|>","special":true}],
			"pre_tokenizer":` + sequence(splitJSON(llama3Words), plainBytes) + `,"post_processor":{"type":"Sequence","processors":[{"type":"ByteLevel"},
			{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<|begin_of_text|>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[]}]},
			"model":{"type":"BPE","vocab":{"a":0},"merges":["a a"],"ignore_merges":true}}`,
		"tokenizer_config.json": `{"bos_token":"<|begin_of_text|>","eos_token":"<|eot_id|>"}`,
		"chat_template.jinja":   "main", "additional_chat_templates/tool-use.jinja": "other",
	})
	checkMeta(t, f, map[string]any{
		"ggml.pre": "llama-bpe", "ggml.merges": []string{"a a"}, "ggml.add_bos_token": true, "ggml.add_eos_token": false, "ggml.bos_token_id": uint32(1),
		"chat_template": "main", "chat_template.tool_use": "other", "chat_templates": []string{"tool_use"},
	})
}

// llama2 is a tokenizer of Llama 2's kind.
const llama2 = `{"added_tokens":[{"id":0,"content":"<unk>","special":true},{"id":1,"content":"<s>","special":true}],
	"normalizer":%s,"pre_tokenizer":%s,"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"}},{"Sequence":{"id":"A"}}]},
	"model":{"type":"BPE","byte_fallback":true,"unk_token":"<unk>","vocab":{"<unk>":0,"<s>":1,"<0x0A>":2,"▁a":3,"▁ab":4,"▁":5,"a":6,"b":7},
	"merges":["▁ a","▁a b"]}}`

func TestSentencePieceBPE(t *testing.T) {
	t.Parallel()
	const prepend = `{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"}]}`
	const replace = `{"type":"Replace","pattern":{"String":" "},"content":"▁"}`
	for _, c := range []struct {
		normalizer, pre string
		prefix          bool
	}{
		{prepend, "null", true}, {replace, "null", false},
		{replace, `{"type":"Split","pattern":{"String":" "},"behavior":"MergedWithPrevious","invert":false}`, false},
		{"null", `{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":false}`, true},
		{"null", `{"type":"Metaspace","replacement":"▁","prepend_scheme":"never","split":false}`, false},
	} {
		f := openTokenizer(t, 9, "MistralForCausalLM", map[string]string{"tokenizer.json": fmt.Sprintf(llama2, c.normalizer, c.pre)})
		checkMeta(t, f, map[string]any{
			"ggml.model": "llama", "ggml.tokens": []string{"<unk>", "<s>", "<0x0A>", "▁a", "▁ab", "▁", "a", "b", "[PAD8]"},
			"ggml.token_type": []int32{2, 3, 6, 1, 1, 1, 1, 1, 5}, "ggml.scores": []float32{0, 0, 0, 0, -1, -2, -3, -4, -10000},
			"ggml.add_space_prefix": c.prefix, "ggml.add_bos_token": true, "ggml.add_eos_token": false, "ggml.unknown_token_id": uint32(0), "ggml.merges": nil,
		})
	}
}

func TestUnigram(t *testing.T) {
	t.Parallel()
	charsmap := []byte{1, 2, 3}
	f := openTokenizer(t, 6, "T5ForConditionalGeneration", map[string]string{
		"tokenizer.json": `{"added_tokens":[{"id":0,"content":"<pad>","special":true},{"id":1,"content":"</s>","special":true},{"id":2,"content":"<unk>","special":true},
			{"id":4,"content":"<extra_id_0>","special":true}],
			"normalizer":{"type":"Precompiled","precompiled_charsmap":"` + base64.StdEncoding.EncodeToString(charsmap) + `"},
			"pre_tokenizer":` + sequence(`{"type":"WhitespaceSplit"}`, `{"type":"Metaspace","replacement":"▁","add_prefix_space":true}`) + `,
			"post_processor":{"type":"TemplateProcessing","single":[{"Sequence":{"id":"A"}},{"SpecialToken":{"id":"</s>"}}]},
			"model":{"type":"Unigram","unk_id":2,"vocab":[["<pad>",0],["</s>",0],["<unk>",0],["▁a",-1.5]]}}`,
		"tokenizer_config.json": `{"eos_token":"</s>","unk_token":"<unk>","pad_token":"<pad>"}`,
	})
	checkMeta(t, f, map[string]any{
		"ggml.model": "t5", "ggml.tokens": []string{"<pad>", "</s>", "<unk>", "▁a", "<extra_id_0>", "[PAD5]"},
		"ggml.token_type": []int32{3, 3, 2, 1, 3, 5}, "ggml.scores": []float32{0, 0, 0, -1.5, 0, -10000},
		"ggml.precompiled_charsmap": charsmap, "ggml.add_space_prefix": true, "ggml.remove_extra_whitespaces": true,
		"ggml.eos_token_id": uint32(1), "ggml.unknown_token_id": uint32(2), "ggml.padding_token_id": uint32(0), "ggml.add_bos_token": false, "ggml.add_eos_token": true,
	})
}

func TestWordPiece(t *testing.T) {
	t.Parallel()
	f := openTokenizer(t, 7, "BertModel", map[string]string{
		"tokenizer.json": `{"added_tokens":[{"id":0,"content":"[PAD]","special":true},{"id":1,"content":"[UNK]","special":true},{"id":2,"content":"[CLS]","special":true},
			{"id":3,"content":"[SEP]","special":true},{"id":4,"content":"[MASK]","special":true}],
			"normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},
			"pre_tokenizer":{"type":"BertPreTokenizer"},
			"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"[CLS]"}},{"Sequence":{"id":"A"}},{"SpecialToken":{"id":"[SEP]"}}],
			"pair":[{"SpecialToken":{"id":"[CLS]"}},{"Sequence":{"id":"A"}},{"SpecialToken":{"id":"[SEP]"}},{"Sequence":{"id":"B"}},{"SpecialToken":{"id":"[SEP]"}}]},
			"model":{"unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":{"[PAD]":0,"[UNK]":1,"[CLS]":2,"[SEP]":3,"[MASK]":4,"ab":5,"##c":6}}}`,
		"tokenizer_config.json": `{"do_lower_case":true}`,
	})
	checkMeta(t, f, map[string]any{
		"ggml.model": "bert", "ggml.tokens": []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "▁ab", "c"},
		"ggml.token_type": []int32{3, 3, 3, 3, 3, 1, 1}, "ggml.normalizer.lowercase": true, "ggml.normalizer.strip_accents": nil,
		"ggml.bos_token_id": uint32(2), "ggml.eos_token_id": uint32(3), "ggml.unknown_token_id": uint32(1), "ggml.seperator_token_id": uint32(3),
		"ggml.padding_token_id": uint32(0), "ggml.mask_token_id": uint32(4), "ggml.add_bos_token": true, "ggml.add_eos_token": true, "ggml.add_sep_token": false,
	})
}

func TestRobertaTokenizer(t *testing.T) {
	t.Parallel()
	f := openTokenizer(t, 3, "RobertaModel", map[string]string{
		"tokenizer.json": `{"added_tokens":[{"id":0,"content":"<s>","special":true},{"id":1,"content":"</s>","special":true}],"pre_tokenizer":` + wordBytes + `,
			"post_processor":{"type":"RobertaProcessing","sep":["</s>",1],"cls":["<s>",0]},"model":{"type":"BPE","continuing_subword_prefix":"","end_of_word_suffix":"","vocab":{"a":2},"merges":[]}}`,
		"special_tokens_map.json": `{"bos_token":"<s>","eos_token":"</s>"}`,
	})
	checkMeta(t, f, map[string]any{
		"ggml.pre": "roberta-bpe", "ggml.bos_token_id": uint32(0), "ggml.eos_token_id": uint32(1), "ggml.seperator_token_id": uint32(1),
		"ggml.add_bos_token": true, "ggml.add_eos_token": true, "ggml.add_sep_token": true,
	})
}

// message writes protobuf.
type message []byte

func (m message) varint(field protowire.Number, v uint64) message {
	return protowire.AppendVarint(protowire.AppendTag(m, field, protowire.VarintType), v)
}

func (m message) bytes(field protowire.Number, b []byte) message {
	return protowire.AppendBytes(protowire.AppendTag(m, field, protowire.BytesType), b)
}

func (m message) float(field protowire.Number, x float32) message {
	return protowire.AppendFixed32(protowire.AppendTag(m, field, protowire.Fixed32Type), math.Float32bits(x))
}

// spm is a tokenizer.model of four pieces.
func spm(modelType uint64, normalizer message) message {
	var m message
	m = m.bytes(1, message{}.bytes(1, []byte("<unk>")).float(2, 0).varint(3, 2))
	m = m.bytes(1, message{}.bytes(1, []byte("</s>")).float(2, 0).varint(3, 3))
	m = m.bytes(1, message{}.bytes(1, []byte("▁a")).float(2, -1))
	m = m.bytes(1, message{}.bytes(1, []byte("<0x0A>")).float(2, 0).varint(3, 6))
	m = m.bytes(2, message{}.varint(3, modelType).varint(4, 8000))
	return m.bytes(3, normalizer)
}

// A tokenizer.model comes before a tokenizer.json of the same kind, whose added
// tokens stay.
func TestSentencePieceModel(t *testing.T) {
	t.Parallel()
	f := openTokenizer(t, 7, "LlamaForCausalLM", map[string]string{
		"tokenizer.model": string(spm(2, message{}.varint(3, 0))), "tokenizer.json": fmt.Sprintf(llama2, "null", "null"),
		"tokenizer_config.json": `{"add_bos_token":true,"add_eos_token":false,"bos_token":"</s>","eos_token":"<|end|>","added_tokens_decoder":{"4":{"content":"<|end|>"},"5":{"content":"▁x","special":false}}}`,
		"added_tokens.json":     `{"mine":6}`,
	})
	checkMeta(t, f, map[string]any{
		"ggml.model": "llama", "ggml.tokens": []string{"<unk>", "</s>", "▁a", "<0x0A>", "<|end|>", " x", "mine"},
		"ggml.token_type": []int32{2, 3, 1, 6, 3, 4, 4}, "ggml.scores": []float32{0, 0, -1, 0, -1000, -1000, -1000},
		"ggml.add_space_prefix": false, "ggml.bos_token_id": uint32(1), "ggml.eos_token_id": uint32(4), "ggml.unknown_token_id": uint32(0),
	})
	f = openTokenizer(t, 4, "T5ForConditionalGeneration", map[string]string{"spiece.model": string(spm(1, message{}.bytes(2, []byte("map")).varint(4, 0)))})
	checkMeta(t, f, map[string]any{
		"ggml.model": "t5", "ggml.precompiled_charsmap": []byte("map"), "ggml.add_space_prefix": true, "ggml.remove_extra_whitespaces": false,
		"ggml.add_bos_token": nil,
	})
}

// A byte-level tokenizer's tokenizer.model is a file of another format.
func TestTokenizerModelOfAnotherFormat(t *testing.T) {
	t.Parallel()
	f := openTokenizer(t, 3, "Glm4ForCausalLM", map[string]string{
		"tokenizer.model": "IQ== 0\n",
		"tokenizer.json": `{"added_tokens":[{"id":1,"content":"<|endoftext|>","special":true},{"id":2,"content":"<|user|>","special":true}],
			"pre_tokenizer":` + sequence(splitJSON(llama3Words), plainBytes) + `,"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}`,
	})
	checkMeta(t, f, map[string]any{
		"ggml.pre": "glm4", "ggml.eos_token_id": uint32(1), "ggml.eot_token_id": uint32(2), "ggml.unknown_token_id": uint32(1), "ggml.bos_token_id": uint32(1),
	})
}

// GLM-4 has a file of ranks: "a", "b", " ", "ab" and " ab" here.
func TestTiktoken(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"tokenizer.model":       "YQ== 0\nYg== 1\nIA== 2\nYWI= 3\nIGFi 4\n",
		"tokenizer_config.json": `{"eos_token":"<|endoftext|>","added_tokens_decoder":{"6":{"content":"<|endoftext|>","special":true},"7":{"content":"<|user|>","special":true}}}`,
	}
	f := openTokenizer(t, 8, "GlmForCausalLM", files)
	checkMeta(t, f, map[string]any{
		"ggml.model": "gpt2", "ggml.pre": "chatglm-bpe", "ggml.tokens": []string{"a", "b", "Ġ", "ab", "Ġab", "[PAD5]", "<|endoftext|>", "<|user|>"},
		"ggml.token_type": []int32{1, 1, 1, 1, 1, 5, 3, 3}, "ggml.merges": []string{"a b", "Ġ ab"}, "ggml.eos_token_id": uint32(6), "ggml.eot_token_id": uint32(7),
		"ggml.add_bos_token": false,
	})
	for text, want := range map[string]string{
		"YQ== 0\nYg== 0\n": "both have the id 0", "YQ== 0\nYQ== 1\n": "line 2 is no new token", "YQ== 0\nYg==\n": "line 2",
		"YQ== 9\n": "has the id 9", "YQ== 0\nYWJi 1\n": "is no merge of two",
	} {
		files["tokenizer.model"] = text
		if _, err := Open(withTokenizer(t, 8, "GlmForCausalLM", files)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one about %s", text, err, want)
		}
	}
	files["tokenizer.model"] = "YQ== 0\n"
	if _, err := Open(withTokenizer(t, 8, "LlamaForCausalLM", files)); err == nil || !strings.Contains(err.Error(), "add the model's tokenizer.json") {
		t.Errorf("error %v", err)
	}
}

// The patterns of published files, in the spellings that they have.
func TestPreTokenizers(t *testing.T) {
	t.Parallel()
	const cl100k = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	removed := `{"type":"Split","pattern":{"Regex":` + quoted(cl100k) + `},"behavior":"Removed","invert":true}`
	digit := `{"type":"Digits","individual_digits":true}`
	for _, c := range []struct{ pre, want string }{
		{wordBytes, "gpt-2"},
		{`{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true}`, "gpt-2"},
		{sequence(digit, wordBytes), "smollm"},
		{sequence(`{"type":"Punctuation","behavior":"Contiguous"}`, wordBytes, `{"type":"Digits","individual_digits":false}`, splitJSON("[0-9][0-9][0-9]")), "falcon"},
		{sequence(removed, plainBytes), "dbrx"},
		{sequence(splitJSON(strings.NewReplacer(`\r`, "\r", `\n`, "\n").Replace(cl100k)), plainBytes), "dbrx"},
		{sequence(splitJSON(`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`), plainBytes), "qwen2"},
		{sequence(splitJSON(`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`), plainBytes) + `,"ignore":0`, "tekken"},
		{sequence(splitJSON(`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`), plainBytes), "gpt-4o"},
		{sequence(splitJSON("\\p{N}{1,3}"), splitJSON("[一-龥぀-ゟ゠-ヿ]+"), splitJSON("[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"), plainBytes), "deepseek-v3"},
		{sequence(splitJSON("[\r\n]"), splitJSON("\\s?\\p{L}+"), splitJSON("\\s?\\p{P}+"), splitJSON("[一-龥ࠀ-一가-퟿]+"), digit, plainBytes), "deepseek-coder"},
	} {
		whole := ""
		if c.want == "tekken" {
			whole = `,"ignore_merges":true`
		}
		pre, _, _ := strings.Cut(c.pre, `,"ignore":0`)
		f := openTokenizer(t, 1, "LlamaForCausalLM", map[string]string{
			"tokenizer.json": `{"pre_tokenizer":` + pre + `,"model":{"type":"BPE","vocab":{"a":0},"merges":[]` + whole + `}}`,
		})
		checkMeta(t, f, map[string]any{"ggml.pre": c.want})
	}
	known := map[string]bool{}
	for _, p := range preTokenizers {
		if key := strings.Join(p.steps, "\n"); known[key] {
			t.Errorf("%s: the same steps occur twice", p.name)
		} else {
			known[key] = true
		}
	}
}

// A folder may have no tokenizer: then there are no keys of one.
func TestNoTokenizer(t *testing.T) {
	t.Parallel()
	f := openTokenizer(t, 3, "LlamaForCausalLM", map[string]string{"generation_config.json": "{}", "tokenizer_config.json": `{"bos_token":"<s>"}`})
	for _, key := range f.Keys() {
		if strings.HasPrefix(key, "tokenizer.") {
			t.Errorf("key %s", key)
		}
	}
}

func TestChatTemplateFiles(t *testing.T) {
	t.Parallel()
	const tokens = `{"pre_tokenizer":` + wordBytes + `,"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}`
	for _, c := range []struct {
		files map[string]string
		want  map[string]any
	}{
		{map[string]string{"chat_template.json": `{"chat_template":"j"}`}, map[string]any{"chat_template": "j"}},
		{map[string]string{"tokenizer_config.json": `{"chat_template":[{"name":"default","template":"d"},{"name":"rag-1","template":"r"}]}`},
			map[string]any{"chat_template": "d", "chat_template.rag_1": "r", "chat_templates": []string{"rag_1"}}},
		{map[string]string{"tokenizer_config.json": `{"chat_template":"c"}`, "chat_template.jinja": "j"}, map[string]any{"chat_template": "c"}},
		{nil, map[string]any{"chat_template": nil}},
	} {
		files := map[string]string{"tokenizer.json": tokens}
		for name, text := range c.files {
			files[name] = text
		}
		checkMeta(t, openTokenizer(t, 1, "LlamaForCausalLM", files), c.want)
	}
}

func FuzzTiktoken(f *testing.F) {
	f.Add([]byte("YQ== 0\nYg== 1\nIA== 2\nYWI= 3\nIGFi 4\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := parseTiktoken("tokenizer.model", text)
		if err != nil {
			return
		}
		p := newPlan("glm4", object{where: "config.json", err: new(error)}, "")
		if v, err := p.tiktoken(r, nil, 64); err == nil && len(v.tokens) != 64 {
			t.Errorf("%d tokens", len(v.tokens))
		}
	})
}

func FuzzSentencePiece(f *testing.F) {
	f.Add([]byte(spm(2, nil)))
	f.Add([]byte(spm(1, message{}.bytes(2, []byte("map")))))
	f.Add([]byte(spm(1, nil)[:20]))
	f.Fuzz(func(t *testing.T, text []byte) {
		if s, err := parseSentencePiece(text); err == nil && len(s.pieces) == 0 {
			t.Error("a model without pieces")
		}
	})
}

// FuzzTokenizerJSON checks that no tokenizer.json makes the reader panic.
func FuzzTokenizerJSON(f *testing.F) {
	f.Add([]byte(fmt.Sprintf(llama2, "null", "null")))
	f.Add([]byte(`{"pre_tokenizer":` + wordBytes + `,"model":{"type":"BPE","vocab":{"a":0},"merges":["a b",["a","b"]]}}`))
	f.Add([]byte(`{"model":{"vocab":[["a",0.5]],"unk_id":0},"normalizer":{"type":"Precompiled","precompiled_charsmap":"AAAA"}}`))
	f.Add([]byte(`{"model":{"continuing_subword_prefix":"##","vocab":{"a":0}},"post_processor":{"type":"TemplateProcessing","single":[{}],"pair":[{},{},{}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		j, err := parseTokenizerJSON("tokenizer.json", text)
		if err != nil {
			return
		}
		config := object{where: "config.json", err: new(error)}
		p := newPlan("llama", config, "")
		s := readSpecials(config)
		p.around(j, s, config)
		v, err := p.fromJSON(j, s, 8)
		if err != nil {
			return
		}
		p.specialKeys(s, config, v)
		if f, err := gguf.Compose("fuzz", p.meta, nil, nil); err != nil || !f.Has("tokenizer.ggml.tokens") {
			t.Errorf("%v", err)
		}
	})
}
