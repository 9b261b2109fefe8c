package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/sample"
	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/privacy"
	"github.com/a472be26/cusp/router/record"
)

// remembered is how many answers are kept in memory, and rememberedBytes how
// much text of theirs, private ones included; the records on disk hold more,
// but no private text.
const (
	remembered      = 256
	rememberedBytes = 4 << 20
)

// answers keeps what was answered, counts it, and finds it again.
type answers struct {
	records *record.Log    // nil: in memory only
	guard   *privacy.Guard // nil: records keep texts as they are
	log     *slog.Logger
	observe func(router.Receipt) // every answer, but for late ones; nil: nobody does

	mu      sync.Mutex // guards the fields below
	latest  map[string]api.Entry
	order   []string // ids in latest, oldest first
	bytes   int      // of text in latest
	counted map[string]int
	failed  int
}

var (
	_ api.Archive = (*answers)(nil)
	_ api.Eraser  = (*answers)(nil)
)

func newAnswers(records *record.Log, log *slog.Logger) *answers {
	return &answers{records: records, log: log, latest: map[string]api.Entry{}, counted: map[string]int{}}
}

// keep is the router's Record.
func (a *answers) keep(q router.Question, local string, answer router.Answer) {
	r := answer.Receipt
	if a.observe != nil {
		a.observe(r)
	}
	a.remember(q, answer, string(r.Route)+"/"+string(r.Reason))
	a.log.Info("answered", "id", r.ID, "asker", q.Asker, "route", string(r.Route), "reason", string(r.Reason), "model", r.Model,
		"latency_ms", r.LatencyMS, "prompt_tokens", r.PromptTokens, "completion_tokens", r.CompletionTokens)
	a.append(record.Entry{Question: q, Answer: answer.Text, ToolCalls: answer.ToolCalls, Receipt: answer.Receipt, LocalAnswer: local})
}

// audited keeps what the cloud said to a question that was answered locally: it
// is a lesson for the next model.
func (a *answers) audited(r router.Review, c router.CloudAnswer) {
	receipt := router.Receipt{
		ID: r.Question.ID, Time: time.Now().UTC(), Route: router.RouteCloud, Reason: router.ReasonAudit, Model: c.Model,
		Confidence: r.Answer.Receipt.Confidence, Threshold: r.Answer.Receipt.Threshold, Detail: "of " + r.Answer.Receipt.ID,
		PromptTokens: c.PromptTokens, CompletionTokens: c.CompletionTokens, BytesUp: c.BytesUp, BytesDown: c.BytesDown,
	}
	a.count(string(router.RouteCloud) + "/" + string(router.ReasonAudit))
	a.append(record.Entry{Question: r.Question, Answer: c.Text, ToolCalls: c.ToolCalls, Receipt: receipt, LocalAnswer: said(r.Local)})
}

func (a *answers) count(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.counted[what]++
}

// append writes to the records. A failure costs the lesson, not the answer.
func (a *answers) append(e record.Entry) {
	if a.records == nil {
		return
	}
	if e.Receipt.Route != router.RouteCloud {
		e.LocalAnswer = "" // it is the answer
	}
	if err := a.records.Append(Hidden(a.guard, e)); err != nil {
		a.log.Error("answer was not recorded", "id", e.Receipt.ID, "error", err)
	}
}

// appendSynced writes to the records and returns once that is on disk. What is too
// large for them is left out: it would not get smaller.
func (a *answers) appendSynced(e record.Entry) error {
	if a.records == nil {
		return nil
	}
	err := a.records.Append(Hidden(a.guard, e))
	if errors.Is(err, record.ErrTooLarge) {
		a.log.Error("answer was not recorded", "id", e.Receipt.ID, "error", err)
		return nil
	}
	return errors.Join(err, a.records.Sync())
}

// remember keeps the answer in memory and counts it under what.
func (a *answers) remember(q router.Question, answer router.Answer, what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.counted[what]++
	before, again := a.latest[q.ID]
	if !again {
		a.order = append(a.order, q.ID)
	}
	e := api.Entry{Question: q, Text: answer.Text, Reasoning: answer.Reasoning, ToolCalls: answer.ToolCalls, Finish: answer.Finish, Receipt: answer.Receipt}
	a.latest[q.ID] = e
	a.bytes += textBytes(e) - textBytes(before)
	for len(a.order) > remembered || a.bytes > rememberedBytes && len(a.order) > 1 {
		oldest := a.order[0]
		a.bytes -= textBytes(a.latest[oldest])
		delete(a.latest, oldest)
		a.order = a.order[1:]
	}
}

// textBytes is how much text an entry holds.
func textBytes(e api.Entry) int {
	o := e.Question.Options
	n := router.Message{Content: e.Text, Reasoning: e.Reasoning, ToolCalls: e.ToolCalls}.Bytes() +
		len(e.Question.Prompt) + 4*len(e.Question.PromptTokens) + len(o.Tools) + len(o.ResponseFormat) + len(o.Grammar)
	for _, m := range e.Question.Messages {
		n += m.Bytes()
	}
	return n
}

// failure counts a question that got no answer.
func (a *answers) failure() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failed++
}

// Find looks in memory and then in the records.
func (a *answers) Find(_ context.Context, id string) (api.Entry, error) {
	if e, ok := a.recall(id); ok {
		return e, nil
	}
	if a.records == nil {
		return api.Entry{}, api.ErrNotFound
	}
	e, found, err := a.records.Get(id)
	if err != nil {
		return api.Entry{}, fmt.Errorf("look up answer %s: %w", id, err)
	}
	if !found {
		return api.Entry{}, api.ErrNotFound
	}
	return api.Entry{Question: e.Question, Text: e.Answer, ToolCalls: e.ToolCalls, Receipt: e.Receipt}, nil
}

// Erase forgets answers in memory and deletes them from the records.
func (a *answers) Erase(_ context.Context, ids []string, before time.Time) (int, error) {
	which := record.Which(ids, before)
	a.mu.Lock()
	a.order = slices.DeleteFunc(a.order, func(id string) bool {
		e := a.latest[id]
		if !which(record.Entry{Question: e.Question, Receipt: e.Receipt}) {
			return false
		}
		a.bytes -= textBytes(e)
		delete(a.latest, id)
		return true
	})
	a.mu.Unlock()
	if a.records == nil {
		return 0, nil
	}
	n, err := a.records.Delete(which)
	if err != nil {
		return n, fmt.Errorf("delete answers: %w", err)
	}
	return n, nil
}

func (a *answers) recall(id string) (api.Entry, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e, ok := a.latest[id]
	return e, ok
}

// Counters are numbers since the start.
type Counters struct {
	Answered map[string]int `json:"answered"` // by "route/reason"; "cloud/late" came after a provisional answer, "cloud/audit" was only compared
	Failed   int            `json:"failed"`   // questions without any answer
}

func (a *answers) counters() Counters {
	a.mu.Lock()
	defer a.mu.Unlock()
	return Counters{Answered: maps.Clone(a.counted), Failed: a.failed}
}

// After how many seconds a client may ask again that came when too many questions
// waited, or when there was too little memory.
const (
	busyPause   = 1
	memoryPause = 5
)

// counting is the router with failures counted, and with a prompt that is too
// long, an option that the model cannot have, or a question too many, told apart
// from other failures, as OpenAI's clients know it.
type counting struct {
	api.Answerer
	answers  *answers
	underway *underway // nil: nobody asks
}

func (c counting) Answer(ctx context.Context, q router.Question, emit func(router.Delta) error) (router.Answer, error) {
	q.ID = cmp.Or(q.ID, router.NewID())
	defer c.underway.begin(q.ID)()
	a, err := c.Answerer.Answer(ctx, q, emit)
	if err != nil && ctx.Err() == nil {
		c.answers.failure()
	}
	if errors.Is(err, context.DeadlineExceeded) { // the cloud may yet answer
		return a, err
	}
	if q.Prompt != "" || len(q.PromptTokens) > 0 {
		return a, asClientError(err, "prompt")
	}
	return a, asClientError(err, "messages")
}

// asClientError is err as a client may read it: what it can do something about
// has a status and a code of its own. prompt is the parameter that has the text.
func asClientError(err error, prompt string) error {
	var option *sample.OptionError
	switch {
	case errors.Is(err, infer.ErrBusy):
		return &api.Error{Status: http.StatusTooManyRequests, Type: "rate_limit_error", Code: "busy", RetryAfter: busyPause, Message: cause(err, infer.ErrBusy)}
	case errors.Is(err, ErrMemory):
		return &api.Error{Status: http.StatusServiceUnavailable, Type: "server_error", Code: "memory_pressure", RetryAfter: memoryPause, Message: cause(err, ErrMemory)}
	case errors.As(err, &option):
		return &api.Error{Status: http.StatusBadRequest, Type: "invalid_request_error", Param: option.Option, Message: option.Problem}
	case errors.Is(err, infer.ErrContext):
		return &api.Error{Status: http.StatusBadRequest, Type: "invalid_request_error", Param: prompt, Code: "context_length_exceeded", Message: cause(err, infer.ErrContext)}
	}
	return err
}

// cause is what was said where target arose, without what others said on the way:
// that a question found no model is no news if its prompt was too long for it.
func cause(err, target error) string {
	for {
		next := errors.Unwrap(err)
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range many.Unwrap() {
				if errors.Is(e, target) {
					next = e
				}
			}
		}
		if next == nil || next == target {
			return err.Error()
		}
		err = next
	}
}
