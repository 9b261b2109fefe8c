package cloud

import (
	"errors"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/uplink"
)

// maxDelta is how much text one message carries: far below what
// [uplink.DecodeAnswer] takes, however much JSON escaping adds.
const maxDelta = 32 << 10

// run is one run of the model over one question: the messages of its answer
// in order, kept so that a repeated ask is answered with the very same ones.
// It publishes by itself and is safe for concurrent use.
type run struct {
	id, name string // of the question and of this run
	coalesce time.Duration
	publish  func(uplink.Answer) error
	keep     func([]uplink.Answer) // gets a whole answer before its end is sent; nil: nobody keeps it

	mu       sync.Mutex      // guards the fields below
	messages []uplink.Answer // seq is the index
	size     int             // bytes in messages, about
	sent     int             // how many were published
	pending  []byte          // text for the next message
	total    int             // bytes of text so far
	timer    *time.Timer
	done     bool
}

func newRun(id string, coalesce time.Duration, publish func(uplink.Answer) error) *run {
	return &run{id: id, name: uplink.RandomID(), coalesce: coalesce, publish: publish}
}

// emit adds text. The first piece goes out at once, later ones are gathered
// for a moment: a message for every token would mostly be headers.
func (r *run) emit(delta string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done {
		return errors.New("the run is over")
	}
	if r.total += len(delta); r.total > uplink.MaxTextBytes {
		return &Error{Code: CodeBadAnswer, Err: fmt.Errorf("answer is longer than %d bytes", uplink.MaxTextBytes)}
	}
	r.pending = append(r.pending, delta...)
	switch {
	case len(r.messages) == 0 || len(r.pending) >= maxDelta:
		r.flush()
	case r.timer == nil:
		r.timer = time.AfterFunc(r.coalesce, func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.timer = nil
			r.flush()
		})
	}
	return nil
}

// flush makes messages of the pending text. The caller holds mu.
func (r *run) flush() {
	for len(r.pending) > 0 && !r.done {
		n := wholeRunes(r.pending, maxDelta)
		r.add(uplink.Answer{Delta: string(r.pending[:n])})
		r.pending = r.pending[n:]
	}
	r.send()
}

// wholeRunes is how many bytes of text, at most limit, end between two runes.
func wholeRunes(text []byte, limit int) int {
	if len(text) <= limit {
		return len(text)
	}
	for limit > 1 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return limit
}

// finish ends the run with c; its reasoning and tool calls were not emitted.
func (r *run) finish(c Completion) {
	r.mu.Lock()
	r.flush() // the text comes before the calls
	for _, m := range rest(c) {
		r.add(m)
	}
	r.mu.Unlock()
	r.end(uplink.Answer{
		Finish: c.Finish, Model: c.Model,
		Usage: &uplink.Usage{PromptTokens: c.PromptTokens, CompletionTokens: c.CompletionTokens, CostUSD: c.CostUSD},
	})
}

// rest are the reasoning and the tool calls of a completion as messages that are
// not too large.
func rest(c Completion) (all []uplink.Answer) {
	for text := []byte(c.Reasoning); len(text) > 0; {
		n := wholeRunes(text, maxDelta)
		all = append(all, uplink.Answer{Reasoning: string(text[:n])})
		text = text[n:]
	}
	for i, call := range c.ToolCalls {
		d := router.CallDelta{Index: i, ID: call.ID, Name: call.Name}
		for text := []byte(call.Arguments); ; {
			n := wholeRunes(text, maxDelta)
			d.Arguments, text = string(text[:n]), text[n:]
			all = append(all, uplink.Answer{Calls: []router.CallDelta{d}})
			if len(text) == 0 {
				break
			}
			d = router.CallDelta{Index: i}
		}
	}
	return all
}

// fail ends the run with e.
func (r *run) fail(e *Error) {
	r.end(uplink.Answer{Error: &uplink.Failed{
		Code: e.Code, Message: fmt.Sprintf("%.400s", e.Err.Error()), Retryable: e.Retryable, RetryAfterMS: e.RetryAfter.Milliseconds(),
	}})
}

func (r *run) end(last uplink.Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done {
		return
	}
	if r.timer != nil {
		r.timer.Stop()
	}
	r.flush()
	last.Done = true
	r.add(last)
	r.done = true
	if r.keep != nil && last.Error == nil {
		r.keep(r.messages)
	}
	r.send()
}

// messageBytes is what a message takes beside what it carries, about.
const messageBytes = 256

// add numbers a message. The caller holds mu.
func (r *run) add(m uplink.Answer) {
	m.ID, m.Run, m.Seq = r.id, r.name, len(r.messages)
	r.messages = append(r.messages, m)
	r.size += m.Bytes() + messageBytes
}

// send publishes what was not published yet; what the connection does not
// take now goes out with the next message, or with resend. The caller holds mu.
func (r *run) send() {
	for r.sent < len(r.messages) {
		if r.publish(r.messages[r.sent]) != nil {
			return
		}
		r.sent++
	}
}

// resend publishes what a lost connection held up.
func (r *run) resend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.send()
}

// replay publishes the whole answer so far once more.
func (r *run) replay() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = 0
	r.send()
}

// alive tells the device that its question is in hand.
func (r *run) alive() {
	_ = r.publish(uplink.Answer{ID: r.id, Run: r.name, Alive: true}) // lost ones cost a repeated ask at most
}

// finished reports whether the run is over, and the bytes it keeps.
func (r *run) finished() (bool, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.done, r.size
}
