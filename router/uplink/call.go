package uplink

import (
	"bytes"
	"fmt"
	"sync"
	"time"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/envelope"
)

// call is one accepted question in memory: the askers that wait for it and
// what has arrived of its answer. It ends exactly once.
type call struct {
	question router.Question
	enqueued time.Time
	expires  time.Time

	stored   chan struct{} // closed once the outbox has the question, or could not take it
	storeErr error         // set before stored is closed

	mu        sync.Mutex    // guards the fields below
	changed   chan struct{} // closed and replaced at every change
	entry     entry         // as in the outbox; State is waiting until the end
	waiters   int           // askers inside Ask
	delivered bool          // one of them has returned the outcome
	runs      []*assembly
	worker    string             // that is at it and can be asked to resume; empty: not known
	workerRun string             // its run
	secrets   []*envelope.Secret // of what was sent, the latest last
	trouble   *Failed            // why the current attempt must be repeated
	last      string             // the latest trouble of any attempt, for people
	hinted    string             // what an answer said that is not believed, in this attempt
	broken    int                // attempts in a row in which the link broke before a worker reacted
	accepted  bool               // a worker has reacted to the current attempt
	heard     time.Time
	up, down  int // payload bytes sent and received
}

func newCall(e entry) *call {
	return &call{
		question: e.Question, enqueued: e.Enqueued, expires: e.Expires, entry: e,
		stored: make(chan struct{}), changed: make(chan struct{}),
	}
}

// wake tells everyone to look again. The caller holds mu.
func (c *call) wake() {
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *call) join() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiters++
	c.wake()
}

func (c *call) leave(delivered bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiters--
	c.delivered = c.delivered || delivered
	c.wake()
}

// maxSecrets is how many attempts' answers can still be opened.
const maxSecrets = 8

// begin starts an attempt that sends n bytes; secret, if not nil, opens what is
// answered to it.
func (c *call) begin(n int, secret *envelope.Secret, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trouble, c.accepted, c.heard, c.hinted = nil, false, now, ""
	if secret != nil {
		c.secrets = append(c.secrets, secret)
		c.secrets = c.secrets[max(0, len(c.secrets)-maxSecrets):]
	}
	c.up += n
	for _, r := range c.runs {
		if !r.gap.IsZero() {
			r.gap = now
		}
	}
}

// secret is the one that opens e, or nil.
func (c *call) secret(e envelope.Envelope) *envelope.Secret {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.secrets {
		if s.Fits(e) {
			return s
		}
	}
	return nil
}

// resume is what to ask the worker for that is at it; ok is false if none is known.
func (c *call) resume() (worker string, r Resume, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.worker == "" {
		return "", Resume{}, false
	}
	r = Resume{ID: c.question.ID, Run: c.workerRun}
	for _, a := range c.runs {
		if a.run == c.workerRun {
			r.From, r.Missing = a.missing()
		}
	}
	return c.worker, r, true
}

// progress grows with everything that is put in order.
func (c *call) progress() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.runs {
		n += r.next
	}
	return n
}

// hint notes what may be the reason that no answer comes.
func (c *call) hint(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hinted = what
	c.last = what
}

// cut notes that the link broke during an attempt.
func (c *call) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.accepted {
		c.broken++
	}
}

// breaks is how often that happened in a row.
func (c *call) breaks() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.broken
}

// abandon forgets the worker: the next attempt asks all of them.
func (c *call) abandon(why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.worker, c.workerRun, c.last = "", "", why
}

// receive takes one message of size bytes from a worker.
func (c *call) receive(m Answer, size int, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entry.State != stateWaiting {
		return
	}
	c.down += size
	c.accepted, c.heard, c.broken = true, now, 0
	if m.Worker != "" && m.Run != "" && m.Error == nil {
		c.worker, c.workerRun = m.Worker, m.Run
	}
	if !m.Alive {
		c.assemble(m, now)
	}
	c.wake()
}

// assemble adds m to its run and ends the call with the run. The caller holds mu.
func (c *call) assemble(m Answer, now time.Time) {
	r := c.run(m.Run)
	if err := r.add(m, now); err != nil {
		c.fail(false, err.Error())
		return
	}
	switch {
	case r.last == nil:
	case r.last.Error == nil:
		c.succeed(r)
	case r.last.Error.Retryable:
		c.trouble = r.last.Error
		c.last = describe(r.last.Error)
		if c.workerRun == r.run {
			c.worker, c.workerRun = "", ""
		}
		c.drop(r)
	default:
		c.fail(r.last.Error.Code == CodeExpired, describe(r.last.Error))
	}
}

func describe(f *Failed) string { return fmt.Sprintf("%.64s: %.400s", f.Code, f.Message) }

// run finds or starts the assembly of a run; the oldest one gives way.
func (c *call) run(name string) *assembly {
	for _, r := range c.runs {
		if r.run == name {
			return r
		}
	}
	if len(c.runs) == maxRuns {
		c.drop(c.runs[0])
	}
	r := newAssembly(name)
	c.runs = append(c.runs, r)
	return r
}

func (c *call) drop(gone *assembly) {
	kept := c.runs[:0:0]
	for _, r := range c.runs {
		if r != gone {
			kept = append(kept, r)
		}
	}
	c.runs = kept
}

func (c *call) succeed(r *assembly) {
	c.entry.State = stateAnswered
	c.entry.Answer = &router.CloudAnswer{
		Text: string(r.text), Reasoning: string(r.reason), ToolCalls: r.calls, Finish: r.finish, Model: r.model,
		PromptTokens: r.usage.PromptTokens, CompletionTokens: r.usage.CompletionTokens, CostUSD: r.usage.CostUSD,
		BytesUp: c.up, BytesDown: c.down,
	}
}

func (c *call) fail(expired bool, why string) {
	c.entry.State, c.entry.Expired, c.entry.Failure = stateFailed, expired, why
}

// expire ends the call if nothing else did.
func (c *call) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entry.State != stateWaiting {
		return
	}
	why := "no answer until " + c.expires.UTC().Format(time.RFC3339)
	if c.last != "" {
		why += "; last attempt: " + c.last
	}
	c.fail(true, why)
	c.wake()
}

// retry notes a failed attempt and returns the entry as it must be stored.
func (c *call) retry(why string) entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entry.Attempts++
	c.last = why
	if c.hinted != "" {
		c.last += "; " + c.hinted
	}
	return c.entry
}

// view is a consistent look at a call.
type view struct {
	changed   <-chan struct{}
	entry     entry
	waiters   int
	delivered bool
	trouble   *Failed
	last      string
	accepted  bool
	heard     time.Time
	gap       time.Time // since when a message is missing; zero without a gap
	text      []byte    // of the run that has got furthest; never changed
}

func (v view) ended() bool { return v.entry.State != stateWaiting }

func (c *call) look() view {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := view{
		changed: c.changed, entry: c.entry, waiters: c.waiters, delivered: c.delivered,
		trouble: c.trouble, last: c.last, accepted: c.accepted, heard: c.heard,
	}
	for _, r := range c.runs {
		if len(r.text) > len(v.text) {
			v.text = r.text
		}
		if !r.gap.IsZero() && (v.gap.IsZero() || r.gap.Before(v.gap)) {
			v.gap = r.gap
		}
	}
	return v
}

// stream passes a growing text on to one asker, each byte once.
type stream struct {
	emit func(string) error
	sent []byte // what emit has had
}

// pass emits what text has beyond the part already sent. Text that does not
// begin with that part is left alone: another attempt may still get there.
func (s *stream) pass(text []byte) error {
	if s.emit == nil || len(text) <= len(s.sent) || !bytes.HasPrefix(text, s.sent) {
		return nil
	}
	delta := string(text[len(s.sent):])
	s.sent = text
	return s.emit(delta)
}
