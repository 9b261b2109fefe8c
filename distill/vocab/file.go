package vocab

import (
	"fmt"

	"github.com/a472be26/cusp/infer/gguf"
)

// FromFile takes the vocabulary out of a model file, so that a student speaks
// the tokens of its teacher.
func FromFile(f *gguf.File) (*Vocab, error) {
	if pre, err := f.String("tokenizer.ggml.pre"); err != nil || pre != Pre {
		return nil, fmt.Errorf("vocabulary of %s: pre-tokenizer is %q, want %q: the teacher must be one of ours", f.Name(), pre, Pre)
	}
	tokens, err := f.Strings("tokenizer.ggml.tokens")
	if err != nil {
		return nil, err
	}
	types, err := f.Ints("tokenizer.ggml.token_type")
	if err != nil {
		return nil, err
	}
	merges, err := f.Strings("tokenizer.ggml.merges")
	if err != nil {
		return nil, err
	}
	return &Vocab{Tokens: tokens, Types: types, Merges: merges}, nil
}
