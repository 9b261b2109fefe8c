package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/privacy"
	"github.com/a472be26/cusp/router/record"
)

// lateDetail marks the receipt of a late answer.
const lateDetail = "late answer"

// late takes a cloud answer that nobody waits for any more: it is recorded in
// place of the provisional one, and goes to the asker over MQTT if that is how
// the question came. An asker at the socket finds it under the question's id.
// With an error it comes again.
func (d *device) late(q router.Question, c router.CloudAnswer, failure error) error {
	asked, a, err := d.recordLate(q, c, failure)
	if err == nil && a.Receipt.ID != "" && q.Asker == askerIoT {
		err = d.deliver(asked, a)
	}
	if err == nil && q.Redacted {
		d.guard.Forget(q.ID)
	}
	return err
}

const askerIoT = "iot" // of a question that came over MQTT

// recordLate keeps a late answer, once, however often it comes: it is offered
// again when one of two processes dies between taking it and saying so. It returns
// the question as it was asked, and the answer for its asker; one without a receipt is
// for nobody. An error means that it is not on disk.
func (d *device) recordLate(q router.Question, c router.CloudAnswer, failure error) (router.Question, router.Answer, error) {
	if d.budget != nil {
		d.budget.Settle(q, c, failure)
	}
	if err := d.underway.wait(d.ctx, q.ID); err != nil { // the answer that is given goes first
		return q, router.Answer{}, err
	}
	if failure != nil && q.Asker != askerAudit {
		d.log.Warn("question stays without an answer of the cloud", "id", q.ID, "error", failure)
		return q, router.Answer{}, nil
	}
	before, err := d.answers.Find(d.ctx, q.ID)
	if err != nil && !errors.Is(err, api.ErrNotFound) {
		return q, router.Answer{}, err
	}
	late := privacy.Restored{Question: q, Answer: c}
	var forgotten error
	if q.Redacted && failure == nil {
		late, forgotten = d.guard.Restore(q, c)
	}
	switch {
	case before.Receipt.Route == router.RouteCloud && d.sameQuestion(before.Question, q, late.Question):
		a := d.again(before)
		return late.Question, a, nil
	case forgotten != nil:
		d.log.Warn("late answer was dropped", "id", q.ID, "error", forgotten)
		return q, router.Answer{}, nil
	case q.Asker == askerAudit || q.Early && d.unneeded(before):
		if d.promises != nil {
			d.promises.answered(late.Question, late.Answer, failure)
		}
		return q, router.Answer{}, nil
	}
	a, err := d.keepLate(late, before)
	return late.Question, a, err
}

// again is a late answer that was kept before, with what was hidden in it put back.
func (d *device) again(e api.Entry) router.Answer {
	a := router.Answer{Text: e.Text, Reasoning: e.Reasoning, ToolCalls: e.ToolCalls, Finish: e.Finish, Receipt: e.Receipt}
	if !e.Question.Redacted {
		return a
	}
	if late, err := d.guard.Restore(e.Question, router.CloudAnswer{Text: a.Text, Reasoning: a.Reasoning, ToolCalls: a.ToolCalls}); err == nil {
		a.Text, a.Reasoning, a.ToolCalls = late.Answer.Text, late.Answer.Reasoning, late.Answer.ToolCalls
	}
	return a
}

// keepLate puts a late answer in the place of the provisional one.
func (d *device) keepLate(late privacy.Restored, before api.Entry) (router.Answer, error) {
	q, c := late.Question, late.Answer
	a := router.Answer{Text: c.Text, Reasoning: c.Reasoning, ToolCalls: c.ToolCalls, Finish: c.Finish, Receipt: lateReceipt(late, before.Receipt, time.Now())}
	if err := d.answers.appendSynced(record.Entry{Question: q, Answer: a.Text, ToolCalls: a.ToolCalls, Receipt: a.Receipt, LocalAnswer: before.Text}); err != nil {
		return router.Answer{}, fmt.Errorf("record the late answer %s: %w", q.ID, err)
	}
	d.answers.remember(q, a, "cloud/late")
	d.log.Info("late answer", "id", q.ID, "model", c.Model)
	return a, nil
}

// sameQuestion tells whether what is kept is the question, as it was sent, asked or
// recorded: an id may be used again for another one. Where no text is kept the id has
// to do.
func (d *device) sameQuestion(kept, sent, asked router.Question) bool {
	if len(kept.Messages) == 0 {
		return true
	}
	recorded := Hidden(d.guard, record.Entry{Question: asked}).Question
	x, err := json.Marshal(kept.Messages)
	for _, q := range []router.Question{sent, asked, recorded} {
		if y, errY := json.Marshal(q.Messages); err == nil && errY == nil && bytes.Equal(x, y) {
			return true
		}
	}
	return false
}

// deliver waits for the front door, which opens after the uplink.
func (d *device) deliver(q router.Question, a router.Answer) error {
	select {
	case <-d.open:
	case <-d.ctx.Done():
		return context.Cause(d.ctx)
	}
	if d.door == nil {
		return nil // the front door was switched off in the meantime
	}
	return d.door.Late(q, a)
}

// lateReceipt keeps what is known of the first attempt, if this process made it.
func lateReceipt(late privacy.Restored, before router.Receipt, now time.Time) router.Receipt {
	c := late.Answer
	r := router.Receipt{
		ID: late.Question.ID, Time: now.UTC(), Route: router.RouteCloud, Reason: router.ReasonDeadline, Model: c.Model,
		Confidence: before.Confidence, Threshold: before.Threshold,
		PromptTokens: c.PromptTokens, CompletionTokens: c.CompletionTokens,
		BytesUp: c.BytesUp, BytesDown: c.BytesDown, CostUSD: c.CostUSD, Detail: lateDetail, Redactions: late.Redactions,
	}
	if before.Reason == router.ReasonFollows {
		r.Reason = router.ReasonFollows
	}
	r.Rule, r.Early = before.Rule, late.Question.Early
	if !before.Time.IsZero() {
		r.LatencyMS = float64(now.Sub(before.Time).Microseconds()) / 1000
	}
	return r
}
