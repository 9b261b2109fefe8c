package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/uplink"
)

// providerFunc is a Provider in the hands of a test.
type providerFunc func(ctx context.Context, r Request, emit func(string) error) (Completion, error)

func (f providerFunc) Complete(ctx context.Context, r Request, emit func(string) error) (Completion, error) {
	return f(ctx, r, emit)
}

// bench is a worker whose broker is the test; it lives in a synctest bubble.
type bench struct {
	*Worker
	t     *testing.T
	calls atomic.Int32 // of the provider

	mu   sync.Mutex // guards the fields below
	down bool
	out  []uplink.Answer // published, without signs of life
	live int             // signs of life
}

func newBench(t *testing.T, o Options, p providerFunc) *bench {
	t.Helper()
	b := &bench{t: t}
	w, err := newWorker(o, providerFunc(func(ctx context.Context, r Request, emit func(string) error) (Completion, error) {
		b.calls.Add(1)
		return p(ctx, r, emit)
	}))
	if err != nil {
		t.Fatal(err)
	}
	b.Worker = w
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		b.drain(ctx)
	})
	return b
}

func (b *bench) record(topic string, payload []byte) error {
	m, err := uplink.DecodeAnswer(payload)
	if err != nil || topic != uplink.AnswerTopic("dev", m.ID) {
		b.t.Errorf("published to %s: %s: %v", topic, payload, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.down:
		return errors.New("not connected")
	case m.Alive:
		b.live++
	default:
		b.out = append(b.out, m)
	}
	return nil
}

func (b *bench) setDown(down bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = down
}

// taken returns what was published since the last call, once all is quiet.
func (b *bench) taken() []uplink.Answer {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.out
	b.out = nil
	return out
}

func (b *bench) signs() int {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.live
}

func (b *bench) ask(id, content string, ttl *int64) {
	b.t.Helper()
	payload, err := json.Marshal(uplink.Ask{ID: id, Messages: []router.Message{{Role: "user", Content: content}}, TTLMS: ttl})
	if err != nil {
		b.t.Fatal(err)
	}
	b.receive(Parcel{Topic: uplink.AskTopic("dev"), Payload: payload, Reply: b.record})
}

// text checks that messages are one whole run and returns its text.
func text(t *testing.T, messages []uplink.Answer) string {
	t.Helper()
	var all strings.Builder
	for i, m := range messages {
		if m.Seq != i || m.Run != messages[0].Run || m.Done != (i == len(messages)-1) || m.Error != nil {
			t.Errorf("message %d is %+v", i, m)
		}
		all.WriteString(m.Delta)
	}
	return all.String()
}

func code(messages []uplink.Answer) string {
	if n := len(messages); n > 0 && messages[n-1].Error != nil {
		return messages[n-1].Error.Code
	}
	return ""
}

func says(words ...string) providerFunc {
	return func(_ context.Context, _ Request, emit func(string) error) (Completion, error) {
		for _, w := range words {
			if err := emit(w); err != nil {
				return Completion{}, err
			}
		}
		return Completion{Text: strings.Join(words, ""), Finish: "stop", Model: "m", PromptTokens: 1, CompletionTokens: len(words)}, nil
	}
}

func TestRepeatedAskIsAnsweredFromTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{}, says("a", "b", "c"))
		b.ask("q", "x", nil)
		first := b.taken()
		if got := text(t, first); got != "abc" || first[len(first)-1].Model != "m" || first[len(first)-1].Usage.CompletionTokens != 3 {
			t.Errorf("text %q, messages %+v", got, first)
		}
		b.ask("q", "x", nil)
		second := b.taken()
		if text(t, second) != "abc" || second[0].Run != first[0].Run || b.calls.Load() != 1 {
			t.Errorf("the second answer is not the first one: %+v; %d calls", second, b.calls.Load())
		}
		b.ask("q", "something else", nil)
		if third := b.taken(); third[0].Run == first[0].Run || b.calls.Load() != 2 {
			t.Error("another question with a used id got the old answer")
		}
	})
}

func TestRepeatedAskJoinsTheRunningOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := make(chan struct{})
		b := newBench(t, Options{}, func(_ context.Context, _ Request, emit func(string) error) (Completion, error) {
			emit("first ")
			<-next
			emit("second")
			return Completion{Finish: "stop"}, nil
		})
		b.ask("q", "x", nil)
		before := b.taken()
		b.ask("q", "x", nil)
		again := b.taken()
		close(next)
		rest := b.taken()
		if b.calls.Load() != 1 || len(before) != 1 || len(again) != 1 || !reflect.DeepEqual(again[0], before[0]) {
			t.Errorf("%d calls; first %+v, again %+v", b.calls.Load(), before, again)
		}
		if got := text(t, append(before, rest...)); got != "first second" {
			t.Errorf("text %q", got)
		}
	})
}

func TestTextIsGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Coalesce: 30 * time.Millisecond}, func(_ context.Context, _ Request, emit func(string) error) (Completion, error) {
			for range 100 {
				emit("x")
				time.Sleep(time.Millisecond)
			}
			return Completion{Finish: "stop"}, nil
		})
		b.ask("q", "x", nil)
		if first := b.taken(); len(first) != 1 || first[0].Delta != "x" {
			t.Errorf("the first piece did not go out at once: %+v", first)
		}
		time.Sleep(time.Second)
		if rest := b.taken(); len(rest) < 3 || len(rest) > 6 {
			t.Errorf("99 pieces in 99 ms became %d messages, want about 4", len(rest))
		}
	})
}

func TestLongTextIsSplitBetweenRunes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		long := strings.Repeat("世\x00", 50_000) // escaping makes it several times as long
		b := newBench(t, Options{}, says(long))
		b.ask("q", "x", nil)
		messages := b.taken()
		if text(t, messages) != long || len(messages) < 5 {
			t.Errorf("%d messages do not make up the text", len(messages))
		}
		for _, m := range messages {
			if !utf8.ValidString(m.Delta) || strings.ContainsRune(m.Delta, utf8.RuneError) {
				t.Error("a rune was cut")
			}
		}
	})
}

func TestFailures(t *testing.T) {
	past, soon := int64(0), int64(1000)
	until := func(ctx context.Context, _ Request, _ func(string) error) (Completion, error) {
		<-ctx.Done()
		return Completion{}, ctx.Err()
	}
	for _, c := range []struct {
		name  string
		ttl   *int64
		model providerFunc
		code  string
		again int32 // calls of the provider after a second ask
	}{
		{"expired before", &past, says("x"), uplink.CodeExpired, 0},
		{"expired meanwhile", &soon, until, uplink.CodeExpired, 2},
		{"too slow", nil, until, CodeTimeout, 2},
		{"refused", nil, func(context.Context, Request, func(string) error) (Completion, error) {
			return Completion{}, &Error{Code: CodeRefused, Err: errors.New("no")}
		}, CodeRefused, 2},
		{"in trouble", nil, func(context.Context, Request, func(string) error) (Completion, error) {
			return Completion{}, fmt.Errorf("step: %w", &Error{Code: CodeRateLimited, Retryable: true, RetryAfter: time.Second, Err: errors.New("no")})
		}, CodeRateLimited, 2},
		{"unknown error", nil, func(context.Context, Request, func(string) error) (Completion, error) {
			return Completion{}, errors.New("no")
		}, CodeUnavailable, 2},
		{"panic", nil, func(context.Context, Request, func(string) error) (Completion, error) { panic("poison") }, CodeInternal, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, Options{Timeout: time.Minute}, c.model)
				for range 2 {
					b.ask("q", "x", c.ttl)
					time.Sleep(2 * time.Minute)
					if got := code(b.taken()); got != c.code {
						t.Errorf("code %q, want %q", got, c.code)
					}
				}
				if n := b.calls.Load(); n != c.again {
					t.Errorf("%d calls of the provider, want %d", n, c.again)
				}
			})
		})
	}
}

func TestConcurrencyAndQueueAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := make(chan struct{})
		b := newBench(t, Options{Concurrency: 2, Queue: 3}, func(ctx context.Context, _ Request, emit func(string) error) (Completion, error) {
			<-next
			return Completion{Finish: "stop"}, emit("ok")
		})
		for i := range 7 {
			b.ask(fmt.Sprint("q", i), "x", nil)
		}
		busy := b.taken()
		if len(busy) != 2 || code(busy) != CodeBusy || !busy[0].Error.Retryable || b.calls.Load() != 2 {
			t.Errorf("refused %+v, %d calls; want 2 refused as busy, 2 calls", busy, b.calls.Load())
		}
		time.Sleep(12 * time.Second)
		if n := b.signs(); n < 5*3 {
			t.Errorf("%d signs of life for 5 questions in 12 s, want one every 5 s for each", n)
		}
		close(next)
		if got := b.taken(); len(got) != 10 || b.calls.Load() != 5 {
			t.Errorf("%d messages, %d calls; want 10 and 5", len(got), b.calls.Load())
		}
	})
}

func TestLostConnectionIsMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{}, says("all ", "of ", "it"))
		b.setDown(true)
		b.ask("q", "x", nil)
		if got := b.taken(); len(got) != 0 {
			t.Errorf("published %+v without a connection", got)
		}
		b.setDown(false)
		b.connected()
		if got := text(t, b.taken()); got != "all of it" {
			t.Errorf("text %q", got)
		}
	})
}

func TestUnreadableQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{}, says("x"))
		for _, payload := range []string{"", "{}", "<html>", `{"id":"a/b"}`, strings.Repeat("x", uplink.MaxAskBytes+1)} {
			b.receive(Parcel{Topic: uplink.AskTopic("dev"), Payload: []byte(payload), Reply: b.record})
		}
		b.receive(Parcel{Topic: "cusp/cloud/ask/a/b", Payload: []byte(`{"id":"q","messages":[{"role":"user","content":"x"}]}`), Reply: b.record})
		if got := b.taken(); len(got) != 0 {
			t.Errorf("published %+v", got)
		}
		b.receive(Parcel{Topic: uplink.AskTopic("dev"), Payload: []byte(`{"id":"q","messages":7}`), Reply: b.record})
		if got := b.taken(); code(got) != CodeBadRequest || got[0].Error.Retryable || b.calls.Load() != 0 {
			t.Errorf("published %+v, %d calls", got, b.calls.Load())
		}
	})
}

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(ctx context.Context, _ Request, emit func(string) error) (Completion, error) {
			select {
			case <-time.After(10 * time.Second):
				return Completion{Finish: "stop"}, emit("done")
			case <-ctx.Done():
				return Completion{}, ctx.Err()
			}
		}
		for _, c := range []struct {
			patience time.Duration
			code     string
		}{{time.Minute, ""}, {time.Second, CodeUnavailable}} {
			b := newBench(t, Options{}, slow)
			b.ask("q", "x", nil)
			ctx, cancel := context.WithTimeout(t.Context(), c.patience)
			err := b.drain(ctx)
			cancel()
			if got := b.taken(); code(got) != c.code || (err == nil) != (c.code == "") {
				t.Errorf("patience %v: published %+v, error %v", c.patience, got, err)
			}
		}
	})
}

func TestWindowIsBounded(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := newWindow(2, 1000, time.Minute)
	add := func(key string, size int, done bool, at time.Time) {
		w.put(key, &run{size: size, done: done}, at)
	}
	add("old", 1, true, now.Add(-time.Hour))
	add("running", 5000, false, now.Add(-time.Hour))
	w.trim(now)
	if _, ok := w.get("old", now); ok {
		t.Error("an answer beyond the age is kept")
	}
	for _, key := range []string{"a", "b", "c"} {
		add(key, 1, true, now)
	}
	w.trim(now)
	if _, ok := w.get("running", now); !ok || len(w.runs()) != 3 {
		t.Errorf("%d runs are left, running one there: %v", len(w.runs()), ok)
	}
	w = newWindow(10, 1000, time.Minute)
	for _, key := range []string{"a", "b", "c"} {
		add(key, 400, true, now)
	}
	w.get("a", now)
	w.trim(now)
	_, a := w.get("a", now)
	_, b := w.get("b", now)
	if !a || b {
		t.Errorf("a kept: %v, b kept: %v; want the one asked for lately", a, b)
	}
}
