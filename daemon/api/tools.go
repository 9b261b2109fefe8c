package api

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"

	"github.com/a472be26/cusp/router"
)

const maxTools = 128 // OpenAI's

// wireTools is what a chat request says of tools and of the shape of the answer.
// Raw members have more than one shape.
type wireTools struct {
	Tools    []json.RawMessage `json:"tools"`
	Choice   json.RawMessage   `json:"tool_choice"`
	Parallel *bool             `json:"parallel_tool_calls"`
	Format   json.RawMessage   `json:"response_format"`
}

// read checks the tools and writes them into o. Their schemas are for the model
// to read: only one that has to be called is compiled.
func (w *wireTools) read(o *router.Options) error {
	names := make([]string, len(w.Tools))
	for i, raw := range w.Tools {
		var err error
		if names[i], err = checkTool(raw, fmt.Sprintf("tools[%d]", i)); err != nil {
			return err
		}
		if slices.Contains(names[:i], names[i]) {
			return invalid("tools", "tools[%d].function.name is %q, as that of another tool", i, names[i])
		}
	}
	if len(w.Tools) > maxTools {
		return invalid("tools", "tools has %d tools; at most %d are supported", len(w.Tools), maxTools)
	}
	c, err := toolChoice(w.Choice, "tool_choice")
	if err != nil {
		return err
	}
	var tools []json.RawMessage
	for i, raw := range w.Tools {
		if c.only == nil || slices.Contains(c.only, names[i]) {
			tools = append(tools, raw)
		}
	}
	return w.choose(o, c, tools, names)
}

// choose writes what was chosen into o, if it is there to be chosen.
func (w *wireTools) choose(o *router.Options, c choiceOfTools, tools []json.RawMessage, names []string) error {
	switch {
	case c.mode != "" && c.mode != router.ChoiceNone && len(tools) == 0:
		return invalid("tool_choice", "tool_choice is given, but there are no tools to choose")
	case c.mode == router.ChoiceFunction && !slices.Contains(names, c.name):
		return invalid("tool_choice", "tool_choice names the function %.64q, which is none of tools", c.name)
	}
	if len(tools) > 0 {
		o.Tools, _ = json.Marshal(tools) // was decoded from JSON
		o.ToolChoice, o.ToolName = c.mode, c.name
		o.OneCall = w.Parallel != nil && !*w.Parallel
	}
	var err error
	if o.ResponseFormat, err = responseFormat(w.Format); err != nil {
		return err
	}
	if o.ForcesCall() { // the answer is the call, whose shape is the tool's
		o.ResponseFormat = nil
	}
	return nil
}

var functionName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,128}$`)

// checkTool returns the name of a tool, which has to be a function.
func checkTool(raw json.RawMessage, param string) (string, error) {
	var t struct {
		Type     string `json:"type"`
		Function *struct {
			Name       string          `json:"name"`
			Parameters json.RawMessage `json:"parameters"`
		} `json:"function"`
	}
	if err := json.Unmarshal(raw, &t); err != nil {
		return "", invalid(param, "%s must be an object with type and function", param)
	}
	if t.Type != "function" {
		return "", invalid(param+".type", "%s.type is %.40q; only function is supported", param, t.Type)
	}
	if t.Function == nil || !functionName.MatchString(t.Function.Name) {
		return "", invalid(param+".function.name", "%s.function.name must have 1 to 128 letters, digits, '_', '.' and '-'", param)
	}
	if !absent(t.Function.Parameters) && !isObject(t.Function.Parameters) {
		return "", invalid(param+".function.parameters", "%s.function.parameters must be an object, a JSON Schema", param)
	}
	return t.Function.Name, nil
}

// isObject reports whether valid JSON is an object.
func isObject(raw json.RawMessage) bool {
	for _, c := range raw {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c == '{'
		}
	}
	return false
}

// choiceOfTools is a tool choice in any of its shapes.
type choiceOfTools struct {
	mode string   // of router.Options.ToolChoice
	name string   // with ChoiceFunction
	only []string // functions that may be called; nil: all
}

func toolChoice(raw json.RawMessage, param string) (choiceOfTools, error) {
	var c choiceOfTools
	if absent(raw) {
		return c, nil
	}
	if json.Unmarshal(raw, &c.mode) == nil {
		return c, c.check(param)
	}
	var object struct {
		Type         string                `json:"type"`
		Name         string                `json:"name"` // in the responses API
		Function     struct{ Name string } `json:"function"`
		Allowed      *allowedTools         `json:"allowed_tools"`
		allowedTools                       // in the responses API
	}
	if err := json.Unmarshal(raw, &object); err != nil {
		return c, invalid(param, "%s must be \"none\", \"auto\", \"required\" or an object that names a function", param)
	}
	switch object.Type {
	case "function":
		c.mode, c.name = router.ChoiceFunction, object.Name+object.Function.Name
		return c, nil
	case "allowed_tools":
		if object.Allowed == nil {
			object.Allowed = &object.allowedTools
		}
		c.mode, c.only = object.Allowed.Mode, []string{}
		for _, t := range object.Allowed.Tools {
			c.only = append(c.only, t.Name+t.Function.Name)
		}
		return c, c.check(param)
	}
	return c, invalid(param+".type", "%s.type is %.40q; function and allowed_tools are supported", param, object.Type)
}

// allowedTools restricts which of the tools may be called.
type allowedTools struct {
	Mode  string `json:"mode"`
	Tools []struct {
		Name     string                `json:"name"`
		Function struct{ Name string } `json:"function"`
	} `json:"tools"`
}

func (c choiceOfTools) check(param string) error {
	switch c.mode {
	case router.ChoiceNone, router.ChoiceAuto, router.ChoiceRequired:
		return nil
	}
	return invalid(param, "%s is %.40q; it must be none, auto, required or name a function", param, c.mode)
}

// responseFormat checks the shape that the answer shall have and returns it, or
// nothing for text. Its schema is compiled by what answers.
func responseFormat(raw json.RawMessage) (json.RawMessage, error) {
	if absent(raw) {
		return nil, nil
	}
	var f struct {
		Type   string `json:"type"`
		Schema *struct {
			Name   string          `json:"name"`
			Schema json.RawMessage `json:"schema"`
		} `json:"json_schema"`
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, invalid("response_format", "response_format must be an object with a type")
	}
	switch {
	case f.Type == "text":
		return nil, nil
	case f.Type == "json_object":
		return raw, nil
	case f.Type != "json_schema":
		return nil, invalid("response_format.type", "response_format.type is %.40q; it must be text, json_object or json_schema", f.Type)
	case f.Schema == nil:
		return nil, invalid("response_format.json_schema", "response_format.json_schema is missing")
	case !functionName.MatchString(f.Schema.Name):
		return nil, invalid("response_format.json_schema.name", "response_format.json_schema.name must have 1 to 128 letters, digits, '_', '.' and '-'")
	case !absent(f.Schema.Schema) && !isObject(f.Schema.Schema):
		return nil, invalid("response_format.json_schema.schema", "response_format.json_schema.schema must be an object, a JSON Schema")
	}
	return raw, nil
}
