package uplink

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a472be26/cusp/router"
)

// fakeLink is a broker and its workers in the hands of the test.
type fakeLink struct {
	mu      sync.Mutex // guards up and changed
	up      bool
	changed chan struct{}
	sent    chan Ask
	resumed chan Resume
	open    func(topic string, payload []byte) ([]byte, error) // what a worker makes of a payload; nil: it reads plain JSON
}

var _ link = (*fakeLink)(nil)

func newFakeLink(up bool) *fakeLink {
	return &fakeLink{up: up, changed: make(chan struct{}), sent: make(chan Ask, 1000), resumed: make(chan Resume, 1000)}
}

func (l *fakeLink) Publish(topic string, payload []byte) (err error) {
	if l.open != nil {
		if payload, err = l.open(topic, payload); err != nil {
			return err
		}
	}
	if _, err := ResumingDevice(topic, "w1"); err == nil {
		r, err := DecodeResume(payload)
		l.resumed <- r
		return err
	}
	a, err := DecodeAsk(payload)
	if err != nil {
		return err
	}
	l.sent <- a
	return nil
}

func (l *fakeLink) State() (LinkState, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return LinkState{Up: l.up}, l.changed
}

func (l *fakeLink) Close() {}

func (l *fakeLink) set(up bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.up = up
	close(l.changed)
	l.changed = make(chan struct{})
}

// late is one call of OnLate.
type late struct {
	id     string
	answer router.CloudAnswer
	err    error
}

// rig is an uplink whose other side is the test. It lives in a synctest
// bubble, where hours pass at once and idle goroutines are waited for.
type rig struct {
	*Uplink
	t    *testing.T
	link *fakeLink
	late chan late
}

// newRig opens an uplink on the outbox at path; empty means a new one.
func newRig(t *testing.T, up bool, path string, change func(*Options)) *rig {
	t.Helper()
	r := &rig{t: t, link: newFakeLink(up), late: make(chan late, 100)}
	if path == "" {
		path = filepath.Join(t.TempDir(), "outbox.db")
	}
	o := Options{Device: "dev", Outbox: path, OnLate: func(q router.Question, a router.CloudAnswer, err error) error {
		r.late <- late{q.ID, a, err}
		return nil
	}}
	if change != nil {
		change(&o)
	}
	u, err := open(o, func(*Uplink) (link, error) { return r.link, nil })
	if err != nil {
		t.Fatal(err)
	}
	r.Uplink = u
	t.Cleanup(func() {
		settle()
		checkBox(t, u.box)
		if err := u.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// asking is an Ask under way.
type asking struct {
	text   strings.Builder // emitted; read it after done
	answer router.CloudAnswer
	err    error
	done   chan struct{}
}

func question(id string) router.Question {
	return router.Question{ID: id, Messages: []router.Message{{Role: "user", Content: "why " + id}}}
}

// settle lets everything happen that is due; the outbox gathers its writes for
// a moment of the bubble's time.
func settle() {
	time.Sleep(50 * time.Millisecond)
	synctest.Wait()
}

func (r *rig) ask(ctx context.Context, id string) *asking {
	a := &asking{done: make(chan struct{})}
	go func() {
		defer close(a.done)
		a.answer, a.err = r.Ask(ctx, question(id), func(d string) error { a.text.WriteString(d); return nil })
	}()
	return a
}

func (r *rig) wantSent(id string) Ask {
	r.t.Helper()
	a := <-r.link.sent
	if a.ID != id {
		r.t.Fatalf("question %s was sent, want %s", a.ID, id)
	}
	return a
}

func (r *rig) reply(messages ...Answer) {
	r.t.Helper()
	for _, m := range messages {
		payload, err := json.Marshal(m)
		if err != nil {
			r.t.Fatal(err)
		}
		r.receive(AnswerTopic("dev", m.ID), payload)
	}
}

func delta(id, run string, seq int, text string) Answer {
	return Answer{ID: id, Run: run, Seq: seq, Delta: text}
}

func done(id, run string, seq int) Answer {
	return Answer{ID: id, Run: run, Seq: seq, Done: true, Finish: "stop", Model: "big", Usage: &Usage{PromptTokens: 3, CompletionTokens: 2}}
}

func failed(id, run string, f Failed) Answer {
	return Answer{ID: id, Run: run, Done: true, Error: &f}
}

func (r *rig) wantAnswer(a *asking, text string) {
	r.t.Helper()
	<-a.done
	if a.err != nil || a.answer.Text != text || a.text.String() != text {
		r.t.Errorf("answer %q, emitted %q, error %v; want %q", a.answer.Text, a.text.String(), a.err, text)
	}
}

func (r *rig) wantLate(id, text string, err error) {
	r.t.Helper()
	got := <-r.late
	if got.id != id || got.answer.Text != text || !errors.Is(got.err, err) {
		r.t.Errorf("late %+v, want %s %q %v", got, id, text, err)
	}
}

// wantEmpty checks that nothing is left behind.
func (r *rig) wantEmpty() {
	r.t.Helper()
	settle()
	if n := len(r.link.sent); n > 0 {
		r.t.Errorf("%d more questions were sent", n)
	}
	if n := len(r.late); n > 0 {
		r.t.Errorf("%d more late answers", n)
	}
	if r.Depth() != 0 || r.OldestAge() != 0 {
		r.t.Errorf("depth %d, oldest %v; want an empty outbox", r.Depth(), r.OldestAge())
	}
}
