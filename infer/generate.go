package infer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/a472be26/cusp/infer/sample"
)

// Request asks for the continuation of a prompt. Several answers to one prompt
// are several requests: whichever wait or run at the same time, and those that
// come later while pages last, have the prompt computed once.
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

// Generate continues the prompt and calls emit, which may be nil, with every
// token as it comes; generation may be a few tokens ahead of it. It ends within
// a token when ctx does. After an error the result holds what was generated
// until then.
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
	result.Tokens = make([]Token, 0, min(s.limit-len(r.Prompt), preallocated))
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
	result.Queued = s.admitted.Sub(s.asked)
	result.Prefill = s.first.Sub(s.admitted)
	result.Decode = time.Since(s.first)
}

func (e *Engine) check(r Request) error {
	vocab := e.model.Config().Vocab
	if len(r.Prompt) == 0 {
		return errors.New("infer: the prompt has no tokens")
	}
	if err := e.checkLength(len(r.Prompt)); err != nil {
		return err
	}
	if r.MaxTokens < 0 {
		return fmt.Errorf("infer: max tokens is %d, not 0 or more", r.MaxTokens)
	}
	for i, id := range r.Prompt {
		if id < 0 || int(id) >= vocab {
			return fmt.Errorf("infer: prompt token %d is %d, not one of the vocabulary of %d", i, id, vocab)
		}
	}
	return r.Sampling.Check(vocab)
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

// newSequence is a request as the scheduler takes it. It keeps nothing that is
// the caller's, who may be gone before the scheduler notices.
func (e *Engine) newSequence(r Request) *sequence {
	room := e.context - len(r.Prompt)
	if r.MaxTokens > 0 {
		room = min(room, r.MaxTokens)
	}
	r.Prompt, r.Stop = slices.Clone(r.Prompt), slices.Clone(r.Stop)
	return &sequence{Request: r, limit: len(r.Prompt) + room, tokens: make(chan Token, ahead), asked: time.Now()}
}
