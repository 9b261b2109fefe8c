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
	"github.com/a472be26/cusp/router/record"
)

// lateDetail marks the receipt of a late answer.
const lateDetail = "late answer"

// late takes a cloud answer that nobody waits for any more: it is recorded in
// place of the provisional one, and goes to the asker over MQTT if that is how
// the question came. An asker at the socket finds it under the question's id.
// With an error it comes again.
func (d *device) late(q router.Question, c router.CloudAnswer, failure error) error {
	q, a, err := d.recordLate(q, c, failure)
	if err != nil || a.Receipt.ID == "" || q.Asker != askerIoT {
		return err
	}
	return d.deliver(q, a)
}

const askerIoT = "iot" // of a question that came over MQTT

// recordLate keeps a late answer, once, however often it comes: it is offered
// again when one of two processes dies between taking it and saying so. An error
// means that it is not on disk. The answer is for the asker; one without a receipt is
// for nobody.
func (d *device) recordLate(q router.Question, c router.CloudAnswer, failure error) (router.Question, router.Answer, error) {
	if q.Asker == askerAudit {
		if d.promises != nil {
			d.promises.answered(q, c, failure)
		}
		return q, router.Answer{}, nil
	}
	if failure != nil {
		d.log.Warn("question stays without an answer of the cloud", "id", q.ID, "error", failure)
		return q, router.Answer{}, nil
	}
	before, err := d.answers.Find(d.ctx, q.ID)
	if err != nil && !errors.Is(err, api.ErrNotFound) {
		return q, router.Answer{}, err
	}
	if before.Receipt.Route == router.RouteCloud && sameQuestion(before.Question, q) {
		return q, router.Answer{Text: before.Text, Reasoning: before.Reasoning, ToolCalls: before.ToolCalls, Finish: before.Finish, Receipt: before.Receipt}, nil
	}
	a := router.Answer{Text: c.Text, Reasoning: c.Reasoning, ToolCalls: c.ToolCalls, Finish: c.Finish, Receipt: lateReceipt(q, before.Receipt, c, time.Now())}
	if err := d.answers.appendSynced(record.Entry{Question: q, Answer: a.Text, ToolCalls: a.ToolCalls, Receipt: a.Receipt, LocalAnswer: before.Text}); err != nil {
		return q, router.Answer{}, fmt.Errorf("record the late answer %s: %w", q.ID, err)
	}
	d.answers.remember(q, a, "cloud/late")
	d.log.Info("late answer", "id", q.ID, "model", c.Model)
	return q, a, nil
}

// sameQuestion tells whether what is kept is the question: an id may be used again
// for another one. Where no text is kept the id has to do.
func sameQuestion(kept, q router.Question) bool {
	x, errX := json.Marshal(kept.Messages)
	y, errY := json.Marshal(q.Messages)
	return len(kept.Messages) == 0 || errX == nil && errY == nil && bytes.Equal(x, y)
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
func lateReceipt(q router.Question, before router.Receipt, c router.CloudAnswer, now time.Time) router.Receipt {
	r := router.Receipt{
		ID: q.ID, Time: now.UTC(), Route: router.RouteCloud, Reason: router.ReasonDeadline, Model: c.Model,
		Confidence: before.Confidence, Threshold: before.Threshold,
		PromptTokens: c.PromptTokens, CompletionTokens: c.CompletionTokens,
		BytesUp: c.BytesUp, BytesDown: c.BytesDown, Detail: lateDetail,
	}
	if !before.Time.IsZero() {
		r.LatencyMS = float64(now.Sub(before.Time).Microseconds()) / 1000
	}
	return r
}
