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
	Role      string          `json:"role"`
	Content   json.RawMessage `json:"content"`
	ToolCalls json.RawMessage `json:"tool_calls"`
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
	if absent(m.Content) {
		return m.withoutContent(param)
	}
	text, err := content(m.Content, param+".content")
	return router.Message{Role: m.Role, Content: text}, err
}

// withoutContent allows an empty turn of the assistant, as OpenAI does, but
// not one whose meaning lies in tool calls: dropping them would change the
// conversation in silence.
func (m *wireMessage) withoutContent(param string) (router.Message, error) {
	if m.Role != "assistant" {
		return router.Message{}, invalid(param+".content", "%s.content is missing", param)
	}
	if !absent(m.ToolCalls) {
		return router.Message{}, invalid(param+".tool_calls", "%s has tool_calls and no content; write the call into content as text", param)
	}
	return router.Message{Role: m.Role}, nil
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
