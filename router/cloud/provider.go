package cloud

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/a472be26/cusp/router"
)

// Request is what a provider needs of a question.
type Request struct {
	Device   string // that asks; for quotas and logs, no provider hears of it
	Messages []router.Message
	Options  router.Options
}

// Completion is a provider's finished answer; Text is all that was emitted.
type Completion struct {
	Text             string
	Reasoning        string
	ToolCalls        []router.ToolCall
	Finish           string // "stop", "length" or "tool_calls"
	Model            string
	PromptTokens     int // 0 where the provider does not tell
	CompletionTokens int
	CostUSD          float64 // by the table of prices, 0 where none is known
}

// Provider answers requests with a large model. Implementations are safe for
// concurrent use.
type Provider interface {
	// Complete passes the text to emit as it is generated, in whole runes. An
	// error from emit or the end of ctx stops it and is returned, possibly
	// wrapped. A failure on which the asker should act is an [*Error].
	Complete(ctx context.Context, r Request, emit func(delta string) error) (Completion, error)
}

// Codes of [Error], as devices see them.
const (
	CodeBusy        = "busy"         // this worker has too much to do
	CodeTimeout     = "timeout"      // the model took too long
	CodeUnavailable = "unavailable"  // the model cannot be reached or is in trouble
	CodeRateLimited = "rate_limited" // the provider wants us to slow down
	CodeQuota       = "quota"        // the device has used up what it may ask
	CodeBadAnswer   = "bad_answer"   // what came back is no answer
	CodeRefused     = "refused"      // the provider does not want this question
	CodeBadRequest  = "bad_request"  // the question cannot be read
	CodeInternal    = "internal"     // a fault in the worker itself
)

// Error is a failure with what the asker needs to know about it.
type Error struct {
	Code       string
	Retryable  bool          // the same question may succeed later
	RetryAfter time.Duration // not before, 0 when not known
	Err        error
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %v", e.Code, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// classify makes an Error of anything that a provider returned.
func classify(err error) *Error {
	var known *Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Code: CodeTimeout, Retryable: true, Err: err}
	case errors.Is(err, context.Canceled):
		return errStopping()
	case errors.As(err, &known):
		return known
	}
	return &Error{Code: CodeUnavailable, Retryable: true, Err: err}
}
