package daemon

import (
	"context"
	"slices"
	"time"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/record"
)

// lateDetail marks the receipt of a late answer.
const lateDetail = "late answer"

// late takes a cloud answer that nobody waits for any more: it is recorded in
// place of the provisional one, and goes to the asker over MQTT if that is how
// the question came. An asker at the socket finds it under the question's id.
// An error means that the asker could not be told yet.
func (d *device) late(q router.Question, c router.CloudAnswer, err error) error {
	if q.Asker == askerAudit {
		if d.promises != nil {
			d.promises.answered(q, c, err)
		}
		return nil
	}
	if err != nil {
		d.log.Warn("question stays without an answer of the cloud", "id", q.ID, "error", err)
		return nil
	}
	before, _ := d.answers.recall(q.ID)
	a := router.Answer{Text: before.Text, ToolCalls: before.ToolCalls, Finish: before.Finish, Receipt: before.Receipt}
	if before.Receipt.Detail != lateDetail || before.Text != c.Text || !slices.Equal(before.ToolCalls, c.ToolCalls) { // else it is kept, and offered again
		a = router.Answer{Text: c.Text, Reasoning: c.Reasoning, ToolCalls: c.ToolCalls, Finish: c.Finish, Receipt: lateReceipt(q, before.Receipt, c, time.Now())}
		d.answers.remember(q, a, "cloud/late")
		d.answers.append(record.Entry{Question: q, Answer: a.Text, ToolCalls: a.ToolCalls, Receipt: a.Receipt, LocalAnswer: before.Text})
		d.log.Info("late answer", "id", q.ID, "model", c.Model)
	}
	if q.Asker != "iot" {
		return nil
	}
	return d.deliver(q, a)
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
		BytesUp: c.BytesUp, BytesDown: c.BytesDown, CostUSD: c.CostUSD, Detail: lateDetail,
	}
	if !before.Time.IsZero() {
		r.LatencyMS = float64(now.Sub(before.Time).Microseconds()) / 1000
	}
	return r
}
