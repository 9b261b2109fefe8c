package assistant

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/a472be26/cusp/infer/chat"
	"github.com/a472be26/cusp/infer/prefix"
)

// Opening is what conversations with the same system message and the same tools
// begin with.
type Opening struct {
	a      *Assistant
	tokens []int32
}

// Opening renders the beginning that all conversations have whose first message
// is the system message, or is the user's if that is empty, and whose tools are
// those, nil for none; see [Options].
func (a *Assistant) Opening(system string, tools json.RawMessage) (Opening, error) {
	if err := a.enter(); err != nil {
		return Opening{}, err
	}
	defer a.running.Done()
	if a.translates() {
		return Opening{}, fmt.Errorf("opening for %s: it makes one text of another and knows no conversations", a.name)
	}
	// What two conversations share that differ from the user's first letter on.
	var prompts [2][]int32
	for i, user := range []string{"A", "7"} {
		messages := []chat.Message{{Role: "user", Content: user}}
		if system != "" {
			messages = append([]chat.Message{{Role: "system", Content: system}}, messages...)
		}
		text, err := a.render(messages, Options{Tools: tools})
		if err != nil {
			return Opening{}, err
		}
		prompts[i] = a.encode(text)
	}
	n := 0
	for n < min(len(prompts[0]), len(prompts[1])) && prompts[0][n] == prompts[1][n] {
		n++
	}
	return Opening{a, prompts[0][:n]}, nil
}

// Equal tells whether two openings of one assistant are the same: not every
// template shows tools.
func (o Opening) Equal(other Opening) bool { return slices.Equal(o.tokens, other.tokens) }

// Tokens is the length of the opening.
func (o Opening) Tokens() int { return len(o.tokens) }

// Recall is [infer.Engine.Recall] for the opening.
func (o Opening) Recall(store *prefix.Store, model string) bool {
	if o.a.enter() != nil {
		return false
	}
	defer o.a.running.Done()
	return o.a.engine.Recall(store, model, o.tokens)
}

// Memorize is [infer.Engine.Memorize] for the opening.
func (o Opening) Memorize(ctx context.Context, store *prefix.Store, model string) error {
	if err := o.a.enter(); err != nil {
		return err
	}
	defer o.a.running.Done()
	return o.a.engine.Memorize(ctx, store, model, o.tokens)
}
