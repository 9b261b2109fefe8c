package api

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/a472be26/cusp/router"
)

// response is the object of the responses API, with the receipt as the member
// `cusp`. Members that OpenAI's clients expect are never left out.
type response struct {
	ID         string          `json:"id"`
	Object     string          `json:"object"`
	CreatedAt  int64           `json:"created_at"`
	Status     string          `json:"status"`
	Background bool            `json:"background"`
	Error      *responseError  `json:"error"`
	Incomplete *incomplete     `json:"incomplete_details"`
	Model      string          `json:"model"`
	Output     []any           `json:"output"` // of outputMessage, outputCall, outputReasoning
	Previous   *string         `json:"previous_response_id"`
	Store      bool            `json:"store"` // never: nothing is kept to be continued
	Truncation string          `json:"truncation"`
	Usage      *responseUsage  `json:"usage"`
	Cusp       *router.Receipt `json:"cusp,omitempty"`
	responseEcho
}

type responseError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type incomplete struct {
	Reason string `json:"reason"`
}

type responseUsage struct {
	Input   int `json:"input_tokens"`
	Details struct {
		Cached int `json:"cached_tokens"`
	} `json:"input_tokens_details"`
	Output        int `json:"output_tokens"`
	OutputDetails struct {
		Reasoning int `json:"reasoning_tokens"`
	} `json:"output_tokens_details"`
	Total int `json:"total_tokens"`
}

// Values of status, of a response and of an item.
const (
	inProgress   = "in_progress"
	completed    = "completed"
	isIncomplete = "incomplete"
	isFailed     = "failed"
)

type outputMessage struct {
	ID      string       `json:"id"`
	Type    string       `json:"type"`
	Status  string       `json:"status"`
	Role    string       `json:"role"`
	Content []outputText `json:"content"`
}

type outputText struct {
	Type        string         `json:"type"`
	Text        string         `json:"text"`
	Annotations []struct{}     `json:"annotations"` // always empty
	LogProbs    []tokenLogProb `json:"logprobs"`
}

type outputCall struct {
	ID        string `json:"id"`
	Type      string `json:"type"`
	Status    string `json:"status"`
	CallID    string `json:"call_id"`
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

type outputReasoning struct {
	ID      string          `json:"id"`
	Type    string          `json:"type"`
	Summary []struct{}      `json:"summary"` // always empty
	Content []reasoningText `json:"content"`
	Status  string          `json:"status"`
}

type reasoningText struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

func newOutputText(text string, logProbs []router.LogProb) outputText {
	t := outputText{Type: "output_text", Text: text, Annotations: []struct{}{}, LogProbs: []tokenLogProb{}}
	if l := newLogProbs(logProbs); l != nil {
		t.LogProbs = l.Content
	}
	return t
}

// begin is the response before there is anything of an answer.
func (r ResponseRequest) begin(created time.Time) response {
	return response{
		ID: "resp_" + r.Question.ID, Object: "response", CreatedAt: created.Unix(), Status: inProgress,
		Model: requested(r.Model), Output: []any{}, Truncation: "disabled", responseEcho: r.echo,
	}
}

// end completes a response.
func (out *response) end(a router.Answer) {
	out.Status, out.Model, out.Cusp = completed, a.Receipt.Model, &a.Receipt
	if a.Finish == "length" {
		out.Status, out.Incomplete = isIncomplete, &incomplete{"max_output_tokens"}
	}
	u := usageOf([]router.Answer{a})
	out.Usage = &responseUsage{Input: u.Prompt, Output: u.Completion, Total: u.Total}
}

// itemID is the id of an item of a response.
func itemID(prefix string, q router.Question, index int) string {
	return prefix + q.ID + "_" + strconv.Itoa(index)
}

// whole is the response without a stream.
func (r ResponseRequest) whole(created time.Time, a router.Answer) response {
	out := r.begin(created)
	out.end(a)
	add := func(prefix string, item func(id string) any) {
		out.Output = append(out.Output, item(itemID(prefix, r.Question, len(out.Output))))
	}
	if a.Reasoning != "" {
		add("rs_", func(id string) any {
			return outputReasoning{ID: id, Type: "reasoning", Summary: []struct{}{}, Content: []reasoningText{{"reasoning_text", a.Reasoning}}, Status: completed}
		})
	}
	if a.Text != "" || len(a.ToolCalls) == 0 {
		add("msg_", func(id string) any {
			return outputMessage{ID: id, Type: "message", Status: out.Status, Role: "assistant", Content: []outputText{newOutputText(a.Text, a.LogProbs)}}
		})
	}
	for _, c := range a.ToolCalls {
		add("fc_", func(id string) any {
			return outputCall{ID: id, Type: "function_call", Status: completed, CallID: c.ID, Name: c.Name, Arguments: c.Arguments}
		})
	}
	return out
}

// responses answers POST /v1/responses.
func (s *Server) responses(w http.ResponseWriter, r *http.Request) {
	created := time.Now()
	body, err := s.body(w, r)
	if err != nil {
		s.fail(w, asError(err))
		return
	}
	req, err := DecodeResponse(body, created)
	if err == nil {
		err = s.answers(req.Model)
	}
	if err != nil {
		s.fail(w, asError(err))
		return
	}
	out := newResponseEvents(w, req, created)
	emit := out.piece
	if !req.Stream {
		emit = nil
	}
	all, err := s.askAll(r.Context(), req.questions(), emit)
	err = ofResponses(err)
	switch {
	case err != nil && !out.events.open:
		s.failed(w, r, req.Question, err)
	case err != nil:
		s.abandoned(r, req.Question)
		s.o.Log.Warn("answer broke off", "id", req.Question.ID, "error", err)
		s.left(req.Question, out.failed(asError(err)))
	case req.Stream:
		s.left(req.Question, out.finish(all[0]))
	default:
		w.Header().Set(routeHeader, route(all))
		s.send(w, http.StatusOK, req.whole(created, all[0]))
	}
}

// failed ends a stream that has begun and cannot be finished.
func (e *responseEvents) failed(err *Error) error {
	e.response.Status = isFailed
	e.response.Error = &responseError{Code: "server_error", Message: err.Message}
	return errors.Join(e.event("response.failed", map[string]any{"response": e.response}), e.events.flush())
}
