package api

import (
	"encoding/json"
	"io"
	"net/http"
)

// sse writes server-sent events. The status line waits for the first of them, so
// that a question that fails early gets a proper error status.
type sse struct {
	w    http.ResponseWriter
	open bool // the status line is sent
}

// begin sends the status line, once; trailer, if any, follows the last event.
func (e *sse) begin(trailer string) {
	if e.open {
		return
	}
	h := e.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	if trailer != "" {
		h.Set("Trailer", trailer)
	}
	e.w.WriteHeader(http.StatusOK)
	e.open = true
	extendWrite(e.w)
}

// event writes v, with a name if it has one.
func (e *sse) event(name string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if name != "" {
		name = "event: " + name + "\n"
	}
	return e.raw(name + "data: " + string(body) + "\n\n")
}

func (e *sse) raw(s string) error {
	_, err := io.WriteString(e.w, s)
	return err
}

// done ends a stream of OpenAI's older kinds.
func (e *sse) done() error {
	if err := e.raw("data: [DONE]\n\n"); err != nil {
		return err
	}
	return e.flush()
}

// flush sends what was written, so that a client sees every token as it comes.
func (e *sse) flush() error {
	extendWrite(e.w)
	return http.NewResponseController(e.w).Flush()
}

// broken ends a stream that cannot be finished. There is no [DONE] after it.
func (e *sse) broken(err *Error) {
	if e.event("error", err) == nil {
		_ = e.flush()
	}
}
