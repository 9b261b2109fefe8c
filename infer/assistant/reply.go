package assistant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/chat"
	"github.com/a472be26/cusp/infer/chat/toolcall"
	"github.com/a472be26/cusp/infer/grammar"
	"github.com/a472be26/cusp/infer/sample"
	"github.com/a472be26/cusp/infer/tokenizer"
)

// Options are the settings of one answer.
type Options struct {
	MaxTokens int // 0: as many as the context has room for
	Sampling  sample.Options
	Stop      []string // texts that end the answer and are not part of it
	// IgnoreEOS goes on behind the tokens that end an answer, until MaxTokens
	// or the end of the context.
	IgnoreEOS bool
	// LogProbs asks for Reply.LogProbs; Sampling.Top, for the likeliest tokens
	// in them. Known, which may be nil, gets them as they come: before a piece of
	// text, those of the tokens that it completes. What is left at the end, such as
	// that of a token without text, it does not get.
	LogProbs bool
	Known    func([]LogProb)
	// Breakers are the texts over which Sampling.DRY sees no repetition; nil:
	// DefaultBreakers. Sampling.DRY.Breakers is made of them.
	Breakers []string

	// Tools are those that the model may call, and Documents what it may read:
	// lists of objects in JSON, a tool as in OpenAI's chat API; nil: none.
	Tools, Documents json.RawMessage
	// Variables are further values for the chat template, such as
	// enable_thinking.
	Variables map[string]json.RawMessage
	// Continue takes the last message as the beginning of the answer.
	Continue bool
	// Split takes the model's reasoning and its tool calls out of the text.
	Split bool
	// NoCalls leaves what looks like a tool call in the text.
	NoCalls bool
	// Events, which may be nil, gets everything with Split: content, reasoning
	// and tool calls as they come, in the order of the text. Like an error of
	// emit, one of Events ends the answer.
	Events func(toolcall.Event) error
	// Grammar is what the answer keeps to, behind the reasoning that the prompt
	// may open; nil: nothing. See [Assistant.Constrain]. It ends the answer
	// whatever IgnoreEOS says.
	Grammar *grammar.Machine
	// Called says that by its Grammar the answer is a tool call, an object with
	// name and arguments; Split then takes it as one.
	Called bool
}

// Reply is a finished answer.
type Reply struct {
	Text string
	// With Split: what of the answer is not Text. Notes say why what looks
	// like a tool call is text.
	Reasoning string
	ToolCalls []chat.ToolCall
	Notes     []string

	Finish string // infer.FinishStop or infer.FinishLength
	// Tokens are all that were generated, those of a stop string included; the
	// control token that ends an answer is not among them.
	Tokens       []infer.Token
	LogProbs     []LogProb // of the tokens of Text, if they were asked for
	PromptTokens int
	CachedTokens int // of the prompt, known from an earlier one
	Prefill      time.Duration
	Decode       time.Duration
}

// Reply answers a conversation and passes the text to emit, which may be nil,
// as it comes: in whole runes, and held back while it could be the beginning of
// a stop string. An error of emit, or the end of ctx, ends the generation
// within a token and is returned, with the part of the answer until then;
// [infer.ErrStop] from emit ends it cleanly.
func (a *Assistant) Reply(ctx context.Context, messages []chat.Message, o Options, emit func(delta string) error) (Reply, error) {
	if err := a.enter(); err != nil {
		return Reply{}, err
	}
	defer a.running.Done()
	// 1. Messages to token ids.
	if a.translates() {
		ids, err := a.source(messages, o)
		if err != nil {
			return Reply{}, err
		}
		return a.reply(ctx, ids, "", o, emit)
	}
	text, err := a.render(messages, o)
	if err != nil {
		return Reply{}, err
	}
	return a.reply(ctx, a.encode(text), text.String(), o, emit)
}

// reply continues the tokens of a prompt, which ends with some text.
func (a *Assistant) reply(ctx context.Context, prompt []int32, text string, o Options, emit func(delta string) error) (Reply, error) {
	// 2. What stands between the tokens and the caller.
	var split *splitter
	if o.Split {
		split = a.newSplitter(o, text, emit)
		emit = split.push
	}
	out, err := newWriter(a.tokens.Stream(), o.Stop, emit)
	if err != nil {
		return Reply{}, err
	}
	var ends []int32
	if !o.IgnoreEOS || o.Grammar != nil {
		ends = a.tokens.Stops()
	}
	if o.Sampling.DRY.Multiplier > 0 {
		o.Sampling.DRY.Breakers = a.dryBreakers(o.Breakers)
	}
	if o.Grammar != nil {
		o.Sampling.Mask = a.newMask(o.Grammar, text)
	}
	var known *tokenLog
	if o.LogProbs {
		known = a.newTokenLog(o.Known)
		out.before = func() { known.release(out.text.Len(), out.length()+out.stream.Pending()) }
	}
	// 3. Token ids to an answer, which out turns into text token by token.
	result, err := a.engine.Generate(ctx, infer.Request{
		Prompt:    prompt,
		MaxTokens: o.MaxTokens,
		Sampling:  o.Sampling,
		Stop:      ends,
	}, func(t infer.Token) error {
		if known != nil {
			known.add(t, out.length())
		}
		if err := out.push(t.ID); err != nil || split == nil {
			return err
		}
		return split.token(t.ID, out)
	})
	// 4. The text that was held back.
	if err == nil {
		err = out.finish()
	}
	reply := Reply{
		Text:         out.text.String(),
		Finish:       result.Finish,
		Tokens:       result.Tokens,
		PromptTokens: len(prompt),
		CachedTokens: result.CachedTokens,
		Prefill:      result.Prefill,
		Decode:       result.Decode,
	}
	if out.stopped {
		reply.Finish = infer.FinishStop
	}
	if known != nil {
		reply.LogProbs = known.finish(len(reply.Text), out.stopped)
	}
	if split != nil {
		if failed := split.finish(&reply, out.refused || err != nil); err == nil {
			err = failed
		}
	}
	if err != nil {
		return reply, fmt.Errorf("answer with %s: %w", a.name, err)
	}
	return reply, nil
}

// writer turns the tokens of an answer into text.
type writer struct {
	stream  *tokenizer.Stream
	stops   stops
	emit    func(string) error // may be nil
	before  func()             // called before emit, with text as it is after it; may be nil
	text    strings.Builder    // what was emitted
	held    string             // could be the beginning of a stop string
	stopped bool               // by a stop string: the text is complete
	refused bool               // by emit: it wants no more text
}

func newWriter(stream *tokenizer.Stream, stop []string, emit func(string) error) (*writer, error) {
	for i, s := range stop {
		if s == "" {
			return nil, fmt.Errorf("stop string %d is empty", i)
		}
	}
	return &writer{stream: stream, stops: stop, emit: emit}, nil
}

// push takes one token. It returns infer.ErrStop at a stop string.
func (w *writer) push(id int32) error {
	if err := w.write(w.stream.Push(id)); err != nil {
		return err
	}
	if w.stopped {
		return infer.ErrStop
	}
	return nil
}

// length is how much text came, what is held back included.
func (w *writer) length() int { return w.text.Len() + len(w.held) }

// finish emits what was held back.
func (w *writer) finish() error {
	if w.stopped || w.refused {
		return nil
	}
	err := w.write(w.stream.Flush())
	if err == nil && !w.stopped {
		err = w.send(w.held)
	}
	if errors.Is(err, infer.ErrStop) {
		return nil
	}
	return err
}

// release emits what was held back: no stop string reaches across what comes.
func (w *writer) release() error {
	held := w.held
	w.held = ""
	return w.send(held)
}

func (w *writer) write(delta string) error {
	var safe string
	safe, w.held, w.stopped = w.stops.cut(w.held + delta)
	return w.send(safe)
}

func (w *writer) send(delta string) error {
	if delta == "" {
		return nil
	}
	w.text.WriteString(delta)
	if w.before != nil {
		w.before()
	}
	if w.emit == nil {
		return nil
	}
	err := w.emit(delta)
	w.refused = err != nil
	return err
}
