package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/a472be26/cusp/router"
)

// Types of errors, as OpenAI names them.
const (
	typeInvalid = "invalid_request_error"
	typeServer  = "server_error"
)

// Error is a refusal in OpenAI's error shape; Status is the HTTP status.
type Error struct {
	Status  int
	Message string
	Type    string
	Param   string // the field at fault; empty becomes null
	Code    string // a stable code for programs; empty becomes null
	// RetryAfter is in how many seconds the same request may succeed; 0 says
	// nothing. It travels as a header.
	RetryAfter int
}

func (e *Error) Error() string {
	if e.Param == "" {
		return e.Message
	}
	return e.Param + ": " + e.Message
}

// errorBody is {"error": {...}} on the wire.
type errorBody struct {
	Error errorObject `json:"error"`
}

type errorObject struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

// MarshalJSON writes the whole {"error": ...} object.
func (e *Error) MarshalJSON() ([]byte, error) {
	return json.Marshal(errorBody{errorObject{Message: e.Message, Type: e.Type, Param: optional(e.Param), Code: optional(e.Code)}})
}

// UnmarshalJSON reads what MarshalJSON wrote; Status stays as it was.
func (e *Error) UnmarshalJSON(data []byte) error {
	var b errorBody
	if err := json.Unmarshal(data, &b); err != nil {
		return err
	}
	e.Message, e.Type, e.Param, e.Code = b.Error.Message, b.Error.Type, "", ""
	if b.Error.Param != nil {
		e.Param = *b.Error.Param
	}
	if b.Error.Code != nil {
		e.Code = *b.Error.Code
	}
	return nil
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// invalid is a 400 that names the field.
func invalid(param, format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Type: typeInvalid, Param: param, Message: fmt.Sprintf(format, args...)}
}

func notFound(message string) *Error {
	return &Error{Status: http.StatusNotFound, Type: typeInvalid, Code: "not_found", Message: message}
}

// quoted is a name that a client sent, no longer than it needs to be.
func quoted(name string) string { return fmt.Sprintf("%.64q", name) }

func serverError(message string) *Error {
	return &Error{Status: http.StatusInternalServerError, Type: typeServer, Message: message}
}

// asError turns what an Answerer returned into what a client may read.
func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &Error{Status: http.StatusGatewayTimeout, Type: typeServer, Code: "deadline", Message: err.Error()}
	}
	if errors.Is(err, context.Canceled) {
		return &Error{Status: http.StatusServiceUnavailable, Type: typeServer, Code: "shutting_down", Message: "the answer was cancelled: " + err.Error()}
	}
	if errors.Is(err, router.ErrUnanswerable) {
		return &Error{Status: http.StatusServiceUnavailable, Type: typeServer, Code: "unanswerable", Message: err.Error()}
	}
	return serverError(err.Error())
}

func (s *Server) fail(w http.ResponseWriter, e *Error) {
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(e.RetryAfter))
	}
	s.send(w, e.Status, e)
}
