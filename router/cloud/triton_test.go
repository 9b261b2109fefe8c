//go:build !nocloud

package cloud

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/a472be26/cusp/router"
)

func tritonFor(t *testing.T, backend string, h http.Handler) Provider {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	p, err := NewTriton(Endpoint{URL: server.URL, Model: "m"}, backend, func(messages []router.Message) (string, error) {
		var b strings.Builder
		for _, m := range messages {
			fmt.Fprintf(&b, "<%s>%s", m.Role, m.Content)
		}
		return b.String(), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (s script) serveTriton(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Text     string `json:"text_input"`
		Stream   bool   `json:"stream"`
		Sampling string `json:"sampling_parameters"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.URL.Path != "/v2/models/m/generate_stream" || !in.Stream || !json.Valid([]byte(in.Sampling)) {
		http.Error(w, `{"error":"bad request"}`, http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	for _, word := range s.words {
		text, _ := json.Marshal(word)
		fmt.Fprintf(w, "data: {\"model_name\":\"scripted\",\"model_version\":\"1\",\"text_output\":%s,\"finish_reason\":\"None\",\"num_input_tokens\":%d,\"num_output_tokens\":1}\n\n", text, strings.Count(in.Text, "<"))
		w.(http.Flusher).Flush()
	}
	if s.silent {
		<-r.Context().Done()
		return
	}
	if s.fail {
		fmt.Fprint(w, "data: {\"error\":\"out of memory\"}\n\n")
	}
}

func TestTritonRequest(t *testing.T) {
	t.Parallel()
	o := router.Options{Stop: []string{"END"}, MaxTokens: 9, Temperature: new(0.5), TopP: new(0.9), Frequency: 0.5, Presence: -0.5, Seed: new(int64(7))}
	start := func(backend string) func(*testing.T, http.Handler) Provider {
		return func(t *testing.T, h http.Handler) Provider { return tritonFor(t, backend, h) }
	}
	r := Request{Messages: someRequest.Messages, Options: o}
	sameJSON(t, sent(t, start(BackendVLLM), r), `{"text_input":"<system>be brief<user>hello","stream":true,"exclude_input_in_output":true,
		"return_finish_reason":true,"return_num_input_tokens":true,"return_num_output_tokens":true,
		"sampling_parameters":"{\"frequency_penalty\":0.5,\"max_tokens\":9,\"presence_penalty\":-0.5,\"seed\":7,\"stop\":[\"END\"],\"temperature\":0.5,\"top_p\":0.9}"}`)
	sameJSON(t, sent(t, start(BackendTensorRTLLM), r), `{"text_input":"<system>be brief<user>hello","stream":true,"max_tokens":9,"temperature":0.5,"top_p":0.9,
		"frequency_penalty":0.5,"presence_penalty":-0.5,"random_seed":7,"stop_words":["END"]}`)
}

func TestTritonAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, kind, body string
		want             Completion
		code, part       string
	}{
		{"tensors of one element", sse, "data: {\"model_name\":\"x\",\"text_output\":[\"a\"],\"num_output_tokens\":[1]}\n\ndata: {\"text_output\":\"b\",\"num_output_tokens\":2,\"finish_reason\":[\"length\"]}\n\n",
			Completion{Text: "ab", Finish: "length", Model: "x", CompletionTokens: 3}, "", ""},
		{"no counts, as TensorRT-LLM", sse, "data: {\"text_output\":\"a\"}\n\ndata: {\"text_output\":\"\"}\n\n", Completion{Text: "a", Finish: "stop", Model: "m"}, "", ""},
		{"another output", sse, "data: {\"OUTPUT0\":\"a\"}\n\n", Completion{}, CodeBadAnswer, "text_output"},
		{"nothing", sse, "", Completion{}, CodeBadAnswer, "broke off"},
		{"HTML", "text/html", "<html>", Completion{}, CodeBadAnswer, "html"},
		{"malformed", sse, "data: {\n\n", Completion{}, CodeBadAnswer, "generate extension"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := tritonFor(t, BackendVLLM, canned(200, c.kind, c.body)).Complete(t.Context(), someRequest, func(string) error { return nil })
			checkOutcome(t, got, err, c.want, c.code, c.part)
		})
	}
}

func TestTritonWithoutATemplate(t *testing.T) {
	t.Parallel()
	p, err := NewTriton(Endpoint{URL: "http://127.0.0.1:1", Model: "m"}, BackendVLLM, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Complete(t.Context(), someRequest, nil); classify(err).Code != CodeRefused || !strings.Contains(err.Error(), "chat_template") {
		t.Errorf("error %v", err)
	}
	if _, err := NewTriton(Endpoint{URL: "http://x", Model: "m"}, "onnx", nil); err == nil {
		t.Error("an unknown backend was taken")
	}
}
