package uplink

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/envelope"
)

// drive brings one stored question to its end. It is the only one that
// changes the question's entry in the outbox.
func (u *Uplink) drive(c *call) {
	// 1. Ask until there is an outcome.
	ctx, cancel := context.WithDeadline(u.ctx, c.expires)
	defer cancel()
	for !c.look().ended() && ctx.Err() == nil {
		u.try(ctx, c)
	}
	if u.ctx.Err() == nil {
		c.expire()
	}
	if !c.look().ended() {
		return // closing: the next Open goes on
	}

	// 2. Let the askers that wait for it take it.
	delivered := u.waitAskers(c)

	// 3. Deliver it apart if none did.
	if !delivered && !u.deliverLate(c) {
		return // closing: the next Open delivers it
	}

	// 4. Only now forget the question.
	if err := u.box.remove(c.question.ID); err != nil {
		u.o.Log.Error("a finished question stays in the outbox and will be asked again", "err", err)
	}
	u.forget(c)
}

// try makes one attempt and, if it failed, waits until the next one is due.
func (u *Uplink) try(ctx context.Context, c *call) {
	if !u.waitLink(ctx, c) {
		return
	}
	release, ok := u.takeSlot(ctx, c)
	if !ok {
		return
	}
	failure := u.attempt(ctx, c)
	release()
	if c.look().ended() || ctx.Err() != nil {
		return
	}
	if failure == nil {
		u.recover(ctx, c)
		return
	}
	e := c.retry(failure.why)
	u.o.Log.Info("cloud did not answer, asking again", "id", c.question.ID, "attempt", e.Attempts, "why", failure.why)
	if err := u.box.update(e); err != nil {
		u.o.Log.Warn("the attempt was not noted", "err", err)
	}
	u.rest(ctx, c, max(failure.after, u.backoff.after(e.Attempts)))
}

// recover rests before a question goes out again that may be what breaks the link,
// say because it is larger than the broker takes: the others must get through.
func (u *Uplink) recover(ctx context.Context, c *call) {
	if n := c.breaks(); n > 1 {
		u.o.Log.Warn("the link broke again just after a question was sent; it waits", "id", c.question.ID, "times", n)
		u.rest(ctx, c, u.backoff.after(n-1))
	}
}

// failure is why an attempt must be repeated, and not before when.
type failure struct {
	why   string
	after time.Duration
	code  string // of the worker's, if it was one
	gap   bool   // only a part of the answer is missing
}

// stale reports whether a resume failed because its worker is gone, or has
// forgotten the run.
func (f *failure) stale(c *call) bool { return f.code == CodeUnknownRun || !c.look().accepted }

// attempt sends the question, or asks the worker that is at it to go on, and
// watches until the call ends or the attempt has failed. Nil also means that the
// link went down, or that another way is to be tried at once: no need to rest.
func (u *Uplink) attempt(ctx context.Context, c *call) *failure {
	state, linkChanged := u.link.State()
	if !state.Up {
		return nil
	}
	topic, kind, body, err := u.message(c)
	if err != nil {
		return &failure{why: err.Error()}
	}
	l, err := u.post.out(kind, c.question.ID, body)
	if err != nil {
		return &failure{why: err.Error()}
	}
	before := c.progress()
	c.begin(len(l.payload), l.secret, time.Now())
	if err := u.link.Publish(topic, l.payload); err != nil {
		return &failure{why: err.Error()}
	}
	failure := u.watch(ctx, c, linkChanged)
	if failure != nil && !c.look().accepted && l.enveloped && l.secret == nil {
		u.post.unanswered() // perhaps by an old worker
	}
	if failure != nil && kind == envelope.Resume && failure.stale(c) {
		c.abandon(failure.why)
		return nil
	}
	if failure != nil && failure.gap && (kind == envelope.Ask || c.progress() > before) {
		if _, _, ok := c.resume(); ok {
			return nil
		}
	}
	return failure
}

// message is what to send next: a resume where a worker is known to be at the
// question, else the question.
func (u *Uplink) message(c *call) (topic string, kind envelope.Kind, body []byte, err error) {
	if worker, r, ok := c.resume(); ok {
		r.Envelope = u.post.accepts()
		body, err = json.Marshal(r)
		return ResumeTopic(worker, u.o.Device), envelope.Resume, body, err
	}
	body, err = encodeAsk(c.question, time.Until(c.expires), u.post.accepts())
	return AskTopic(u.o.Device), envelope.Ask, body, err
}

// watch waits until the call ends or the attempt has failed; nil also means that
// the link went down or that ctx ended.
func (u *Uplink) watch(ctx context.Context, c *call, linkChanged <-chan struct{}) *failure {
	for {
		v := c.look()
		if v.ended() {
			return nil
		}
		if v.trouble != nil {
			after := min(time.Duration(v.trouble.RetryAfterMS), time.Duration(maxTTL/time.Millisecond)) * time.Millisecond
			return &failure{why: describe(v.trouble), after: after, code: v.trouble.Code}
		}
		due, why := u.patience(v)
		timer := time.NewTimer(time.Until(due))
		select {
		case <-v.changed:
		case <-timer.C:
			return &failure{why: why, gap: why == whyGap}
		case <-linkChanged:
			timer.Stop()
			c.cut()
			return nil
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		timer.Stop()
	}
}

const whyGap = "a part of the answer is missing"

// patience is when to give up on the attempt that v shows, and why.
func (u *Uplink) patience(v view) (time.Time, string) {
	due, why := v.heard.Add(u.o.AcceptTimeout), "no worker took the question"
	if v.accepted {
		due, why = v.heard.Add(u.o.SilenceTimeout), "the worker fell silent"
	}
	if gap := v.gap.Add(u.o.GapTimeout); !v.gap.IsZero() && gap.Before(due) {
		due, why = gap, whyGap
	}
	return due, why
}

// waitLink waits until the link is up; false if there is nothing left to send.
func (u *Uplink) waitLink(ctx context.Context, c *call) bool {
	for {
		v := c.look()
		state, linkChanged := u.link.State()
		if v.ended() || ctx.Err() != nil {
			return false
		}
		if state.Up {
			return true
		}
		select {
		case <-linkChanged:
		case <-v.changed:
		case <-ctx.Done():
		}
	}
}

// takeSlot bounds how many questions are asked for nobody at the same time,
// so that a long outage does not end in a flood. Live askers need no slot.
func (u *Uplink) takeSlot(ctx context.Context, c *call) (release func(), ok bool) {
	for {
		v := c.look()
		if v.ended() || ctx.Err() != nil {
			return nil, false
		}
		if v.waiters > 0 {
			return func() {}, true
		}
		if u.backlog.take(ctx, c, v.changed) {
			return u.backlog.release, true
		}
	}
}

// rest waits for d, or until a late answer ends the call.
func (u *Uplink) rest(ctx context.Context, c *call, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		v := c.look()
		if v.ended() {
			return
		}
		select {
		case <-timer.C:
			return
		case <-v.changed:
		case <-ctx.Done():
			return
		}
	}
}

// waitAskers returns, once no asker is left, whether one took the outcome.
// When closing it does not wait long for one that is stuck.
func (u *Uplink) waitAskers(c *call) bool {
	closing := u.ctx.Done()
	var patience <-chan time.Time
	for {
		v := c.look()
		if v.waiters == 0 {
			return v.delivered
		}
		select {
		case <-v.changed:
		case <-closing:
			closing, patience = nil, time.After(time.Second)
		case <-patience:
			return v.delivered
		}
	}
}

// keep stores the outcome of c.
func (u *Uplink) keep(c *call) {
	if err := u.box.update(c.look().entry); err != nil {
		u.o.Log.Warn("an answer is not on disk and may have to be asked for again", "err", err)
	}
}

// deliverLate hands the outcome to OnLate, having stored it, until OnLate takes
// it; false when closing came first.
func (u *Uplink) deliverLate(c *call) bool {
	u.keep(c)
	answer, err := c.look().entry.outcome()
	for failures := 1; u.ctx.Err() == nil; failures++ {
		undelivered := u.o.OnLate(c.question, answer, err)
		if undelivered == nil {
			return true
		}
		u.o.Log.Warn("a late answer was not taken; it stays in the outbox", "id", c.question.ID, "err", undelivered)
		select {
		case <-time.After(u.backoff.after(failures)):
		case <-u.ctx.Done():
		}
	}
	return false
}

func encodeAsk(q router.Question, ttl time.Duration, accepts int) ([]byte, error) {
	ms := max(ttl.Milliseconds(), 1)
	payload, err := json.Marshal(Ask{ID: q.ID, Messages: q.Messages, Options: q.Options, TTLMS: &ms, Envelope: accepts})
	if err != nil {
		return nil, fmt.Errorf("encode question: %w", err)
	}
	return payload, nil
}
