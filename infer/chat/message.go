package chat

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Message is one turn of a conversation.
type Message struct {
	Role    string // one of Roles
	Content string // the text; of several parts, all text

	Reasoning  string     // of an assistant, before its answer
	ToolCalls  []ToolCall // of an assistant
	Name       string     // of the tool that a result is from, or of the speaker
	ToolCallID string     // of the call that a result answers

	// JSON is the message as a client wrote it, an object; nil: made of the
	// fields above. Where it is set, templates see it and, above, only Role.
	JSON json.RawMessage
}

// ToolCall is a call of a function by the assistant.
type ToolCall struct {
	ID        string
	Name      string
	Arguments string // a JSON object
}

// Roles are the roles that a message can have. Templates build the names of
// control tokens from them, hence no others.
var Roles = []string{"system", "developer", "user", "assistant", "tool"}

func check(messages []Message) error {
	if len(messages) == 0 {
		return fmt.Errorf("no messages to render")
	}
	for i, m := range messages {
		if err := checkRole(m.Role); err != nil {
			return fmt.Errorf("message %d has %w", i, err)
		}
	}
	return nil
}

func checkRole(role string) error {
	if !slices.Contains(Roles, role) {
		return fmt.Errorf("role %q; roles are %s", role, strings.Join(Roles, ", "))
	}
	return nil
}

// ParseMessages reads a list of messages as OpenAI's chat API has them. Fields
// that it does not know are kept in JSON. An error names the message, counted
// from 0, and the field.
func ParseMessages(raw []byte) ([]Message, error) {
	var all []json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, fmt.Errorf(`messages: want a list such as [{"role": "user", "content": "Hi"}]: %w`, readable(err))
	}
	messages := make([]Message, len(all))
	for i, one := range all {
		m, err := parseMessage(one)
		if err != nil {
			return nil, fmt.Errorf("message %d: %w", i, err)
		}
		messages[i] = m
	}
	return messages, nil
}

// wire is a message as clients send it.
type wire struct {
	Role       *string         `json:"role"`
	Content    json.RawMessage `json:"content"`
	Reasoning  *string         `json:"reasoning_content"`
	ToolCalls  []wireCall      `json:"tool_calls"`
	Name       *string         `json:"name"`
	ToolCallID *string         `json:"tool_call_id"`
}

type wireCall struct {
	ID       *string `json:"id"`
	Function *struct {
		Name      *string         `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	} `json:"function"`
}

func parseMessage(raw json.RawMessage) (Message, error) {
	var w wire
	if err := json.Unmarshal(raw, &w); err != nil {
		return Message{}, readable(err)
	}
	if w.Role == nil {
		return Message{}, fmt.Errorf("role is missing; roles are %s", strings.Join(Roles, ", "))
	}
	if err := checkRole(*w.Role); err != nil {
		return Message{}, err
	}
	m := Message{Role: *w.Role, Reasoning: text(w.Reasoning), Name: text(w.Name), ToolCallID: text(w.ToolCallID), JSON: raw}
	var err error
	if m.Content, err = parseContent(w.Content); err != nil {
		return Message{}, err
	}
	for i, c := range w.ToolCalls {
		call, err := c.parse()
		if err != nil {
			return Message{}, fmt.Errorf("tool_calls[%d].%w", i, err)
		}
		m.ToolCalls = append(m.ToolCalls, call)
	}
	return m, nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// readable says which field has the wrong type, in words of JSON.
func readable(err error) error {
	e, ok := err.(*json.UnmarshalTypeError)
	switch {
	case !ok:
		return err
	case e.Field == "":
		return fmt.Errorf("it is of type %s", e.Value)
	}
	return fmt.Errorf("%s: it is of type %s", e.Field, e.Value)
}

// parseContent returns the text of a message's content: a text, null, or a list
// of parts.
func parseContent(raw json.RawMessage) (string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s, nil
	}
	var parts []struct {
		Type *string `json:"type"`
		Text *string `json:"text"`
	}
	if json.Unmarshal(raw, &parts) != nil {
		return "", fmt.Errorf("content: want a text, null or a list of parts")
	}
	var texts []string
	for i, p := range parts {
		switch {
		case p.Type == nil:
			return "", fmt.Errorf("content[%d].type is missing", i)
		case *p.Type == "text" && p.Text == nil:
			return "", fmt.Errorf("content[%d].text is missing", i)
		case *p.Type == "text":
			texts = append(texts, *p.Text)
		}
	}
	return strings.Join(texts, "\n"), nil
}

func (c wireCall) parse() (ToolCall, error) {
	if c.Function == nil || c.Function.Name == nil {
		return ToolCall{}, fmt.Errorf("function.name is missing")
	}
	call := ToolCall{ID: text(c.ID), Name: *c.Function.Name, Arguments: string(c.Function.Arguments)}
	switch raw := c.Function.Arguments; {
	case len(raw) == 0:
	case raw[0] == '"':
		if err := json.Unmarshal(raw, &call.Arguments); err != nil {
			return ToolCall{}, fmt.Errorf("function.arguments: %w", err)
		}
	case raw[0] != '{':
		return ToolCall{}, fmt.Errorf("function.arguments: want an object, or a string that holds one")
	}
	return call, nil
}

// CheckTools checks a list of tools as OpenAI's chat API has them. An error
// names the tool, counted from 0, and the field.
func CheckTools(raw json.RawMessage) error {
	var tools []struct {
		Function *struct {
			Name *string `json:"name"`
		} `json:"function"`
	}
	if err := json.Unmarshal(raw, &tools); err != nil {
		return fmt.Errorf(`tools: want a list such as [{"type": "function", "function": {"name": ..., "parameters": {...}}}]: %w`, readable(err))
	}
	for i, t := range tools {
		if t.Function == nil || t.Function.Name == nil || *t.Function.Name == "" {
			return fmt.Errorf("tool %d: function.name is missing", i)
		}
	}
	return nil
}
