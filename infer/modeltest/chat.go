package modeltest

import (
	"testing"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/tokenizer"
)

// Kinds of tokens in tokenizer.ggml.token_type.
const (
	normal  = 1
	control = 3
)

// Chat is the model file of the shape with a vocabulary of bytes, so that it can
// take and write any text, and a chat template. Shape.Vocab is not used.
func (s Shape) Chat(t testing.TB) []byte {
	t.Helper()
	return s.ChatAs(t, `{% for m in messages %}<|user|>{{ m.content }}{% endfor %}<|assistant|>`)
}

// ChatAs is Chat with another template.
func (s Shape) ChatAs(t testing.TB, template string) []byte {
	t.Helper()
	marks := []string{"<|user|>", "<|assistant|>", "<|end|>"}
	var tokens []string
	var kinds []int32
	for b := range 256 {
		tokens, kinds = append(tokens, string(tokenizer.ByteRune(byte(b)))), append(kinds, normal)
	}
	for _, m := range marks {
		tokens, kinds = append(tokens, m), append(kinds, control)
	}
	s.Vocab = len(tokens)
	return Bytes(t, append(s.Meta(),
		gguf.KV{Key: "tokenizer.ggml.model", Value: "gpt2"},
		gguf.KV{Key: "tokenizer.ggml.pre", Value: "gpt-2"},
		gguf.KV{Key: "tokenizer.ggml.tokens", Value: tokens},
		gguf.KV{Key: "tokenizer.ggml.token_type", Value: kinds},
		gguf.KV{Key: "tokenizer.ggml.merges", Value: []string{}},
		gguf.KV{Key: "tokenizer.ggml.eos_token_id", Value: uint32(len(tokens) - 1)},
		gguf.KV{Key: "tokenizer.chat_template", Value: template},
	), s.Tensors())
}
