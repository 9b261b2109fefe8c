package border

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	broker "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/uplink"
)

// TestClouds holds the uplink, in its asker's process and behind the border, to
// the contract of router.Cloud, with a real broker and a worker in the hands of
// the test.
func TestClouds(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T, *uplink.Uplink) router.Cloud{
		"in this process": func(_ *testing.T, u *uplink.Uplink) router.Cloud { return u },
		"through the link": func(t *testing.T, u *uplink.Uplink) router.Cloud {
			path := socketPath(t)
			startLink(t, path, u, func(o *LinkOptions) { o.Report = func() any { return map[string]bool{"up": u.Up()} } })
			return newTestCloud(path)
		},
	} {
		for what, test := range map[string]func(*testing.T, router.Cloud, *worker){
			"it streams":                   contractStreams,
			"it asks once for two askers":  contractJoins,
			"another question with the id": contractConflict,
			"it says what was refused":     contractRefused,
			"it keeps private questions":   contractPrivate,
			"an asker who leaves":          contractLeaves,
			"an asker who does not wait":   contractHandsOver,
			"an asker who cannot read":     contractCannotRead,
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				t.Parallel()
				w := newWorker(t)
				c := open(t, w.uplink)
				w.until("up", c.Up)
				test(t, c, w)
				w.until("an empty outbox", func() bool { return w.uplink.Depth() == 0 })
				if n := len(w.late); n > 0 {
					t.Errorf("%d more late answers", n)
				}
			})
		}
	}
}

func contractStreams(t *testing.T, c router.Cloud, w *worker) {
	a := ask(t.Context(), c, question("q"))
	w.wantAsked("q")
	w.say(uplink.Answer{ID: "q", Run: "r", Delta: "hel"})
	if got := get(t, "a piece", a.pieces); got != "hel" {
		t.Errorf("piece %q", got)
	}
	w.say(uplink.Answer{ID: "q", Run: "r", Seq: 1, Delta: "lo", Calls: []router.CallDelta{{ID: "1", Name: "f", Arguments: "{}"}},
		Done: true, Finish: "tool_calls", Model: "big", Usage: &uplink.Usage{PromptTokens: 3, CompletionTokens: 2}})
	a.want(t, "hello")
	got := a.answer
	if got.Finish != "tool_calls" || got.Model != "big" || got.PromptTokens != 3 || got.CompletionTokens != 2 || got.BytesUp == 0 || got.BytesDown == 0 {
		t.Errorf("answer %+v", got)
	}
	if len(got.ToolCalls) != 1 || got.ToolCalls[0] != (router.ToolCall{ID: "1", Name: "f", Arguments: "{}"}) {
		t.Errorf("tool calls %+v", got.ToolCalls)
	}
}

func contractJoins(t *testing.T, c router.Cloud, w *worker) {
	a := ask(t.Context(), c, question("q"))
	w.wantAsked("q")
	w.say(uplink.Answer{ID: "q", Run: "r", Delta: "to "})
	get(t, "a piece", a.pieces)
	b := ask(t.Context(), c, question("q"))
	get(t, "the piece that was there", b.pieces)
	w.say(uplink.Answer{ID: "q", Run: "r", Seq: 1, Delta: "both", Done: true, Finish: "stop"})
	a.want(t, "to both")
	b.want(t, "to both")
	if n := len(w.asked); n > 0 {
		t.Errorf("the worker was asked %d more times", n)
	}
}

func contractConflict(t *testing.T, c router.Cloud, w *worker) {
	a := ask(t.Context(), c, question("q"))
	w.wantAsked("q")
	other := question("q")
	other.Messages[0].Content = "something else"
	if _, err := c.Ask(t.Context(), other, nil); !errors.Is(err, uplink.ErrConflict) {
		t.Errorf("error %v", err)
	}
	w.say(uplink.Answer{ID: "q", Run: "r", Delta: "x", Done: true, Finish: "stop"})
	a.want(t, "x")
}

func contractRefused(t *testing.T, c router.Cloud, w *worker) {
	a := ask(t.Context(), c, question("q"))
	w.wantAsked("q")
	w.say(uplink.Answer{ID: "q", Run: "r", Done: true, Error: &uplink.Failed{Code: "refused", Message: "not allowed"}})
	get(t, "the end", a.done)
	if !errors.Is(a.err, router.ErrRefused) {
		t.Errorf("error %v", a.err)
	}
}

func contractPrivate(t *testing.T, c router.Cloud, w *worker) {
	q := question("q")
	q.Privacy = router.Private
	if _, err := c.Ask(t.Context(), q, nil); !errors.Is(err, router.ErrRefused) {
		t.Errorf("error %v", err)
	}
	if w.uplink.Depth() != 0 || len(w.asked) > 0 {
		t.Error("it was taken")
	}
}

func contractLeaves(t *testing.T, c router.Cloud, w *worker) {
	impatient := errors.New("no more patience")
	ctx, cancel := context.WithCancelCause(t.Context())
	a := ask(ctx, c, question("q"))
	w.wantAsked("q")
	cancel(impatient)
	get(t, "the end", a.done)
	if !errors.Is(a.err, impatient) {
		t.Errorf("error %v", a.err)
	}
	w.say(uplink.Answer{ID: "q", Run: "r", Delta: "late", Done: true, Finish: "stop"})
	if text := get(t, "the late answer", w.late); text != "late" {
		t.Errorf("late %q", text)
	}
}

// contractHandsOver: a context that has ended before hands the question over.
func contractHandsOver(t *testing.T, c router.Cloud, w *worker) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(context.DeadlineExceeded)
	if _, err := c.Ask(ctx, question("q"), nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if w.uplink.Depth() != 1 {
		t.Error("Ask returned before the question was on disk")
	}
	w.wantAsked("q")
	w.say(uplink.Answer{ID: "q", Run: "r", Delta: "late", Done: true, Finish: "stop"})
	if text := get(t, "the late answer", w.late); text != "late" {
		t.Errorf("late %q", text)
	}
}

func contractCannotRead(t *testing.T, c router.Cloud, w *worker) {
	gone := errors.New("the client went away")
	done := make(chan error, 1)
	go func() {
		_, err := c.Ask(t.Context(), question("q"), func(string) error { return gone })
		done <- err
	}()
	w.wantAsked("q")
	w.say(uplink.Answer{ID: "q", Run: "r", Delta: "x"})
	if err := get(t, "the end", done); !errors.Is(err, gone) {
		t.Errorf("error %v", err)
	}
	w.say(uplink.Answer{ID: "q", Run: "r", Seq: 1, Delta: "y", Done: true, Finish: "stop"})
	if text := get(t, "the late answer", w.late); text != "xy" {
		t.Errorf("late %q", text)
	}
}

// worker is a cloud worker in the hands of the test, at a broker of its own, with
// an uplink to it.
type worker struct {
	t      *testing.T
	client mqtt.Client
	uplink *uplink.Uplink
	asked  chan string // ids
	late   chan string // texts of answers that no Ask returned
}

func newWorker(t *testing.T) *worker {
	t.Helper()
	address := startBroker(t)
	w := &worker{t: t, asked: make(chan string, 100), late: make(chan string, 100)}
	w.client = mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + address).SetClientID("worker"))
	w.done(w.client.Connect())
	w.done(w.client.Subscribe(uplink.AskTopic("dev"), 1, func(_ mqtt.Client, m mqtt.Message) {
		a, err := uplink.DecodeAsk(m.Payload())
		if err != nil {
			t.Error(err)
		}
		w.asked <- a.ID
	}))
	t.Cleanup(func() { w.client.Disconnect(0) })
	u, err := uplink.Open(uplink.Options{
		Broker: uplink.Broker{URL: "tcp://" + address}, Device: "dev", Outbox: filepath.Join(t.TempDir(), "outbox.db"),
		AcceptTimeout: time.Hour, // asked once: what the worker says comes when the test wants it
		OnLate: func(_ router.Question, a router.CloudAnswer, _ error) error {
			w.late <- a.Text
			return nil
		},
	})
	must(t, err)
	t.Cleanup(func() {
		if err := u.Close(); err != nil {
			t.Error(err)
		}
	})
	w.uplink = u
	return w
}

func (w *worker) done(token mqtt.Token) {
	w.t.Helper()
	if !token.WaitTimeout(patience) || token.Error() != nil {
		w.t.Fatalf("mqtt: %v", token.Error())
	}
}

func (w *worker) wantAsked(id string) {
	w.t.Helper()
	if got := get(w.t, "the question", w.asked); got != id {
		w.t.Fatalf("question %s, want %s", got, id)
	}
}

func (w *worker) say(a uplink.Answer) {
	w.t.Helper()
	text, err := json.Marshal(a)
	must(w.t, err)
	w.done(w.client.Publish(uplink.AnswerTopic("dev", a.ID), 1, false, text))
}

func (w *worker) until(what string, check func() bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); !check(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("%s did not happen", what)
		}
	}
}

// startBroker runs a real broker in this process until the test ends.
func startBroker(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	b := broker.New(&broker.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	must(t, errors.Join(b.AddHook(new(auth.AllowHook), nil), b.AddListener(listeners.NewNet("t", l)), b.Serve()))
	t.Cleanup(func() { _ = b.Close() })
	return l.Addr().String()
}
