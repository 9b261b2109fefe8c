package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/assistant"
	"github.com/a472be26/cusp/infer/prefix"
)

// prefixes keeps what conversations begin with over restarts: the configured
// system prompts, and what the model's template puts before every conversation.
// Nothing of a question is ever among it.
type prefixes struct {
	store   *prefix.Store
	files   []string // of system prompts
	version string   // of this program, whose arithmetic the saved numbers depend on
	log     *slog.Logger
}

// openings are the beginnings for one model that are not there yet.
type openings struct {
	*prefixes
	model   string
	missing []assistant.Opening
	ctx     context.Context // ends when the model is closed
	cancel  context.CancelFunc
}

// recall gives a model the beginnings that were saved for its weights, and
// returns those that were not; nil if p is.
func (p *prefixes) recall(a *assistant.Assistant, weights string) *openings {
	if p == nil {
		return nil
	}
	o := &openings{prefixes: p, model: weights + " " + p.version}
	o.ctx, o.cancel = context.WithCancel(context.Background())
	found, tokens := 0, 0
	for _, system := range p.texts() {
		opening, err := a.Opening(system)
		if err != nil {
			p.log.Warn("system prompt is not kept ready", "model", a.Name(), "error", err)
			continue
		}
		if opening.Recall(p.store, o.model) {
			found, tokens = found+1, tokens+opening.Tokens()
		} else {
			o.missing = append(o.missing, opening)
		}
	}
	if found > 0 {
		p.log.Info("saved prompts are ready", "model", a.Name(), "prompts", found, "tokens", tokens)
	}
	return o
}

// texts are the system prompts, first that of a conversation without one. They
// are read anew for every model.
func (p *prefixes) texts() []string {
	texts := []string{""}
	for _, path := range p.files {
		text, err := readPrompt(path)
		if err != nil {
			p.log.Warn("system prompt is not kept ready", "error", err)
			continue
		}
		texts = append(texts, text)
	}
	return texts
}

// maxPrompt is more than any context holds.
const maxPrompt = 4 << 20

func readPrompt(path string) (string, error) {
	info, err := os.Stat(path)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > maxPrompt) {
		err = fmt.Errorf("%s: not a text file of at most %d bytes", path, maxPrompt)
	}
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(path)
	return strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"), err
}

// settle computes and saves what is missing, beside the questions that come.
func (o *openings) settle() {
	if o == nil || len(o.missing) == 0 {
		return
	}
	go func() {
		for _, opening := range o.missing {
			err := opening.Memorize(o.ctx, o.store, o.model)
			switch {
			case o.ctx.Err() != nil || errors.Is(err, infer.ErrClosed):
				return
			case err != nil:
				o.log.Warn("system prompt is not kept ready", "tokens", opening.Tokens(), "error", err)
			default:
				o.log.Debug("system prompt is kept ready", "tokens", opening.Tokens())
			}
		}
	}()
}

// stop ends settle.
func (o *openings) stop() {
	if o != nil {
		o.cancel()
	}
}
