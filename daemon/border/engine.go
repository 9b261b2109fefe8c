package border

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/a472be26/cusp/router"
)

// offered keeps a connection on which the engine can be asked until it ends,
// used or not.
func (l *Link) offered(c *conn) {
	l.count(1)
	defer l.count(-1)
	select {
	case l.idle <- c: // who took it closes it
		<-c.gone
	case <-c.in: // the engine left, or talks out of turn
	case <-l.ctx.Done():
	}
}

// count tells when the engine comes and goes.
func (l *Link) count(n int) {
	l.mu.Lock()
	before := l.offers > 0
	l.offers += n
	now := l.offers > 0
	l.mu.Unlock()
	if before != now && l.o.Presence != nil && l.ctx.Err() == nil {
		l.o.Presence(now)
	}
}

// Present tells whether there is an engine.
func (l *Link) Present() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.offers > 0
}

var errEngineGone = errors.New("the engine process is not there")

// Answer asks the engine a question that came over MQTT. It waits for an engine
// that is not there, and asks the next one if that goes away, until ctx ends.
func (l *Link) Answer(ctx context.Context, q router.Question, emit func(router.Delta) error) (router.Answer, error) {
	s := stream{}
	if emit != nil {
		s.emit = func(text string) error { return emit(router.Delta{Text: text}) }
	}
	f, err := l.ask(ctx, frame{Kind: kindAsk, Question: &q, Stream: emit != nil}, kindAnswer, &s)
	return answerOf(f, err)
}

// Late hands the engine an outcome that nobody waits for, and returns it as it was
// recorded, with the question that the asker knows; see [Engine]. It waits for an
// engine until ctx ends.
func (l *Link) Late(ctx context.Context, q router.Question, c router.CloudAnswer, failure error) (router.Question, router.Answer, error) {
	f := frame{Kind: kindLate, Question: &q, Cloud: &c}
	if failure != nil {
		f.Cloud, f.Failure = nil, failed(failure)
	}
	f, err := l.ask(ctx, f, kindAnswer, &stream{})
	a, err := answerOf(f, err)
	if f.Question != nil {
		q = *f.Question
	}
	return q, a, err
}

// Status asks the engine for the device's status, and does not wait for one.
func (l *Link) Status(ctx context.Context) (json.RawMessage, error) {
	if !l.Present() {
		return nil, errEngineGone
	}
	ctx, cancel := context.WithTimeoutCause(ctx, reportTimeout, errEngineGone)
	defer cancel()
	f, err := l.ask(ctx, frame{Kind: kindStatus}, kindReport, &stream{})
	return f.Report, err
}

func answerOf(f frame, err error) (router.Answer, error) {
	if err == nil {
		err = f.Failure.error()
	}
	if err != nil {
		return router.Answer{}, err
	}
	return *f.Answer, nil
}

// maxAttempts is how many engines may go away over one question: it may be the
// question that ends them.
const maxAttempts = 10

// ask puts a question to the engine, and to the next one if that goes away.
func (l *Link) ask(ctx context.Context, f frame, end kind, s *stream) (frame, error) {
	for attempt := 1; ; attempt++ {
		c, err := l.engine(ctx)
		if err != nil {
			return frame{}, err
		}
		s.begin()
		last, err := converse(ctx, c, f, end, s)
		c.close()
		if !errors.Is(err, errBroken) || attempt == maxAttempts {
			return last, err
		}
		l.o.Log.Info("the engine process went away, asking it again", "kind", string(f.Kind), "error", err)
	}
}

// engine waits for a connection to ask on.
func (l *Link) engine(ctx context.Context) (*conn, error) {
	select {
	case c := <-l.idle:
		return c, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-l.ctx.Done():
		return nil, context.Cause(l.ctx)
	}
}

// converse asks and reads to the end of the answer, which it returns.
func converse(ctx context.Context, c *conn, f frame, end kind, s *stream) (frame, error) {
	if err := c.send(f); err != nil {
		return frame{}, err
	}
	for {
		f, err := c.receive(ctx)
		if err != nil || f.Kind == end {
			return f, err
		}
		if f.Kind != kindDelta {
			return frame{}, unexpected(f, end)
		}
		if err := s.add(f.Delta.Text); err != nil {
			return frame{}, err
		}
	}
}
