//go:build !nocloud

package cloud

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/genai"

	"github.com/a472be26/cusp/router"
)

// replies is a server that answers everything with the same.
type replies struct{ kind, body string }

func (r replies) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Status: "200 OK", Header: http.Header{"Content-Type": {r.kind}}, Body: io.NopCloser(strings.NewReader(r.body))}, nil
}

// FuzzAnswers feeds every provider with what a server might send: the answer is one,
// of what was emitted, or an error that says what to do.
func FuzzAnswers(f *testing.F) {
	for kind, bodies := range [][]string{
		{event("hello", `"stop"`) + "data: [DONE]\n", `data: {"choices":[{"delta":{"content":[{"type":"text","text":"x"}],"tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]}}]}` + "\n"},
		{
			anthropicEvents(append([]string{messageStart("m", 1), textStart(0), textDelta(0, "x"), blockStop(0)}, messageEnd("end_turn", 5)...)...),
			anthropicEvents(messageStart("m", 1), `{"type":"content_block_delta","index":7,"delta":{"type":"input_json_delta","partial_json":"{"}}`),
		},
		{geminiEvent(says1(genai.FinishReasonStop, &genai.Part{Text: "x"})), "data: {\"error\":{\"code\":500}}\n\n", "data: {\"candidates\":[null]}\n\n"},
		{"data: {\"text_output\":[\"x\"],\"num_output_tokens\":[1,2]}\n\n"},
	} {
		for _, body := range bodies {
			f.Add(byte(kind), body)
		}
	}
	f.Fuzz(func(t *testing.T, kind byte, body string) {
		e := Endpoint{URL: "http://x", Model: "m", HTTP: replies{sse, body}}
		var p Provider
		var err error
		switch kind % 4 {
		case 0:
			p, err = NewOpenAI(e)
		case 1:
			p, err = NewAnthropic(e, 10)
		case 2:
			p, err = NewGemini(e)
		case 3:
			p, err = NewTriton(e, BackendVLLM, func([]router.Message) (string, error) { return "x", nil })
		}
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		c, err := p.Complete(t.Context(), someRequest, func(d string) error { got.WriteString(d); return nil })
		var known *Error
		switch {
		case err != nil && !errors.As(err, &known):
			t.Fatalf("error %v is no *Error", err)
		case err == nil && (c.Text != got.String() || c.Finish == "" || c.Text == "" && len(c.ToolCalls) == 0 || c.PromptTokens < 0 || c.CompletionTokens < 0):
			t.Fatalf("%+v after emitting %q", c, got.String())
		}
	})
}

// FuzzErrorMessage: whatever a server says of an error is short, and is said.
func FuzzErrorMessage(f *testing.F) {
	for _, text := range []string{`{"error":{"message":"x"}}`, `{"error":"x"}`, `{"object":"error","message":"x"}`, `{"detail":[{"msg":"x"}]}`, "<html>", ""} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if m := errorMessage(text); m == "" || len(m) > 2000 {
			t.Fatalf("%d bytes: %q", len(m), m)
		}
		if d := retryInfo(text); d < 0 || d > maxRetryAfter {
			t.Fatalf("wait for %v", d)
		}
	})
}
