//go:build !nocloud

package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/uplink"
)

// canned serves one response.
func canned(status int, contentType, body string, headers ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	})
}

func event(content, finish string) string {
	text, _ := json.Marshal(content)
	return fmt.Sprintf("data: {\"choices\":[{\"delta\":{\"content\":%s},\"finish_reason\":%s}]}\n\n", text, finish)
}

const sse = "text/event-stream"

func TestOpenAIAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, kind, body string
		want             Completion
	}{
		{"not streamed", "application/json", `{"model":"x","choices":[{"message":{"content":"whole"},"finish_reason":"length"}],"usage":{"prompt_tokens":5,"completion_tokens":1}}`,
			Completion{Text: "whole", Finish: "length", Model: "x", PromptTokens: 5, CompletionTokens: 1}},
		{"finished without [DONE]", sse, event("ab", "null") + event("c", `"stop"`), Completion{Text: "abc", Finish: "stop", Model: "m"}},
		{"[DONE] without a reason", sse, event("abc", "null") + "data: [DONE]\n", Completion{Text: "abc", Finish: "stop", Model: "m"}},
		{"CRLF and no blank after data:", sse, "data:{\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\r\n\r\ndata:[DONE]\r\n", Completion{Text: "x", Finish: "stop", Model: "m"}},
		{"nulls", sse, "data: {\"choices\":[{\"delta\":{\"content\":null,\"tool_calls\":null},\"finish_reason\":null}],\"usage\":null}\n" + event("x", `"stop"`), Completion{Text: "x", Finish: "stop", Model: "m"}},
		{"tool calls streamed", sse, `data: {"choices":[{"delta":{"reasoning_content":"hm","tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":""}}]}}]}` + "\n\n" +
			`data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":"}}]}}]}` + "\n\n" +
			`data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"1}"}},{"index":1,"id":"c2","function":{"name":"g","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}` + "\n\ndata: [DONE]\n",
			Completion{Reasoning: "hm", ToolCalls: []router.ToolCall{{ID: "c1", Name: "f", Arguments: `{"a":1}`}, {ID: "c2", Name: "g", Arguments: "{}"}}, Finish: "tool_calls", Model: "m"}},
		{"tool calls whole", "application/json", `{"choices":[{"message":{"content":null,"tool_calls":[{"id":"c1","function":{"name":"f","arguments":"{}"}},{"id":"c2","function":{"name":"g","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}`,
			Completion{ToolCalls: []router.ToolCall{{ID: "c1", Name: "f", Arguments: "{}"}, {ID: "c2", Name: "g", Arguments: "{}"}}, Finish: "tool_calls", Model: "m"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got strings.Builder
			answer, err := openAIFor(t, canned(200, c.kind, c.body)).Complete(t.Context(), someRequest, func(d string) error { got.WriteString(d); return nil })
			if err != nil || !reflect.DeepEqual(answer, c.want) || got.String() != c.want.Text {
				t.Errorf("%+v, emitted %q, error %v; want %+v", answer, got.String(), err, c.want)
			}
		})
	}
}

func TestOpenAIFailures(t *testing.T) {
	t.Parallel()
	flood := strings.Repeat(event(strings.Repeat("x", 60_000), "null"), uplink.MaxTextBytes/60_000+2)
	for _, c := range []struct {
		name      string
		handler   http.Handler
		code      string
		retryable bool
		after     time.Duration
		part      string
	}{
		{"HTML", canned(200, "text/html", "<html>login</html>"), CodeBadAnswer, true, 0, "login"},
		{"no content type", canned(200, "", "hello"), CodeBadAnswer, true, 0, "hello"},
		{"HTML dressed as a stream", canned(200, sse, "<html>\n"), CodeBadAnswer, true, 0, "broke off"},
		{"malformed event", canned(200, sse, "data: {\"choices\":[{\n"), CodeBadAnswer, true, 0, "not a chat completion"},
		{"malformed body", canned(200, "application/json", "{"), CodeBadAnswer, true, 0, "not a chat completion"},
		{"wrong type", canned(200, "application/json", `{"choices":"none"}`), CodeBadAnswer, true, 0, "not a chat completion"},
		{"no choice", canned(200, "application/json", `{}`), CodeBadAnswer, true, 0, "no text"},
		{"cut stream", canned(200, sse, event("half an", "null")), CodeBadAnswer, true, 0, "broke off after 7 bytes"},
		{"empty stream", canned(200, sse, ""), CodeBadAnswer, true, 0, "broke off"},
		{"endless line", canned(200, sse, "data: "+strings.Repeat("x", maxLineBytes)), CodeBadAnswer, true, 0, "line of the stream"},
		{"endless text", canned(200, sse, flood), CodeBadAnswer, false, 0, "longer than"},
		{"endless comments", canned(200, sse, strings.Repeat(": waiting\n", maxBodyBytes/10+2)), CodeBadAnswer, false, 0, "longer than"},
		{"tool call without a name", canned(200, "application/json", `{"choices":[{"message":{"content":null,"tool_calls":[{}]},"finish_reason":"tool_calls"}]}`), CodeBadAnswer, true, 0, "no name"},
		{"tool call out of order", canned(200, sse, `data: {"choices":[{"delta":{"tool_calls":[{"index":3}]}}]}`+"\n\n"), CodeBadAnswer, true, 0, "tool call 3"},
		{"endless arguments", canned(200, sse, strings.Repeat(`data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"`+strings.Repeat("x", 60_000)+`"}}]}}]}`+"\n\n", uplink.MaxTextBytes/60_000+2)), CodeBadAnswer, false, 0, "longer than"},
		{"error in the stream", canned(200, sse, event("x", "null")+"data: {\"error\":{\"message\":\"overloaded\"}}\n"), CodeUnavailable, true, 0, "overloaded"},
		{"400", canned(400, "application/json", `{"error":{"message":"context too long"}}`), CodeRefused, false, 0, "context too long"},
		{"401", canned(401, "text/plain", "who are you"), CodeRefused, false, 0, "who are you"},
		{"429", canned(429, "application/json", `{}`, "Retry-After", "7"), CodeRateLimited, true, 7 * time.Second, "429"},
		{"429 for years", canned(429, "application/json", `{}`, "Retry-After", "99999999"), CodeRateLimited, true, time.Hour, "429"},
		{"500", canned(500, "text/html", "<html>oops"), CodeUnavailable, true, 0, "oops"},
		{"503", canned(503, "text/plain", "", "Retry-After", "rubbish"), CodeUnavailable, true, 0, "503"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := openAIFor(t, c.handler).Complete(t.Context(), someRequest, func(string) error { return nil })
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("error %v is no *Error", err)
			}
			if e.Code != c.code || e.Retryable != c.retryable || e.RetryAfter != c.after || !strings.Contains(e.Error(), c.part) {
				t.Errorf("%+v, want code %s, retryable %v, after %v, with %q", e, c.code, c.retryable, c.after, c.part)
			}
		})
	}
}

func TestOpenAISilence(t *testing.T) {
	t.Parallel()
	for name, words := range map[string][]string{"from the start": nil, "in the middle": {"some", "words"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := openAIFor(t, http.HandlerFunc(script{words: words, silent: true}.serveStream))
			p.wire.idle = 50 * time.Millisecond
			_, err := p.Complete(t.Context(), someRequest, func(string) error { return nil })
			if e := classify(err); e.Code != CodeTimeout || !e.Retryable || !strings.Contains(e.Error(), "silent") {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestOpenAIUnreachable(t *testing.T) {
	t.Parallel()
	p, err := NewOpenAI(Endpoint{URL: "http://user:hunter2@127.0.0.1:1/v1"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Complete(t.Context(), someRequest, func(string) error { return nil })
	if e := classify(err); e.Code != CodeUnavailable || !e.Retryable || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	if _, err = p.Complete(ctx, someRequest, func(string) error { return nil }); classify(err).Code != CodeTimeout {
		t.Errorf("error %v, want a time-out", err)
	}
}

func TestOpenAIRequest(t *testing.T) {
	t.Setenv("CUSP_TEST_KEY", "sk-very-secret\n")
	zero := 0.0
	var path, authorization string
	var body map[string]any
	p := openAIFor(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, authorization = r.URL.Path, r.Header.Get("Authorization")
		json.NewDecoder(r.Body).Decode(&body)
		canned(400, "text/plain", "your key "+authorization+" is wrong").ServeHTTP(w, r)
	}))
	withKey, err := NewOpenAI(Endpoint{URL: strings.TrimSuffix(p.wire.url.String(), "/v1/chat/completions"), Model: "m", Key: Secret{Env: "CUSP_TEST_KEY"}})
	if err != nil {
		t.Fatal(err)
	}
	request := Request{Messages: someRequest.Messages, Options: router.Options{MaxTokens: 9, Temperature: &zero, TopK: 4, MinP: 0.1, Frequency: 0.5, Presence: -1, Repetition: 1.1}}
	_, err = withKey.Complete(t.Context(), request, func(string) error { return nil })
	if path != "/v1/chat/completions" || authorization != "Bearer sk-very-secret" {
		t.Errorf("path %s, authorization %q", path, authorization)
	}
	if err == nil || strings.Contains(err.Error(), "very-secret") {
		t.Errorf("error %v, want one without the key", err)
	}
	for member, want := range map[string]any{"model": "m", "stream": true, "max_tokens": 9.0, "temperature": 0.0, "frequency_penalty": 0.5, "presence_penalty": -1.0, "top_k": nil, "min_p": nil, "repetition_penalty": nil} {
		if body[member] != want {
			t.Errorf("%s is %v, want %v", member, body[member], want)
		}
	}
}

func TestNewOpenAIRefusesBadURLs(t *testing.T) {
	t.Parallel()
	for _, u := range []string{"", "localhost:8080", "ftp://x/v1", "http://", "http://u:hunter2@h:x"} {
		if _, err := NewOpenAI(Endpoint{URL: u}); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("NewOpenAI(%q): %v", u, err)
		}
	}
}

func FuzzReadStream(f *testing.F) {
	f.Add([]byte(event("hello", `"stop"`) + "data: [DONE]\n"))
	f.Add([]byte(event("hello", "null")))
	f.Add([]byte("data: {\"error\":{\"message\":\"x\"}}\n"))
	f.Add([]byte("data: {\"choices\":[{\"delta\":{\"content\":1}}]}\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		var got strings.Builder
		c, err := readStream(strings.NewReader(string(body)), func(d string) error { got.WriteString(d); return nil })
		if err == nil && (c.Text == "" || c.Text != got.String() || c.Finish == "") {
			t.Fatalf("%+v after emitting %q", c, got.String())
		}
	})
}
