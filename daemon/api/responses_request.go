package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/a472be26/cusp/router"
)

// ResponseRequest is a decoded request of the responses API. What a client sent
// is repeated in the response.
type ResponseRequest struct {
	Request
	echo responseEcho
}

// responseEcho is what a response repeats of its request.
type responseEcho struct {
	Instructions *string           `json:"instructions"`
	MaxOutput    *int64            `json:"max_output_tokens"`
	Metadata     map[string]string `json:"metadata"`
	Parallel     bool              `json:"parallel_tool_calls"`
	Reasoning    reasoningEcho     `json:"reasoning"`
	Temperature  *float64          `json:"temperature"`
	Text         textEcho          `json:"text"`
	Choice       json.RawMessage   `json:"tool_choice"`
	Tools        []json.RawMessage `json:"tools"`
	TopP         *float64          `json:"top_p"`
	TopLogProbs  int               `json:"top_logprobs"`
	User         *string           `json:"user"`
}

type reasoningEcho struct {
	Effort  *string `json:"effort"`
	Summary *string `json:"summary"`
}

type textEcho struct {
	Format json.RawMessage `json:"format"`
}

// wireResponse is the part of OpenAI's CreateResponse that is read.
type wireResponse struct {
	Model        string            `json:"model"`
	Input        json.RawMessage   `json:"input"`
	Instructions *string           `json:"instructions"`
	MaxOutput    *int64            `json:"max_output_tokens"`
	Temperature  *float64          `json:"temperature"`
	TopP         *float64          `json:"top_p"`
	TopLogProbs  *int64            `json:"top_logprobs"`
	Include      []string          `json:"include"`
	Stream       bool              `json:"stream"`
	Tools        []json.RawMessage `json:"tools"`
	Choice       json.RawMessage   `json:"tool_choice"`
	Parallel     *bool             `json:"parallel_tool_calls"`
	Text         *struct {
		Format json.RawMessage `json:"format"`
	} `json:"text"`
	Reasoning *struct {
		Effort string `json:"effort"`
	} `json:"reasoning"`
	Metadata map[string]string `json:"metadata"`
	User     *string           `json:"user"`
	Cusp     *extension        `json:"cusp"`
	// Not supported.
	Previous     *string         `json:"previous_response_id"`
	Conversation json.RawMessage `json:"conversation"`
	Background   bool            `json:"background"`
	Prompt       json.RawMessage `json:"prompt"`
	// Not OpenAI's.
	Seed      *int64                     `json:"seed"`
	IgnoreEOS bool                       `json:"ignore_eos"`
	Variables map[string]json.RawMessage `json:"chat_template_kwargs"`
}

// DecodeResponse reads the body of a request of the responses API, as
// [DecodeRequest] does that of a chat.
func DecodeResponse(body []byte, now time.Time) (ResponseRequest, error) {
	var w wireResponse
	if err := decodeBody(body, &w); err != nil {
		return ResponseRequest{}, err
	}
	r, err := w.request(now)
	if err != nil {
		return ResponseRequest{}, ofResponses(err)
	}
	return r, nil
}

// ofResponses is an error that names a parameter of a chat, with that of the
// responses API in its place.
func ofResponses(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	for _, p := range []struct{ chat, own string }{{"response_format.json_schema", "text.format"}, {"response_format", "text.format"}, {"messages", "input"}} {
		if rest, ok := strings.CutPrefix(e.Param, p.chat); ok {
			renamed := *e
			renamed.Param, renamed.Message = p.own+rest, strings.ReplaceAll(e.Message, p.chat, p.own)
			return &renamed
		}
	}
	return err
}

func (w *wireResponse) request(now time.Time) (ResponseRequest, error) {
	r := ResponseRequest{Request: Request{Model: w.Model, Stream: w.Stream, N: 1}}
	q := &r.Question
	q.Asker = "api"
	if err := w.refuse(); err != nil {
		return r, err
	}
	var err error
	if q.Messages, err = w.messages(); err != nil {
		return r, err
	}
	if err := w.options(&q.Options); err != nil {
		return r, err
	}
	r.echo = w.echo(q.Options)
	return r, w.Cusp.apply(q, now)
}

func (w *wireResponse) refuse() error {
	switch {
	case w.Previous != nil && *w.Previous != "":
		return invalid("previous_response_id", "previous_response_id is not supported: responses are not kept; send the whole conversation as input")
	case !absent(w.Conversation):
		return invalid("conversation", "conversation is not supported: conversations are not kept; send the whole conversation as input")
	case w.Background:
		return invalid("background", "background is not supported; wait for the response, or stream it")
	case !absent(w.Prompt):
		return invalid("prompt", "prompt is not supported: templates of prompts are not kept; write instructions and input")
	}
	return nil
}

func (w *wireResponse) options(o *router.Options) error {
	o.Seed, o.IgnoreEOS, o.Variables = w.Seed, w.IgnoreEOS, w.Variables
	var err error
	if o.MaxTokens, err = tokenLimit("max_output_tokens", w.MaxOutput); err != nil {
		return err
	}
	if err := (&wireSampling{Temperature: w.Temperature, TopP: w.TopP}).sampling(o); err != nil {
		return err
	}
	if err := within("top_logprobs", w.TopLogProbs, 0, maxTopLogProbs); err != nil {
		return err
	}
	o.TopLogProbs = int(orZero(w.TopLogProbs))
	o.LogProbs = o.TopLogProbs > 0
	for _, what := range w.Include {
		o.LogProbs = o.LogProbs || what == "message.output_text.logprobs"
	}
	if w.Reasoning != nil {
		if o.ReasoningEffort, err = effort("reasoning.effort", w.Reasoning.Effort); err != nil {
			return err
		}
	}
	return w.tools(o)
}

// tools reads tools and format, which are those of a chat in a flatter shape.
func (w *wireResponse) tools(o *router.Options) error {
	chat := wireTools{Choice: w.Choice, Parallel: w.Parallel}
	for i, raw := range w.Tools {
		var t map[string]json.RawMessage
		if json.Unmarshal(raw, &t) != nil {
			return invalid(fmt.Sprintf("tools[%d]", i), "tools[%d] must be an object", i)
		}
		kind := t["type"]
		delete(t, "type")
		nested, _ := json.Marshal(map[string]any{"type": kind, "function": t}) // was decoded from JSON
		chat.Tools = append(chat.Tools, nested)
	}
	var err error
	if chat.Format, err = w.format(); err != nil {
		return err
	}
	return chat.read(o)
}

// format is the format of the text as a chat has it.
func (w *wireResponse) format() (json.RawMessage, error) {
	if w.Text == nil || absent(w.Text.Format) {
		return nil, nil
	}
	var f map[string]json.RawMessage
	if json.Unmarshal(w.Text.Format, &f) != nil {
		return nil, invalid("text.format", "text.format must be an object with a type")
	}
	if string(f["type"]) != `"json_schema"` {
		return w.Text.Format, nil
	}
	delete(f, "type")
	return json.Marshal(map[string]any{"type": "json_schema", "json_schema": f})
}

func (w *wireResponse) echo(o router.Options) responseEcho {
	e := responseEcho{
		Instructions: w.Instructions, MaxOutput: w.MaxOutput, Metadata: w.Metadata, Parallel: w.Parallel == nil || *w.Parallel,
		Temperature: w.Temperature, TopP: w.TopP, Choice: w.Choice, Tools: w.Tools, TopLogProbs: o.TopLogProbs, User: w.User,
		Text: textEcho{json.RawMessage(`{"type":"text"}`)},
	}
	if o.ReasoningEffort != "" {
		e.Reasoning.Effort = &o.ReasoningEffort
	}
	if w.Text != nil && !absent(w.Text.Format) {
		e.Text.Format = w.Text.Format
	}
	if e.Metadata == nil {
		e.Metadata = map[string]string{}
	}
	if e.Tools == nil {
		e.Tools = []json.RawMessage{}
	}
	if absent(e.Choice) {
		e.Choice = json.RawMessage(`"auto"`)
	}
	return e
}

// messages are instructions and input as those of a chat.
func (w *wireResponse) messages() ([]router.Message, error) {
	var out []router.Message
	if w.Instructions != nil && *w.Instructions != "" {
		out = append(out, router.Message{Role: "developer", Content: *w.Instructions})
	}
	var text string
	if json.Unmarshal(w.Input, &text) == nil && !absent(w.Input) {
		return append(out, router.Message{Role: "user", Content: text}), nil
	}
	var items []json.RawMessage
	if absent(w.Input) || json.Unmarshal(w.Input, &items) != nil {
		return nil, invalid("input", "input must be a string or an array of items")
	}
	if len(items) == 0 || len(items) > maxMessages {
		return nil, invalid("input", "input has %d items; it must have between 1 and %d", len(items), maxMessages)
	}
	reasoning := ""
	for i, raw := range items {
		var err error
		if out, err = addItem(out, raw, fmt.Sprintf("input[%d]", i), &reasoning); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// inputItem is an item of the input in any of its shapes.
type inputItem struct {
	Type      string          `json:"type"`
	Role      string          `json:"role"`
	Content   json.RawMessage `json:"content"`
	CallID    string          `json:"call_id"`
	Name      string          `json:"name"`
	Arguments string          `json:"arguments"`
	Output    json.RawMessage `json:"output"`
}

// addItem adds what an item says. Calls in a row are those of one message, and
// reasoning belongs to the assistant's message behind it.
func addItem(out []router.Message, raw json.RawMessage, param string, reasoning *string) ([]router.Message, error) {
	var item inputItem
	if err := json.Unmarshal(raw, &item); err != nil {
		return nil, invalid(param, "%s must be an object with the members of an item", param)
	}
	switch item.Type {
	case "", "message":
		if !roles[item.Role] || item.Role == "tool" {
			return nil, invalid(param+".role", "%s.role is %.40q; it must be system, developer, user or assistant", param, item.Role)
		}
		text, err := itemText(item.Content, param+".content")
		m := router.Message{Role: item.Role, Content: text}
		if item.Role == "assistant" {
			m.Reasoning, *reasoning = *reasoning, ""
		}
		return append(out, m), err
	case "function_call":
		if item.Name == "" {
			return nil, invalid(param+".name", "%s.name is missing", param)
		}
		if len(out) == 0 || out[len(out)-1].Role != "assistant" {
			out = append(out, router.Message{Role: "assistant", Reasoning: *reasoning})
			*reasoning = ""
		}
		last := &out[len(out)-1]
		last.ToolCalls = append(last.ToolCalls, router.ToolCall{ID: item.CallID, Name: item.Name, Arguments: item.Arguments})
		return out, nil
	case "function_call_output":
		text, err := itemText(item.Output, param+".output")
		return append(out, router.Message{Role: "tool", ToolCallID: item.CallID, Content: text}), err
	case "reasoning":
		if !absent(item.Content) {
			text, err := itemText(item.Content, param+".content")
			*reasoning += text
			return out, err
		}
		return out, nil // a summary is no reasoning
	}
	return nil, invalid(param+".type", "%s.type is %.40q; message, function_call, function_call_output and reasoning are supported", param, item.Type)
}

// itemText reads a string or joins the text parts of an array.
func itemText(raw json.RawMessage, param string) (string, error) {
	var text string
	if absent(raw) {
		return "", invalid(param, "%s is missing", param)
	}
	if json.Unmarshal(raw, &text) == nil {
		return text, nil
	}
	var parts []contentPart
	if json.Unmarshal(raw, &parts) != nil {
		return "", invalid(param, "%s must be a string or an array of text parts", param)
	}
	for i, p := range parts {
		switch p.Type {
		case "input_text", "output_text", "text", "reasoning_text":
			if p.Text != nil {
				text += *p.Text
				continue
			}
		}
		return "", invalid(fmt.Sprintf("%s[%d]", param, i), "%s[%d] has type %.40q; only text parts are supported", param, i, p.Type)
	}
	return text, nil
}
