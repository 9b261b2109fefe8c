package api

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/a472be26/cusp/router"
)

func TestDecodeResponse(t *testing.T) {
	t.Parallel()
	r, err := DecodeResponse([]byte(`{"model":"m","instructions":"be brief","stream":true,"max_output_tokens":9,"temperature":0.5,"top_p":0.9,"seed":3,"ignore_eos":true,
		"tools":[{"type":"function","name":"f","description":"d","parameters":{"type":"object"},"strict":true}],"tool_choice":{"type":"function","name":"f"},"parallel_tool_calls":false,
		"reasoning":{"effort":"low"},"include":["message.output_text.logprobs"],"metadata":{"a":"b"},"store":true,"previous_response_id":null,
		"input":[
			{"role":"user","content":"hi"},
			{"type":"reasoning","id":"rs","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]},
			{"type":"function_call","call_id":"c1","name":"f","arguments":"{}","id":"fc"},
			{"type":"function_call","call_id":"c2","name":"g","arguments":"{\"a\":1}"},
			{"type":"function_call_output","call_id":"c1","output":"42"},
			{"type":"function_call_output","call_id":"c2","output":[{"type":"input_text","text":"43"}]},
			{"type":"message","role":"assistant","content":[{"type":"output_text","text":"so","annotations":[]}]},
			{"type":"message","role":"user","content":[{"type":"input_text","text":"and "},{"type":"input_text","text":"now?"}]}
		]}`), testNow)
	if err != nil {
		t.Fatal(err)
	}
	want := []router.Message{
		{Role: "developer", Content: "be brief"}, {Role: "user", Content: "hi"},
		{Role: "assistant", Reasoning: "hm", ToolCalls: []router.ToolCall{{ID: "c1", Name: "f", Arguments: "{}"}, {ID: "c2", Name: "g", Arguments: `{"a":1}`}}},
		{Role: "tool", ToolCallID: "c1", Content: "42"}, {Role: "tool", ToolCallID: "c2", Content: "43"},
		{Role: "assistant", Content: "so"}, {Role: "user", Content: "and now?"},
	}
	if !reflect.DeepEqual(r.Question.Messages, want) {
		t.Errorf("messages %+v", r.Question.Messages)
	}
	o := r.Question.Options
	if o.MaxTokens != 9 || *o.Temperature != 0.5 || o.ToolChoice != router.ChoiceFunction || o.ToolName != "f" || !o.OneCall || o.ReasoningEffort != "low" || !o.LogProbs || *o.Seed != 3 || !o.IgnoreEOS {
		t.Errorf("options %+v", o)
	}
	if string(o.Tools) != `[{"function":{"description":"d","name":"f","parameters":{"type":"object"},"strict":true},"type":"function"}]` {
		t.Errorf("tools %s", o.Tools)
	}
	r, err = DecodeResponse([]byte(`{"input":"hi","text":{"format":{"type":"json_schema","name":"x","schema":{"type":"object"},"strict":true}}}`), testNow)
	if err != nil || string(r.Question.Options.ResponseFormat) != `{"json_schema":{"name":"x","schema":{"type":"object"},"strict":true},"type":"json_schema"}` || len(r.Question.Messages) != 1 {
		t.Errorf("%+v, error %v", r, err)
	}
}

func TestDecodeResponseRefusals(t *testing.T) {
	t.Parallel()
	for body, c := range map[string]struct{ param, says string }{
		`{}`:             {"input", "string or an array"},
		`{"input":null}`: {"input", "string or an array"},
		`{"input":[]}`:   {"input", "0 items"},
		`{"input":[5]}`:  {"input[0]", "an object"},
		`{"input":"x","previous_response_id":"r"}`:                                                    {"previous_response_id", "not kept"},
		`{"input":"x","conversation":"c"}`:                                                            {"conversation", "not kept"},
		`{"input":"x","background":true}`:                                                             {"background", "not supported"},
		`{"input":"x","prompt":{"id":"p"}}`:                                                           {"prompt", "not supported"},
		`{"input":"x","max_output_tokens":0}`:                                                         {"max_output_tokens", "between 1"},
		`{"input":"x","temperature":3}`:                                                               {"temperature", "between 0 and 2"},
		`{"input":"x","top_logprobs":21}`:                                                             {"top_logprobs", "between 0 and 20"},
		`{"input":"x","reasoning":{"effort":"huge"}}`:                                                 {"reasoning.effort", "huge"},
		`{"input":"x","tools":[{"type":"web_search"}]}`:                                               {"tools[0].type", "only function"},
		`{"input":"x","tools":[5]}`:                                                                   {"tools[0]", "an object"},
		`{"input":"x","tool_choice":"required"}`:                                                      {"tool_choice", "no tools"},
		`{"input":"x","text":{"format":{"type":"json_schema","name":"a b"}}}`:                         {"text.format.name", "text.format.name must"},
		`{"input":"x","text":{"format":{"type":"xml"}}}`:                                              {"text.format.type", "text.format.type is"},
		`{"input":"x","text":{"format":"json"}}`:                                                      {"text.format", "an object"},
		`{"input":[{"role":"tool","content":"x"}]}`:                                                   {"input[0].role", "tool"},
		`{"input":[{"role":"user"}]}`:                                                                 {"input[0].content", "missing"},
		`{"input":[{"role":"user","content":5}]}`:                                                     {"input[0].content", "a string"},
		`{"input":[{"role":"user","content":[{"type":"input_image"}]}]}`:                              {"input[0].content[0]", "input_image"},
		`{"input":[{"type":"item_reference","id":"x"}]}`:                                              {"input[0].type", "item_reference"},
		`{"input":[{"type":"function_call","arguments":"{}"}]}`:                                       {"input[0].name", "missing"},
		`{"input":[{"type":"function_call_output","call_id":"c"}]}`:                                   {"input[0].output", "missing"},
		`{"input":"x","cusp":{"id":"/"}}`:                                                             {"cusp.id", "letters"},
		`{"input":[{"type":"function_call_output","call_id":"c","output":[{"type":"input_image"}]}]}`: {"input[0].output[0]", "input_image"},
	} {
		_, err := DecodeResponse([]byte(body), testNow)
		var e *Error
		if !errors.As(err, &e) || e.Status != 400 || e.Param != c.param || !strings.Contains(e.Message, c.says) {
			t.Errorf("%s: %+v, want %s and %q", body, err, c.param, c.says)
		}
	}
}

func FuzzDecodeResponse(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"input":"a"}`, `{"input":[{"role":"user","content":[{"type":"input_text","text":"x"}]}],"text":{"format":{"type":"json_schema","name":"x"}}}`,
		`{"input":[{"type":"function_call","name":"f"},{"type":"function_call_output","output":"x"},{"type":"reasoning"}],"tools":[{"type":"function","name":"f"}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := DecodeResponse(body, testNow)
		var e *Error
		if err != nil && (!errors.As(err, &e) || e.Message == "" || e.Status != 400) || err == nil && (router.CheckID(r.Question.ID) != nil) {
			t.Fatalf("%q: %+v, error %v", body, r, err)
		}
	})
}

// kinds are the types of a response's items with what is in them.
func kinds(output any) (out []string) {
	for _, item := range output.([]any) {
		item := item.(map[string]any)
		text := item["type"].(string) + " " + item["status"].(string)
		if content, ok := item["content"].([]any); ok {
			for _, part := range content {
				text += " " + part.(map[string]any)["text"].(string)
			}
		}
		if item["type"] == "function_call" {
			text += fmt.Sprint(" ", item["call_id"], " ", item["name"], " ", item["arguments"])
		}
		out = append(out, text)
	}
	return out
}

var calledItems = []string{"reasoning completed hm, so", "message completed I look.", `function_call completed c1 f {"a":1}`, "function_call completed c2 g {}"}

func TestResponse(t *testing.T) {
	t.Parallel()
	resp := post(caller{"I look."}, "POST", "/v1/responses", `{"input":"hi","instructions":"x","metadata":{"a":"b"},"cusp":{"id":"q"}}`)
	m := decode(t, resp.Body)
	if resp.StatusCode != 200 || m["id"] != "resp_q" || m["object"] != "response" || m["status"] != "completed" || m["store"] != false || m["instructions"] != "x" {
		t.Errorf("%s: %v", resp.Status, m)
	}
	if got := kinds(m["output"]); !reflect.DeepEqual(got, calledItems) {
		t.Errorf("output %q", got)
	}
	requireMembers(t, m, "created_at", "error", "incomplete_details", "max_output_tokens", "model", "parallel_tool_calls", "previous_response_id", "reasoning.effort",
		"temperature", "text.format.type", "tool_choice", "tools", "top_p", "truncation", "metadata.a", "user", "background",
		"usage.input_tokens", "usage.input_tokens_details.cached_tokens", "usage.output_tokens", "usage.output_tokens_details.reasoning_tokens", "usage.total_tokens", "cusp.route")
	m = decode(t, post(&script{pieces: []string{}}, "POST", "/v1/responses", `{"input":"hi"}`).Body)
	if got := kinds(m["output"]); !reflect.DeepEqual(got, []string{"message completed "}) {
		t.Errorf("an empty answer: %q", got)
	}
}

// event is one event of a response.
type event map[string]any

func responseStream(t *testing.T, a Answerer, body string) (all []event) {
	t.Helper()
	resp := post(a, "POST", "/v1/responses", body)
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatal(resp.Status)
	}
	lines := bufio.NewScanner(resp.Body)
	name := ""
	for lines.Scan() {
		if n, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			name = n
		}
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			var e event
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				t.Fatal(err)
			}
			if e["type"] != name || e["sequence_number"] != float64(len(all)) {
				t.Errorf("event %d, %q: %v", len(all), name, e)
			}
			all = append(all, e)
		}
	}
	return all
}

func types(all []event) (out []string) {
	for _, e := range all {
		out = append(out, strings.TrimPrefix(e["type"].(string), "response."))
	}
	return out
}

func TestResponseStream(t *testing.T) {
	t.Parallel()
	all := responseStream(t, caller{"I look."}, `{"input":"hi","stream":true,"cusp":{"id":"q"}}`)
	want := []string{
		"created", "in_progress",
		"output_item.added", "reasoning_text.delta", "reasoning_text.delta", "reasoning_text.done", "output_item.done",
		"output_item.added", "content_part.added", "output_text.delta", "output_text.done", "content_part.done", "output_item.done",
		"output_item.added", "function_call_arguments.delta", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
		"output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
		"completed",
	}
	if got := types(all); !reflect.DeepEqual(got, want) {
		t.Fatalf("events %q", got)
	}
	last := all[len(all)-1]["response"].(map[string]any)
	if got := kinds(last["output"]); !reflect.DeepEqual(got, calledItems) || last["cusp"] == nil || last["usage"] == nil {
		t.Errorf("last %v", last)
	}
	// Each item's events name it and its place, and say in the end what it is.
	for i, e := range all {
		if e["type"] != "response.output_item.done" {
			continue
		}
		at := int(e["output_index"].(float64))
		item := e["item"].(map[string]any)
		if whole := last["output"].([]any)[at]; !reflect.DeepEqual(whole, any(item)) {
			t.Errorf("item %d is %v, in the end %v", at, item, whole)
		}
		if before := all[i-1]; before["item_id"] != item["id"] || before["output_index"] != e["output_index"] {
			t.Errorf("event %v before the end of %v", before, item)
		}
	}
}

func TestResponseStreamOfNothingAndOfFailure(t *testing.T) {
	t.Parallel()
	if got := types(responseStream(t, &script{}, `{"input":"hi","stream":true}`)); len(got) != 8 || got[7] != "completed" {
		t.Errorf("an empty answer: %q", got)
	}
	all := responseStream(t, &script{pieces: []string{"half"}, err: errors.New("engine broke")}, `{"input":"hi","stream":true}`)
	last := all[len(all)-1]
	if last["type"] != "response.failed" || !strings.Contains(fmt.Sprint(last["response"]), "engine broke") {
		t.Errorf("%v", last)
	}
	resp := post(&script{err: errors.New("engine broke")}, "POST", "/v1/responses", `{"input":"hi","stream":true}`)
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != 500 || !strings.Contains(string(text), "engine broke") {
		t.Errorf("early failure: %s, %s", resp.Status, text)
	}
}
