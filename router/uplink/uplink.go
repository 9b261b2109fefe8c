// Package uplink carries questions to the large model over MQTT 3.1.1 and
// brings the answers back.
//
// A question is accepted once it lies synced in the outbox on disk; from then
// on it is asked again, always under the same id, until it is answered,
// finally refused or expired, across lost connections, dead workers and kill
// -9. Delivery is at least once: an answer goes back through the Ask that
// waits for it, else through Options.OnLate, and only then leaves the outbox.
// Brokers do not hand a dead worker's message to another worker: all retrying
// is done here. docs/link.md has the whole of it: brokers and fail-over, the wire,
// seals, the order of retries and the outbox's policy.
//
// What it does not do: choose between local and cloud (package router), or
// talk to a model (package cloud). Private questions are refused.
package uplink

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/envelope"
)

// Errors of Open and Ask on which callers branch, beside those of [router.Cloud].
var (
	ErrClosed = errors.New("uplink is closed")
	// ErrDiverged means that a second attempt at the answer took other words
	// than the ones already emitted. The whole answer follows through OnLate.
	ErrDiverged = errors.New("the answer began anew in other words")
	// ErrConflict means that another question with this id is on its way.
	ErrConflict = errors.New("another question has this id")
)

// Uplink is a [router.Cloud] over MQTT.
type Uplink struct {
	o       Options
	box     *outbox
	link    link
	ctx     context.Context // ends with Close
	stop    context.CancelFunc
	post    *post
	backoff backoff        // of one question's attempts
	backlog *slots         // for questions asked for nobody
	drivers sync.WaitGroup // one per call

	mu     sync.Mutex // guards the fields below
	closed bool
	calls  map[string]*call // by question id
}

var _ router.Cloud = (*Uplink)(nil)

// Open opens the outbox, takes up the questions in it and connects in the
// background: a broker that is down is no error.
func Open(o Options) (*Uplink, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("open uplink: %w", err)
	}
	var s *Session
	u, err := open(o, func(u *Uplink) (link, error) {
		var err error
		s, err = NewSession(SessionOptions{
			Broker: o.Broker, ClientID: ClientID("uplink", o.Device), Filters: []string{AnswerTopic(o.Device, "+")},
			Handle: u.receive, Log: u.o.Log, Random: o.Random,
		})
		return s, err
	})
	if err != nil {
		return nil, err
	}
	s.Connect() // nothing arrives before all is in place
	return u, nil
}

// open is Open with any link.
func open(o Options, connect func(*Uplink) (link, error)) (*Uplink, error) {
	o = o.withDefaults()
	u := &Uplink{o: o, backoff: backoff{o.MinBackoff, o.MaxBackoff, o.Random}, backlog: newSlots(o.Backlog), calls: map[string]*call{}}
	var err error
	if u.post, err = newPost(o); err != nil {
		return nil, fmt.Errorf("open uplink: %w", err)
	}
	if u.link, err = connect(u); err != nil {
		return nil, fmt.Errorf("open uplink: %w", err)
	}
	box, entries, err := openOutbox(o.Outbox, o.MaxQuestions, o.MaxBytes, o.Log)
	if err != nil {
		return nil, fmt.Errorf("open uplink: %w", err)
	}
	u.box = box
	u.ctx, u.stop = context.WithCancel(context.Background())
	for _, c := range u.take(entries) {
		u.drivers.Go(func() { u.drive(c) })
	}
	return u, nil
}

// take makes calls of what was in the outbox.
func (u *Uplink) take(entries []entry) []*call {
	latest := time.Now().Add(u.o.Expiry)
	var resumed []*call
	for _, e := range entries {
		if e.Expires.After(latest) {
			e.Expires = latest // it was accepted by a clock that was ahead
		}
		c := newCall(e)
		close(c.stored)
		u.calls[e.Question.ID] = c
		resumed = append(resumed, c)
	}
	return resumed
}

// Up reports whether questions can be sent and answers received right now.
func (u *Uplink) Up() bool { return u.Link().Up }

// Since is when the link came up, or went down.
func (u *Uplink) Since() time.Time { return u.Link().Since }

// Link is how the link is right now, and what is wrong with it.
func (u *Uplink) Link() LinkState {
	state, _ := u.link.State()
	return state
}

// Depth is how many accepted questions are not finished.
func (u *Uplink) Depth() int { return u.box.count() }

// OldestAge is for how long the oldest of them has waited, 0 without any.
func (u *Uplink) OldestAge() time.Duration {
	u.mu.Lock()
	defer u.mu.Unlock()
	var age time.Duration
	for _, c := range u.calls {
		age = max(age, time.Since(c.enqueued))
	}
	return age
}

// Ask implements [router.Cloud]; emit may be nil. Ctx bounds the wait, and
// Options.Expiry the question; q.Deadline is left to the caller, who may let
// an answer that has begun to arrive go on. A question whose id is on its way
// already joins that one.
func (u *Uplink) Ask(ctx context.Context, q router.Question, emit func(delta string) error) (router.CloudAnswer, error) {
	// 1. Refuse what must not or cannot be sent.
	if err := check(q); err != nil {
		return router.CloudAnswer{}, fmt.Errorf("%w: %w", router.ErrRefused, err)
	}

	// 2. Accept: join the question on its way, or make this one durable.
	c, err := u.accept(q)
	if err != nil {
		return router.CloudAnswer{}, fmt.Errorf("question %s: %w", q.ID, err)
	}

	// 3. Wait, passing on the text as it arrives.
	answer, delivered, err := u.follow(ctx, c, &stream{emit: emit})
	c.leave(delivered)
	if err != nil {
		return router.CloudAnswer{}, fmt.Errorf("question %s: %w", q.ID, err)
	}
	return answer, nil
}

func check(q router.Question) error {
	if q.Privacy != router.Public {
		return fmt.Errorf("its privacy is %q: it must not leave the device", q.Privacy)
	}
	payload, err := encodeAsk(q, maxTTL, envelope.Version)
	if err != nil {
		return err
	}
	_, err = DecodeAsk(payload) // what a worker would not take is refused here
	return err
}

// accept returns the call that q belongs to, with the caller among its waiters.
func (u *Uplink) accept(q router.Question) (*call, error) {
	u.mu.Lock()
	if u.closed {
		u.mu.Unlock()
		return nil, ErrClosed
	}
	c, running := u.calls[q.ID]
	if !running {
		now := time.Now()
		c = newCall(entry{Question: q, Enqueued: now, Expires: now.Add(u.o.Expiry), State: stateWaiting})
		u.calls[q.ID] = c
		u.drivers.Add(1)
	}
	c.join()
	u.mu.Unlock()
	if running {
		return c, u.joined(c, q)
	}
	return c, u.store(c)
}

// joined waits until the question that q joins is durable.
func (u *Uplink) joined(c *call, q router.Question) error {
	<-c.stored
	err := c.storeErr
	if err == nil && !reflect.DeepEqual(c.question.Messages, q.Messages) {
		err = ErrConflict
	}
	if err != nil {
		c.leave(false)
	}
	return err
}

// store makes a new call durable and sets it going.
func (u *Uplink) store(c *call) error {
	c.storeErr = u.box.add(c.look().entry)
	if c.storeErr != nil {
		u.forget(c)
		u.drivers.Done()
	} else {
		go func() {
			defer u.drivers.Done()
			u.drive(c)
		}()
	}
	close(c.stored)
	return c.storeErr
}

func (u *Uplink) forget(c *call) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.calls, c.question.ID)
}

// follow waits for the end of c. Delivered is whether the caller of Ask gets
// the outcome; if not, it is delivered apart.
func (u *Uplink) follow(ctx context.Context, c *call, s *stream) (a router.CloudAnswer, delivered bool, err error) {
	for {
		v := c.look()
		if v.ended() {
			return finish(v.entry, s)
		}
		if err := s.pass(v.text); err != nil {
			return a, false, err
		}
		select {
		case <-v.changed:
		case <-ctx.Done():
			return a, false, withLast(context.Cause(ctx), c.look().last)
		case <-u.ctx.Done():
			return a, false, ErrClosed
		}
	}
}

// finish passes on the rest of an ended call's text.
func finish(e entry, s *stream) (router.CloudAnswer, bool, error) {
	a, err := e.outcome()
	if err != nil {
		return a, true, err
	}
	if err := s.pass([]byte(a.Text)); err != nil {
		return a, false, err
	}
	if s.emit != nil && string(s.sent) != a.Text {
		return a, false, ErrDiverged
	}
	return a, true, nil
}

// withLast tells what went wrong before the caller lost patience.
func withLast(err error, last string) error {
	if last == "" {
		return err
	}
	return fmt.Errorf("%w; last attempt: %s", err, last)
}

// receive takes one message from the link; it does not block.
func (u *Uplink) receive(topic string, payload []byte) {
	m, err := u.post.in(payload, u.secret)
	var plain notSealed
	switch {
	case errors.As(err, &plain):
		u.o.Log.Warn("dropped an answer", "topic", topic, "err", err)
		u.hint(m.ID, err.Error())
		return
	case errors.Is(err, errForeign):
		u.o.Log.Debug("dropped an answer", "topic", topic, "err", err)
		return
	case err != nil:
		u.o.Log.Warn("dropped a broken message from the cloud", "topic", topic, "err", err)
		return
	case topic != AnswerTopic(u.o.Device, m.ID):
		u.o.Log.Warn("dropped an answer on another question's topic", "topic", topic, "id", m.ID)
		return
	}
	if m.Worker != "" {
		u.post.speaks.Store(true)
	}
	if c := u.call(m.ID); c != nil {
		c.receive(m, len(payload), time.Now())
	}
}

// secret finds what opens a sealed answer.
func (u *Uplink) secret(e envelope.Envelope) *envelope.Secret {
	if c := u.call(e.ID); c != nil {
		return c.secret(e)
	}
	return nil
}

// hint has the reason for a failed attempt mention what nobody vouches for.
func (u *Uplink) hint(id, what string) {
	if c := u.call(id); c != nil {
		c.hint(what)
	}
}

func (u *Uplink) call(id string) *call {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.calls[id]
}

// Close ends every Ask with ErrClosed and disconnects. Unfinished questions
// stay in the outbox for the next Open.
func (u *Uplink) Close() error {
	u.mu.Lock()
	if u.closed {
		u.mu.Unlock()
		return nil
	}
	u.closed = true
	u.mu.Unlock()
	u.stop()
	u.drivers.Wait()
	u.link.Close()
	return u.box.close()
}
