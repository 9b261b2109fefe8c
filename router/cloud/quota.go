package cloud

import (
	"fmt"
	"sync"
	"time"
)

// Quota is what one device may ask of this worker; zero is no limit. Minutes and
// days (of UTC) are counted from their beginning. Tokens are those of prompts and
// answers together; they are known only when an answer is there, so that a device
// can exceed them by what it has under way.
type Quota struct {
	RequestsPerMinute int64 `toml:"requests_per_minute"`
	RequestsPerDay    int64 `toml:"requests_per_day"`
	TokensPerMinute   int64 `toml:"tokens_per_minute"`
	TokensPerDay      int64 `toml:"tokens_per_day"`
}

// maxMeters bounds how many devices are counted: far more than one worker serves
// in a day.
const maxMeters = 1 << 17

// quotas counts what devices use. Safe for concurrent use.
type quotas struct {
	limit Quota
	now   func() time.Time

	mu     sync.Mutex // guards the fields below
	meters map[string]*meter
}

// meter is what one device has used of the current minute and day.
type meter struct{ minute, day spent }

type spent struct {
	since            time.Time // the period's beginning
	requests, tokens int64
}

func newQuotas(limit Quota, now func() time.Time) *quotas {
	return &quotas{limit: limit, now: now, meters: map[string]*meter{}}
}

// admit counts one request of the device, or says until when it has to wait.
func (q *quotas) admit(device string) *Error {
	if q.limit == (Quota{}) {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	m := q.meter(device, now)
	if err := m.exceeded(q.limit, now); err != nil {
		return err
	}
	m.minute.requests++
	m.day.requests++
	return nil
}

// exceeded names the limit that is used up; the longest wait comes first.
func (m *meter) exceeded(l Quota, now time.Time) *Error {
	for _, c := range []struct {
		used, limit int64
		what        string
		end         time.Time
	}{
		{m.day.requests, l.RequestsPerDay, "questions a day", m.day.since.Add(24 * time.Hour)},
		{m.day.tokens, l.TokensPerDay, "tokens a day", m.day.since.Add(24 * time.Hour)},
		{m.minute.requests, l.RequestsPerMinute, "questions a minute", m.minute.since.Add(time.Minute)},
		{m.minute.tokens, l.TokensPerMinute, "tokens a minute", m.minute.since.Add(time.Minute)},
	} {
		if c.limit > 0 && c.used >= c.limit {
			return &Error{Code: CodeQuota, Retryable: true, RetryAfter: c.end.Sub(now), Err: fmt.Errorf("the device has used its %d %s", c.limit, c.what)}
		}
	}
	return nil
}

// spend counts the tokens of an answer.
func (q *quotas) spend(r Request, c Completion) {
	if q.limit == (Quota{}) {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	m := q.meter(r.Device, q.now())
	n := tokensOf(r, c)
	m.minute.tokens += n
	m.day.tokens += n
}

// tokensOf is what the provider counted, or a guess where it does not count: four
// bytes make a token, about.
func tokensOf(r Request, c Completion) int64 {
	if n := c.PromptTokens + c.CompletionTokens; n > 0 {
		return int64(n)
	}
	bytes := len(c.Text) + len(c.Reasoning)
	for _, m := range r.Messages {
		bytes += m.Bytes()
	}
	return int64(bytes+3) / 4
}

// meter finds the device's meter, with what is past set back. The caller holds mu.
func (q *quotas) meter(device string, now time.Time) *meter {
	m, ok := q.meters[device]
	if !ok {
		if len(q.meters) >= maxMeters {
			q.forget(now)
		}
		m = new(meter)
		q.meters[device] = m
	}
	m.minute.begin(now.UTC().Truncate(time.Minute))
	m.day.begin(now.UTC().Truncate(24 * time.Hour))
	return m
}

func (s *spent) begin(period time.Time) {
	if !s.since.Equal(period) {
		*s = spent{since: period}
	}
}

// forget drops the meters of earlier days, or all if that makes no room: a limit
// that is too generous for a moment is better than memory without one.
func (q *quotas) forget(now time.Time) {
	today := now.UTC().Truncate(24 * time.Hour)
	for device, m := range q.meters {
		if m.day.since.Before(today) {
			delete(q.meters, device)
		}
	}
	if len(q.meters) >= maxMeters {
		clear(q.meters)
	}
}
