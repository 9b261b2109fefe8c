package router

import (
	"context"
	"errors"
)

// Cloud is the way to a large model. Implementations are safe for concurrent use.
type Cloud interface {
	// Up reports whether the link stands at this moment.
	Up() bool
	// Ask makes the question durable, sends it, and passes the answer's text
	// to emit as it arrives, but for reasoning and tool calls, which are in the
	// finished answer only. When ctx ends first, Ask returns ctx's error and
	// the question stays on its way: the late answer is delivered apart from
	// this call. That holds for a ctx that has ended before, too: so a question is
	// handed over without waiting. ErrExpired and ErrRefused are final.
	Ask(ctx context.Context, q Question, emit func(delta string) error) (CloudAnswer, error)
}

// Errors of Cloud.Ask on which the router branches.
var (
	ErrExpired = errors.New("question expired before the cloud answered")
	ErrRefused = errors.New("cloud refused the question")
)

// CloudAnswer is a finished answer of the large model.
type CloudAnswer struct {
	Text             string     `json:"text"`
	Reasoning        string     `json:"reasoning,omitempty"`
	ToolCalls        []ToolCall `json:"tool_calls,omitempty"`
	Finish           string     `json:"finish"`
	Model            string     `json:"model"`
	PromptTokens     int        `json:"prompt_tokens,omitempty"`
	CompletionTokens int        `json:"completion_tokens,omitempty"`
	CostUSD          float64    `json:"cost_usd,omitempty"` // 0 where no price is known
	BytesUp          int        `json:"bytes_up,omitempty"`
	BytesDown        int        `json:"bytes_down,omitempty"`
}
