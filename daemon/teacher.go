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
func (t *Teacher) Generate(ctx context.Context, messages []router.Message, o router.Options, emit func(string) error) (text, finish string, promptTokens, completionTokens int, err error) {
	a, err := t.model.Answer(ctx, router.Question{Messages: messages, Options: o}, emit)
	var option *sample.OptionError
	if errors.Is(err, infer.ErrContext) || errors.As(err, &option) { // asking again makes it no better
		err = &cloud.Error{Code: cloud.CodeRefused, Err: err}
	}
	return a.Text, a.Finish, a.PromptTokens, len(a.Tokens), err
}
