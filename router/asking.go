package router

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/a472be26/cusp/router/calibrate"
)

// asking is one question on its way to its answer.
type asking struct {
	*Router
	q        Question
	out      *outlet
	start    time.Time
	governor *Governor // nil: nobody knows
	screened Screened
	effect   Effect // of a rule
	signals  Signals
	spent    string        // what budget is used up, if that matters
	foreseen time.Duration // predicted of the local answer; 0: not known
	early    *early        // nil: the cloud was not asked early

	spared   error    // of the cloud, which was asked first; nil if it was not
	spare    Decision // why it was
	decision Decision
	local    LocalAnswer
	ran      bool          // the local model was asked
	took     time.Duration // by it
	shown    bool          // its text was passed on as it came
	cloud    CloudAnswer
	failure  error // what went wrong on the way
}

// begin gathers what the decision may depend on before anything is asked.
func (r *Router) begin(q Question, emit func(Delta) error) *asking {
	if q.ID == "" {
		q.ID = NewID()
	}
	a := &asking{Router: r, q: q, out: &outlet{emit: emit}, start: time.Now()}
	a.screened = r.screen(&a.q)
	a.signals = Signals{Private: a.q.Privacy == Private, Stays: a.screened.Stays, LocalOnly: q.LocalOnly(), Sampled: !q.Options.Greedy()}
	if r.Cloud != nil {
		a.signals.Cloud, a.signals.Up = CloudUntried, r.Cloud.Up()
	}
	if r.Governor != nil {
		g := r.Governor()
		a.governor = &g
		a.signals.Prefer, a.signals.Strain, a.signals.Busy = g.Prefer, g.Reason, g.Busy
	}
	a.apply()
	a.spend()
	a.foresee()
	return a
}

// relieve asks the cloud in place of the local model, where that is decided. If the
// cloud is late or fails, the local model has to answer after all. After a failure
// nothing more can be had of the cloud; if it is only late, the question
// is on its way, and is waited for again should the local answer be in doubt. An
// error ends the question.
func (a *asking) relieve(ctx context.Context) error {
	a.spare = Spare(a.signals)
	if a.spare.Route != RouteCloud {
		return nil
	}
	a.cloud, a.spared = a.askCloud(ctx, a.spareWait())
	switch {
	case a.spared == nil:
		a.decision = a.spare
	case a.over(ctx):
		return fmt.Errorf("question %s: %w", a.q.ID, a.spared)
	case !errors.Is(a.spared, context.DeadlineExceeded):
		a.signals.after(a.spared)
	}
	return nil
}

// over tells whether nobody wants an answer any more, or has begun to get one that
// was broken off.
func (a *asking) over(ctx context.Context) bool {
	return ctx.Err() != nil || a.out.err != nil || a.out.sent && !a.shown
}

// askLocal runs the local model. Its text is held back unless the answer is
// certain to stay local. That it fails is no error here.
func (a *asking) askLocal(ctx context.Context) error {
	emit := func(Delta) error { return nil }
	if s := a.signals; !s.open() || s.First {
		emit = a.out.send
	}
	begun := time.Now()
	if a.failure = errors.New("no local model is loaded"); a.Local != nil {
		a.local, a.failure = a.Local.Answer(ctx, a.q, emit)
	}
	a.ran, a.took, a.shown = true, time.Since(begun), a.out.sent
	return errors.Join(ctx.Err(), a.out.err)
}

// decide judges the local answer.
func (a *asking) decide() {
	s := &a.signals
	s.LocalFailed, s.Truncated = a.failure != nil, a.local.Finish == "length"
	if c := a.local.Calibration; c != nil && !a.q.raw() { // calibrations are made on answers to messages
		s.Calibrated = true
		s.Confidence, s.Threshold = c.Confidence(evidence(a.q, a.local)), c.Threshold
		if a.Watch != nil {
			s.Raised = a.Watch.Threshold(c)
		}
		s.Declined = c.Declined(a.local.Text)
	}
	a.decision = Decide(*s)
}

// evidence is what the confidence in a local answer is made of.
func evidence(q Question, local LocalAnswer) calibrate.Evidence {
	e := calibrate.Evidence{Tokens: local.Tokens, Answer: local.Text}
	for _, m := range q.Messages {
		if m.Role == "user" {
			e.Question = m.Content
		}
	}
	for _, call := range local.ToolCalls {
		e.Answer += "\n" + call.Arguments
	}
	return e
}

// escalate asks the cloud if that was decided, and decides again if it could not
// answer in time. An error ends the question.
func (a *asking) escalate(ctx context.Context) error {
	if a.decision.Route == RouteCloud {
		doubt := a.decision.Reason
		if a.shown && a.failure != nil {
			return fmt.Errorf("question %s: the local answer broke off: %w", a.q.ID, a.failure)
		}
		var err error
		if a.cloud, err = a.askCloud(ctx, a.wait()); err == nil {
			return nil
		}
		if a.over(ctx) {
			return fmt.Errorf("question %s: %w", a.q.ID, err)
		}
		a.signals.after(err)
		if a.failure != nil {
			err = fmt.Errorf("%w; local model: %w", err, a.failure)
		}
		a.decision = Decide(a.signals)
		a.decision.Cause = doubt
		if a.decision.Reason != ReasonFollows { // then nothing went wrong
			a.failure = err
		}
	} else if a.spared != nil {
		a.failure = a.blame()
	}
	if a.decision.Route == "" {
		return fmt.Errorf("%w: %s, %s: %w", ErrUnanswerable, a.decision.Reason, a.decision.Cause, a.failure)
	}
	return nil
}

// blame adds to what went wrong that the cloud was asked first, and failed.
func (a *asking) blame() error {
	err := fmt.Errorf("the cloud was asked first (%s): %w", a.spare.Reason, a.spared)
	if a.failure != nil {
		err = fmt.Errorf("%w; local model: %w", err, a.failure)
	}
	return err
}

// after is what is known once the cloud was asked and there is no answer.
func (s *Signals) after(err error) {
	switch {
	case errors.Is(err, ErrWithheld):
		s.Private, s.Stays = true, ReasonUnredacted
	case errors.Is(err, ErrBudget):
		s.Spent = true
	case errors.Is(err, context.DeadlineExceeded):
		s.Cloud = CloudLate
	default:
		s.Cloud = CloudFailed
	}
}

// way is how the cloud is asked.
func (a *asking) way() Cloud {
	if a.early != nil {
		return a.early
	}
	return a.charge(a.screened.cloud(a.Cloud))
}

// askCloud waits for the cloud for so long; with no time at all the question is
// only handed over. An answer that has begun to arrive by
// then is let through to its end, unless it pauses for too long.
func (a *asking) askCloud(ctx context.Context, wait time.Duration) (CloudAnswer, error) {
	pause := a.pause()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if wait <= 0 {
		cancel(context.DeadlineExceeded)
	} else if a.Budget != nil {
		begun := time.Now()
		defer func() { a.Budget.Waited(time.Since(begun)) }()
	}
	timer := time.AfterFunc(wait, func() { cancel(context.DeadlineExceeded) })
	defer timer.Stop()
	begun := false
	answer, err := a.way().Ask(ctx, a.q.forCloud(), func(delta string) error {
		if wait <= 0 || !timer.Reset(pause) { // the time is over: nothing may begin any more
			return context.DeadlineExceeded
		}
		begun = true
		return a.out.send(Delta{Text: delta})
	})
	if err == nil || !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return answer, err
	}
	if !errors.Is(err, context.DeadlineExceeded) { // else it may know more, such as the last attempt's failure
		err = context.DeadlineExceeded
	}
	if begun {
		return answer, fmt.Errorf("the answer began, and then nothing came for %v: %w", pause, err)
	}
	return answer, fmt.Errorf("no answer within %v: %w", wait.Round(time.Millisecond), err)
}

// pause is how long nothing may come.
func (r *Router) pause() time.Duration {
	if r.Wait <= 0 {
		return DefaultWait
	}
	return r.Wait
}

// wait is how long the question waits for the cloud.
func (a *asking) wait() time.Duration {
	if a.signals.First && !a.signals.LocalFailed {
		return 0
	}
	if a.effect.Wait > 0 {
		return a.bounded(a.effect.Wait)
	}
	if !a.q.Deadline.IsZero() {
		return time.Until(a.q.Deadline)
	}
	return a.pause()
}

// bounded is a wait that ends with the deadline, if there is one.
func (a *asking) bounded(wait time.Duration) time.Duration {
	if !a.q.Deadline.IsZero() {
		wait = min(wait, time.Until(a.q.Deadline))
	}
	return wait
}

// spareWait leaves the local model time to answer by the deadline, if there is one.
func (a *asking) spareWait() time.Duration {
	wait := cmp.Or(a.effect.Wait, a.SpareWait)
	if wait <= 0 {
		wait = DefaultSpareWait
	}
	if !a.q.Deadline.IsZero() {
		wait = min(wait, time.Until(a.q.Deadline)/2)
	}
	return wait
}

// finish hands over what was held back, writes the receipt and records.
func (a *asking) finish() (Answer, error) {
	answer := Answer{Text: a.local.Text, Reasoning: a.local.Reasoning, ToolCalls: a.local.ToolCalls, Finish: a.local.Finish, LogProbs: a.local.LogProbs}
	if a.decision.Route == RouteCloud {
		answer = Answer{Text: a.cloud.Text, Reasoning: a.cloud.Reasoning, ToolCalls: a.cloud.ToolCalls, Finish: a.cloud.Finish}
	}
	if err := a.out.rest(answer, a.decision.Route == RouteCloud); err != nil {
		return Answer{}, err
	}
	answer.Receipt = a.receipt()
	if a.Record != nil {
		a.Record(a.q, a.local.Text, answer)
	}
	if a.Watch != nil && a.signals.promised() {
		a.Watch.Review(Review{a.q, a.local, a.signals.Confidence, a.decision, answer, a.early != nil && !a.early.taken})
	}
	a.learn()
	return answer, nil
}

// learn tells what is to be known of a local answer from now on.
func (a *asking) learn() {
	if !a.ran {
		return // none was wanted
	}
	if a.Budget != nil {
		a.Budget.Drew(a.local.Joules)
	}
	if a.Forecast != nil && !a.signals.LocalFailed {
		a.Forecast.Learn(a.q, a.local, a.signals.doubt() != "", a.took)
	}
}
