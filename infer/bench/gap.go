package bench

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/a472be26/cusp/infer"
)

// gap is how long a running stream waits for a token while somebody else's
// prompt of the measured length comes in between: the worst pause, and the
// usual one without that prompt, in milliseconds.
func (b *bench) gap(ctx context.Context, threads int) (Gap, error) {
	e, err := b.engine(threads, 2)
	if err != nil {
		return Gap{}, err
	}
	defer e.Close()
	if err := warm(ctx, e, b.prompt(startPrompt)); err != nil {
		return Gap{}, err
	}
	var usual []float64
	worst, err := b.repeat(func() (float64, error) {
		alone, beside, err := b.interrupted(ctx, e)
		usual = append(usual, alone...)
		if err == nil && len(beside) == 0 {
			err = errors.New("bench: the prompt was finished before the stream's next token: decode more tokens")
		}
		if err != nil {
			return 0, err
		}
		return slices.Max(beside), nil
	})
	if err != nil {
		return Gap{}, err
	}
	return Gap{Usual: spreadOf(usual), Worst: worst}, nil
}

// interrupted generates the measured number of tokens, sends a long prompt
// after a quarter of them, and returns the pauses before and during that
// prompt.
func (b *bench) interrupted(ctx context.Context, e *infer.Engine) (alone, beside []float64, err error) {
	quarter := max(2, b.options.Decode/4)
	var times []time.Time
	var began, ended time.Time
	other := make(chan error, 1)
	long := infer.Request{Prompt: b.prompt(b.options.Prefill), MaxTokens: 1}
	_, err = e.Generate(ctx, infer.Request{Prompt: b.prompt(1), MaxTokens: b.options.Decode + 1}, func(infer.Token) error {
		times = append(times, time.Now())
		if len(times) == quarter {
			began = time.Now()
			go func() {
				_, err := e.Generate(ctx, long, nil)
				ended = time.Now()
				other <- err
			}()
		}
		return nil
	})
	if began.IsZero() {
		return nil, nil, err
	}
	err = errors.Join(err, <-other)
	for i := 1; i < len(times); i++ {
		pause := milliseconds(times[i].Sub(times[i-1]))
		switch {
		case times[i].Before(began):
			alone = append(alone, pause)
		case times[i-1].Before(ended):
			beside = append(beside, pause)
		}
	}
	return alone, beside, err
}
