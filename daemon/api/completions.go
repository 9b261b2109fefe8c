package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/a472be26/cusp/router"
)

const (
	defaultCompletion = 16 // tokens: OpenAI's
	maxLegacyLogProbs = 5  // OpenAI's
	maxPromptTokens   = maxTokens
)

// CompletionRequest is a decoded request to continue texts. For each prompt there
// are N questions, in the order of the choices.
type CompletionRequest struct {
	Request
	Prompts  []router.Question
	LogProbs *int // likeliest tokens beside each; nil: no log-probabilities
}

// wireCompletion is the part of OpenAI's CreateCompletionRequest that is read.
type wireCompletion struct {
	Model         string          `json:"model"`
	Prompt        json.RawMessage `json:"prompt"`
	Stream        bool            `json:"stream"`
	StreamOptions *streamOptions  `json:"stream_options"`
	MaxTokens     *int64          `json:"max_tokens"`
	Seed          *int64          `json:"seed"`
	N             *int64          `json:"n"`
	BestOf        *int64          `json:"best_of"`
	LogProbs      *int64          `json:"logprobs"`
	Echo          bool            `json:"echo"`
	Suffix        *string         `json:"suffix"`
	Stop          json.RawMessage `json:"stop"`
	IgnoreEOS     bool            `json:"ignore_eos"` // not OpenAI's
	Grammar       string          `json:"grammar"`    // not OpenAI's
	Cusp          *extension      `json:"cusp"`
	wireSampling
}

// DecodeCompletion reads the body of a request to continue texts, as
// [DecodeRequest] does that of a chat.
func DecodeCompletion(body []byte, now time.Time) (CompletionRequest, error) {
	var w wireCompletion
	if err := decodeBody(body, &w); err != nil {
		return CompletionRequest{}, err
	}
	return w.request(now)
}

func (w *wireCompletion) request(now time.Time) (CompletionRequest, error) {
	r := CompletionRequest{Request: Request{Model: w.Model, Stream: w.Stream}}
	r.IncludeUsage = w.StreamOptions != nil && w.StreamOptions.IncludeUsage
	r.Question.Asker = "api"
	err := w.refuse()
	if err != nil {
		return r, err
	}
	if r.N, err = choices(w.N); err != nil {
		return r, err
	}
	if w.BestOf != nil && *w.BestOf != int64(r.N) {
		return r, invalid("best_of", "best_of is %d; only that of n, %d, is supported", *w.BestOf, r.N)
	}
	if err = w.options(&r); err != nil {
		return r, err
	}
	if err = w.Cusp.apply(&r.Question, now); err != nil {
		return r, err
	}
	texts, err := texts(w.Prompt, "prompt", maxChoices/r.N)
	if err != nil {
		return r, err
	}
	r.N *= len(texts)
	if err := r.checkIDs(); err != nil {
		return r, err
	}
	r.spread(texts)
	return r, nil
}

func (w *wireCompletion) refuse() error {
	if w.Echo {
		return invalid("echo", "echo is not supported; put the prompt before the text yourself")
	}
	if w.Suffix != nil && *w.Suffix != "" {
		return invalid("suffix", "suffix is not supported; a text can only be continued")
	}
	return nil
}

func (w *wireCompletion) options(r *CompletionRequest) error {
	o := &r.Question.Options
	o.Seed, o.IgnoreEOS, o.Grammar, o.MaxTokens = w.Seed, w.IgnoreEOS, w.Grammar, defaultCompletion
	var err error
	if w.MaxTokens != nil {
		if o.MaxTokens, err = tokenLimit("max_tokens", w.MaxTokens); err != nil {
			return err
		}
	}
	if o.Stop, err = stops(w.Stop); err != nil {
		return err
	}
	if err := within("logprobs", w.LogProbs, 0, maxLegacyLogProbs); err != nil {
		return err
	}
	if w.LogProbs != nil {
		n := int(*w.LogProbs)
		r.LogProbs, o.LogProbs, o.TopLogProbs = &n, true, n
	}
	return w.sampling(o)
}

// spread makes the questions, choice by choice.
func (r *CompletionRequest) spread(texts []Text) {
	each := r.N / len(texts)
	for i := range r.N {
		q := r.Question.Nth(i)
		q.Prompt, q.PromptTokens = texts[i/each].Text, texts[i/each].Tokens
		r.Prompts = append(r.Prompts, q)
	}
}

// Text is a text as it is, or in tokens of the model if there are any.
type Text struct {
	Text   string
	Tokens []int32
}

// texts reads one or several texts, each a string or a list of tokens; none may
// be empty.
func texts(raw json.RawMessage, param string, most int) ([]Text, error) {
	var all []Text
	var one string
	var tokens []int32
	var list []json.RawMessage
	switch {
	case absent(raw):
		return nil, invalid(param, "%s is missing", param)
	case json.Unmarshal(raw, &one) == nil:
		all = []Text{{Text: one}}
	case json.Unmarshal(raw, &list) == nil && len(list) == 0:
		return nil, invalid(param, "%s is empty", param)
	case json.Unmarshal(raw, &tokens) == nil:
		all = []Text{{Tokens: tokens}}
	default:
		for i, item := range list {
			var t Text
			if json.Unmarshal(item, &t.Text) != nil && json.Unmarshal(item, &t.Tokens) != nil {
				return nil, invalid(param, "%s[%d] must be a string or an array of token ids", param, i)
			}
			all = append(all, t)
		}
	}
	if all == nil {
		return nil, invalid(param, "%s must be a string, an array of token ids, or an array of these", param)
	}
	if len(all) > most {
		return nil, invalid(param, "%s has %d texts; at most %d are supported here", param, len(all), most)
	}
	for i, t := range all {
		if t.Text == "" && len(t.Tokens) == 0 {
			return nil, invalid(param, "%s: text %d is empty", param, i)
		}
		if len(t.Tokens) > maxPromptTokens {
			return nil, invalid(param, "%s: text %d has %d tokens; at most %d are supported", param, i, len(t.Tokens), maxPromptTokens)
		}
	}
	return all, nil
}

// textCompletion is OpenAI's object, whole and as an event of a stream.
type textCompletion struct {
	ID      string          `json:"id"`
	Object  string          `json:"object"`
	Created int64           `json:"created"`
	Model   string          `json:"model"`
	Choices []textChoice    `json:"choices"`
	Usage   *usage          `json:"usage,omitempty"`
	Cusp    *router.Receipt `json:"cusp,omitempty"`
}

type textChoice struct {
	Index    int             `json:"index"`
	Text     string          `json:"text"`
	LogProbs *textLogProbs   `json:"logprobs"`
	Finish   *string         `json:"finish_reason"`
	Cusp     *router.Receipt `json:"cusp,omitempty"`
}

// completions answers POST /v1/completions.
func (s *Server) completions(w http.ResponseWriter, r *http.Request) {
	created := time.Now()
	body, err := s.body(w, r)
	if err != nil {
		s.fail(w, asError(err))
		return
	}
	req, err := DecodeCompletion(body, created)
	if err == nil {
		err = s.answers(req.Model)
	}
	if err != nil {
		s.fail(w, asError(err))
		return
	}
	out := &textEvents{events: sse{w: w}, req: req, log: make([]textLog, req.N), head: textCompletion{
		ID: req.Question.ID, Object: "text_completion", Created: created.Unix(), Model: requested(req.Model),
	}}
	emit := out.piece
	if !req.Stream {
		emit = nil
	}
	all, err := s.askAll(r.Context(), req.Prompts, emit)
	switch {
	case err != nil && (!req.Stream || !out.events.open):
		s.failed(w, r, req.Question, err)
	case err != nil:
		s.broken(r, req.Question, &out.events, err)
	case req.Stream:
		s.left(req.Question, out.finish(all))
	default:
		w.Header().Set(routeHeader, route(all))
		s.send(w, http.StatusOK, req.whole(out.head, all))
	}
}

// whole is the answer without a stream.
func (r CompletionRequest) whole(head textCompletion, all []router.Answer) textCompletion {
	head.Model, head.Usage, head.Cusp = all[0].Receipt.Model, r.usage(all), &all[0].Receipt
	for i, a := range all {
		head.Choices = append(head.Choices, r.choice(i, a, all))
	}
	return head
}

func (r CompletionRequest) choice(i int, a router.Answer, all []router.Answer) textChoice {
	reason := finishReason(a.Finish)
	return textChoice{Index: i, Text: a.Text, LogProbs: new(textLog).next(a.LogProbs, r.LogProbs), Finish: &reason, Cusp: ownReceipt(all, i)}
}

// usage counts each prompt once, however often it was continued.
func (r CompletionRequest) usage(all []router.Answer) *usage {
	u := &usage{}
	for i, a := range all {
		if i == 0 || !sameText(r.Prompts[i], r.Prompts[i-1]) {
			u.Prompt += a.Receipt.PromptTokens
		}
		u.Completion += a.Receipt.CompletionTokens
	}
	u.Total = u.Prompt + u.Completion
	return u
}

func sameText(a, b router.Question) bool {
	return a.Prompt == b.Prompt && len(a.PromptTokens) == len(b.PromptTokens) &&
		(len(a.PromptTokens) == 0 || &a.PromptTokens[0] == &b.PromptTokens[0])
}

// textEvents writes the events of continued texts.
type textEvents struct {
	req  CompletionRequest
	head textCompletion

	mu     sync.Mutex // held while an event is written; guards the fields below while answers come
	events sse
	log    []textLog // by choice
}

func (e *textEvents) piece(i int, d router.Delta) error {
	if d.Text == "" {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return errors.Join(e.choice(textChoice{Index: i, Text: d.Text, LogProbs: e.log[i].next(d.LogProbs, e.req.LogProbs)}), e.events.flush())
}

func (e *textEvents) choice(c textChoice) error {
	e.events.begin(routeHeader)
	out := e.head
	out.Choices = []textChoice{c}
	return e.events.event("", out)
}

// finish sends the end of each choice, the usage when asked for, and the receipt
// with whichever event is the last.
func (e *textEvents) finish(all []router.Answer) error {
	e.events.begin(routeHeader)
	e.events.w.Header().Set(routeHeader, route(all))
	var errs []error
	for i, a := range all {
		e.head.Model = a.Receipt.Model
		last := e.req.choice(i, a, all)
		last.Text, last.LogProbs = "", e.log[i].next(untold(a.LogProbs, e.log[i].told), e.req.LogProbs)
		if i == len(all)-1 && !e.req.IncludeUsage {
			e.head.Cusp = &all[0].Receipt
		}
		errs = append(errs, e.choice(last))
	}
	if e.req.IncludeUsage {
		total := e.head
		total.Choices, total.Usage, total.Cusp = []textChoice{}, e.req.usage(all), &all[0].Receipt
		errs = append(errs, e.events.event("", total))
	}
	return errors.Join(append(errs, e.events.done())...)
}

// askAll asks all questions at the same time and passes each answer to emit,
// which may be nil. Each is routed for itself. The first failure ends them all.
func (s *Server) askAll(ctx context.Context, all []router.Question, emit func(i int, d router.Delta) error) ([]router.Answer, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	answers := make([]router.Answer, len(all))
	var running sync.WaitGroup
	for i, q := range all {
		running.Go(func() {
			var piece func(router.Delta) error
			if emit != nil {
				piece = func(d router.Delta) error {
					if err := context.Cause(ctx); err != nil { // the client left, or another question failed
						return err
					}
					return emit(i, d)
				}
			}
			var err error
			if answers[i], err = s.o.Answerer.Answer(ctx, q, piece); err != nil {
				cancel(err)
			}
		})
	}
	running.Wait()
	return answers, context.Cause(ctx)
}
