package daemon

import (
	"context"
	"errors"
	"fmt"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/builtin"
	"github.com/a472be26/cusp/infer/sample"
	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/cloud"
)

// Teacher is a model on our own engine that stands in the cloud's place.
type Teacher struct{ model *engineModel }

var _ cloud.Generator = (*Teacher)(nil)

// OpenTeacher opens a GGUF file, or the built-in teacher for an empty path.
func OpenTeacher(path string) (*Teacher, error) {
	l := bundleLoader{cfg: ModelConfig{AllowUnsigned: true}}
	load := func() (*engineModel, error) { return l.loadBuiltIn("teacher", builtin.Teacher) }
	if path != "" {
		load = func() (*engineModel, error) { return l.loadPlain(path) }
	}
	m, err := load()
	if err != nil {
		return nil, fmt.Errorf("open teacher: %w", err)
	}
	return &Teacher{m}, nil
}

// Name is the model's name and version.
func (t *Teacher) Name() string { return t.model.Info().String() }

// Close waits for the answers under way and frees the model.
func (t *Teacher) Close() error { return t.model.Close() }

// Generate implements [cloud.Generator].
func (t *Teacher) Generate(ctx context.Context, r cloud.Request, emit func(string) error) (cloud.Completion, error) {
	a, err := t.model.Answer(ctx, router.Question{Messages: r.Messages, Options: r.Options}, func(d router.Delta) error {
		if d.Text == "" {
			return nil // the rest is in the completion
		}
		return emit(d.Text)
	})
	var option *sample.OptionError
	if errors.Is(err, infer.ErrContext) || errors.As(err, &option) { // asking again makes it no better
		err = &cloud.Error{Code: cloud.CodeRefused, Err: err}
	}
	return cloud.Completion{
		Text: a.Text, Reasoning: a.Reasoning, ToolCalls: a.ToolCalls, Finish: a.Finish,
		PromptTokens: a.PromptTokens, CompletionTokens: len(a.Tokens),
	}, err
}
