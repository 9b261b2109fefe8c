package vocab

import "github.com/a472be26/cusp/infer/gguf"

// FromFile takes the vocabulary out of a model file, so that a student speaks
// the tokens of its teacher.
func FromFile(f *gguf.File) (*Vocab, error) {
	pre, err := f.String("tokenizer.ggml.pre")
	if err != nil {
		return nil, err
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
	return &Vocab{Pre: pre, Tokens: tokens, Types: types, Merges: merges}, nil
}
