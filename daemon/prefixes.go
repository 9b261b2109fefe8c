package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/assistant"
	"github.com/a472be26/cusp/infer/chat"
	"github.com/a472be26/cusp/infer/prefix"
)

// prefixes keeps what conversations begin with over restarts: the configured
// system prompts and tool lists, and what the model's template puts before every
// conversation. Nothing of a question is ever among it.
type prefixes struct {
	store   *prefix.Store
	systems []string // files of system prompts
	tools   []string // files of tool lists
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
	for _, opening := range p.openings(a) {
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

// openings are the beginnings for a model: without a system prompt and with each,
// and of those, without tools and with each list. The files are read anew for
// every model.
func (p *prefixes) openings(a *assistant.Assistant) (all []assistant.Opening) {
	texts := append([]string{""}, readAll(p, "system prompt", p.systems, readPrompt)...)
	lists := append([]json.RawMessage{nil}, readAll(p, "tool list", p.tools, readTools)...)
	for _, system := range texts {
		for _, tools := range lists {
			opening, err := a.Opening(system, tools)
			switch {
			case err != nil:
				p.log.Warn("beginning of conversations is not kept ready", "model", a.Name(), "error", err)
			case !slices.ContainsFunc(all, opening.Equal):
				all = append(all, opening)
			}
		}
	}
	return all
}

// readAll reads files, and says of which it could not.
func readAll[T any](p *prefixes, what string, paths []string, read func(path string) (T, error)) (all []T) {
	for _, path := range paths {
		content, err := read(path)
		if err != nil {
			p.log.Warn(what+" is not kept ready", "error", err)
			continue
		}
		all = append(all, content)
	}
	return all
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

// readTools reads a list of tools as OpenAI's chat API has it.
func readTools(path string) (json.RawMessage, error) {
	text, err := readPrompt(path)
	if err != nil {
		return nil, err
	}
	tools := json.RawMessage(text)
	if err := chat.CheckTools(tools); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return tools, nil
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
				o.log.Warn("beginning of conversations is not kept ready", "tokens", opening.Tokens(), "error", err)
			default:
				o.log.Debug("beginning of conversations is kept ready", "tokens", opening.Tokens())
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
