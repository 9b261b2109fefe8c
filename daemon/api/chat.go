package api

import (
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
	if err == nil {
		err = s.answers(req.Model)
	}
	if err != nil {
		s.fail(w, asError(err))
		return
	}
	// 3. Answer; the request's context ends when the client goes away.
	if req.Stream {
		s.stream(w, r, req, created)
		return
	}
	all, err := s.askAll(r.Context(), req.questions(), nil)
	if err != nil {
		s.failed(w, r, req.Question, err)
		return
	}
	// 4. Reply, with the receipt.
	w.Header().Set(routeHeader, route(all))
	s.send(w, http.StatusOK, newCompletion(req, created, all))
}

// questions are those for each choice. Those that are answered here have their
// prompt computed once.
func (r Request) questions() []router.Question {
	all := make([]router.Question, r.N)
	for i := range all {
		all[i] = r.Question.Nth(i)
	}
	return all
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
	if r.ContentLength > s.o.MaxBody {
		return nil, tooLarge(s.o.MaxBody)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.o.MaxBody))
	if err == nil { // watching for the client's leaving has no time limit
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	}
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return nil, tooLarge(s.o.MaxBody)
	}
	if err != nil {
		return nil, invalid("", "the body cannot be read: %v", err)
	}
	return body, nil
}

// abandoned ends the request of a client that left, if it did, which is no news
// for the log. The connection is cut: an end as usual would make what was sent look
// like a whole answer to one that has closed its own side only.
func (s *Server) abandoned(r *http.Request, q router.Question) {
	if r.Context().Err() != nil {
		s.o.Log.Debug("client left", "id", q.ID)
		panic(http.ErrAbortHandler)
	}
}

// failed replies to a question that was not answered.
func (s *Server) failed(w http.ResponseWriter, r *http.Request, q router.Question, err error) {
	s.abandoned(r, q)
	s.o.Log.Warn("question failed", "id", q.ID, "error", err)
	s.fail(w, asError(err))
}

// broken ends a stream that has begun and cannot be finished.
func (s *Server) broken(r *http.Request, q router.Question, out *sse, err error) {
	s.abandoned(r, q)
	s.o.Log.Warn("answer broke off", "id", q.ID, "error", err)
	out.broken(asError(err))
}

// left notes that a client left before the end of its stream, if err says so.
func (s *Server) left(q router.Question, err error) {
	if err != nil {
		s.o.Log.Debug("client left", "id", q.ID, "error", err)
	}
}

// stream answers with server-sent events.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, req Request, created time.Time) {
	out := &events{sse: sse{w: w}, usage: req.IncludeUsage, begun: make([]bool, req.N), told: make([]int, req.N), head: chunk{
		ID: req.Question.ID, Object: "chat.completion.chunk", Created: created.Unix(), Model: requested(req.Model),
	}}
	all, err := s.askAll(r.Context(), req.questions(), out.piece)
	switch {
	case err == nil:
		s.left(req.Question, out.finish(all))
	case !out.open:
		s.failed(w, r, req.Question, err)
	default:
		s.broken(r, req.Question, &out.sse, err)
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
	sse         // its fields are guarded by mu while answers come
	head  chunk // what every chunk repeats
	usage bool  // the client wants a usage chunk

	mu    sync.Mutex // held while an event is written; guards the fields below, too, while answers come
	begun []bool     // by choice: the chunk with the role is sent
	told  []int      // by choice: how many tokens' log-probabilities are
}

// begin sends the chunk with the role of a choice, and before the first one the
// status line.
func (e *events) begin(i int) error {
	e.sse.begin(routeHeader)
	if e.begun[i] {
		return nil
	}
	e.begun[i] = true
	return e.choice(chunkChoice{Index: i, Delta: delta{Role: "assistant"}})
}

// piece sends a piece of the answer of a choice.
func (e *events) piece(i int, d router.Delta) error {
	out := delta{Content: d.Text, Reasoning: d.Reasoning}
	if d.Call != nil {
		out.ToolCalls = []callDelta{newCallDelta(*d.Call)}
	}
	if out.empty() {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.told[i] += len(d.LogProbs)
	return errors.Join(e.begin(i), e.choice(chunkChoice{Index: i, Delta: out, LogProbs: newLogProbs(d.LogProbs)}), e.flush())
}

// finish sends the reason of the end of each choice, with the log-probabilities
// that no piece had, the usage when asked for, and the receipt in whichever chunk
// is the last.
func (e *events) finish(all []router.Answer) error {
	e.w.Header().Set(routeHeader, route(all))
	var errs []error
	for i, a := range all {
		errs = append(errs, e.begin(i))
		e.head.Model = a.Receipt.Model
		reason := finishReason(a.Finish)
		last := chunkChoice{Index: i, Finish: &reason, Cusp: ownReceipt(all, i), LogProbs: newLogProbs(untold(a.LogProbs, e.told[i]))}
		if i == len(all)-1 && !e.usage {
			e.head.Cusp = &all[0].Receipt
		}
		errs = append(errs, e.choice(last))
	}
	if e.usage {
		total := e.head
		u := usageOf(all)
		total.Model, total.Choices, total.Usage, total.Cusp = all[0].Receipt.Model, []chunkChoice{}, &u, &all[0].Receipt
		errs = append(errs, e.event("", total))
	}
	return errors.Join(append(errs, e.done())...)
}

func (e *events) choice(c chunkChoice) error {
	out := e.head
	out.Choices = []chunkChoice{c}
	return e.event("", out)
}
