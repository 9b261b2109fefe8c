package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/calibrate"
	"github.com/a472be26/cusp/router/drift"
)

// askerAudit marks questions that only the review of the promise asks.
const askerAudit = "audit"

const (
	maxAudits  = 16 // on their way at a time; while there are more, nothing new is audited
	maxWatches = 4  // models whose reviews are kept
	saveEvery  = 64 // questions without a comparison, after which the review is saved
)

// promises keeps the promises of calibrations under review: it is the router's
// Watch, and asks the cloud what was answered locally.
type promises struct {
	cloud            router.Cloud
	share, agreement float64
	wait             time.Duration // for the answer to an audit
	file             string
	log              *slog.Logger
	changed          func()                                  // a threshold was raised or came back
	record           func(router.Review, router.CloudAnswer) // an audit's answer
	ctx              context.Context                         // ends when the daemon stops

	mu          sync.Mutex // guards the fields below
	watches     map[string]*drift.Watch
	calibration *calibrate.Calibration // of the latest question
	due         float64                // audits that the share allows and that were not begun
	audits      map[string]router.Review
	unsaved     int
}

var _ router.Watch = (*promises)(nil)

// open reads what an earlier process knew. What cannot be read is forgotten: the
// promise then counts as kept until something speaks against it.
func (p *promises) open() {
	p.watches, p.audits = map[string]*drift.Watch{}, map[string]router.Review{}
	text, err := os.ReadFile(p.file)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		err = json.Unmarshal(text, &p.watches)
	}
	if err != nil {
		p.log.Warn("review of the promise begins anew", "file", p.file, "error", err)
	}
	if err != nil || p.watches == nil { // the file says null
		p.watches = map[string]*drift.Watch{}
	}
	maps.DeleteFunc(p.watches, func(_ string, w *drift.Watch) bool { return w == nil })
}

// Threshold is what confidences must reach now.
func (p *promises) Threshold(c *calibrate.Calibration) float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.watch(c).Threshold
}

// watch is the review of a calibration's promise.
func (p *promises) watch(c *calibrate.Calibration) *drift.Watch {
	p.calibration = c
	if w := p.watches[c.Model]; w != nil {
		err := w.Check(c)
		if err == nil {
			return w
		}
		p.log.Warn("review of the promise begins anew", "error", err)
	}
	for len(p.watches) >= maxWatches {
		delete(p.watches, slices.MinFunc(slices.Collect(maps.Keys(p.watches)), func(a, b string) int {
			return p.watches[a].Since.Compare(p.watches[b].Since)
		}))
	}
	w := drift.New(c, time.Now().UTC())
	p.watches[c.Model] = w
	return w
}

// Review takes in a question, and compares or audits its local answer.
func (p *promises) Review(r router.Review) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := r.Local.Calibration
	p.moved(p.watch(c).Answer(c, r.Confidence, time.Now().UTC()))
	switch r.Decision.Route {
	case router.RouteCloud:
		p.compare(r, r.Answer)
	case router.RouteLocal:
		p.audit(r)
	}
	if p.unsaved++; p.unsaved >= saveEvery {
		p.save()
	}
}

// compare takes in what the cloud says to the same question.
func (p *promises) compare(r router.Review, cloud router.Answer) {
	c := r.Local.Calibration
	same := agreement(said(r.Local), said(router.LocalAnswer{Text: cloud.Text, ToolCalls: cloud.ToolCalls}))
	p.moved(p.watch(c).Compare(c, drift.Judged{Confidence: r.Confidence, Agreed: same >= p.agreement}, time.Now().UTC()))
	p.save()
}

// audit asks the cloud too, if it is this answer's turn.
func (p *promises) audit(r router.Review) {
	if r.Question.Privacy == router.Private || r.Question.LocalOnly() {
		return
	}
	p.due = min(p.due+p.share, 1)
	if p.due < 1-1e-9 || // a tenth ten times is a little less than 1
		len(p.audits) >= maxAudits || !p.cloud.Up() {
		return
	}
	p.due = 0
	q := r.Question
	if r.Early { // it is asked already
		p.audits[q.ID] = r
		return
	}
	q.ID = auditID(q.ID)
	q.Asker, q.Deadline = askerAudit, time.Time{}
	p.audits[q.ID] = r
	go p.ask(q)
}

// auditID is under what an audit of a question goes, and is recorded.
func auditID(id string) string {
	if id += ":audit"; router.CheckID(id) != nil {
		return router.NewID()
	}
	return id
}

// ask waits for the answer to an audit for a while. It may still come later.
func (p *promises) ask(q router.Question) {
	ctx, cancel := context.WithTimeout(p.ctx, p.wait)
	defer cancel()
	answer, err := p.cloud.Ask(ctx, q, func(string) error { return nil })
	if ctx.Err() == nil {
		p.answered(q, answer, err)
	}
}

// answered ends an audit. One that nobody remembers, from before a restart, is
// of no use any more.
func (p *promises) answered(q router.Question, cloud router.CloudAnswer, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, ok := p.audits[q.ID]
	if !ok {
		return
	}
	delete(p.audits, q.ID)
	if err != nil {
		p.log.Info("audit got no answer", "id", q.ID, "error", err)
		return
	}
	if q.Asker != askerAudit { // it was asked early, under its own id
		q.ID = auditID(q.ID)
	}
	p.compare(r, router.Answer{Text: cloud.Text, ToolCalls: cloud.ToolCalls})
	p.record(router.Review{Question: q, Local: r.Local, Confidence: r.Confidence, Decision: r.Decision, Answer: r.Answer}, cloud)
}

// moved tells the world when a threshold moved.
func (p *promises) moved(changed bool) {
	if !changed {
		return
	}
	w := p.watches[p.calibration.Model]
	level := slog.LevelInfo
	if w.State == drift.InDoubt {
		level = slog.LevelWarn
	}
	p.log.Log(context.Background(), level, "promise on local answers", "state", string(w.State), "cause", w.Cause, "threshold", w.Threshold, "model", w.Model)
	p.save()
	go p.changed() // asks for the status, and so for the lock
}

// save writes all reviews down.
func (p *promises) save() {
	p.unsaved = 0
	text, err := json.Marshal(p.watches)
	if err == nil {
		err = os.WriteFile(p.file+".new", append(text, '\n'), 0o600)
	}
	if err == nil {
		err = os.Rename(p.file+".new", p.file)
	}
	if err != nil {
		p.log.Warn("review of the promise is forgotten at the next restart", "error", err)
	}
}

// close keeps what was not saved yet.
func (p *promises) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.unsaved > 0 {
		p.save()
	}
	return nil
}

// PromiseStatus is how the promise of the serving model stands.
type PromiseStatus struct {
	State     drift.State `json:"state"`
	Cause     string      `json:"cause,omitempty"`
	Since     time.Time   `json:"since"`
	Alpha     float64     `json:"alpha"`     // at most this share of the local answers is wrong
	Threshold float64     `json:"threshold"` // that holds now; above 1: nothing is answered locally
	Answered  int         `json:"answered"`  // since then
	Audited   int         `json:"audited"`   // local answers that were compared with the cloud's, since then
	Disagreed int         `json:"disagreed"` // of these
}

// status is nil before the first question that a promise is about.
func (p *promises) status() *PromiseStatus {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.calibration == nil {
		return nil
	}
	w := p.watch(p.calibration)
	return &PromiseStatus{
		State: w.State, Cause: w.Cause, Since: w.Since, Alpha: p.calibration.Alpha, Threshold: w.Threshold,
		Answered: w.Answered, Audited: w.Audited, Disagreed: w.Disagreed,
	}
}

// line is the status in words.
func (s PromiseStatus) line() string {
	compared := fmt.Sprintf("%d of %d compared disagreed", s.Disagreed, s.Audited)
	if s.State == drift.Kept {
		return fmt.Sprintf("at most %g%% wrong: kept, threshold %.3f; %s", 100*s.Alpha, s.Threshold, compared)
	}
	threshold := fmt.Sprintf("threshold raised to %.3f", s.Threshold)
	if s.Threshold > 1 {
		threshold = "all to the cloud"
	}
	return fmt.Sprintf("at most %g%% wrong: IN DOUBT (%s), %s; %s", 100*s.Alpha, s.Cause, threshold, compared)
}
