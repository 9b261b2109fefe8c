package daemon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/a472be26/cusp/infer/assistant"
	"github.com/a472be26/cusp/infer/grammar"
	"github.com/a472be26/cusp/infer/sample"
	"github.com/a472be26/cusp/router"
)

// constrain adds to settings what the answer has to keep to, as the question
// wants it. What cannot be compiled is a [*sample.OptionError].
func (m *engineModel) constrain(o router.Options, settings *assistant.Options) error {
	option, source, read, err := constraint(o)
	if err != nil || read == nil {
		return err
	}
	settings.Called = o.ForcesCall()
	settings.Grammar, err = m.assistant.Constrain(option+"\n"+string(source), read)
	return asOption(option, err)
}

func asOption(option string, err error) error {
	if err == nil {
		return nil
	}
	return &sample.OptionError{Option: option, Problem: fmt.Sprintf("%s: %v", option, err)}
}

// constraint is what the answer keeps to, with the name of the option that says
// so; a nil read: to nothing.
func constraint(o router.Options) (option string, source []byte, read func() (*grammar.Grammar, error), err error) {
	switch {
	case o.ForcesCall():
		option = "tools"
		source, err = callSchema(o)
	case len(o.ResponseFormat) > 0:
		option = "response_format"
		source, err = formatSchema(o.ResponseFormat)
		if source == nil && err == nil {
			return "", nil, nil, nil
		}
	case o.Grammar != "":
		return "grammar", []byte(o.Grammar), func() (*grammar.Grammar, error) { return grammar.Parse(o.Grammar) }, nil
	default:
		return "", nil, nil, nil
	}
	if err != nil {
		return "", nil, nil, asOption(option, err)
	}
	return option, source, func() (*grammar.Grammar, error) { return grammar.FromSchema(source, grammar.SchemaOptions{}) }, nil
}

// formatSchema is the schema that a response format names; nil for text.
func formatSchema(raw json.RawMessage) ([]byte, error) {
	var f struct {
		Type       string `json:"type"`
		JSONSchema struct {
			Schema json.RawMessage `json:"schema"`
		} `json:"json_schema"`
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, err
	}
	switch f.Type {
	case "text":
		return nil, nil
	case "json_object":
		return []byte(`{"type":"object"}`), nil
	case "json_schema":
		if len(f.JSONSchema.Schema) == 0 {
			return []byte(`{"type":"object"}`), nil
		}
		return f.JSONSchema.Schema, nil
	}
	return nil, fmt.Errorf("type %.40q is not supported", f.Type)
}

// tool is a function as a question has it.
type tool struct {
	Function struct {
		Name       string          `json:"name"`
		Parameters json.RawMessage `json:"parameters"`
	} `json:"function"`
}

// callSchema is the schema of one call: an object with the name of a tool that
// may be called and arguments by its own schema. Each of these is a resource of
// its own, so that its references find what they did before.
func callSchema(o router.Options) ([]byte, error) {
	var tools []tool
	if err := json.Unmarshal(o.Tools, &tools); err != nil {
		return nil, err
	}
	var calls []any
	for i, t := range tools {
		if o.ToolChoice == router.ChoiceFunction && t.Function.Name != o.ToolName {
			continue
		}
		arguments, err := argumentSchema(t.Function.Parameters, i)
		if err != nil {
			return nil, fmt.Errorf("tool %q: parameters: %w", t.Function.Name, err)
		}
		calls = append(calls, call{
			Type: "object", Required: []string{"name", "arguments"}, Additional: false,
			Properties: callMembers{Name: constant{t.Function.Name}, Arguments: arguments},
		})
	}
	if calls == nil {
		return nil, errors.New("there is none that may be called")
	}
	return json.Marshal(map[string]any{"anyOf": calls})
}

// call is the schema of a call; its members are in the order of the text.
type call struct {
	Type       string      `json:"type"`
	Properties callMembers `json:"properties"`
	Required   []string    `json:"required"`
	Additional bool        `json:"additionalProperties"`
}

type callMembers struct {
	Name      constant        `json:"name"`
	Arguments json.RawMessage `json:"arguments"`
}

type constant struct {
	Const string `json:"const"`
}

// argumentSchema is a tool's schema as a resource of its own; without one, there
// are no arguments. The order of its members stays, since it is that of the text.
func argumentSchema(parameters json.RawMessage, index int) (json.RawMessage, error) {
	var members map[string]json.RawMessage
	if len(parameters) == 0 || string(parameters) == "null" {
		parameters = json.RawMessage(`{"type":"object","properties":{}}`)
	}
	if err := json.Unmarshal(parameters, &members); err != nil || members == nil {
		return nil, errors.New("it is no JSON object")
	}
	if _, ok := members["$id"]; ok {
		return parameters, nil
	}
	id := fmt.Sprintf(`{"$id":"http://tools.invalid/%d"`, index)
	if len(members) > 0 {
		id += ","
	}
	_, rest, _ := bytes.Cut(parameters, []byte("{"))
	return append([]byte(id), rest...), nil
}
