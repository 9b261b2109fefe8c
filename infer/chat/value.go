package chat

import (
	"fmt"
	"strings"

	"github.com/a472be26/cusp/infer/chat/jinja"
)

// value returns what a template sees of a message.
func (m Message) value() (*jinja.Dict, error) {
	if m.JSON == nil {
		return m.made(), nil
	}
	v, err := jinja.FromJSON(m.JSON)
	if err != nil {
		return nil, err
	}
	d, ok := v.(*jinja.Dict)
	if !ok {
		return nil, fmt.Errorf("want a JSON object")
	}
	d.Put("role", jinja.Own(m.Role))
	return d, nil
}

// made is the message of the fields, without those that are empty.
func (m Message) made() *jinja.Dict {
	d := jinja.NewDict()
	d.Put("role", jinja.Own(m.Role))
	d.Put("content", jinja.Outside(m.Content))
	for _, field := range []struct{ name, value string }{
		{"reasoning_content", m.Reasoning}, {"name", m.Name}, {"tool_call_id", m.ToolCallID},
	} {
		if field.value != "" {
			d.Put(field.name, jinja.Outside(field.value))
		}
	}
	var calls []jinja.Value
	for _, c := range m.ToolCalls {
		calls = append(calls, c.value())
	}
	if calls != nil {
		d.Put("tool_calls", jinja.NewList(calls...))
	}
	return d
}

func (c ToolCall) value() jinja.Value {
	call, function := jinja.NewDict(), jinja.NewDict()
	function.Put("name", jinja.Outside(c.Name))
	function.Put("arguments", jinja.Outside(c.Arguments))
	if c.ID != "" {
		call.Put("id", jinja.Outside(c.ID))
	}
	call.Put("type", jinja.Outside("function"))
	call.Put("function", function)
	return call
}

// fit changes a message into what a template with these habits can write.
func (h habits) fit(d *jinja.Dict) error {
	h.fitCalls(d)
	content, _ := d.Get("content")
	switch c := content.(type) {
	case nil:
		if _, calls := d.Get("tool_calls"); calls && h.noNull {
			d.Put("content", jinja.Outside(""))
		}
	case *jinja.List:
		if h.parts {
			return nil
		}
		joined, err := joinParts(c)
		if err != nil {
			return err
		}
		d.Put("content", joined)
	case *jinja.Text:
		if h.onlyParts {
			part := jinja.NewDict()
			part.Put("type", jinja.Outside("text"))
			part.Put("text", c)
			d.Put("content", jinja.NewList(part))
		}
	}
	return nil
}

// fitCalls makes objects of arguments that are strings.
func (h habits) fitCalls(d *jinja.Dict) {
	calls, _ := d.Get("tool_calls")
	list, ok := calls.(*jinja.List)
	if !ok || h.stringArguments {
		return
	}
	for _, c := range list.Items() {
		call, _ := c.(*jinja.Dict)
		if call == nil {
			continue
		}
		f, _ := call.Get("function")
		function, _ := f.(*jinja.Dict)
		if function == nil {
			continue
		}
		arguments, _ := function.Get("arguments")
		if s, ok := arguments.(*jinja.Text); ok {
			if v, err := jinja.FromJSON([]byte(s.String())); err == nil {
				if object, ok := v.(*jinja.Dict); ok {
					function.Put("arguments", object)
				}
			}
		}
	}
}

// joinParts returns the texts of parts, a line each.
func joinParts(parts *jinja.List) (jinja.Value, error) {
	var texts []string
	for i, p := range parts.Items() {
		part, _ := p.(*jinja.Dict)
		if part == nil {
			return nil, fmt.Errorf("content[%d]: want an object", i)
		}
		kind, _ := part.Get("type")
		s, _ := part.Get("text")
		text, ok := s.(*jinja.Text)
		if k, isText := kind.(*jinja.Text); !isText || k.String() != "text" || !ok {
			return nil, fmt.Errorf("content[%d]: the model's template takes text parts only", i)
		}
		texts = append(texts, text.String())
	}
	return jinja.Outside(strings.Join(texts, "\n")), nil
}
