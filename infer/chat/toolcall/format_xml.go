package toolcall

import (
	"encoding/json"
	"errors"
	"strings"
)

// glm is the format of GLM-4.5 and later:
//
//	<tool_call>f
//	<arg_key>a</arg_key>
//	<arg_value>1</arg_value>
//	</tool_call>
func glm(p *Parser, _ string) error {
	p.in.space()
	name, err := p.in.name()
	if err != nil {
		return err
	}
	return p.fields(name, func() (key, value string, err error) {
		if p.in.skip("</tool_call>") {
			return "", "", errDone
		}
		if err := p.in.want("<arg_key>"); err != nil {
			return "", "", err
		}
		if key, err = p.in.until("</arg_key>"); err != nil {
			return "", "", err
		}
		p.in.space()
		if err := p.in.want("<arg_value>"); err != nil {
			return "", "", err
		}
		value, err = p.in.until("</arg_value>")
		return strings.TrimSpace(key), value, err
	})
}

// qwenCoder is the format of Qwen3-Coder, which may leave out the outer marks:
//
//	<tool_call>
//	<function=f>
//	<parameter=a>
//	1
//	</parameter>
//	</function>
//	</tool_call>
func qwenCoder(p *Parser, mark string) error {
	outer := mark == "<tool_call>"
	if p.in.space(); outer {
		if err := p.in.want("<function="); err != nil {
			return err
		}
	}
	name, err := p.in.name()
	if err != nil {
		return err
	}
	if err := p.in.want(">"); err != nil {
		return err
	}
	err = p.fields(name, func() (key, value string, err error) {
		if p.in.skip("</function>") {
			return "", "", errDone
		}
		if err := p.in.want("<parameter="); err != nil {
			return "", "", err
		}
		if key, err = p.in.until(">"); err != nil {
			return "", "", err
		}
		value, err = p.in.until("</parameter>")
		return strings.TrimSpace(key), strings.TrimSuffix(strings.TrimPrefix(value, "\n"), "\n"), err
	})
	if err != nil || !outer {
		return err
	}
	return p.closing("</tool_call>")
}

// errDone says that a call has no more fields.
var errDone = errors.New("done")

// fields reads the arguments of a call one by one and writes them as an object.
func (p *Parser) fields(name string, next func() (key, value string, err error)) error {
	p.start(name, "")
	p.arguments("{")
	seen := map[string]bool{}
	for sep := ""; ; sep = ", " {
		p.in.space()
		key, value, err := next()
		switch {
		case err == errDone:
			p.arguments("}")
			p.end("")
			return nil
		case err != nil:
			return err
		case key == "" || seen[key]:
			return errors.New("an argument has no name, or that of another")
		}
		seen[key] = true
		p.arguments(sep + quote(key) + ": " + p.types.json(name, key, value))
	}
}

// types are the declared types of arguments, by function and name.
type types map[string]map[string]string

// typesOf reads them from tools; what is not as expected has no types.
func typesOf(tools json.RawMessage) types {
	var all []struct {
		Function struct {
			Name       string `json:"name"`
			Parameters struct {
				Properties map[string]struct {
					Type any `json:"type"`
				} `json:"properties"`
			} `json:"parameters"`
		} `json:"function"`
	}
	t := types{}
	if len(tools) == 0 || json.Unmarshal(tools, &all) != nil {
		return t
	}
	for _, tool := range all {
		t[tool.Function.Name] = map[string]string{}
		for name, p := range tool.Function.Parameters.Properties {
			if kind, ok := p.Type.(string); ok {
				t[tool.Function.Name][name] = kind
			}
		}
	}
	return t
}

// know reports whether there is such a function, as far as can be told.
func (t types) know(function string) bool { return len(t) == 0 || t[function] != nil }

// json returns the value of an argument, which the format writes without
// quotes: a declared string stays one, else what is JSON counts as such.
func (t types) json(function, name, value string) string {
	trimmed := strings.TrimSpace(value)
	if t[function][name] != "string" && json.Valid([]byte(trimmed)) {
		return trimmed
	}
	return quote(value)
}

// quote writes a JSON string without needless escapes.
func quote(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return `""` // cannot be: a string has a JSON form
	}
	return strings.TrimSuffix(b.String(), "\n")
}
