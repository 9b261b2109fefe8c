package border

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/a472be26/cusp/router"
)

// engine is an Engine made of functions.
type engine struct {
	answer func(ctx context.Context, q router.Question, emit func(router.Delta) error) (router.Answer, error)
	late   func(q router.Question, c router.CloudAnswer, failure error) (router.Answer, error)
}

func (e engine) Answer(ctx context.Context, q router.Question, emit func(router.Delta) error) (router.Answer, error) {
	return e.answer(ctx, q, emit)
}

func (e engine) Late(q router.Question, c router.CloudAnswer, failure error) (router.Question, router.Answer, error) {
	a, err := e.late(q, c, failure)
	q.Messages[0].Content += ", in the asker's words"
	return q, a, err
}

func (engine) Status() any { return map[string]string{"device": "d"} }

// attend serves a link until the test ends or stop is called; a stop without
// patience is as sudden as a kill.
func attend(t *testing.T, path string, e Engine) (stop func(context.Context)) {
	a := newTestCloud(path).Attend(e, 4)
	t.Cleanup(func() { a.Close(canceled()) })
	return a.Close
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func echo(_ context.Context, q router.Question, emit func(router.Delta) error) (router.Answer, error) {
	text := q.Messages[0].Content
	if emit != nil {
		for _, r := range text {
			if err := emit(router.Delta{Text: string(r)}); err != nil {
				return router.Answer{}, err
			}
		}
	}
	return router.Answer{Text: text, Receipt: router.Receipt{ID: q.ID}}, nil
}

func TestTheLinkAsksTheEngine(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	l, _ := startLink(t, path, nil, nil)
	attend(t, path, engine{answer: echo})
	var pieces string
	a, err := l.Answer(t.Context(), question("q"), func(d router.Delta) error { pieces += d.Text; return nil })
	if err != nil || a.Text != "why q" || a.Receipt.ID != "q" || pieces != "why q" {
		t.Errorf("answer %+v, pieces %q, %v", a, pieces, err)
	}
	a, err = l.Answer(t.Context(), question("w"), nil)
	if err != nil || a.Text != "why w" {
		t.Errorf("without pieces: %+v, %v", a, err)
	}
	status, err := l.Status(t.Context())
	if err != nil || string(status) != `{"device":"d"}` {
		t.Errorf("status %s, %v", status, err)
	}
}

func TestAnEnginesErrorIsItsOwn(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	l, _ := startLink(t, path, nil, nil)
	attend(t, path, engine{answer: func(context.Context, router.Question, func(router.Delta) error) (router.Answer, error) {
		return router.Answer{}, router.ErrUnanswerable
	}})
	if _, err := l.Answer(t.Context(), question("q"), nil); err == nil || err.Error() != router.ErrUnanswerable.Error() {
		t.Errorf("error %v", err)
	}
}

// Questions wait for an engine, and outlive one.
func TestTheNextEngineGoesOn(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	there := make(chan bool, 10)
	l, _ := startLink(t, path, nil, func(o *LinkOptions) { o.Presence = func(b bool) { there <- b } })
	if _, err := l.Status(t.Context()); !errors.Is(err, errEngineGone) {
		t.Errorf("status without an engine: %v", err)
	}
	pieces := make(chan string, 10)
	var a router.Answer
	done := make(chan error)
	go func() {
		var err error
		a, err = l.Answer(t.Context(), question("q"), func(d router.Delta) error { pieces <- d.Text; return nil })
		done <- err
	}()
	// An engine that is killed in the middle of its answer.
	con, f, err := newTestCloud(path).serveFor(t.Context())
	must(t, err)
	if !get(t, "the engine", there) || f.Kind != kindAsk || f.Question.ID != "q" || !f.Stream {
		t.Errorf("frame %+v", f)
	}
	must(t, con.send(frame{Kind: kindDelta, Delta: &router.Delta{Text: "why"}}))
	get(t, "a piece", pieces)
	con.close()
	if get(t, "the end of the engine", there) {
		t.Error("the engine came twice")
	}
	attend(t, path, engine{answer: echo})
	if err := get(t, "the answer", done); err != nil || a.Text != "why q" {
		t.Errorf("answer %+v, %v", a, err)
	}
	rest := ""
	for len(pieces) > 0 {
		rest += <-pieces
	}
	if rest != " q" {
		t.Errorf("the rest is %q", rest)
	}
}

func TestLateAnswersWaitForAnEngine(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	l, _ := startLink(t, path, nil, nil)
	type got struct {
		q   router.Question
		a   router.Answer
		err error
	}
	results := make(chan got, 1)
	go func() {
		q, a, err := l.Late(t.Context(), question("q"), router.CloudAnswer{Text: "better"}, nil)
		results <- got{q, a, err}
	}()
	var failures atomic.Int32
	attend(t, path, engine{late: func(q router.Question, c router.CloudAnswer, failure error) (router.Answer, error) {
		if failure != nil {
			failures.Add(1)
			if !errors.Is(failure, router.ErrExpired) {
				t.Errorf("failure %v", failure)
			}
			return router.Answer{}, nil
		}
		return router.Answer{Text: c.Text + " of " + q.ID}, nil
	}})
	if r := get(t, "the late answer", results); r.err != nil || r.a.Text != "better of q" || r.q.Messages[0].Content != "why q, in the asker's words" {
		t.Errorf("late %+v", r)
	}
	if _, _, err := l.Late(t.Context(), question("q"), router.CloudAnswer{}, router.ErrExpired); err != nil || failures.Load() != 1 {
		t.Errorf("late failure: %v, %d", err, failures.Load())
	}
}

// The engine's refusal to take a late answer, on a full disk, say, leaves it with
// the link.
func TestALateAnswerThatIsNotTakenStays(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	l, _ := startLink(t, path, nil, nil)
	attend(t, path, engine{late: func(router.Question, router.CloudAnswer, error) (router.Answer, error) {
		return router.Answer{}, errors.New("no space left on device")
	}})
	if _, _, err := l.Late(t.Context(), question("q"), router.CloudAnswer{}, nil); err == nil {
		t.Error("it counts as taken")
	}
}

func TestCancellingReachesTheEngine(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	l, _ := startLink(t, path, nil, nil)
	begun, ended := make(chan struct{}), make(chan struct{})
	attend(t, path, engine{answer: func(ctx context.Context, _ router.Question, _ func(router.Delta) error) (router.Answer, error) {
		close(begun)
		<-ctx.Done()
		close(ended)
		return router.Answer{}, ctx.Err()
	}})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := l.Answer(ctx, question("q"), nil)
		done <- err
	}()
	get(t, "the question", begun)
	cancel()
	get(t, "the end in the engine", ended)
	if err := get(t, "the end in the link", done); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// An orderly stop lets running answers finish and takes no new ones.
func TestAttendantDrains(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	l, _ := startLink(t, path, nil, nil)
	begun, goOn := make(chan struct{}), make(chan struct{})
	stop := attend(t, path, engine{answer: func(ctx context.Context, q router.Question, _ func(router.Delta) error) (router.Answer, error) {
		close(begun)
		<-goOn
		return router.Answer{Text: "finished"}, ctx.Err()
	}})
	done := make(chan router.Answer, 1)
	go func() {
		a, err := l.Answer(t.Context(), question("q"), nil)
		if err != nil {
			t.Error(err)
		}
		done <- a
	}()
	get(t, "the question", begun)
	stopped := make(chan struct{})
	go func() { stop(context.Background()); close(stopped) }()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := l.Answer(ctx, question("w"), nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a question during the stop: %v", err)
	}
	close(goOn)
	if a := get(t, "the answer", done); a.Text != "finished" {
		t.Errorf("answer %+v", a)
	}
	get(t, "the stop", stopped)
}

func TestStatusIsJSON(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	l, _ := startLink(t, path, nil, nil)
	attend(t, path, engine{})
	var v map[string]string
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		text, err := l.Status(t.Context())
		if err == nil {
			must(t, json.Unmarshal(text, &v))
			break
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	if v["device"] != "d" {
		t.Errorf("status %v", v)
	}
}
