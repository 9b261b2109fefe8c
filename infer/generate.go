package infer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/sample"
)

// Request asks for the continuation of a prompt, or for an answer to it if the
// model is an encoder-decoder. Several answers to one prompt are several requests:
// whichever wait or run at the same time, and those that come later while pages
// last, have the prompt computed once, unless the model is an encoder-decoder.
type Request struct {
	Prompt    []int32
	MaxTokens int // of the answer; 0: as many as the context has room for
	Sampling  sample.Options
	Stop      []int32 // ids that end the answer, not part of it
}

// Token is one generated token and what the model's unmodified softmax says.
type Token struct {
	ID      int32
	LogProb float32         // natural logarithm of the token's probability
	Margin  float32         // log-probability of the likeliest token minus that of the second
	Top     []sample.Likely // the likeliest ones, as many as Request.Sampling.Top wants; nil if none
}

// Result is how a generation went.
type Result struct {
	Tokens       []Token
	Finish       string // FinishStop or FinishLength, empty after an error
	PromptTokens int
	CachedTokens int           // of the prompt, taken over from other sequences
	Queued       time.Duration // until the request was admitted
	Prefill      time.Duration // from then to the first token
	Decode       time.Duration
}

// Reasons for the end of a generation.
const (
	FinishStop   = "stop"   // a stop token came, or emit returned ErrStop
	FinishLength = "length" // MaxTokens or the end of the context was reached
)

// Generate continues the prompt, or answers it, and calls emit, which may be nil,
// with every token as it comes; generation may be a few tokens ahead of it. It
// ends within a token when ctx does. After an error the result holds what was
// generated until then.
func (e *Engine) Generate(ctx context.Context, r Request, emit func(Token) error) (Result, error) {
	// 1. Refuse what cannot work, before it takes part in anything.
	result := Result{PromptTokens: len(r.Prompt)}
	if err := e.check(r); err != nil {
		return result, err
	}
	if err := e.enter(); err != nil {
		return result, err
	}
	defer e.leave()
	if err := context.Cause(ctx); err != nil {
		return result, err
	}

	// 2. Queue up; the scheduler takes it from there.
	s := e.newSequence(r)
	if err := e.submit(s); err != nil {
		return result, err
	}

	// 3. Hand out the tokens as they come.
	result.Tokens = make([]Token, 0, min(s.limit-len(s.Prompt), preallocated))
	err := e.read(ctx, s, &result, emit)

	// 4. Say how it went.
	e.report(s, &result)
	return result, err
}

// preallocated is how many tokens of a result have room from the beginning.
const preallocated = 256

// read takes the tokens of a sequence until it ends, or until its reader does.
func (e *Engine) read(ctx context.Context, s *sequence, result *Result, emit func(Token) error) error {
	for {
		select {
		case t, ok := <-s.tokens:
			if !ok {
				result.Finish = s.finish
				return s.err
			}
			e.look() // there is room for one more
			result.Tokens = append(result.Tokens, t)
			if err := hand(t, emit); err != nil {
				e.abandon(s)
				if errors.Is(err, ErrStop) {
					result.Finish = FinishStop
					return nil
				}
				return err
			}
		case <-ctx.Done():
		}
		if err := context.Cause(ctx); err != nil {
			e.abandon(s)
			return err
		}
	}
}

func hand(t Token, emit func(Token) error) error {
	if emit == nil {
		return nil
	}
	return emit(t)
}

// report adds to a result what the scheduler knows of the sequence.
func (e *Engine) report(s *sequence, result *Result) {
	e.mu.Lock()
	defer e.mu.Unlock()
	result.CachedTokens = s.cached
	if s.first.IsZero() {
		return
	}
	result.Queued = s.admitted.Sub(s.arrived)
	result.Prefill = s.first.Sub(s.admitted)
	result.Decode = time.Since(s.first)
}

func (e *Engine) check(r Request) error {
	if e.model.Config().Kind == model.Encoder {
		return fmt.Errorf("infer: %w: it is an encoder, which makes vectors or scores of texts", ErrNoGenerator)
	}
	if err := e.checkPrompt(r.Prompt); err != nil {
		return err
	}
	if r.MaxTokens < 0 {
		return fmt.Errorf("infer: max tokens is %d, not 0 or more", r.MaxTokens)
	}
	return r.Sampling.Check(e.model.Config().Vocab)
}

// checkPrompt refuses what the model cannot read.
func (e *Engine) checkPrompt(prompt []int32) error {
	vocab := e.model.Config().Vocab
	if len(prompt) == 0 {
		return errors.New("infer: the prompt has no tokens")
	}
	check := e.checkLength
	if e.model.Config().Kind != model.Decoder {
		check = e.checkText
	}
	if err := check(len(prompt)); err != nil {
		return err
	}
	for i, id := range prompt {
		if id < 0 || int(id) >= vocab {
			return fmt.Errorf("infer: prompt token %d is %d, not one of the vocabulary of %d", i, id, vocab)
		}
	}
	return nil
}

// checkLength refuses a prompt that can never have an answer.
func (e *Engine) checkLength(n int) error {
	switch {
	case n < e.context:
		return nil
	case n < e.options.Context:
		return fmt.Errorf("infer: %w: %d tokens leave no room for an answer in the memory for keys and values, whose %d pages of %d bytes hold %d tokens; allow more memory or shorten the prompt",
			ErrContext, n, e.pages.total(), e.kv.PageBytes(), e.context)
	}
	return fmt.Errorf("infer: %w: %d tokens leave no room for an answer in a context of %d", ErrContext, n, e.options.Context)
}

// checkText refuses a text that an encoder cannot take, all of it in one pass.
func (e *Engine) checkText(n int) error {
	room := e.pages.total()
	if e.model.Config().Kind == model.EncoderDecoder {
		room-- // for an answer
	}
	switch {
	case n > e.options.text():
		return fmt.Errorf("infer: %w: %d tokens are more than %d, which an encoder takes at once: it has a context of %d, and passes of %d rows",
			ErrContext, n, e.options.text(), e.options.Context, e.options.Rows)
	case pagesFor(n) > room:
		return fmt.Errorf("infer: %w: %d tokens do not fit into the memory for keys and values of %d pages of %d bytes; allow more memory or shorten the text",
			ErrContext, n, e.pages.total(), e.kv.PageBytes())
	}
	return nil
}

// newSequence is a request as the scheduler takes it. It keeps nothing that is
// the caller's, who may be gone before the scheduler notices.
func (e *Engine) newSequence(r Request) *sequence {
	s := &sequence{Request: r, tokens: make(chan Token, ahead), arrived: time.Now()}
	s.Prompt, s.Stop = slices.Clone(r.Prompt), slices.Clone(r.Stop)
	s.limit = e.context
	if c := e.model.Config(); c.Kind == model.EncoderDecoder {
		s.source, s.Prompt = s.Prompt, []int32{c.Start}
		s.limit = min(e.context, (e.pages.total()-pagesFor(len(s.source)))*model.PageTokens)
	}
	if r.MaxTokens > 0 {
		s.limit = min(s.limit, len(s.Prompt)+r.MaxTokens)
	}
	s.bound = pagesFor(s.limit - 1) // nobody asks for what would follow the last token, so that it is never run
	if c := e.model.Config(); c.Window > 0 {
		s.bound = min(s.bound, pagesFor(c.Held(e.options.Rows)))
	}
	return s
}
