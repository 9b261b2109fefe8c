// Package vocab learns the byte-level BPE vocabulary of the built-in models.
//
// It differs from ordinary BPE in two rules that make copying easy, because a
// small model that answers with names must copy them from the question:
//
//   - A merge never holds a leading space, except that frequent words which do
//     not begin names get one more token with a space in front. So a name has
//     the same tokens after a space as after a quotation mark.
//   - A merge never holds more than one Chinese character.
//
// What it writes is plain GPT-2 style metadata that any GGUF reader applies.
package vocab

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/tokenizer"
)

// Pre is the pre-tokenizer of new vocabularies: words, numbers and punctuation, each with a space before it. Numbers stay whole, so that 50
// becomes one token, which is easier to copy than two.
const Pre = "gpt-2"

// Token types of GGUF.
const (
	typeNormal  = 1
	typeControl = 3
	typeDefined = 4 // matched in the text before anything else
)

// Control tokens of the built-in chat format.
const (
	Pad       = "<|pad|>"
	User      = "<|user|>"
	Assistant = "<|assistant|>"
	End       = "<|end|>"
)

var controls = []string{Pad, User, Assistant, End}

// ChatTemplate renders user and assistant turns; other roles have no place in
// a model this small.
const ChatTemplate = `{% for m in messages %}{% if m.role == 'user' %}<|user|>{{ m.content }}{% elif m.role == 'assistant' %}` +
	`<|assistant|>{{ m.content }}<|end|>{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}`

// Vocab is a finished vocabulary.
type Vocab struct {
	Pre    string   `json:"pre"`    // the pre-tokenizer it was learned with
	Tokens []string `json:"tokens"` // bytes as printable runes, as in GGUF
	Types  []int32  `json:"types"`
	Merges []string `json:"merges"`
}

// Metadata is the tokenizer's part of a GGUF file.
func (v *Vocab) Metadata() []gguf.KV {
	id := map[string]uint32{}
	for i, t := range v.Tokens {
		id[t] = uint32(i)
	}
	return []gguf.KV{
		{Key: "tokenizer.ggml.model", Value: "gpt2"},
		{Key: "tokenizer.ggml.pre", Value: v.Pre},
		{Key: "tokenizer.ggml.tokens", Value: v.Tokens},
		{Key: "tokenizer.ggml.token_type", Value: v.Types},
		{Key: "tokenizer.ggml.merges", Value: v.Merges},
		{Key: "tokenizer.ggml.eos_token_id", Value: id[End]},
		{Key: "tokenizer.ggml.padding_token_id", Value: id[Pad]},
		{Key: "tokenizer.ggml.add_bos_token", Value: false},
		{Key: "tokenizer.chat_template", Value: ChatTemplate},
	}
}

// Tokenizer is the device's own tokenizer with this vocabulary, so that
// training text is cut exactly as questions will be.
func (v *Vocab) Tokenizer() (*tokenizer.Tokenizer, error) {
	m := metadata{}
	for _, kv := range v.Metadata() {
		m[kv.Key] = kv.Value
	}
	return tokenizer.Load(m)
}

// Save writes the vocabulary as JSON.
func (v *Vocab) Save(file string) error {
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o644)
}

// Load reads what Save wrote.
func Load(file string) (*Vocab, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var v Vocab
	if err := json.Unmarshal(data, &v); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &v, nil
}
