package bench

import (
	"fmt"
	"io"

	"github.com/a472be26/cusp/infer/gguf"
)

// savedContext is what the file claims at least, so that more can be measured
// with it than with the model in memory.
const savedContext = 4096

// Save writes the model with the vocabulary that other engines ask for.
func (r *Random) Save(w io.Writer) error {
	f, err := r.Open()
	if err != nil {
		return err
	}
	defer f.Close()
	meta := r.shape.metadata(r.mix, max(r.context, savedContext))
	meta = append(meta,
		gguf.KV{Key: "llama.vocab_size", Value: uint32(r.shape.Vocab)},
		gguf.KV{Key: "llama.rope.dimension_count", Value: uint32(r.shape.Dim / r.shape.Heads)},
		gguf.KV{Key: "general.quantization_version", Value: uint32(2)}, // of the block formats
	)
	return gguf.Write(w, append(meta, vocabulary(r.shape.Vocab)...), f.Tensors())
}

// Kinds of tokens in tokenizer.ggml.token_type.
const (
	normalToken  = 1
	unknownToken = 2
	controlToken = 3
	byteToken    = 6
)

// vocabulary is one of SentencePiece's kind with n tokens: three control
// tokens, as many byte tokens as there is room for, and words without meaning.
func vocabulary(n int) []gguf.KV {
	tokens, scores, kinds := make([]string, n), make([]float32, n), make([]int32, n)
	for i := range n {
		tokens[i], kinds[i] = token(i)
		scores[i] = -float32(i)
	}
	return []gguf.KV{
		{Key: "tokenizer.ggml.model", Value: "llama"},
		{Key: "tokenizer.ggml.tokens", Value: tokens},
		{Key: "tokenizer.ggml.scores", Value: scores},
		{Key: "tokenizer.ggml.token_type", Value: kinds},
	}
}

func token(i int) (text string, kind int32) {
	special := []string{"<unk>", "<s>", "</s>"}
	switch b := i - len(special); {
	case i == 0:
		return special[i], unknownToken
	case b < 0:
		return special[i], controlToken
	case b < 256:
		return fmt.Sprintf("<0x%02X>", b), byteToken
	}
	return fmt.Sprintf("▁w%d", i), normalToken
}
