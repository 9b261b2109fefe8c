package api

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/a472be26/cusp/router"
)

// wireMessage is one message as it arrives: content is a string, an array of
// parts, or null.
type wireMessage struct {
	Role         string          `json:"role"`
	Content      json.RawMessage `json:"content"`
	Reasoning    string          `json:"reasoning_content"` // not OpenAI's, but common
	ToolCalls    []wireCall      `json:"tool_calls"`
	FunctionCall json.RawMessage `json:"function_call"`
	Name         string          `json:"name"`
	ToolCallID   string          `json:"tool_call_id"`
}

// wireCall is a call of an earlier answer.
type wireCall struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function *struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

// contentPart is one part of a content array. Only text can be answered.
type contentPart struct {
	Type string  `json:"type"`
	Text *string `json:"text"`
}

var roles = map[string]bool{"system": true, "developer": true, "user": true, "assistant": true, "tool": true}

func messages(in []wireMessage) ([]router.Message, error) {
	if len(in) == 0 {
		return nil, invalid("messages", "messages is empty; at least one message is needed")
	}
	if len(in) > maxMessages {
		return nil, invalid("messages", "messages has %d entries; at most %d are supported", len(in), maxMessages)
	}
	out := make([]router.Message, len(in))
	for i, m := range in {
		var err error
		if out[i], err = m.message(fmt.Sprintf("messages[%d]", i)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (m *wireMessage) message(param string) (router.Message, error) {
	if !roles[m.Role] {
		return router.Message{}, invalid(param+".role", "%s.role is %q; it must be system, developer, user, assistant or tool", param, m.Role)
	}
	if !absent(m.FunctionCall) {
		return router.Message{}, invalid(param+".function_call", "%s.function_call is not supported; write tool_calls", param)
	}
	out := router.Message{Role: m.Role, Name: m.Name, ToolCallID: m.ToolCallID}
	if m.Role == "assistant" {
		out.Reasoning = m.Reasoning
		var err error
		if out.ToolCalls, err = calls(m.ToolCalls, param+".tool_calls"); err != nil {
			return router.Message{}, err
		}
	}
	if absent(m.Content) {
		if m.Role != "assistant" { // an empty turn of the assistant is allowed, as OpenAI does
			return router.Message{}, invalid(param+".content", "%s.content is missing", param)
		}
		return out, nil
	}
	var err error
	out.Content, err = content(m.Content, param+".content")
	return out, err
}

// calls are the tool calls of an earlier answer.
func calls(in []wireCall, param string) ([]router.ToolCall, error) {
	if len(in) > maxTools {
		return nil, invalid(param, "%s has %d calls; at most %d are supported", param, len(in), maxTools)
	}
	var out []router.ToolCall
	for i, c := range in {
		if c.Type != "function" && c.Type != "" {
			return nil, invalid(fmt.Sprintf("%s[%d].type", param, i), "%s[%d].type is %.40q; only function is supported", param, i, c.Type)
		}
		if c.Function == nil || c.Function.Name == "" {
			return nil, invalid(fmt.Sprintf("%s[%d].function.name", param, i), "%s[%d].function.name is missing", param, i)
		}
		out = append(out, router.ToolCall{ID: c.ID, Name: c.Function.Name, Arguments: c.Function.Arguments})
	}
	return out, nil
}

// content reads a string or joins the text parts of an array.
func content(raw json.RawMessage, param string) (string, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, nil
	}
	var parts []contentPart
	if json.Unmarshal(raw, &parts) != nil {
		return "", invalid(param, "%s must be a string or an array of text parts", param)
	}
	var b strings.Builder
	for i, p := range parts {
		if p.Type != "text" || p.Text == nil {
			return "", invalid(fmt.Sprintf("%s[%d]", param, i), "%s[%d] has type %q; only text parts are supported", param, i, p.Type)
		}
		b.WriteString(*p.Text)
	}
	return b.String(), nil
}
