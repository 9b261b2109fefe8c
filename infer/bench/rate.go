package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/mapped"
	"github.com/a472be26/cusp/infer/model"
)

// warm runs a few tokens, so that the first repeat finds threads, pages and
// buffers in use.
func warm(ctx context.Context, e *infer.Engine, prompt []int32) error {
	_, err := e.Generate(ctx, infer.Request{Prompt: prompt, MaxTokens: 1}, nil)
	return err
}

// prefill is the tokens of a prompt per second.
func (b *bench) prefill(ctx context.Context, threads int) (Spread, error) {
	e, err := b.engine(threads, 1)
	if err != nil {
		return Spread{}, err
	}
	defer e.Close()
	if err := warm(ctx, e, b.prompt(startPrompt)); err != nil {
		return Spread{}, err
	}
	return b.repeat(func() (float64, error) {
		r, err := e.Generate(ctx, infer.Request{Prompt: b.prompt(b.options.Prefill), MaxTokens: 1}, nil)
		if err == nil && r.CachedTokens > 0 {
			err = fmt.Errorf("%d tokens of the prompt were cached: nothing was measured", r.CachedTokens)
		}
		return float64(b.options.Prefill) / r.Prefill.Seconds(), err
	})
}

// decode is the tokens per second of n sequences together, each after a prompt
// of one token. It counts from the first token of any to the last of all, so
// the sampling and the handing out of every token are part of it.
func (b *bench) decode(ctx context.Context, threads, n int) (Spread, error) {
	e, err := b.engine(threads, n)
	if err != nil {
		return Spread{}, err
	}
	defer e.Close()
	if _, err := b.together(ctx, e, n, 4); err != nil {
		return Spread{}, err
	}
	return b.repeat(func() (float64, error) {
		elapsed, err := b.together(ctx, e, n, b.options.Decode)
		return float64(n*b.options.Decode) / elapsed.Seconds(), err
	})
}

// together generates n sequences at the same time and returns how long the
// tokens after the first took.
func (b *bench) together(ctx context.Context, e *infer.Engine, n, tokens int) (time.Duration, error) {
	spans := make([]span, n)
	failed := make([]error, n)
	var all sync.WaitGroup
	for i := range spans {
		r := infer.Request{Prompt: b.prompt(1), MaxTokens: tokens + 1}
		all.Go(func() { _, failed[i] = e.Generate(ctx, r, spans[i].note) })
	}
	all.Wait()
	whole := spans[0]
	for _, s := range spans[1:] {
		whole = whole.with(s)
	}
	return whole.last.Sub(whole.first), errors.Join(failed...)
}

// span is when the tokens of a sequence came.
type span struct{ first, last time.Time }

func (s *span) note(infer.Token) error {
	s.last = time.Now()
	if s.first.IsZero() {
		s.first = s.last
	}
	return nil
}

// with is the span from the earlier beginning to the later end.
func (s span) with(o span) span {
	if o.first.Before(s.first) {
		s.first = o.first
	}
	if o.last.After(s.last) {
		s.last = o.last
	}
	return s
}

// firstToken is the milliseconds from opening the model to the first token of
// an answer. A file is mapped anew each time; it lies in the page cache, since
// it was read before.
func (b *bench) firstToken(ctx context.Context, threads int) (Spread, error) {
	return b.repeat(func() (float64, error) {
		runtime.GC()
		prompt := b.prompt(startPrompt)
		start := time.Now()
		f, err := b.source.Open()
		if err != nil {
			return 0, err
		}
		defer f.Close()
		m, err := model.Load(f)
		if err != nil {
			return 0, err
		}
		if g := b.options.GPU; g != nil {
			if m, err = g.Place(m); err != nil {
				return 0, err
			}
			if c, ok := m.(io.Closer); ok {
				defer c.Close()
			}
		}
		e, err := infer.New(m, infer.Options{Threads: threads, Context: b.options.Context(), KV: b.options.KV})
		if err != nil {
			return 0, err
		}
		defer e.Close()
		var took time.Duration
		_, err = e.Generate(ctx, infer.Request{Prompt: prompt, MaxTokens: 1}, func(infer.Token) error {
			took = time.Since(start)
			return nil
		})
		return milliseconds(took), err
	})
}

// allocations is the heap objects made per decoded token, by the whole process.
func (b *bench) allocations(ctx context.Context, threads int) (float64, error) {
	e, err := b.engine(threads, 1)
	if err != nil {
		return 0, err
	}
	defer e.Close()
	if err := warm(ctx, e, b.prompt(startPrompt)); err != nil {
		return 0, err
	}
	var stats runtime.MemStats
	var first uint64
	n := 0
	_, err = e.Generate(ctx, infer.Request{Prompt: b.prompt(1), MaxTokens: b.options.Decode + 1}, func(infer.Token) error {
		if n == 0 || n == b.options.Decode {
			runtime.ReadMemStats(&stats)
		}
		if n == 0 {
			first = stats.Mallocs
		}
		n++
		return nil
	})
	return float64(stats.Mallocs-first) / float64(b.options.Decode), err
}

// memory is the peak of this process after one sequence was prefilled and
// decoded with the most threads.
func (b *bench) memory(ctx context.Context) (Memory, error) {
	b.progress("memory of one sequence")
	e, err := b.engine(slices.Max(b.options.Threads), 1)
	if err != nil {
		return Memory{}, err
	}
	defer e.Close()
	if err := warm(ctx, e, b.prompt(b.options.Prefill)); err != nil {
		return Memory{}, err
	}
	if _, err := b.together(ctx, e, 1, min(b.options.Decode, 8)); err != nil {
		return Memory{}, err
	}
	m := Memory{
		Peak: PeakMemory(), Before: b.options.Before, Context: b.options.Context(),
		KV: cmp.Or(b.options.KV, "f16"), KVToken: float64(e.Stats().PageBytes) / model.PageTokens,
	}
	if n := mapped.Large(b.weights); n >= 0 {
		m.Large = &n
	}
	return m, nil
}
