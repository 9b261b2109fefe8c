package infer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/a472be26/cusp/infer/sample"
)

// Request asks for the continuation of a prompt.
type Request struct {
	Prompt    []int32
	MaxTokens int // of the answer; 0: as many as the context has room for
	Sampling  sample.Options
	Stop      []int32 // ids that end the answer, not part of it
}

// Token is one generated token and what the model's unmodified softmax says.
type Token struct {
	ID      int32
	LogProb float32 // natural logarithm of the token's probability
	Margin  float32 // log-probability of the likeliest token minus that of the second
}

// Result is how a generation went.
type Result struct {
	Tokens       []Token
	Finish       string // FinishStop or FinishLength, empty after an error
	PromptTokens int
	CachedTokens int // of the prompt, taken over from an earlier sequence
	Prefill      time.Duration
	Decode       time.Duration
}

// Reasons for the end of a generation.
const (
	FinishStop   = "stop"   // a stop token came, or emit returned ErrStop
	FinishLength = "length" // MaxTokens or the end of the context was reached
)

// Generate continues the prompt and calls emit, which may be nil, with every
// token as it comes. It ends within a token when ctx does. After an error the
// result holds what was generated until then.
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

	// 2. Take the sequence whose cache shares the longest prefix.
	s, cached, err := e.acquire(ctx, r.Prompt)
	if err != nil {
		return result, err
	}
	defer e.release(s)
	result.CachedTokens = cached

	// 3. Prefill: run the rest of the prompt through the model.
	start := time.Now()
	if err := e.prefill(ctx, s, r); err != nil {
		return result, err
	}
	result.Prefill = time.Since(start)

	// 4. Decode: sample a token, hand it out, run it for the next logits.
	start = time.Now()
	result.Finish, err = e.decode(ctx, s, r, func(t Token) error {
		result.Tokens = append(result.Tokens, t)
		if emit == nil {
			return nil
		}
		return emit(t)
	})
	result.Decode = time.Since(start)
	return result, err
}

func (e *Engine) check(r Request) error {
	vocab := e.model.Config().Vocab
	if len(r.Prompt) == 0 {
		return errors.New("infer: the prompt has no tokens")
	}
	if len(r.Prompt) >= e.context {
		return fmt.Errorf("infer: %w: %d tokens leave no room for an answer in a context of %d", ErrContext, len(r.Prompt), e.context)
	}
	if r.MaxTokens < 0 {
		return fmt.Errorf("infer: max tokens is %d, not 0 or more", r.MaxTokens)
	}
	for i, id := range r.Prompt {
		if id < 0 || int(id) >= vocab {
			return fmt.Errorf("infer: prompt token %d is %d, not one of the vocabulary of %d", i, id, vocab)
		}
	}
	return r.Sampling.Check()
}

// prefill brings the prompt into the cache, pass by pass, and leaves the logits
// after its last token.
func (e *Engine) prefill(ctx context.Context, s *session, r Request) error {
	if err := s.sampler.Reset(r.Sampling); err != nil {
		return err
	}
	for _, id := range r.Prompt {
		s.sampler.Accept(id)
	}
	s.pending = append(s.pending[:0], r.Prompt[len(s.tokens):]...)
	for len(s.pending) > 0 {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := e.run(s); err != nil {
			return err
		}
	}
	return nil
}

// decode generates until something ends it. The last token of an answer is
// never run: nobody asks for what would follow it.
func (e *Engine) decode(ctx context.Context, s *session, r Request, emit func(Token) error) (finish string, err error) {
	room := e.context - len(r.Prompt)
	if r.MaxTokens > 0 {
		room = min(room, r.MaxTokens)
	}
	for n := 1; ; n++ {
		token, err := s.sampleOne()
		if err != nil {
			return "", err
		}
		if slices.Contains(r.Stop, token.ID) {
			return FinishStop, nil
		}
		if err := emit(token); errors.Is(err, ErrStop) {
			return FinishStop, nil
		} else if err != nil {
			return "", err
		}
		if n == room {
			return FinishLength, nil
		}
		if err := context.Cause(ctx); err != nil {
			return "", err
		}
		if err := e.decodeOne(s, token.ID); err != nil {
			return "", err
		}
	}
}

// decodeOne runs one token, which leaves the logits of the next.
func (e *Engine) decodeOne(s *session, id int32) error {
	s.pending = append(s.pending[:0], id)
	return e.run(s)
}
