package chat

import (
	"strings"
	"time"

	"github.com/a472be26/cusp/infer/chat/jinja"
)

// habits are what a template makes of messages.
type habits struct {
	parts           bool // a list of parts is written as its texts
	onlyParts       bool // a plain text is not written
	stringArguments bool // the arguments of a tool call are written if they are a string, and only then
	noNull          bool // a message with tool calls is written if its content is an empty text, but fails or writes None if it is null
}

// needle is a text that no template writes by itself.
const needle = "Nadel-im-Heuhaufen"

// probeTime bounds one probe.
const probeTime = time.Second

// find renders short conversations to see what comes out.
func (t *Template) find() habits {
	plain := t.writes(`[{"role": "user", "content": "` + needle + `"}]`)
	parts := t.writes(`[{"role": "user", "content": [{"type": "text", "text": "` + needle + `"}]}]`)
	h := habits{parts: parts, onlyParts: parts && !plain}
	object, text := `{"`+needle+`": 1}`, `"{\"`+needle+`\": 1}"`
	if !t.writes(called(`""`, object)) && t.writes(called(`""`, text)) {
		object, h.stringArguments = text, true
	}
	empty, err := t.probe(called(`""`, object))
	null, failed := t.probe(called("null", object))
	h.noNull = err == nil && (failed != nil || strings.Count(null, "None") > strings.Count(empty, "None"))
	return h
}

// called is a conversation with a tool call.
func called(content, arguments string) string {
	return `[{"role": "user", "content": "a"},
		{"role": "assistant", "content": ` + content + `, "tool_calls": [{"id": "call00001", "type": "function", "function": {"name": "f", "arguments": ` + arguments + `}}]},
		{"role": "tool", "name": "f", "tool_call_id": "call00001", "content": "b"}]`
}

// writes reports whether the needle comes out of messages, and not as a part of
// a Python or JSON object that was printed as a whole.
func (t *Template) writes(messages string) bool {
	out, err := t.probe(messages)
	return err == nil && strings.Contains(out, needle) && !strings.Contains(out, "'text'") && !strings.Contains(out, `"text"`)
}

// probe renders messages as they are.
func (t *Template) probe(messages string) (string, error) {
	v, err := jinja.FromJSON([]byte(messages))
	if err != nil {
		return "", err
	}
	variables := jinja.NewDict()
	variables.Put("messages", v)
	variables.Put("add_generation_prompt", true)
	for _, name := range []string{"bos_token", "eos_token"} {
		variables.Put(name, jinja.Own(""))
	}
	out, err := t.parsed.Render(variables, jinja.Options{Now: t.now, Limit: probeTime})
	if err != nil {
		return "", err
	}
	return out.String(), nil
}
