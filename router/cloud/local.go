package cloud

import (
	"context"

	"github.com/a472be26/cusp/router"
)

// Generator is the project's own engine as seen from here.
type Generator interface {
	Generate(ctx context.Context, messages []router.Message, o router.Options, emit func(delta string) error) (text, finish string, promptTokens, completionTokens int, err error)
}

// Local answers with a model in this process.
type Local struct {
	Model     string // reported as the model that answered
	Generator Generator
}

var _ Provider = Local{}

// Complete implements [Provider].
func (l Local) Complete(ctx context.Context, r Request, emit func(string) error) (Completion, error) {
	text, finish, prompt, completion, err := l.Generator.Generate(ctx, r.Messages, r.Options, emit)
	if err != nil {
		return Completion{}, err
	}
	return Completion{Text: text, Finish: finish, Model: l.Model, PromptTokens: prompt, CompletionTokens: completion}, nil
}
