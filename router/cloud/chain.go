package cloud

import (
	"context"
	"errors"
)

// Chain asks providers in order of preference: what one cannot do, or will not do
// before its answer begins, the next one is asked for.
type Chain []Provider

var _ Provider = Chain{}

// Complete implements [Provider]. When all fail, the error is the first after which
// the question may succeed later, else the first of all.
func (c Chain) Complete(ctx context.Context, r Request, emit func(string) error) (Completion, error) {
	var first, hopeful error
	for _, p := range c {
		begun := false
		answer, err := p.Complete(ctx, r, func(delta string) error {
			begun = true
			return emit(delta)
		})
		if err == nil || begun || ctx.Err() != nil {
			return answer, err
		}
		if first == nil {
			first = err
		}
		if hopeful == nil && classify(err).Retryable {
			hopeful = err
		}
	}
	switch {
	case hopeful != nil:
		return Completion{}, hopeful
	case first != nil:
		return Completion{}, first
	}
	return Completion{}, &Error{Code: CodeUnavailable, Err: errors.New("no provider is configured")}
}
