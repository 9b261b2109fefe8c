package chat

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/a472be26/cusp/infer/chat/jinja"
)

// Fallback is the template for a model that brings none: a plain transcript,
// since which control tokens such a model knows cannot be told.
const Fallback = `{% for message in messages %}{{ message.role | capitalize }}: {{ message.content }}

{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}`

// Template is a parsed chat template, safe for concurrent use.
type Template struct {
	source string
	parsed *jinja.Template
	now    func() time.Time // for strftime_now
	habits func() habits
	// withTools takes its place in conversations with tools; nil: it does not.
	withTools *Template
}

// Conversation is what a template writes as a prompt.
type Conversation struct {
	Messages []Message
	// Tools and Documents are lists of objects in JSON; nil: none. A tool is an
	// object of OpenAI's chat API, {"type": "function", "function": {...}}.
	Tools, Documents json.RawMessage
	// Variables are further values for the template, such as enable_thinking.
	Variables map[string]json.RawMessage
	// Special are texts of control tokens by the names that templates have for
	// them: bos_token, eos_token.
	Special map[string]string
	// Closed leaves out the beginning of the assistant's next answer.
	Closed bool
	// Continue takes the last message as the beginning of the answer: the
	// prompt ends with its text. It implies Closed.
	Continue bool
}

// Parse reads a Jinja chat template, as in tokenizer.chat_template of a GGUF file.
func Parse(source string) (*Template, error) {
	parsed, err := jinja.Parse(source)
	if err != nil {
		return nil, fmt.Errorf("parse chat template: %w", err)
	}
	t := &Template{source: source, parsed: parsed, now: time.Now}
	t.habits = sync.OnceValue(t.find)
	return t, nil
}

// Source returns the text of the template for conversations with tools, which
// for most models is that for all.
func (t *Template) Source() string {
	if t.withTools != nil {
		return t.withTools.source
	}
	return t.source
}

// Render returns the prompt for a conversation.
func (t *Template) Render(c Conversation) (*jinja.Text, error) {
	if t.withTools != nil && c.Tools != nil {
		t = t.withTools
	}
	out, err := t.render(c)
	if err != nil {
		return nil, fmt.Errorf("render chat template: %w", err)
	}
	return out, nil
}

func (t *Template) render(c Conversation) (*jinja.Text, error) {
	// 1. What the template sees.
	if err := check(c.Messages); err != nil {
		return nil, err
	}
	variables, err := c.variables()
	if err != nil {
		return nil, err
	}
	messages, err := t.messages(c.Messages)
	if err != nil {
		return nil, err
	}
	variables.Put("messages", jinja.NewList(messages...))
	variables.Put("add_generation_prompt", !c.Closed && !c.Continue)
	// 2. What it writes.
	out, err := t.parsed.Render(variables, jinja.Options{Now: t.now})
	if err != nil || !c.Continue {
		return out, err
	}
	// 3. What of it ends within the last message.
	return cutBehind(out, c.Messages[len(c.Messages)-1].Content)
}

func (c Conversation) variables() (*jinja.Dict, error) {
	all := jinja.NewDict()
	for _, name := range slices.Sorted(maps.Keys(c.Special)) {
		all.Put(name, jinja.Own(c.Special[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Variables)) {
		v, err := jinja.FromJSON(c.Variables[name])
		if err != nil {
			return nil, fmt.Errorf("variable %s: %w", name, err)
		}
		all.Put(name, v)
	}
	for name, raw := range map[string]json.RawMessage{"tools": c.Tools, "documents": c.Documents} {
		if raw == nil {
			continue
		}
		v, err := objects(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all.Put(name, v)
	}
	return all, nil
}

// objects decodes a list of objects.
func objects(raw json.RawMessage) (jinja.Value, error) {
	v, err := jinja.FromJSON(raw)
	if err != nil {
		return nil, err
	}
	list, ok := v.(*jinja.List)
	if !ok {
		return nil, fmt.Errorf("want a list of objects")
	}
	for i, item := range list.Items() {
		if _, ok := item.(*jinja.Dict); !ok {
			return nil, fmt.Errorf("entry %d is no object", i)
		}
	}
	return list, nil
}

// messages are the values of messages as the template wants them.
func (t *Template) messages(all []Message) ([]jinja.Value, error) {
	values := make([]jinja.Value, len(all))
	for i, m := range all {
		if m.Role == "developer" && !strings.Contains(t.source, "developer") {
			m.Role = "system"
		}
		d, err := m.value()
		if err == nil {
			err = t.habits().fit(d)
		}
		if err != nil {
			return nil, fmt.Errorf("message %d: %w", i, err)
		}
		values[i] = d
	}
	return values, nil
}

// cutBehind ends a prompt behind the last place where it has a message's text;
// templates may have taken off the white space around it.
func cutBehind(prompt *jinja.Text, message string) (*jinja.Text, error) {
	const space = " \t\r\n"
	core := strings.Trim(message, space)
	at := strings.LastIndex(prompt.String(), core)
	if at < 0 {
		return nil, fmt.Errorf("the template changes the last message, so that it cannot be continued")
	}
	end := at + len(core)
	if tail := message[len(strings.TrimRight(message, space)):]; strings.HasPrefix(prompt.String()[end:], tail) {
		end += len(tail)
	}
	return prompt.Slice(0, end), nil
}
