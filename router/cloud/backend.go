package cloud

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
)

// Limits are how a [Backend] treats its provider. Zero values take the defaults
// named here.
type Limits struct {
	Concurrency int           // requests under way, no limit
	Retries     int           // of a request that fails before its answer begins, 2; negative: none
	MinBackoff  time.Duration // before the first of them, 500 ms, doubled with each
	MaxBackoff  time.Duration // longest wait, also of a Retry-After, 15 s
	Failures    int           // in a row that open the circuit breaker, 5
	Cooldown    time.Duration // until it tries one request, 30 s
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.Retries, 2)
	setDefault(&l.MinBackoff, 500*time.Millisecond)
	setDefault(&l.MaxBackoff, 15*time.Second)
	setDefault(&l.Failures, 5)
	setDefault(&l.Cooldown, 30*time.Second)
	return l
}

// Price is what a model costs, in US dollars for a million tokens.
type Price struct {
	Input  float64 `toml:"input"`
	Output float64 `toml:"output"`
}

// of is what an answer costs. A provider that does not count tokens leaves it unknown.
func (p Price) of(c Completion) float64 {
	return (p.Input*float64(c.PromptTokens) + p.Output*float64(c.CompletionTokens)) / 1e6
}

// BackendOptions of [NewBackend].
type BackendOptions struct {
	Name     string // of the provider in logs, metrics and errors
	Provider Provider
	Model    string // that it is asked for
	Limits   Limits
	Prices   map[string]Price // by model, AnyModel for every other
	Ignore   []Feature        // left out of requests
	Metrics  *Metrics
	Log      *slog.Logger
}

// Backend is a provider with limits: so many requests at a time, patience with one
// that is busy, and a circuit breaker for one that is down. It retries only what
// can succeed, and only until the answer begins: a second attempt would take other
// words. Safe for concurrent use.
type Backend struct {
	o       BackendOptions
	turns   chan struct{} // one token per request; nil: no limit
	breaker *gobreaker.TwoStepCircuitBreaker[struct{}]

	mu    sync.Mutex // guards the field below
	quiet time.Time  // the provider wants no request before
}

var _ Provider = (*Backend)(nil)

// NewBackend puts limits around a provider.
func NewBackend(o BackendOptions) *Backend {
	o.Limits = o.Limits.withDefaults()
	setDefault(&o.Log, slog.New(slog.DiscardHandler))
	b := &Backend{o: o}
	if n := o.Limits.Concurrency; n > 0 {
		b.turns = make(chan struct{}, n)
	}
	b.breaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name: o.Name, Timeout: o.Limits.Cooldown,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return int(c.ConsecutiveFailures) >= o.Limits.Failures },
		IsSuccessful: func(err error) bool { return err == nil },
		IsExcluded:   func(err error) bool { return errors.Is(err, errNoVerdict) },
		OnStateChange: func(name string, from, to gobreaker.State) {
			o.Log.Warn("circuit breaker", "provider", name, "from", from.String(), "to", to.String())
			o.Metrics.broke(name, to)
		},
	})
	o.Metrics.prepare(o.Name)
	return b
}

// errNoVerdict says nothing about a provider's health.
var errNoVerdict = errors.New("no verdict")

// Complete implements [Provider].
func (b *Backend) Complete(ctx context.Context, r Request, emit func(string) error) (Completion, error) {
	r = r.without(b.o.Ignore)
	for attempt := 0; ; attempt++ {
		begun := false
		c, err := b.attempt(ctx, r, func(delta string) error {
			begun = true
			return emit(delta)
		})
		if err == nil {
			return c, nil
		}
		if ctx.Err() != nil {
			return Completion{}, ctx.Err()
		}
		wait, again := b.patience(ctx, err, attempt)
		if begun || !again {
			return Completion{}, b.named(err)
		}
		b.o.Log.Info("asking the provider again", "provider", b.o.Name, "after", wait, "err", err)
		b.o.Metrics.retried(b.o.Name)
		if !sleep(ctx, wait) {
			return Completion{}, ctx.Err()
		}
	}
}

// named says which provider failed.
func (b *Backend) named(err *Error) *Error {
	named := *err
	named.Err = fmt.Errorf("%s: %w", b.o.Name, err.Err)
	return &named
}

// patience is how long to wait before attempt is followed by another, if that can
// help: not after a refusal, nor when the provider wants a longer rest than that.
func (b *Backend) patience(ctx context.Context, err *Error, attempt int) (time.Duration, bool) {
	l := b.o.Limits
	if attempt >= l.Retries || err.Code != CodeUnavailable && err.Code != CodeRateLimited || b.breaker.State() == gobreaker.StateOpen {
		return 0, false
	}
	wait := min(l.MinBackoff<<attempt, l.MaxBackoff)
	wait = wait/2 + rand.N(wait/2+1) // workers shall not come back in step
	wait = max(wait, err.RetryAfter, b.rest())
	deadline, ok := ctx.Deadline()
	return wait, wait <= l.MaxBackoff && (!ok || time.Until(deadline) > wait)
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// attempt makes one request, if it may be made now.
func (b *Backend) attempt(ctx context.Context, r Request, emit func(string) error) (Completion, *Error) {
	// 1. Wait for a turn, the provider's rest and the breaker.
	if b.turns != nil {
		select {
		case b.turns <- struct{}{}:
			defer func() { <-b.turns }()
		case <-ctx.Done():
			return Completion{}, classify(ctx.Err())
		}
	}
	if d := b.rest(); d > 0 {
		return Completion{}, &Error{Code: CodeRateLimited, Retryable: true, RetryAfter: d, Err: errors.New("the provider wants no request yet")}
	}
	verdict, err := b.breaker.Allow()
	if err != nil {
		return Completion{}, &Error{Code: CodeUnavailable, Retryable: true, RetryAfter: b.o.Limits.Cooldown, Err: errOpen}
	}

	// 2. Ask.
	c, failure := b.ask(ctx, r, emit, verdict)

	// 3. Tell everybody how it went.
	if failure != nil {
		b.restUntil(failure)
		return Completion{}, failure
	}
	return c, nil
}

// errOpen means that too many requests failed in a row.
var errOpen = errors.New("the provider failed too often; the circuit breaker is open")

// ask calls the provider and accounts for it. The verdict is given whatever
// happens, a panic included: a breaker that waits for one stays half open.
func (b *Backend) ask(ctx context.Context, r Request, emit func(string) error, verdict func(error)) (c Completion, failure *Error) {
	start, first := time.Now(), time.Duration(0)
	b.o.Metrics.runs(b.o.Name, 1)
	failure = &Error{Code: CodeInternal, Err: errors.New("the provider panicked")}
	defer func() {
		b.o.Metrics.runs(b.o.Name, -1)
		b.o.Metrics.requested(b.o.Name, c, failure, time.Since(start), first)
		verdict(b.health(ctx, failure))
	}()
	c, err := b.o.Provider.Complete(ctx, r, func(delta string) error {
		if first == 0 {
			first = time.Since(start)
		}
		return emit(delta)
	})
	failure = nil
	if err != nil {
		c, failure = Completion{}, classify(err)
		return c, failure
	}
	c.CostUSD = b.price(c).of(c)
	return c, nil
}

// AnyModel is the model of a price for all that have none of their own.
const AnyModel = "*"

// price is that of the model that answered, or of the one that was asked for:
// providers answer with longer names, such as with a date.
func (b *Backend) price(c Completion) Price {
	for _, model := range []string{c.Model, b.o.Model, AnyModel} {
		if p, ok := b.o.Prices[model]; ok {
			return p
		}
	}
	return Price{}
}

// health is what a result says about the provider: refusing is a sign of health,
// and that the asker went away says nothing.
func (b *Backend) health(ctx context.Context, e *Error) error {
	switch {
	case e == nil, e.Code == CodeRefused, e.Code == CodeBadRequest:
		return nil
	case ctx.Err() != nil, e.Code == CodeRateLimited, e.Code == CodeInternal:
		return errNoVerdict
	}
	return e
}

// rest is for how long the provider wants no requests.
func (b *Backend) rest() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(time.Until(b.quiet), 0)
}

func (b *Backend) restUntil(e *Error) {
	if e.RetryAfter <= 0 || e.Code != CodeRateLimited && e.Code != CodeUnavailable {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := time.Now().Add(e.RetryAfter); t.After(b.quiet) {
		b.quiet = t
	}
}
