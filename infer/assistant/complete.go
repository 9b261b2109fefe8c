package assistant

import (
	"context"
	"fmt"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/sample"
)

// Text is a text without a conversation around it: as it is, or in tokens of the
// model, if there are any.
type Text struct {
	Text   string
	Tokens []int32
}

// Complete continues a text as it is, without the chat template, or makes another
// text of it if that is what the model does; all else is as in [Assistant.Reply].
// Control tokens are only those that are given as tokens.
func (a *Assistant) Complete(ctx context.Context, prompt Text, o Options, emit func(delta string) error) (Reply, error) {
	if err := a.enter(); err != nil {
		return Reply{}, err
	}
	defer a.running.Done()
	ids := prompt.Tokens
	switch {
	case len(ids) > 0:
	case a.translates():
		ids = a.framed(prompt.Text)
	default:
		ids = a.tokens.EncodePrompt(border+a.tokens.Defuse(prompt.Text, border)+border, border)
	}
	if err := a.checkTokens("prompt", ids); err != nil {
		return Reply{}, err
	}
	return a.reply(ctx, ids, "", o, emit)
}

// Embeds tells whether the model makes vectors of texts, and so no answers.
func (a *Assistant) Embeds() bool { return a.config.Kind == model.Encoder }

// Embed returns the vector of each text, of length 1, and how many tokens they
// have together.
func (a *Assistant) Embed(ctx context.Context, texts []Text) ([][]float32, int, error) {
	if err := a.enter(); err != nil {
		return nil, 0, err
	}
	defer a.running.Done()
	all, tokens, err := a.framedAll(texts)
	if err != nil {
		return nil, 0, err
	}
	vectors, err := a.engine.Embed(ctx, all, infer.Embedding{})
	if err != nil {
		return nil, 0, fmt.Errorf("embed with %s: %w", a.name, err)
	}
	return vectors, tokens, nil
}

// framedAll are texts in tokens, and how many these are together.
func (a *Assistant) framedAll(texts []Text) ([][]int32, int, error) {
	all, tokens := make([][]int32, len(texts)), 0
	for i, t := range texts {
		all[i] = t.Tokens
		if len(t.Tokens) == 0 {
			all[i] = a.framed(t.Text)
		}
		if err := a.checkTokens("input", all[i]); err != nil {
			return nil, 0, err
		}
		tokens += len(all[i])
	}
	return all, tokens, nil
}

// framed is a text in tokens, with those that the vocabulary wants around it.
func (a *Assistant) framed(text string) []int32 {
	ids, frame := a.tokens.Encode(text, false), a.tokens.Encode("", true)
	if bos, ok := a.tokens.BOS(); ok && len(frame) > 0 && frame[0] == bos {
		ids = append([]int32{bos}, ids...)
	}
	if eos, ok := a.tokens.EOS(); ok && len(frame) > 0 && frame[len(frame)-1] == eos {
		ids = append(ids, eos)
	}
	return ids
}

func (a *Assistant) checkTokens(option string, ids []int32) error {
	for i, id := range ids {
		if id < 0 || int(id) >= a.tokens.Size() {
			return &sample.OptionError{Option: option, Problem: fmt.Sprintf("%s has at %d the token %d, not one of the vocabulary of %d", option, i, id, a.tokens.Size())}
		}
	}
	if len(ids) == 0 {
		return &sample.OptionError{Option: option, Problem: option + " is empty"}
	}
	return nil
}
