package cloud

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a472be26/cusp/router"
)

// plays gives one result after another, the last one for ever.
type plays struct {
	calls   atomic.Int32
	results []any // a text, or an error
}

func (p *plays) Complete(ctx context.Context, _ Request, emit func(string) error) (Completion, error) {
	n := int(p.calls.Add(1)) - 1
	switch r := p.results[min(n, len(p.results)-1)].(type) {
	case error:
		return Completion{}, r
	case string:
		return Completion{Text: r, Finish: "stop", Model: "m-2026", PromptTokens: 1000, CompletionTokens: 10}, emit(r)
	case func(context.Context, func(string) error) error:
		return Completion{}, r(ctx, emit)
	}
	panic("what")
}

func down() error { return &Error{Code: CodeUnavailable, Retryable: true, Err: errors.New("down")} }

func limited(after time.Duration) error {
	return &Error{Code: CodeRateLimited, Retryable: true, RetryAfter: after, Err: errors.New("slow down")}
}

func TestBackendRetries(t *testing.T) {
	begun := func(_ context.Context, emit func(string) error) error {
		emit("half an ")
		return down()
	}
	for _, c := range []struct {
		name     string
		results  []any
		ttl      time.Duration // of the question; 0: none
		calls    int32
		code     string        // empty: answered
		from, to time.Duration // that it took
	}{
		{"at once", []any{"x"}, 0, 1, "", 0, 0},
		{"the third time", []any{down(), down(), "x"}, 0, 3, "", 700 * time.Millisecond, 1500 * time.Millisecond},
		{"never", []any{down()}, 0, 3, CodeUnavailable, 700 * time.Millisecond, 1500 * time.Millisecond},
		{"as it was told", []any{limited(7 * time.Second), "x"}, 0, 2, "", 7 * time.Second, 8 * time.Second},
		{"told to wait for too long", []any{limited(time.Minute), "x"}, 0, 1, CodeRateLimited, 0, 0},
		{"the question would expire", []any{limited(7 * time.Second), "x"}, 5 * time.Second, 1, CodeRateLimited, 0, 0},
		{"refused", []any{refusal("no"), "x"}, 0, 1, CodeRefused, 0, 0},
		{"bad answer", []any{badAnswer("html"), "x"}, 0, 1, CodeBadAnswer, 0, 0},
		{"the answer has begun", []any{begun, "x"}, 0, 1, CodeUnavailable, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &plays{results: c.results}
				b := NewBackend(BackendOptions{Name: "them", Provider: p})
				ctx, cancel := t.Context(), context.CancelFunc(func() {})
				if c.ttl > 0 {
					ctx, cancel = context.WithTimeout(ctx, c.ttl)
				}
				defer cancel()
				start := time.Now()
				_, err := b.Complete(ctx, someQuestion, func(string) error { return nil })
				took := time.Since(start)
				if took < c.from || took > c.to || p.calls.Load() != c.calls {
					t.Errorf("%d calls in %v, want %d in %v to %v", p.calls.Load(), took, c.calls, c.from, c.to)
				}
				if (err == nil) != (c.code == "") || err != nil && (classify(err).Code != c.code || !strings.Contains(err.Error(), "them")) {
					t.Errorf("error %v, want %q", err, c.code)
				}
			})
		})
	}
}

var someQuestion = Request{Device: "dev", Messages: []router.Message{{Role: "user", Content: "x"}}}

// While a provider wants no requests, it gets none, from nobody.
func TestBackendRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &plays{results: []any{limited(time.Minute), "x"}}
		b := NewBackend(BackendOptions{Name: "them", Provider: p})
		b.Complete(t.Context(), someQuestion, func(string) error { return nil })
		time.Sleep(20 * time.Second)
		_, err := b.Complete(t.Context(), someQuestion, func(string) error { return nil })
		if e := classify(err); e.Code != CodeRateLimited || e.RetryAfter != 40*time.Second || p.calls.Load() != 1 {
			t.Errorf("error %v after %v, %d calls", err, e.RetryAfter, p.calls.Load())
		}
		time.Sleep(40 * time.Second)
		if _, err := b.Complete(t.Context(), someQuestion, func(string) error { return nil }); err != nil {
			t.Error(err)
		}
	})
}

func TestBackendBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMetrics("test")
		p := &plays{results: []any{down(), refusal("no"), down(), down(), down(), "x"}}
		b := NewBackend(BackendOptions{Name: "them", Provider: p, Metrics: m, Limits: Limits{Retries: -1, Failures: 3, Cooldown: time.Minute}})
		ask := func() error {
			_, err := b.Complete(t.Context(), someQuestion, func(string) error { return nil })
			return err
		}
		for range 5 { // a refusal in between shows that the provider lives
			ask()
		}
		if err := ask(); p.calls.Load() != 5 || !errors.Is(err, errOpen) || classify(err).RetryAfter != time.Minute {
			t.Errorf("%d calls, error %v: the breaker is not open", p.calls.Load(), err)
		}
		if got := gauge(t, m, "cusp_worker_provider_breaker_open"); got != 1 {
			t.Errorf("the metric says %g", got)
		}
		time.Sleep(61 * time.Second)
		if err := ask(); err != nil || p.calls.Load() != 6 {
			t.Errorf("%d calls, error %v: no request was tried", p.calls.Load(), err)
		}
		if err := ask(); err != nil {
			t.Errorf("error %v: the breaker did not close", err)
		}
	})
}

// Askers who go away, and panics, leave a breaker as it is, and no turn taken.
func TestBackendWithoutAVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wait := func(ctx context.Context, _ func(string) error) error { <-ctx.Done(); return ctx.Err() }
		p := &plays{results: []any{wait}}
		b := NewBackend(BackendOptions{Name: "them", Provider: p, Limits: Limits{Failures: 1, Concurrency: 1}})
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := b.Complete(ctx, someQuestion, func(string) error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
			cancel()
		}
		p.results = []any{0} // panics
		func() {
			defer func() { recover() }()
			b.Complete(t.Context(), someQuestion, func(string) error { return nil })
		}()
		p.results = []any{"x"}
		if _, err := b.Complete(t.Context(), someQuestion, func(string) error { return nil }); err != nil {
			t.Error(err)
		}
	})
}

func TestBackendLimitsRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		work := func(context.Context, func(string) error) error {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second)
			now.Add(-1)
			return refusal("done")
		}
		b := NewBackend(BackendOptions{Name: "them", Provider: &plays{results: []any{work}}, Limits: Limits{Concurrency: 3}})
		for range 10 {
			go b.Complete(t.Context(), someQuestion, func(string) error { return nil })
		}
		time.Sleep(time.Minute)
		if most.Load() != 3 {
			t.Errorf("%d requests at a time, want 3", most.Load())
		}
	})
}

func TestBackendPrices(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		prices map[string]Price
		want   float64
	}{
		{nil, 0},
		{map[string]Price{"m-2026": {Input: 1, Output: 100}, "m": {Input: 5, Output: 5}}, 0.002},
		{map[string]Price{"m": {Input: 2, Output: 0}, AnyModel: {Input: 9, Output: 9}}, 0.002},
		{map[string]Price{AnyModel: {Input: 0, Output: 300}}, 0.003},
		{map[string]Price{"other": {Input: 1, Output: 1}}, 0},
	} {
		b := NewBackend(BackendOptions{Name: "them", Model: "m", Provider: &plays{results: []any{"x"}}, Prices: c.prices})
		got, err := b.Complete(t.Context(), someQuestion, func(string) error { return nil })
		if err != nil || got.CostUSD < c.want*0.999 || got.CostUSD > c.want*1.001 {
			t.Errorf("%v: %g dollars, error %v; want %g", c.prices, got.CostUSD, err, c.want)
		}
	}
}

func TestChain(t *testing.T) {
	t.Parallel()
	begun := func(_ context.Context, emit func(string) error) error {
		emit("half an ")
		return down()
	}
	for _, c := range []struct {
		name        string
		first, then any
		code, text  string
	}{
		{"the first answers", "a", "b", "", "a"},
		{"the first is down", down(), "b", "", "b"},
		{"the first refuses", refusal("no"), "b", "", "b"},
		{"the answer has begun", begun, "b", CodeUnavailable, "half an "},
		{"both refuse", refusal("no"), refusal("nor I"), CodeRefused, ""},
		{"one may do better later", refusal("no"), limited(time.Second), CodeRateLimited, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var text strings.Builder
			chain := Chain{&plays{results: []any{c.first}}, &plays{results: []any{c.then}}}
			_, err := chain.Complete(t.Context(), someQuestion, func(d string) error { text.WriteString(d); return nil })
			if (err == nil) != (c.code == "") || err != nil && classify(err).Code != c.code || text.String() != c.text {
				t.Errorf("text %q, error %v", text.String(), err)
			}
		})
	}
	if _, err := (Chain{}).Complete(t.Context(), someQuestion, nil); err == nil {
		t.Error("an empty chain answers")
	}
}

// gauge is the value of a metric with one label value.
func gauge(t *testing.T, m *Metrics, name string) float64 {
	t.Helper()
	families, err := m.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue() + f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}
