//go:build !nocloud

package cloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"

	"github.com/a472be26/cusp/router"
)

func anthropicFor(t *testing.T, h http.Handler) Provider {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	p, err := NewAnthropic(Endpoint{URL: server.URL, Model: "m"}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// anthropicEvents writes events of the Messages API.
func anthropicEvents(events ...string) string {
	var b strings.Builder
	for _, e := range events {
		var named struct{ Type string }
		if err := json.Unmarshal([]byte(e), &named); err != nil {
			panic(err)
		}
		fmt.Fprintf(&b, "event: %s\ndata: %s\n\n", named.Type, e)
	}
	return b.String()
}

func messageStart(model string, in int) string {
	return fmt.Sprintf(`{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":%q,"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":%d,"output_tokens":1}}}`, model, in)
}

func textStart(index int) string {
	return fmt.Sprintf(`{"type":"content_block_start","index":%d,"content_block":{"type":"text","text":""}}`, index)
}

func textDelta(index int, text string) string {
	quoted, _ := json.Marshal(text)
	return fmt.Sprintf(`{"type":"content_block_delta","index":%d,"delta":{"type":"text_delta","text":%s}}`, index, quoted)
}

func blockStop(index int) string {
	return fmt.Sprintf(`{"type":"content_block_stop","index":%d}`, index)
}

func messageEnd(reason string, out int) []string {
	return []string{
		fmt.Sprintf(`{"type":"message_delta","delta":{"stop_reason":%q,"stop_sequence":null},"usage":{"output_tokens":%d}}`, reason, out),
		`{"type":"message_stop"}`,
	}
}

func (s script) serveAnthropic(w http.ResponseWriter, r *http.Request) {
	var in anthropic.MessageNewParams
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.URL.Path != "/v1/messages" || r.Header.Get("Anthropic-Version") == "" {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	io.WriteString(w, anthropicEvents(messageStart("scripted", len(in.Messages)+len(in.System)), `{"type":"ping"}`, textStart(0)))
	for _, word := range s.words {
		io.WriteString(w, anthropicEvents(textDelta(0, word)))
		w.(http.Flusher).Flush()
	}
	if s.silent {
		<-r.Context().Done()
		return
	}
	if s.fail {
		io.WriteString(w, anthropicEvents(`{"type":"error","error":{"type":"overloaded_error","message":"out of memory"}}`))
		return
	}
	io.WriteString(w, anthropicEvents(append([]string{blockStop(0)}, messageEnd("end_turn", len(s.words))...)...))
}

// toolTalk is a conversation in which two tools were called and have answered.
var toolTalk = []router.Message{
	{Role: "system", Content: "be brief"},
	{Role: "user", Content: "weather in Bonn and Köln?"},
	{Role: "assistant", Content: "I look.", Reasoning: "hm", ToolCalls: []router.ToolCall{
		{ID: "c1", Name: "weather", Arguments: `{"city":"Bonn"}`}, {ID: "c2__thought__AQID", Name: "weather", Arguments: `{"city":"Köln"}`},
	}},
	{Role: "tool", ToolCallID: "c1", Content: `{"sky":"blue"}`},
	{Role: "tool", ToolCallID: "c2__thought__AQID", Content: "rain"},
	{Role: "developer", Content: "answer in German"},
	{Role: "user", Content: "well?"},
}

var weatherTool = json.RawMessage(`[{"type":"function","function":{"name":"weather","description":"tells it","strict":true,"parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}}}]`)

// sent is the JSON that a provider sends for a request.
func sent(t *testing.T, start func(*testing.T, http.Handler) Provider, r Request) (body string) {
	t.Helper()
	p := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all, _ := io.ReadAll(r.Body)
		body = string(all)
		http.Error(w, "seen", http.StatusBadRequest)
	}))
	_, err := p.Complete(t.Context(), r, func(string) error { return nil })
	if e := classify(err); e.Code != CodeRefused || body == "" {
		t.Fatalf("error %v after the body %q", err, body)
	}
	return body
}

func sameJSON(t *testing.T, got, want string) {
	t.Helper()
	var g, w any
	if err := errors.Join(json.Unmarshal([]byte(got), &g), json.Unmarshal([]byte(want), &w)); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("sent\n%s\nwant\n%s", got, want)
	}
}

func TestAnthropicRequest(t *testing.T) {
	t.Parallel()
	got := sent(t, anthropicFor, Request{Messages: toolTalk, Options: router.Options{
		Tools: weatherTool, ToolChoice: router.ChoiceRequired, OneCall: true, Stop: []string{"END"}, MaxTokens: 9, Temperature: new(0.5), TopP: new(0.9), ReasoningEffort: "low",
		ResponseFormat: json.RawMessage(`{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}`),
	}})
	sameJSON(t, got, `{"model":"m","max_tokens":9,"stream":true,"temperature":0.5,"top_p":0.9,"stop_sequences":["END"],
		"system":[{"type":"text","text":"be brief"},{"type":"text","text":"answer in German"}],
		"output_config":{"effort":"low","format":{"type":"json_schema","schema":{"type":"object"}}},
		"tools":[{"name":"weather","description":"tells it","strict":true,"input_schema":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}}],
		"tool_choice":{"type":"any","disable_parallel_tool_use":true},
		"messages":[
			{"role":"user","content":[{"type":"text","text":"weather in Bonn and Köln?"}]},
			{"role":"assistant","content":[{"type":"text","text":"I look."},{"type":"tool_use","id":"c1","name":"weather","input":{"city":"Bonn"}},{"type":"tool_use","id":"c2__thought__AQID","name":"weather","input":{"city":"Köln"}}]},
			{"role":"user","content":[
				{"type":"tool_result","tool_use_id":"c1","is_error":false,"content":[{"type":"text","text":"{\"sky\":\"blue\"}"}]},
				{"type":"tool_result","tool_use_id":"c2__thought__AQID","is_error":false,"content":[{"type":"text","text":"rain"}]},
				{"type":"text","text":"well?"}]}]}`)
	if got := sent(t, anthropicFor, Request{Messages: someRequest.Messages}); !strings.Contains(got, `"max_tokens":1000`) {
		t.Errorf("sent %s, want the configured bound", got)
	}
}

func TestAnthropicAnswers(t *testing.T) {
	t.Parallel()
	tool := []string{
		messageStart("claude", 7), `{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}`, `{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"x"}}`, blockStop(0),
		textStart(1), textDelta(1, "I look."), blockStop(1),
		`{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"t1","name":"weather","input":{}}}`,
		`{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"city\":"}}`,
		`{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"\"Bonn\"}"}}`, blockStop(2),
		`{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"t2","name":"now","input":{}}}`, blockStop(3),
	}
	for _, c := range []struct {
		name   string
		events []string
		want   Completion
		code   string
		part   string
	}{
		{"tools", append(tool, messageEnd("tool_use", 20)...), Completion{
			Text: "I look.", Reasoning: "hm", Finish: "tool_calls", Model: "claude", PromptTokens: 7, CompletionTokens: 20,
			ToolCalls: []router.ToolCall{{ID: "t1", Name: "weather", Arguments: `{"city":"Bonn"}`}, {ID: "t2", Name: "now", Arguments: "{}"}},
		}, "", ""},
		{"cut at its bound", append([]string{messageStart("m", 1), textStart(0), textDelta(0, "x"), blockStop(0)}, messageEnd("max_tokens", 5)...), Completion{Text: "x", Finish: "length", Model: "m", PromptTokens: 1, CompletionTokens: 5}, "", ""},
		{"refused", append([]string{messageStart("m", 1)}, messageEnd("refusal", 1)...), Completion{}, CodeRefused, "refuses"},
		{"broken off", []string{messageStart("m", 1), textStart(0), textDelta(0, "half")}, Completion{}, CodeBadAnswer, "broke off after 4 bytes"},
		{"nothing", append([]string{messageStart("m", 1)}, messageEnd("end_turn", 1)...), Completion{}, CodeBadAnswer, "no text"},
		{"overloaded", []string{messageStart("m", 1), `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`}, Completion{}, CodeUnavailable, "Overloaded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := anthropicFor(t, canned(200, sse, anthropicEvents(c.events...))).Complete(t.Context(), someRequest, func(string) error { return nil })
			checkOutcome(t, got, err, c.want, c.code, c.part)
		})
	}
}

func checkOutcome(t *testing.T, got Completion, err error, want Completion, code, part string) {
	t.Helper()
	if code == "" {
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, error %v; want %+v", got, err, want)
		}
		return
	}
	if err == nil {
		t.Fatalf("%+v, want the error %s", got, code)
	}
	if e := classify(err); e.Code != code || !strings.Contains(e.Error(), part) {
		t.Errorf("error %v, want %s with %q", err, code, part)
	}
}
