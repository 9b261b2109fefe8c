package daemon

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/a472be26/cusp/router"
)

const lampTools = `"tools":[{"type":"function","function":{"name":"lamp","parameters":{"type":"object","properties":{"room":{"$ref":"#/$defs/room"},"on":{"type":"boolean"}},"required":["room","on"],"$defs":{"room":{"enum":["hall","den"]}}}}},
	{"type":"function","function":{"name":"time"}}]`

// A model of random weights that must call a tool calls one, as its schema says.
func TestForcedToolCallsThroughTheSocket(t *testing.T) {
	t.Parallel()
	say := asker(t)
	for name, c := range map[string]struct{ choice, tool string }{
		"required": {`"required"`, ""},
		"named":    {`{"type":"function","function":{"name":"lamp"}}`, "lamp"},
		"no args":  {`{"type":"function","function":{"name":"time"}}`, "time"},
	} {
		status, r := say(lampTools + `,"max_tokens":100,"temperature":1,"seed":5,"tool_choice":` + c.choice)
		if status != 200 || len(r.Choices) != 1 || len(r.Choices[0].Message.ToolCalls) != 1 {
			t.Fatalf("%s: status %d, %+v", name, status, r)
		}
		got := r.Choices[0]
		call := got.Message.ToolCalls[0]
		if got.Finish != "tool_calls" || got.Message.Content != "" || c.tool != "" && call.Name != c.tool || !strings.HasPrefix(call.ID, "call_") {
			t.Errorf("%s: %+v", name, got)
		}
		var arguments struct {
			Room string
			On   *bool
		}
		if err := json.Unmarshal([]byte(call.Arguments), &arguments); err != nil {
			t.Errorf("%s: arguments %q: %v", name, call.Arguments, err)
		}
		if call.Name == "lamp" && (arguments.On == nil || arguments.Room != "hall" && arguments.Room != "den") || call.Name == "time" && call.Arguments != "{}" {
			t.Errorf("%s: arguments %s", name, call.Arguments)
		}
	}
}

func TestFormatsThroughTheSocket(t *testing.T) {
	t.Parallel()
	say := asker(t)
	const schema = `{"type":"object","properties":{"n":{"type":"integer","minimum":3,"maximum":7}},"required":["n"],"additionalProperties":false}`
	status, r := say(`"max_tokens":100,"temperature":1,"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":` + schema + `}}`)
	var v struct{ N int }
	if status != 200 || json.Unmarshal([]byte(r.Choices[0].Message.Content), &v) != nil || v.N < 3 || v.N > 7 || r.Choices[0].Finish != "stop" {
		t.Errorf("status %d, %+v", status, r)
	}
	status, r = say(`"max_tokens":100,"grammar":"root ::= \"yes\" | \"no\""`)
	if status != 200 || r.Choices[0].Message.Content != "yes" && r.Choices[0].Message.Content != "no" {
		t.Errorf("status %d, %+v", status, r)
	}
	status, r = say(`"max_tokens":20,"temperature":1,"response_format":{"type":"json_object"}`)
	if status != 200 || !strings.HasPrefix(r.Choices[0].Message.Content, "{") {
		t.Errorf("status %d, %+v", status, r)
	}
	for param, member := range map[string]string{
		"response_format": `"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"object","magic":1}}}`,
		"grammar":         `"grammar":"root ::= ("`,
		"tools":           `"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","magic":1}}}],"tool_choice":"required"`,
	} {
		if status, r := say(member); status != 400 || r.Error.Param != param {
			t.Errorf("%s: status %d, error %+v", param, status, r.Error)
		}
	}
}

// What templates are told of the effort of reasoning.
func TestVariables(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ effort, given, want string }{
		{"", "", "null"},
		{"none", "", `{"enable_thinking":false,"reasoning_effort":"none"}`},
		{"low", `{"enable_thinking":1}`, `{"enable_thinking":1,"reasoning_effort":"low"}`},
	} {
		o := router.Options{ReasoningEffort: c.effort}
		if c.given != "" {
			if err := json.Unmarshal([]byte(c.given), &o.Variables); err != nil {
				t.Fatal(err)
			}
		}
		if got, _ := json.Marshal(variables(o)); string(got) != c.want {
			t.Errorf("%q with %s: %s, want %s", c.effort, c.given, got, c.want)
		}
	}
}
