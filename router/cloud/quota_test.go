package cloud

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a472be26/cusp/router"
)

func TestQuotas(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 23, 58, 30, 0, time.UTC)
	clock := func() time.Time { return now }
	q := newQuotas(Quota{RequestsPerMinute: 2, TokensPerMinute: 100, RequestsPerDay: 5, TokensPerDay: 1000}, clock)
	spend := func(tokens int) { q.spend(Request{Device: "a"}, Completion{PromptTokens: tokens}) }
	want := func(what string, after time.Duration) {
		t.Helper()
		e := q.admit("a")
		switch {
		case what == "" && e != nil:
			t.Errorf("refused: %v", e)
		case what != "" && (e == nil || !e.Retryable || e.Code != CodeQuota || e.RetryAfter != after || !strings.Contains(e.Error(), what)):
			t.Errorf("error %v, want %s and %v", e, what, after)
		}
	}
	want("", 0)
	want("", 0)
	want("2 questions a minute", 30*time.Second)
	if e := q.admit("b"); e != nil {
		t.Errorf("another device is refused: %v", e)
	}
	now = now.Add(time.Minute)
	want("", 0)
	spend(100)
	want("100 tokens a minute", 30*time.Second)
	spend(900)
	want("1000 tokens a day", 30*time.Second)
	now = now.Add(time.Minute) // another day
	want("", 0)
	for range 4 {
		now = now.Add(time.Minute)
		want("", 0)
	}
	want("5 questions a day", now.Truncate(24*time.Hour).Add(24*time.Hour).Sub(now))
}

// A provider that does not count is no way around the quota.
func TestQuotaWithoutCounts(t *testing.T) {
	t.Parallel()
	r := Request{Messages: []router.Message{{Content: strings.Repeat("x", 30)}}}
	if n := tokensOf(r, Completion{Text: strings.Repeat("y", 9)}); n != 10 {
		t.Errorf("%d tokens for 39 bytes, want 10", n)
	}
}

func TestQuotasAreBounded(t *testing.T) {
	t.Parallel()
	now := time.Now()
	q := newQuotas(Quota{RequestsPerDay: 1}, func() time.Time { return now })
	for i := range maxMeters + 10 {
		q.admit(string(rune('a'+i%26)) + time.Duration(i).String())
	}
	if len(q.meters) > maxMeters {
		t.Errorf("%d devices are counted, want at most %d", len(q.meters), maxMeters)
	}
}

func TestWorkerKeepsQuotas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMetrics("test")
		b := newBench(t, Options{Quota: Quota{TokensPerMinute: 3}, Metrics: m}, says("one", "two"))
		b.ask("q1", "x", nil)
		if got := text(t, b.taken()); got != "onetwo" {
			t.Errorf("text %q", got)
		}
		b.ask("q2", "y", nil)
		got := b.taken()
		if code(got) != CodeQuota || !got[0].Error.Retryable || got[0].Error.RetryAfterMS <= 0 || b.calls.Load() != 1 {
			t.Errorf("published %+v, %d calls", got, b.calls.Load())
		}
		b.ask("q1", "x", nil) // what is known costs nothing
		if got := text(t, b.taken()); got != "onetwo" {
			t.Errorf("text %q", got)
		}
	})
}
