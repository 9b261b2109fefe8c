package huggingface

import (
	"fmt"
	"math"
	"strings"
)

// kind is a token's type as tokenizer.ggml.token_type numbers it.
type kind = int32

const (
	normal      kind = 1
	unknown     kind = 2
	control     kind = 3
	userDefined kind = 4
	unused      kind = 5
	byteToken   kind = 6
)

// vocab is the list of tokens, one for each row of the embedding.
type vocab struct {
	where  string // the file that it comes from
	tokens []string
	scores []float32
	kinds  []kind
	ids    map[string]int // of the tokens put in, by their text in the file
}

// newVocab has room for size tokens, which llama.cpp's conversion calls
// "[PAD0]" and so on until they are known.
func newVocab(where string, size int) *vocab {
	v := &vocab{where: where, tokens: make([]string, size), scores: make([]float32, size), kinds: make([]kind, size), ids: map[string]int{}}
	for i := range v.tokens {
		v.tokens[i], v.scores[i], v.kinds[i] = fmt.Sprintf("[PAD%d]", i), -10000, unused
	}
	return v
}

// put sets a token that must not have been set before.
func (v *vocab) put(id int, text string, score float32, k kind) error {
	if err := v.check(id, text); err != nil {
		return err
	}
	if v.kinds[id] != unused {
		return fmt.Errorf("%s: tokens %q and %q both have the id %d", v.where, v.tokens[id], text, id)
	}
	if math.IsNaN(float64(score)) || math.IsInf(float64(score), 0) {
		return fmt.Errorf("%s: token %q has the score %v", v.where, text, score)
	}
	v.tokens[id], v.scores[id], v.kinds[id] = text, score, k
	v.ids[text] = id
	return nil
}

// replace sets an added token over what the vocabulary has at its id.
func (v *vocab) replace(a addedToken, score float32) error {
	if err := v.check(a.ID, a.Content); err != nil {
		return err
	}
	v.scores[a.ID], v.ids[a.Content] = score, a.ID
	if a.Special || looksSpecial(a.Content) {
		v.tokens[a.ID], v.kinds[a.ID] = a.Content, control
		return nil
	}
	// It is matched in the text, where a blank is a space.
	v.tokens[a.ID], v.kinds[a.ID] = strings.ReplaceAll(a.Content, blank, " "), userDefined
	return nil
}

// blank is how SentencePiece writes a space.
const blank = "▁"

func (v *vocab) check(id int, text string) error {
	if id < 0 || id >= len(v.tokens) {
		return fmt.Errorf("%s: token %q has the id %d, but the embedding has %d rows: tokenizer and weights are of different models", v.where, text, id, len(v.tokens))
	}
	return nil
}

// looksSpecial tells tokens that some models do not list as special, though
// nothing else can be meant. (Source: does_token_look_special of llama.cpp's
// conversion.)
func looksSpecial(text string) bool {
	switch text {
	case "<pad>", "<mask>", "<2mass>", "[@BOS@]":
		return true
	}
	between := func(head, tail string) bool { return strings.HasPrefix(text, head) && strings.HasSuffix(text, tail) }
	return between("<|", "|>") || between("<｜", "｜>") || between("<unused", ">")
}

// keys sets the vocabulary; scores only for models that have them.
func (p *plan) vocabKeys(model, pre string, v *vocab, scored bool) {
	p.general("tokenizer.ggml.model", model)
	p.general("tokenizer.ggml.pre", pre)
	p.general("tokenizer.ggml.tokens", v.tokens)
	if scored {
		p.general("tokenizer.ggml.scores", v.scores)
	}
	p.general("tokenizer.ggml.token_type", v.kinds)
}
