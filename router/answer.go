package router

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// DefaultWait is how long a question without a deadline waits for the cloud
// before the provisional local answer is given.
const DefaultWait = 60 * time.Second

// Router answers questions. Its fields are set before the first call of Answer.
type Router struct {
	Local Local
	Cloud Cloud         // nil: no cloud is configured
	Wait  time.Duration // for questions without a deadline; 0 means DefaultWait
	// Record keeps what happened: the question, what the local model said, and
	// the answer that was given. A failure there must not cost the asker the
	// answer, so it is the recorder's to report. Nil keeps nothing.
	Record func(q Question, local string, a Answer)
	// Watch keeps the promise under review; nil: calibrations hold as they are.
	Watch Watch
	// Sensors are the latest readings for the receipt; nil without sensors.
	Sensors func() map[string]float64
}

// Answer is the end of a question.
type Answer struct {
	Text      string
	Reasoning string     // before the text, as far as the model tells
	ToolCalls []ToolCall // that the model wants made
	Finish    string     // "stop", "length" or "tool_calls"
	LogProbs  []LogProb  // if they were asked for and the answer is not the cloud's
	Receipt   Receipt
}

// ErrUnanswerable means that neither the device nor the cloud can answer.
var ErrUnanswerable = errors.New("nothing can answer this question")

// NewID returns a fresh question id: 32 hexadecimal digits.
func NewID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// Answer runs the local model, decides, escalates if it must, and records.
// The answer is passed to emit as soon as the route is certain: a local answer that
// may yet be replaced by the cloud's is held back. With a nil emit nothing is
// shown before the end, so that a cloud that fails in the middle of its answer
// can still be replaced. An error from emit or the end of ctx ends the work
// and is returned.
func (r *Router) Answer(ctx context.Context, q Question, emit func(Delta) error) (Answer, error) {
	start := time.Now()
	if q.ID == "" {
		q.ID = NewID()
	}
	out := &outlet{emit: emit}

	// 1. Ask the local model; stream at once when nothing can replace it.
	local, failure := r.askLocal(ctx, q, out)
	if ctx.Err() != nil || out.err != nil {
		return Answer{}, errors.Join(ctx.Err(), out.err)
	}

	// 2. Decide.
	signals := r.signals(q, local, failure)
	decision := Decide(signals)

	// 3. Escalate, and decide again if the cloud could not answer in time.
	var cloud CloudAnswer
	if decision.Route == RouteCloud {
		doubt := decision.Reason
		var err error
		if cloud, err = r.askCloud(ctx, q, out); err != nil {
			if ctx.Err() != nil || out.err != nil || out.sent {
				return Answer{}, fmt.Errorf("question %s: %w", q.ID, err)
			}
			signals.Cloud = stateAfter(err)
			if failure != nil {
				err = fmt.Errorf("%w; local model: %w", err, failure)
			}
			failure = err
			decision = Decide(signals)
			decision.Cause = doubt
		}
	}
	if decision.Route == "" {
		return Answer{}, fmt.Errorf("%w: %s, %s: %w", ErrUnanswerable, decision.Reason, decision.Cause, failure)
	}

	// 4. Hand over what was held back, write the receipt, record.
	a := Answer{Text: local.Text, Reasoning: local.Reasoning, ToolCalls: local.ToolCalls, Finish: local.Finish, LogProbs: local.LogProbs}
	if decision.Route == RouteCloud {
		a = Answer{Text: cloud.Text, Reasoning: cloud.Reasoning, ToolCalls: cloud.ToolCalls, Finish: cloud.Finish}
	}
	if err := out.rest(a, decision.Route == RouteCloud); err != nil {
		return Answer{}, err
	}
	a.Receipt = r.receipt(q, decision, signals, local, cloud, failure, start)
	if r.Record != nil {
		r.Record(q, local.Text, a)
	}
	if r.Watch != nil && signals.promised() {
		r.Watch.Review(Review{q, local, signals.Confidence, decision, a})
	}
	return a, nil
}

// askLocal runs the local model. Its text is held back unless the answer is
// certain to stay local.
func (r *Router) askLocal(ctx context.Context, q Question, out *outlet) (LocalAnswer, error) {
	if r.Local == nil {
		return LocalAnswer{}, errors.New("no local model is loaded")
	}
	emit := func(Delta) error { return nil }
	if r.Cloud == nil || q.Privacy == Private || q.LocalOnly() {
		emit = out.send
	}
	return r.Local.Answer(ctx, q, emit)
}

// askCloud waits for the cloud until the deadline; an answer that has begun to
// arrive by then is let through to its end, unless it pauses for too long.
func (r *Router) askCloud(ctx context.Context, q Question, out *outlet) (CloudAnswer, error) {
	pause := r.Wait
	if pause <= 0 {
		pause = DefaultWait
	}
	wait := pause
	if !q.Deadline.IsZero() {
		wait = time.Until(q.Deadline)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(wait, func() { cancel(context.DeadlineExceeded) })
	defer timer.Stop()
	begun := false
	a, err := r.Cloud.Ask(ctx, q.forCloud(), func(delta string) error {
		if !timer.Reset(pause) { // the time is over: nothing may begin any more
			return context.DeadlineExceeded
		}
		begun = true
		return out.send(Delta{Text: delta})
	})
	if err == nil || !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return a, err
	}
	if !errors.Is(err, context.DeadlineExceeded) { // else it may know more, such as the last attempt's failure
		err = context.DeadlineExceeded
	}
	if begun {
		return a, fmt.Errorf("the answer began, and then nothing came for %v: %w", pause, err)
	}
	return a, fmt.Errorf("no answer within %v: %w", wait.Round(time.Millisecond), err)
}

// signals gathers what the decision may depend on.
func (r *Router) signals(q Question, local LocalAnswer, failure error) Signals {
	s := Signals{Private: q.Privacy == Private, LocalOnly: q.LocalOnly(), LocalFailed: failure != nil, Truncated: local.Finish == "length", Sampled: !q.Options.Greedy()}
	if r.Cloud != nil {
		s.Cloud = CloudUntried
	}
	if c := local.Calibration; c != nil && !q.raw() { // calibrations are made on answers to messages
		s.Calibrated = true
		s.Confidence, s.Threshold = c.Confidence(local.Tokens), c.Threshold
		if r.Watch != nil {
			s.Raised = r.Watch.Threshold(c)
		}
		s.Declined = c.Declined(local.Text)
	}
	return s
}

func stateAfter(err error) CloudState {
	if errors.Is(err, context.DeadlineExceeded) {
		return CloudLate
	}
	return CloudFailed
}

func (r *Router) receipt(q Question, d Decision, s Signals, local LocalAnswer, cloud CloudAnswer, failure error, start time.Time) Receipt {
	c := Receipt{
		ID: q.ID, Time: start.UTC(), Route: d.Route, Reason: d.Reason,
		Model: local.Model.String(), Bundle: local.Model.Bundle,
		LatencyMS:    float64(time.Since(start).Microseconds()) / 1000,
		PromptTokens: local.PromptTokens, CompletionTokens: len(local.Tokens),
		BytesUp: cloud.BytesUp, BytesDown: cloud.BytesDown, CostUSD: cloud.CostUSD, Joules: local.Joules,
	}
	if s.Calibrated {
		c.Confidence, c.Threshold = &s.Confidence, new(max(s.Threshold, s.Raised))
	}
	if d.Route == RouteCloud {
		c.Model, c.Bundle = cloud.Model, ""
		c.PromptTokens, c.CompletionTokens = cloud.PromptTokens, cloud.CompletionTokens
	}
	c.Detail = detail(d, local.Notes, failure)
	if r.Sensors != nil {
		c.Sensors = r.Sensors()
	}
	return c
}

// detail tells people what went wrong on the way.
func detail(d Decision, notes []string, failure error) string {
	var parts []string
	if d.Route != RouteCloud {
		parts = append(parts, notes...)
	}
	if d.Cause != "" {
		parts = append(parts, "local answer: "+string(d.Cause))
	}
	if failure != nil {
		parts = append(parts, failure.Error())
	}
	return strings.Join(parts, "; ")
}

// String is NAME@VERSION, or NAME where there is no version.
func (m Model) String() string {
	if m.Version == "" {
		return m.Name
	}
	return m.Name + "@" + m.Version
}

// outlet passes an answer on and remembers whether anything was sent.
type outlet struct {
	emit func(Delta) error
	sent bool
	err  error
}

func (o *outlet) send(d Delta) error {
	if o.emit == nil {
		return nil
	}
	o.sent = true
	if o.err == nil {
		o.err = o.emit(d)
	}
	return o.err
}

// rest sends the whole answer if nothing of it was sent before, and what the
// cloud's stream of text has not in any case.
func (o *outlet) rest(a Answer, cloud bool) error {
	sent := o.sent
	if sent && !cloud {
		return o.err
	}
	var all []Delta
	if a.Reasoning != "" {
		all = append(all, Delta{Reasoning: a.Reasoning})
	}
	if a.Text != "" && !sent {
		all = append(all, Delta{Text: a.Text})
	}
	for _, c := range Pieces(a.ToolCalls) {
		all = append(all, Delta{Call: &c})
	}
	for _, d := range all {
		if err := o.send(d); err != nil {
			return err
		}
	}
	return nil
}
