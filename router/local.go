package router

import (
	"context"

	"github.com/a472be26/cusp/router/calibrate"
)

// Local answers on this device. Implementations are safe for concurrent use.
type Local interface {
	// Answer generates an answer and passes it to emit piece by piece (never
	// half a rune). An error from emit, or the end of ctx, stops the generation
	// within a token and is returned.
	Answer(ctx context.Context, q Question, emit func(Delta) error) (LocalAnswer, error)
}

// LocalAnswer is a finished answer of the local model with all that is needed
// to judge it.
type LocalAnswer struct {
	Text         string
	Reasoning    string
	ToolCalls    []ToolCall
	Notes        []string          // why what looks like a tool call is text
	Finish       string            // "stop", "length" or "tool_calls"
	Tokens       []calibrate.Token // one per generated token, in order
	LogProbs     []LogProb         // of the text's tokens, if Options.LogProbs asked for them
	PromptTokens int
	Model        Model
	Joules       float64 // that the answer took; 0: not measured
	// Calibration belongs to the very weights that answered; nil when the
	// model has none (a plain GGUF file).
	Calibration *calibrate.Calibration
}

// LogProb is a token and its natural log-probability in the model's unmodified
// softmax.
type LogProb struct {
	Text    string // valid UTF-8
	Bytes   []byte // of the text, which may be a part of a rune; nil for a control token
	LogProb float32
	Top     []LogProb // the likeliest in its place, as many as Options.TopLogProbs
}

// Model names what answered.
type Model struct {
	Name    string // "cusp-student"
	Version string // of the bundle; empty for a plain file
	Bundle  string // SHA-256 of the manifest, hexadecimal; empty for a plain file
}

// String is NAME@VERSION, or NAME where there is no version.
func (m Model) String() string {
	if m.Version == "" {
		return m.Name
	}
	return m.Name + "@" + m.Version
}
