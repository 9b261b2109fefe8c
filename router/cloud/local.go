package cloud

import "context"

// Generator is the project's own engine as seen from here.
type Generator interface {
	Generate(ctx context.Context, r Request, emit func(delta string) error) (Completion, error)
}

// Local answers with a model in this process.
type Local struct {
	Model     string // reported as the model that answered
	Generator Generator
}

var _ Provider = Local{}

// Complete implements [Provider].
func (l Local) Complete(ctx context.Context, r Request, emit func(string) error) (Completion, error) {
	c, err := l.Generator.Generate(ctx, r, emit)
	if err != nil {
		return Completion{}, err
	}
	c.Model = l.Model
	return c, nil
}
