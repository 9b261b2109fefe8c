package distill

import (
	"fmt"

	"github.com/a472be26/cusp/distill/dataset"
	"github.com/a472be26/cusp/distill/train"
	"github.com/a472be26/cusp/distill/vocab"
	"github.com/a472be26/cusp/infer/tokenizer"
)

// tutor turns examples into training sequences:
// <|user|> question <|assistant|> answer <|end|>.
type tutor struct {
	tokens               *tokenizer.Tokenizer
	user, assistant, end int32
	promptWeight         float32 // loss weight of the question's tokens; 0 trains on answers only
	context              int
}

func newTutor(v *vocab.Vocab, promptWeight float64, context int) (*tutor, error) {
	tokens, err := v.Tokenizer()
	if err != nil {
		return nil, err
	}
	t := &tutor{tokens: tokens, promptWeight: float32(promptWeight), context: context}
	for _, c := range []struct {
		piece string
		id    *int32
	}{{vocab.User, &t.user}, {vocab.Assistant, &t.assistant}, {vocab.End, &t.end}} {
		id, ok := tokens.ID(c.piece)
		if !ok {
			return nil, fmt.Errorf("vocabulary has no token %s", c.piece)
		}
		*c.id = id
	}
	return t, nil
}

// lesson encodes one example; false when it does not fit the context.
func (t *tutor) lesson(e dataset.Example) (train.Example, bool) {
	question := t.tokens.Encode(e.Text, false)
	answer := t.tokens.Encode(e.Answer(), false)
	tokens := append([]int32{t.user}, question...)
	tokens = append(tokens, t.assistant)
	first := len(tokens) - 1 // the position that predicts the answer's first token
	tokens = append(tokens, answer...)
	tokens = append(tokens, t.end)
	loss := make([]float32, len(tokens))
	for i := range loss[:len(loss)-1] {
		loss[i] = t.promptWeight
		if i >= first {
			loss[i] = 1
		}
	}
	return train.Example{Tokens: tokens, Loss: loss}, len(tokens) <= t.context
}

// lessons encodes examples and leaves out what does not fit.
func (t *tutor) lessons(examples []dataset.Example) train.Examples {
	out := make(train.Examples, 0, len(examples))
	for _, e := range examples {
		if l, ok := t.lesson(e); ok {
			out = append(out, l)
		}
	}
	return out
}
