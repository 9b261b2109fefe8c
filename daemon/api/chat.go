package api

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
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
	a, err := s.o.Answerer.Answer(r.Context(), req.Question, nil)
	if err != nil {
		s.failed(w, r, req.Question, err)
		return
	}
	// 4. Reply, with the receipt.
	w.Header().Set(routeHeader, string(a.Receipt.Route))
	s.send(w, http.StatusOK, newCompletion(req.Question, created, a))
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
	out := &events{w: w, usage: req.IncludeUsage, head: chunk{
		ID: req.Question.ID, Object: "chat.completion.chunk", Created: created.Unix(), Model: requested(req.Model),
	}}
	a, err := s.o.Answerer.Answer(r.Context(), req.Question, func(text string) error {
		if err := r.Context().Err(); err != nil {
			return err
		}
		return out.text(text)
	})
	switch {
	case err == nil:
		err = out.finish(a)
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

// events writes the chunks of one answer. Not safe for concurrent use.
type events struct {
	w     http.ResponseWriter
	head  chunk // what every chunk repeats
	usage bool  // the client wants a usage chunk
	open  bool  // the status line is sent
}

// begin sends the status line and the chunk with the role.
func (e *events) begin() error {
	h := e.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("Trailer", routeHeader)
	e.w.WriteHeader(http.StatusOK)
	e.open = true
	extendWrite(e.w)
	return e.choice(chunkChoice{Delta: delta{Role: "assistant"}}, nil)
}

func (e *events) text(text string) error {
	if text == "" {
		return nil
	}
	if !e.open {
		if err := e.begin(); err != nil {
			return err
		}
	}
	if err := e.choice(chunkChoice{Delta: delta{Content: text}}, nil); err != nil {
		return err
	}
	return e.flush()
}

// finish sends the reason of the end, the usage when asked for, and the
// receipt in whichever chunk is the last.
func (e *events) finish(a router.Answer) error {
	if !e.open {
		if err := e.begin(); err != nil {
			return err
		}
	}
	reason := finishReason(a.Finish)
	e.w.Header().Set(routeHeader, string(a.Receipt.Route))
	e.head.Model = a.Receipt.Model
	last := chunkChoice{Finish: &reason}
	if !e.usage {
		return errors.Join(e.choice(last, &a.Receipt), e.raw("data: [DONE]\n\n"), e.flush())
	}
	total := e.head
	u := usageOf(a.Receipt)
	total.Choices, total.Usage, total.Cusp = []chunkChoice{}, &u, &a.Receipt
	return errors.Join(e.choice(last, nil), e.event(total), e.raw("data: [DONE]\n\n"), e.flush())
}

// broken ends a stream that cannot be finished. There is no [DONE] after it.
func (e *events) broken(err *Error) {
	if body, merr := json.Marshal(err); merr == nil {
		_ = errors.Join(e.raw("event: error\ndata: "+string(body)+"\n\n"), e.flush())
	}
}

func (e *events) choice(c chunkChoice, receipt *router.Receipt) error {
	out := e.head
	out.Choices, out.Cusp = []chunkChoice{c}, receipt
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
