package api

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/a472be26/cusp/router"
)

// caller is an Answerer that thinks, says something and calls two tools.
type caller struct{ text string }

var _ Answerer = caller{}

func (c caller) Answer(_ context.Context, q router.Question, emit func(router.Delta) error) (router.Answer, error) {
	a := router.Answer{
		Text: c.text, Reasoning: "hm, so", Finish: "tool_calls", Receipt: receipt(q),
		ToolCalls: []router.ToolCall{{ID: "c1", Name: "f", Arguments: `{"a":1}`}, {ID: "c2", Name: "g", Arguments: "{}"}},
	}
	if emit == nil {
		return a, nil
	}
	for _, d := range []router.Delta{
		{Reasoning: "hm, "}, {Reasoning: "so"}, {Text: c.text},
		{Call: &router.CallDelta{Index: 0, ID: "c1", Name: "f"}}, {Call: &router.CallDelta{Index: 0, Arguments: `{"a":`}}, {Call: &router.CallDelta{Index: 0, Arguments: `1}`}},
		{Call: &router.CallDelta{Index: 1, ID: "c2", Name: "g", Arguments: "{}"}},
	} {
		if err := emit(d); err != nil {
			return a, err
		}
	}
	return a, nil
}

func TestToolCallsInACompletion(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "I look."} {
		m := decode(t, post(caller{text}, "POST", "/v1/chat/completions", with(`"n":1`)).Body)
		choice := m["choices"].([]any)[0].(map[string]any)
		message := choice["message"].(map[string]any)
		got, _ := json.Marshal(message["tool_calls"])
		want := `[{"function":{"arguments":"{\"a\":1}","name":"f"},"id":"c1","type":"function"},{"function":{"arguments":"{}","name":"g"},"id":"c2","type":"function"}]`
		if string(got) != want || choice["finish_reason"] != "tool_calls" || message["reasoning_content"] != "hm, so" {
			t.Errorf("%q: %s in %v", text, got, choice)
		}
		if content := message["content"]; text == "" && content != nil || text != "" && content != text {
			t.Errorf("content %v", content)
		}
	}
}

// The pieces of a stream add up to the answer, as OpenAI's clients add them up.
func TestToolCallsInAStream(t *testing.T) {
	t.Parallel()
	type call struct{ id, kind, name, arguments string }
	calls := map[float64]*call{}
	var content, reasoning string
	var finish any
	for _, c := range chunks(t, post(caller{"I look."}, "POST", "/v1/chat/completions", with(`"stream":true`)).Body) {
		choice := c["choices"].([]any)[0].(map[string]any)
		d := choice["delta"].(map[string]any)
		add := func(to *string, v any) {
			if s, ok := v.(string); ok {
				*to += s
			}
		}
		add(&content, d["content"])
		add(&reasoning, d["reasoning_content"])
		list, _ := d["tool_calls"].([]any)
		for _, v := range list {
			v := v.(map[string]any)
			at := v["index"].(float64)
			if calls[at] == nil {
				calls[at] = &call{}
			}
			f := v["function"].(map[string]any)
			add(&calls[at].id, v["id"])
			add(&calls[at].kind, v["type"])
			add(&calls[at].name, f["name"])
			add(&calls[at].arguments, f["arguments"])
		}
		if choice["finish_reason"] != nil {
			finish = choice["finish_reason"]
		}
	}
	if len(calls) != 2 || *calls[0] != (call{"c1", "function", "f", `{"a":1}`}) || *calls[1] != (call{"c2", "function", "g", "{}"}) {
		t.Errorf("calls %+v", calls)
	}
	if content != "I look." || reasoning != "hm, so" || finish != "tool_calls" {
		t.Errorf("content %q, reasoning %q, finish %v", content, reasoning, finish)
	}
}

func TestClientGathersToolCalls(t *testing.T) {
	t.Parallel()
	a, err := serve(t, caller{"x"}).Ask(t.Context(), router.Question{Messages: []router.Message{{Role: "user", Content: "hi"}}}, nil)
	if err != nil || a.Text != "x" || a.Reasoning != "hm, so" || len(a.ToolCalls) != 2 || a.ToolCalls[0] != (router.ToolCall{ID: "c1", Name: "f", Arguments: `{"a":1}`}) {
		t.Errorf("%+v, error %v", a, err)
	}
}

func TestUnknownModels(t *testing.T) {
	t.Parallel()
	for path, body := range map[string]string{
		"/v1/chat/completions": with(`"model":"gpt-9"`), "/v1/completions": `{"model":"gpt-9","prompt":"x"}`, "/v1/responses": `{"model":"gpt-9","input":"x"}`,
	} {
		resp := post(&script{}, "POST", path, body)
		e := decode(t, resp.Body)["error"].(map[string]any)
		if resp.StatusCode != 404 || e["code"] != "model_not_found" || e["param"] != "model" || !strings.Contains(e["message"].(string), "gpt-9") {
			t.Errorf("%s: %s, %v", path, resp.Status, e)
		}
	}
	for _, name := range []string{"cusp", "cusp-student", "cusp-student@1"} {
		if resp := post(&script{}, "POST", "/v1/chat/completions", with(`"model":"`+name+`"`)); resp.StatusCode != 200 {
			t.Errorf("%s: %s", name, resp.Status)
		}
		resp := post(&script{}, "GET", "/v1/models/"+name, "")
		if m := decode(t, resp.Body); resp.StatusCode != 200 || m["object"] != "model" {
			t.Errorf("%s: %s, %v", name, resp.Status, m)
		}
	}
	if resp := post(&script{}, "GET", "/v1/models/none", ""); resp.StatusCode != 404 {
		t.Errorf("unknown: %s", resp.Status)
	}
}
