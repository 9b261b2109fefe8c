//go:build !nocloud

package cloud

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/genai"

	"github.com/a472be26/cusp/router"
)

func geminiFor(t *testing.T, h http.Handler) Provider {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	p, err := NewGemini(Endpoint{URL: server.URL, Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// geminiEvent is one piece of a stream, written by the SDK's own types.
func geminiEvent(r genai.GenerateContentResponse) string {
	text, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("data: %s\r\n\r\n", text)
}

func says1(finish genai.FinishReason, parts ...*genai.Part) genai.GenerateContentResponse {
	return genai.GenerateContentResponse{ModelVersion: "scripted", Candidates: []*genai.Candidate{{FinishReason: finish, Content: &genai.Content{Role: "model", Parts: parts}}}}
}

func (s script) serveGemini(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Contents          []genai.Content
		SystemInstruction genai.Content
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || !strings.HasSuffix(r.URL.Path, "/models/m:streamGenerateContent") || r.URL.Query().Get("alt") != "sse" {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for _, word := range s.words {
		fmt.Fprint(w, geminiEvent(says1("", &genai.Part{Text: word})))
		w.(http.Flusher).Flush()
	}
	if s.silent {
		<-r.Context().Done()
		return
	}
	if s.fail {
		fmt.Fprint(w, "data: {\"error\":{\"code\":500,\"message\":\"out of memory\",\"status\":\"INTERNAL\"}}\r\n\r\n")
		return
	}
	end := says1(genai.FinishReasonStop)
	end.UsageMetadata = &genai.GenerateContentResponseUsageMetadata{PromptTokenCount: int32(len(in.Contents) + len(in.SystemInstruction.Parts)), CandidatesTokenCount: int32(len(s.words))}
	fmt.Fprint(w, geminiEvent(end))
}

func TestGeminiRequest(t *testing.T) {
	t.Parallel()
	got := sent(t, geminiFor, Request{Messages: toolTalk, Options: router.Options{
		Tools: weatherTool, ToolChoice: router.ChoiceFunction, ToolName: "weather", Stop: []string{"END"}, MaxTokens: 9, Temperature: new(0.5), TopP: new(0.25),
		Frequency: 0.5, Presence: -0.5, Seed: new(int64(7)), ReasoningEffort: "low",
		ResponseFormat: json.RawMessage(`{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}`),
	}})
	sameJSON(t, got, `{
		"systemInstruction":{"role":"user","parts":[{"text":"be brief"},{"text":"answer in German"}]},
		"generationConfig":{"temperature":0.5,"topP":0.25,"maxOutputTokens":9,"stopSequences":["END"],"frequencyPenalty":0.5,"presencePenalty":-0.5,"seed":7,
			"thinkingConfig":{"thinkingLevel":"LOW"},"responseMimeType":"application/json","responseJsonSchema":{"type":"object"}},
		"tools":[{"functionDeclarations":[{"name":"weather","description":"tells it","parametersJsonSchema":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}}]}],
		"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["weather"]}},
		"contents":[
			{"role":"user","parts":[{"text":"weather in Bonn and Köln?"}]},
			{"role":"model","parts":[{"text":"I look."},{"functionCall":{"id":"c1","name":"weather","args":{"city":"Bonn"}}},{"functionCall":{"id":"c2","name":"weather","args":{"city":"Köln"}},"thoughtSignature":"AQID"}]},
			{"role":"user","parts":[
				{"functionResponse":{"id":"c1","name":"weather","response":{"sky":"blue"}}},
				{"functionResponse":{"id":"c2","name":"weather","response":{"output":"rain"}}},
				{"text":"well?"}]}]}`)
}

func TestGeminiAnswers(t *testing.T) {
	t.Parallel()
	blocked := genai.GenerateContentResponse{PromptFeedback: &genai.GenerateContentResponsePromptFeedback{BlockReason: genai.BlockedReasonSafety}}
	for _, c := range []struct {
		name   string
		events []genai.GenerateContentResponse
		want   Completion
		code   string
		part   string
	}{
		{"tools", []genai.GenerateContentResponse{
			says1("", &genai.Part{Text: "hm", Thought: true}, &genai.Part{Text: "I look."}),
			says1(genai.FinishReasonStop, &genai.Part{FunctionCall: &genai.FunctionCall{ID: "c", Name: "weather", Args: map[string]any{"city": "Bonn"}}, ThoughtSignature: []byte{1, 2, 3}}, &genai.Part{FunctionCall: &genai.FunctionCall{ID: "d", Name: "now"}}),
		}, Completion{
			Text: "I look.", Reasoning: "hm", Finish: "tool_calls", Model: "scripted",
			ToolCalls: []router.ToolCall{{ID: "c__thought__AQID", Name: "weather", Arguments: `{"city":"Bonn"}`}, {ID: "d", Name: "now", Arguments: "{}"}},
		}, "", ""},
		{"cut at its bound", []genai.GenerateContentResponse{says1(genai.FinishReasonMaxTokens, &genai.Part{Text: "x"})}, Completion{Text: "x", Finish: "length", Model: "scripted"}, "", ""},
		{"only thoughts", []genai.GenerateContentResponse{says1(genai.FinishReasonMaxTokens, &genai.Part{Text: "x", Thought: true})}, Completion{}, CodeRefused, "all its tokens"},
		{"question blocked", []genai.GenerateContentResponse{blocked}, Completion{}, CodeRefused, "SAFETY"},
		{"answer blocked", []genai.GenerateContentResponse{says1(genai.FinishReasonProhibitedContent, &genai.Part{Text: "x"})}, Completion{}, CodeRefused, "PROHIBITED"},
		{"malformed call", []genai.GenerateContentResponse{says1(genai.FinishReasonMalformedFunctionCall)}, Completion{}, CodeBadAnswer, "MALFORMED"},
		{"broken off", []genai.GenerateContentResponse{says1("", &genai.Part{Text: "half"})}, Completion{}, CodeBadAnswer, "broke off after 4 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var body strings.Builder
			for _, e := range c.events {
				body.WriteString(geminiEvent(e))
			}
			got, err := geminiFor(t, canned(200, sse, body.String())).Complete(t.Context(), someRequest, func(string) error { return nil })
			checkOutcome(t, got, err, c.want, c.code, c.part)
		})
	}
}

// Google sends no Retry-After.
func TestGeminiRetryInfo(t *testing.T) {
	t.Parallel()
	_, err := geminiFor(t, canned(429, "application/json", `{"error":{"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"17s"}]}}`)).
		Complete(t.Context(), someRequest, func(string) error { return nil })
	if e := classify(err); e.Code != CodeRateLimited || e.RetryAfter != 17*time.Second || !strings.Contains(e.Error(), "quota") {
		t.Errorf("error %v after %v", err, e.RetryAfter)
	}
}
