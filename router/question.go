// Package router decides, for every question, whether this device answers or
// the cloud does, and leaves a receipt that says why.
//
// It knows neither the engine nor MQTT: the daemon hands it a [Local] and a
// [Cloud], so that every decision can be tested with two fakes. The decision
// itself is the pure function [Decide]; nothing else in the program decides.
package router

import (
	"encoding/json"
	"fmt"
	"time"
)

// Privacy is the promise that a question carries.
type Privacy string

// A private question never leaves the device and never enters a training set.
const (
	Public  Privacy = ""
	Private Privacy = "private"
)

// Question is a request for one answer, as it arrives from the socket API or
// from MQTT, as it waits in the outbox and as it travels to the cloud.
type Question struct {
	ID       string    `json:"id"`
	Messages []Message `json:"messages"`
	// Prompt, or PromptTokens of the local model, is a text to be continued as it
	// is, in place of messages. Only the local model does that.
	Prompt       string  `json:"prompt,omitempty"`
	PromptTokens []int32 `json:"prompt_tokens,omitempty"`
	Options      Options `json:"options"`
	Privacy      Privacy `json:"privacy,omitempty"`
	// Deadline is when the asker stops waiting; zero means no deadline.
	Deadline time.Time `json:"deadline,omitzero"`
	// Priority orders questions that wait in the outbox: the highest goes first.
	Priority int `json:"priority,omitempty"`
	// Asker says who asked: "api", or "iot" for a question over MQTT. A late
	// answer goes back the same way. User is whom the application names as its own
	// user, and Topic the MQTT topic that the question came on: for rules only.
	Asker string `json:"asker,omitempty"`
	User  string `json:"user,omitempty"`
	Topic string `json:"topic,omitempty"`
	// Early is set where the cloud was asked while the local model worked, so that
	// its answer may be nobody's concern when it comes.
	Early bool `json:"early,omitempty"`
	// Redacted is set where placeholders stand for values in the texts.
	Redacted bool `json:"redacted,omitempty"`
}

// Options are the generation settings of one question. Nil and zero mean the
// model's default. The cloud gets those that OpenAI's API has too; not logit
// biases and variables, which mean nothing to another model, and no
// log-probabilities are asked of it. Tools and ResponseFormat are as in OpenAI's
// API.
type Options struct {
	MaxTokens   int               `json:"max_tokens,omitempty"`
	Temperature *float64          `json:"temperature,omitempty"`
	TopP        *float64          `json:"top_p,omitempty"`
	TopK        int               `json:"top_k,omitempty"`
	MinP        float64           `json:"min_p,omitempty"`
	TypicalP    float64           `json:"typical_p,omitempty"`
	Repetition  float64           `json:"repetition_penalty,omitempty"`
	Frequency   float64           `json:"frequency_penalty,omitempty"`
	Presence    float64           `json:"presence_penalty,omitempty"`
	DRY         *DRY              `json:"dry,omitempty"`
	Mirostat    *Mirostat         `json:"mirostat,omitempty"`
	LogitBias   map[int32]float64 `json:"logit_bias,omitempty"` // by token of the local model
	Seed        *int64            `json:"seed,omitempty"`
	Stop        []string          `json:"stop,omitempty"`
	IgnoreEOS   bool              `json:"ignore_eos,omitempty"` // go on until MaxTokens; for measuring
	LogProbs    bool              `json:"logprobs,omitempty"`
	TopLogProbs int               `json:"top_logprobs,omitempty"` // likeliest tokens beside each; with LogProbs

	Tools      json.RawMessage `json:"tools,omitempty"`
	ToolChoice string          `json:"tool_choice,omitempty"`   // ChoiceAuto and so on; empty: auto
	ToolName   string          `json:"tool_name,omitempty"`     // with ChoiceFunction
	OneCall    bool            `json:"one_tool_call,omitempty"` // no more than one tool call in an answer

	ResponseFormat json.RawMessage `json:"response_format,omitempty"` // empty: text
	Grammar        string          `json:"grammar,omitempty"`         // GBNF; only the local model keeps to one

	ReasoningEffort string                     `json:"reasoning_effort,omitempty"`
	Variables       map[string]json.RawMessage `json:"chat_template_kwargs,omitempty"` // of the local model's chat template
}

// Values of Options.ToolChoice.
const (
	ChoiceAuto     = "auto"     // the model decides whether to call a tool
	ChoiceNone     = "none"     // it calls none
	ChoiceRequired = "required" // it calls some tool
	ChoiceFunction = "function" // it calls the tool Options.ToolName
)

// ForcesCall reports whether the answer has to be a tool call.
func (o Options) ForcesCall() bool {
	return o.ToolChoice == ChoiceRequired || o.ToolChoice == ChoiceFunction
}

// constrained reports whether not every text is an answer.
func (o Options) constrained() bool {
	return o.ForcesCall() || len(o.ResponseFormat) > 0 || o.Grammar != ""
}

// DRY is a penalty on repetitions of several tokens; see infer/sample. Zeros are
// its defaults there, and so are nil Breakers.
type DRY struct {
	Multiplier    float64  `json:"multiplier"`
	Base          float64  `json:"base,omitempty"`
	AllowedLength int      `json:"allowed_length,omitempty"`
	Range         int      `json:"range,omitempty"`
	Breakers      []string `json:"breakers,omitzero"` // texts over which no repetition reaches
}

// Mirostat, version 2, keeps the surprise of the text near a target; see
// infer/sample.
type Mirostat struct {
	Tau float64 `json:"tau"`
	Eta float64 `json:"eta,omitempty"`
}

// Greedy reports whether the most likely token is taken at every step, which is
// how calibrations are made.
func (o Options) Greedy() bool {
	return !o.constrained() && (o.Temperature == nil || *o.Temperature == 0) && o.Mirostat == nil &&
		(o.Repetition == 0 || o.Repetition == 1) && o.Frequency == 0 && o.Presence == 0 && o.DRY == nil && len(o.LogitBias) == 0
}

// forCloud is the question without what means nothing to another model, is not
// asked of it, or is for rules of this device only.
func (q Question) forCloud() Question {
	q.User, q.Topic = "", ""
	q.Options.LogitBias, q.Options.LogProbs, q.Options.TopLogProbs, q.Options.Variables = nil, false, 0, nil
	return q
}

// LocalOnly reports whether no other model can do what is asked.
func (q Question) LocalOnly() bool {
	return q.Prompt != "" || len(q.PromptTokens) > 0 || q.Options.Grammar != ""
}

// raw reports whether a text is to be continued, not a message to be answered.
func (q Question) raw() bool { return q.Prompt != "" || len(q.PromptTokens) > 0 }

// Nth is the question for the n-th of several answers, from 0: the first one is
// the question itself, each other one has an id and a seed of its own. The seed
// is derived from the question's, so that one seed fixes all answers: the n-th
// output of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
// generators, 2014).
func (q Question) Nth(n int) Question {
	if n == 0 {
		return q
	}
	q.ID = fmt.Sprintf("%s:%d", q.ID, n)
	if q.Options.Seed != nil {
		x := uint64(*q.Options.Seed) + uint64(n)*0x9e3779b97f4a7c15
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		q.Options.Seed = new(int64(x ^ x>>31))
	}
	return q
}

// MaxPriority bounds the priority of a question, on both sides of 0.
const MaxPriority = 100

// MaxIDBytes bounds the id of a question or a device.
const MaxIDBytes = 128

// CheckID tells whether an id, of a question or a device, can be a level of an
// MQTT topic, a part of a URL and a key in every store.
func CheckID(id string) error {
	if id == "" || len(id) > MaxIDBytes {
		return fmt.Errorf("id has %d bytes; it must have between 1 and %d", len(id), MaxIDBytes)
	}
	for _, c := range []byte(id) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && c != '-' && c != '_' && c != '.' && c != ':' {
			return fmt.Errorf("id %q has characters other than letters, digits, '-', '_', '.' and ':'", id)
		}
	}
	if id == "." || id == ".." {
		return fmt.Errorf("id %q is not allowed", id)
	}
	return nil
}
