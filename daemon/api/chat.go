package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/a472be26/cusp/router"
)

const routeHeader = "X-Cusp-Route"

// chat answers POST /v1/chat/completions.
func (s *Server) chat(w http.ResponseWriter, r *http.Request) {
	created := time.Now()
	// 1. Read the request, bounded in size and time.
	body, err := s.body(w, r)
	if err != nil {
		s.fail(w, asError(err))
		return
	}
	// 2. Check it.
	req, err := DecodeRequest(body, created)
	if err != nil {
		s.fail(w, asError(err))
		return
	}
	// 3. Answer; the request's context ends when the client goes away.
	if req.Stream {
		s.stream(w, r, req, created)
		return
	}
	all, err := s.ask(r.Context(), req, nil)
	if err != nil {
		s.failed(w, r, req.Question, err)
		return
	}
	// 4. Reply, with the receipt.
	w.Header().Set(routeHeader, route(all))
	s.send(w, http.StatusOK, newCompletion(req, created, all))
}

// ask asks the question once for each choice, all at the same time, and passes
// the text of each to emit, which may be nil. Each is routed for itself; those
// that are answered here have their prompt computed once. The first failure ends
// them all.
func (s *Server) ask(ctx context.Context, req Request, emit func(i int, text string) error) ([]router.Answer, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	all := make([]router.Answer, req.N)
	var running sync.WaitGroup
	for i := range all {
		running.Go(func() {
			var text func(string) error
			if emit != nil {
				text = func(delta string) error { return emit(i, delta) }
			}
			var err error
			if all[i], err = s.o.Answerer.Answer(ctx, req.Question.Nth(i), text); err != nil {
				cancel(err)
			}
		})
	}
	running.Wait()
	return all, context.Cause(ctx)
}

// route is the way that all answers came, "mixed" if not the same.
func route(all []router.Answer) string {
	for _, a := range all {
		if a.Receipt.Route != all[0].Receipt.Route {
			return "mixed"
		}
	}
	return string(all[0].Receipt.Route)
}

// body reads the request under the limits of size and time.
func (s *Server) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	limit := http.NewResponseController(w)
	_ = limit.SetReadDeadline(time.Now().Add(bodyTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.o.MaxBody))
	_ = limit.SetReadDeadline(time.Time{}) // watching for the client's leaving has no time limit
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return nil, tooLarge(s.o.MaxBody)
	}
	if err != nil {
		return nil, invalid("", "the body cannot be read: %v", err)
	}
	return body, nil
}

// failed replies to a question that was not answered. A client that left is
// told nothing, and is no news for the log.
func (s *Server) failed(w http.ResponseWriter, r *http.Request, q router.Question, err error) {
	if r.Context().Err() != nil {
		s.o.Log.Debug("client left", "id", q.ID)
		return
	}
	s.o.Log.Warn("question failed", "id", q.ID, "error", err)
	s.fail(w, asError(err))
}

// stream answers with server-sent events. The status line waits for the first
// text, so that a question that fails early gets a proper error status.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, req Request, created time.Time) {
	out := &events{w: w, usage: req.IncludeUsage, logProbs: req.Question.Options.LogProbs, begun: make([]bool, req.N), head: chunk{
		ID: req.Question.ID, Object: "chat.completion.chunk", Created: created.Unix(), Model: requested(req.Model),
	}}
	all, err := s.ask(r.Context(), req, func(i int, text string) error {
		if err := r.Context().Err(); err != nil {
			return err
		}
		return out.text(i, text)
	})
	switch {
	case err == nil:
		err = out.finish(all)
		if err != nil {
			s.o.Log.Debug("client left", "id", req.Question.ID, "error", err)
		}
	case !out.open:
		s.failed(w, r, req.Question, err)
	case r.Context().Err() == nil:
		s.o.Log.Warn("answer broke off", "id", req.Question.ID, "error", err)
		out.broken(asError(err))
	}
}

// requested is the model's name in a chunk that is sent before it is known
// what answers.
func requested(name string) string {
	if name == "" {
		return "cusp"
	}
	return name
}

// events writes the chunks of one answer, or of several that come at the same
// time; those of different choices are mixed, and their index tells them apart.
type events struct {
	w        http.ResponseWriter
	head     chunk // what every chunk repeats
	usage    bool  // the client wants a usage chunk
	logProbs bool  // the client wants log-probabilities

	mu    sync.Mutex // held while an event is written; guards the fields below while answers come
	open  bool       // the status line is sent
	begun []bool     // by choice: the chunk with the role is sent
}

// begin sends the chunk with the role of a choice, and before the first one the
// status line.
func (e *events) begin(i int) error {
	if !e.open {
		h := e.w.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("Cache-Control", "no-store")
		h.Set("Trailer", routeHeader)
		e.w.WriteHeader(http.StatusOK)
		e.open = true
		extendWrite(e.w)
	}
	if e.begun[i] {
		return nil
	}
	e.begun[i] = true
	return e.choice(chunkChoice{Index: i, Delta: delta{Role: "assistant"}})
}

func (e *events) text(i int, text string) error {
	if text == "" {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return errors.Join(e.begin(i), e.choice(chunkChoice{Index: i, Delta: delta{Content: text}}), e.flush())
}

// finish sends the log-probabilities and the reason of the end of each choice,
// the usage when asked for, and the receipt in whichever chunk is the last.
func (e *events) finish(all []router.Answer) error {
	e.w.Header().Set(routeHeader, route(all))
	var errs []error
	for i, a := range all {
		errs = append(errs, e.begin(i))
		e.head.Model = a.Receipt.Model
		reason := finishReason(a.Finish)
		last := chunkChoice{Index: i, Finish: &reason, Cusp: ownReceipt(all, i)}
		if e.logProbs { // with no text, after it: until the end it was not certain whose text it is
			errs = append(errs, e.choice(chunkChoice{Index: i, LogProbs: newLogProbs(a.LogProbs)}))
		}
		if i == len(all)-1 && !e.usage {
			e.head.Cusp = &all[0].Receipt
		}
		errs = append(errs, e.choice(last))
	}
	if e.usage {
		total := e.head
		u := usageOf(all)
		total.Model, total.Choices, total.Usage, total.Cusp = all[0].Receipt.Model, []chunkChoice{}, &u, &all[0].Receipt
		errs = append(errs, e.event(total))
	}
	return errors.Join(append(errs, e.raw("data: [DONE]\n\n"), e.flush())...)
}

// broken ends a stream that cannot be finished. There is no [DONE] after it.
func (e *events) broken(err *Error) {
	if body, merr := json.Marshal(err); merr == nil {
		_ = errors.Join(e.raw("event: error\ndata: "+string(body)+"\n\n"), e.flush())
	}
}

func (e *events) choice(c chunkChoice) error {
	out := e.head
	out.Choices = []chunkChoice{c}
	return e.event(out)
}

func (e *events) event(c chunk) error {
	body, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return e.raw("data: " + string(body) + "\n\n")
}

func (e *events) raw(s string) error {
	_, err := io.WriteString(e.w, s)
	return err
}

// flush sends what was written, so that a client sees every token as it comes.
func (e *events) flush() error {
	extendWrite(e.w)
	return http.NewResponseController(e.w).Flush()
}
