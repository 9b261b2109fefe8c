package daemon

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/a472be26/cusp/router"
)

// Bounds of the self-test, which runs beside live answers.
const (
	selfTestTime   = 2 * time.Minute
	selfTestTokens = 16
	maxGolden      = 8
	// Below this many tokens a speed says nothing.
	minTimedTokens = 4
)

// errSlow says that a model is right and too slow.
var errSlow = errors.New("too slow")

// selfTest returns the test that a loaded model has to pass: its golden answers
// come out exactly, or without any, a short generation gives sound numbers;
// and it makes at least floor tokens per second, prompts included.
func selfTest(floor float64) func(context.Context, Model) error {
	return func(ctx context.Context, m Model) error {
		ctx, cancel := context.WithTimeout(ctx, selfTestTime)
		defer cancel()
		golden := m.Info().Golden
		if len(golden) == 0 {
			golden = []Golden{{Prompt: "turn on the kitchen light"}}
		}
		start, tokens := time.Now(), 0
		for _, g := range golden[:min(len(golden), maxGolden)] {
			n, err := tryGolden(ctx, m, g)
			if err != nil {
				return fmt.Errorf("prompt %q: %w", g.Prompt, err)
			}
			tokens += n
		}
		speed := float64(tokens) / time.Since(start).Seconds()
		if tokens >= minTimedTokens && speed < floor {
			return fmt.Errorf("%w: %.2f tokens per second; the floor is %g (model.min_speed)", errSlow, speed, floor)
		}
		return nil
	}
}

// tryGolden generates one answer, greedy, and returns its number of tokens.
func tryGolden(ctx context.Context, m Model, g Golden) (int, error) {
	q := router.Question{ID: "self-test", Messages: []router.Message{{Role: "user", Content: g.Prompt}}, Privacy: router.Private}
	if g.Text == "" {
		q.Options.MaxTokens = selfTestTokens
	}
	a, err := m.Answer(ctx, q, func(string) error { return nil })
	if err != nil {
		return 0, err
	}
	if len(a.Tokens) == 0 && a.Finish != "stop" {
		return 0, errors.New("nothing was generated")
	}
	for i, t := range a.Tokens {
		if p := float64(t.LogProb); math.IsNaN(p) || p > 1e-3 {
			return 0, fmt.Errorf("token %d has the log-probability %g; the weights are broken", i, p)
		}
	}
	if g.Text != "" && strings.TrimSpace(a.Text) != strings.TrimSpace(g.Text) {
		return 0, fmt.Errorf("answered %q instead of %q", a.Text, g.Text)
	}
	return len(a.Tokens), nil
}
