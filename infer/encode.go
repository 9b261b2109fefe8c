package infer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/a472be26/cusp/infer/model"
)

// ErrNoEncoder says that the model makes no vectors of texts, or knows no
// classes.
var ErrNoEncoder = errors.New("the model is no such encoder")

// Embedding says what a text's vector shall be. The zero value is what most
// uses want.
type Embedding struct {
	Pooling model.Pooling // default: what the model was trained with
	Raw     bool          // as pooling leaves it; else of length 1, so that dot products are cosines
}

// Embed makes a vector of every text, [Dim], with an encoder. Texts run together
// as far as Options.Rows and Options.Sequences allow, with the same result as
// each alone; the longest may have Options.Rows tokens.
func (e *Engine) Embed(ctx context.Context, texts [][]int32, o Embedding) ([][]float32, error) {
	c := e.model.Config()
	if c.Kind != model.Encoder {
		return nil, fmt.Errorf("infer: %w: it generates", ErrNoEncoder)
	}
	if _, err := c.Pool(make([]float32, c.Dim), o.Pooling); err != nil {
		return nil, err
	}
	vectors := make([][]float32, 0, len(texts))
	err := e.encode(ctx, texts, func(s *sequence) { s.hidden = make([]float32, len(s.Prompt)*c.Dim) }, func(s *sequence) {
		v, _ := c.Pool(s.hidden, o.Pooling) // was tried above
		if !o.Raw {
			model.Normalize(v)
		}
		vectors = append(vectors, v)
	})
	if err != nil {
		return nil, err
	}
	return vectors, nil
}

// Classify scores the classes of every text, [Labels]: the logits, which a
// softmax makes probabilities, or a sigmoid where there is one class.
func (e *Engine) Classify(ctx context.Context, texts [][]int32) ([][]float32, error) {
	c := e.model.Config()
	if c.Labels == 0 {
		return nil, fmt.Errorf("infer: %w: it has no head for classes", ErrNoEncoder)
	}
	scores := make([][]float32, 0, len(texts))
	err := e.encode(ctx, texts, func(s *sequence) { s.scores = make([]float32, c.Labels) }, func(s *sequence) {
		scores = append(scores, s.scores)
	})
	if err != nil {
		return nil, err
	}
	return scores, nil
}

// encode runs texts through an encoder, in the queue of all requests, of which
// it has at most Options.Sequences at a time there. want makes room for what is
// asked for, got takes it, in the order of the texts.
func (e *Engine) encode(ctx context.Context, texts [][]int32, want, got func(*sequence)) error {
	// 1. Refuse what cannot work, before it takes part in anything.
	for i, text := range texts {
		if err := e.checkPrompt(text); err != nil {
			return fmt.Errorf("text %d: %w", i, err)
		}
	}
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()

	// 2. Keep a few in the queue and take them out in their order.
	var queued []*sequence
	defer func() {
		for _, s := range queued { // after an error
			e.abandon(s)
		}
	}()
	for len(texts) > 0 || len(queued) > 0 {
		for len(texts) > 0 && len(queued) < e.options.Sequences {
			s := newText(texts[0])
			want(s)
			if err := e.submit(s); err != nil {
				return err
			}
			texts, queued = texts[1:], append(queued, s)
		}
		s := queued[0]
		if err := s.wait(ctx); err != nil {
			return err
		}
		got(s)
		queued = queued[1:]
	}
	return nil
}

// newText is a text for an encoder as the scheduler takes it.
func newText(text []int32) *sequence {
	return &sequence{
		Request: Request{Prompt: slices.Clone(text)}, limit: len(text), bound: pagesFor(len(text)), encodes: true, tokens: make(chan Token),
		arrived: time.Now(),
	}
}

// wait waits until a text has run.
func (s *sequence) wait(ctx context.Context) error {
	select {
	case <-s.tokens: // closed
		return s.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
