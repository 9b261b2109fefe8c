package border

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/a472be26/cusp/router"
)

// Engine is what the engine process does for the link.
type Engine interface {
	// Answer answers a question that came over MQTT; a nil emit wants no pieces.
	Answer(ctx context.Context, q router.Question, emit func(router.Delta) error) (router.Answer, error)
	// Late records the outcome of a question that nobody waits for any more, once
	// however often it is called, and returns it for the asker, with the question
	// as the asker put it. An answer without a receipt is for nobody.
	Late(q router.Question, c router.CloudAnswer, failure error) (router.Question, router.Answer, error)
	// Status is the device's, for its topic.
	Status() any
}

// Attendant answers what the link asks.
type Attendant struct {
	cloud  *Cloud
	engine Engine
	places chan struct{} // one for each connection

	offering   context.Context // ends when nothing new is taken
	stopOffers context.CancelFunc
	ctx        context.Context // ends what runs
	cancel     context.CancelFunc
	running    sync.WaitGroup
}

// Attend begins to answer, up to so many questions at a time, and keeps at it
// while the link goes and comes, until Close.
func (c *Cloud) Attend(e Engine, parallel int) *Attendant {
	a := &Attendant{cloud: c, engine: e, places: make(chan struct{}, parallel)}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	a.offering, a.stopOffers = context.WithCancel(a.ctx)
	a.running.Go(a.offer)
	return a
}

// offer keeps one connection open for the link's next question.
func (a *Attendant) offer() {
	pause, told := minPause, false
	for a.offering.Err() == nil {
		select {
		case a.places <- struct{}{}:
		case <-a.offering.Done():
			return
		}
		con, f, err := a.cloud.serveFor(a.offering)
		if err == nil {
			pause, told = minPause, false
			a.running.Go(func() {
				defer func() { <-a.places }()
				a.attend(con, f)
			})
			continue
		}
		<-a.places
		if !told && a.offering.Err() == nil {
			a.cloud.log.Warn("no link process to serve, trying again", "socket", a.cloud.socket, "error", err)
			told = true
		}
		select {
		case <-time.After(pause):
		case <-a.offering.Done():
		}
		pause = min(2*pause, maxPause)
	}
}

// attend answers one question of the link.
func (a *Attendant) attend(con *conn, f frame) {
	defer con.close()
	ctx, _, cancel := con.watched(a.ctx)
	defer cancel()
	reply, err := a.reply(ctx, con, f)
	if err == nil {
		err = con.send(reply)
	}
	if err != nil && ctx.Err() == nil {
		a.cloud.log.Warn("the link's question was not answered", "kind", string(f.Kind), "error", err)
	}
}

func (a *Attendant) reply(ctx context.Context, con *conn, f frame) (frame, error) {
	switch f.Kind {
	case kindAsk:
		return answered(a.engine.Answer(ctx, *f.Question, emitter(con, f.Stream))), nil
	case kindLate:
		var c router.CloudAnswer
		if f.Cloud != nil {
			c = *f.Cloud
		}
		q, answer, err := a.engine.Late(*f.Question, c, f.Failure.error())
		reply := answered(answer, err)
		reply.Question = &q
		return reply, nil
	case kindStatus:
		text, err := json.Marshal(a.engine.Status())
		return frame{Kind: kindReport, Report: text}, err
	}
	return frame{}, fmt.Errorf("the link asked with %q, which is not known", f.Kind)
}

// emitter sends the pieces of an answer, if they are wanted.
func emitter(con *conn, wanted bool) func(router.Delta) error {
	if !wanted {
		return nil
	}
	return func(d router.Delta) error { return con.send(frame{Kind: kindDelta, Delta: &d}) }
}

// answered is the end of a question. Log-probabilities stay behind: JSON knows no
// infinity, and nobody asks for them over MQTT.
func answered(a router.Answer, err error) frame {
	if err != nil {
		return frame{Kind: kindAnswer, Failure: failed(err)}
	}
	a.LogProbs = nil
	return frame{Kind: kindAnswer, Answer: &a}
}

// Close takes no more questions, lets the running ones finish until ctx ends, and
// then cuts them.
func (a *Attendant) Close(ctx context.Context) {
	a.stopOffers()
	idle := make(chan struct{})
	go func() { a.running.Wait(); close(idle) }()
	select {
	case <-idle:
	case <-ctx.Done():
	}
	a.cancel()
	<-idle
}
