package iot

import "github.com/a472be26/cusp/router"

// Answer is one message on the topic of an answer. A question with "stream"
// gets deltas numbered from 0 and then a message with Done and the whole
// Content; any other gets that last message only. A Late message replaces a
// provisional answer that was given before it.
type Answer struct {
	ID      string `json:"id"`
	Seq     int    `json:"seq"`
	Delta   string `json:"delta,omitempty"`
	Content string `json:"content,omitempty"`
	// ToolCalls are those that the answer wants made; the last message has them.
	ToolCalls []router.ToolCall `json:"tool_calls,omitempty"`
	Finish    string            `json:"finish,omitempty"`
	Done      bool              `json:"done"`
	Late      bool              `json:"late,omitempty"`
	Receipt   *router.Receipt   `json:"receipt,omitempty"`
	Error     *Failure          `json:"error,omitempty"`
}

// Failure says why there is no answer.
type Failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Codes of failures.
const (
	CodeInvalid = "invalid_request" // the payload is wrong; asking again will not help
	CodeBusy    = "busy"            // too many questions wait; ask again later
	CodeFailed  = "failed"          // neither the device nor the cloud could answer
)

func failure(id, code, message string) Answer {
	return Answer{ID: id, Done: true, Error: &Failure{Code: code, Message: message}}
}
