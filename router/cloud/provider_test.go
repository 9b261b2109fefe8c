//go:build !nocloud

package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/a472be26/cusp/router"
)

// script is what a model does in the contract test: it says the words, then
// ends, fails, or falls silent until it is stopped.
type script struct {
	words  []string
	fail   bool
	silent bool
}

// providers are all implementations; each is made to follow a script.
var providers = map[string]func(t *testing.T, s script) Provider{
	"openai":    func(t *testing.T, s script) Provider { return openAIFor(t, http.HandlerFunc(s.serveStream)) },
	"anthropic": func(t *testing.T, s script) Provider { return anthropicFor(t, http.HandlerFunc(s.serveAnthropic)) },
	"gemini":    func(t *testing.T, s script) Provider { return geminiFor(t, http.HandlerFunc(s.serveGemini)) },
	"triton vllm": func(t *testing.T, s script) Provider {
		return tritonFor(t, BackendVLLM, http.HandlerFunc(s.serveTriton))
	},
	"backend": func(t *testing.T, s script) Provider {
		return NewBackend(BackendOptions{Name: "b", Provider: openAIFor(t, http.HandlerFunc(s.serveStream)), Limits: Limits{Retries: -1}})
	},
	"chain": func(t *testing.T, s script) Provider {
		return Chain{openAIFor(t, canned(404, "text/plain", "no such model")), openAIFor(t, http.HandlerFunc(s.serveStream))}
	},
	"local": func(_ *testing.T, s script) Provider { return Local{Model: "scripted", Generator: s} },
}

// Generate implements Generator.
func (s script) Generate(ctx context.Context, r Request, emit func(string) error) (Completion, error) {
	for _, w := range s.words {
		if err := emit(w); err != nil {
			return Completion{}, err
		}
	}
	if s.silent {
		<-ctx.Done()
		return Completion{}, ctx.Err()
	}
	if s.fail {
		return Completion{}, errors.New("out of memory")
	}
	return Completion{Text: strings.Join(s.words, ""), Finish: "stop", PromptTokens: len(r.Messages), CompletionTokens: len(s.words)}, nil
}

func (s script) serveStream(w http.ResponseWriter, r *http.Request) {
	var in chatRequest
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || !in.Stream {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	for _, word := range s.words {
		text, _ := json.Marshal(word)
		fmt.Fprintf(w, ": comment\nevent: message\ndata: {\"model\":\"scripted\",\"choices\":[{\"delta\":{\"content\":%s},\"finish_reason\":null}]}\n\n", text)
		w.(http.Flusher).Flush()
	}
	if s.silent {
		<-r.Context().Done()
		return
	}
	if s.fail {
		fmt.Fprint(w, "data: {\"error\":{\"message\":\"out of memory\"}}\n\n")
		return
	}
	fmt.Fprintf(w, "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":%d,\"completion_tokens\":%d}}\n\ndata: [DONE]\n\n", len(in.Messages), len(s.words))
}

func openAIFor(t *testing.T, h http.Handler) *OpenAI {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	p, err := NewOpenAI(Endpoint{URL: server.URL, Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var someRequest = Request{Messages: []router.Message{{Role: "system", Content: "be brief"}, {Role: "user", Content: "hello"}}}

// TestProviderContract holds every provider to the promises of [Provider].
func TestProviderContract(t *testing.T) {
	t.Parallel()
	words := []string{"Grüße", ", ", "世界", "!"}
	for name, start := range providers {
		t.Run(name+"/answers", func(t *testing.T) {
			t.Parallel()
			var got strings.Builder
			c, err := start(t, script{words: words}).Complete(t.Context(), someRequest, func(d string) error { got.WriteString(d); return nil })
			want := Completion{Text: "Grüße, 世界!", Finish: "stop", Model: "scripted", PromptTokens: 2, CompletionTokens: 4}
			if err != nil || !reflect.DeepEqual(c, want) || got.String() != want.Text {
				t.Errorf("%+v, emitted %q, error %v", c, got.String(), err)
			}
		})
		t.Run(name+"/stops when emit fails", func(t *testing.T) {
			t.Parallel()
			broken := errors.New("nobody listens")
			calls := 0
			_, err := start(t, script{words: words, silent: true}).Complete(t.Context(), someRequest, func(string) error { calls++; return broken })
			if !errors.Is(err, broken) || calls != 1 {
				t.Errorf("%d calls of emit, error %v", calls, err)
			}
		})
		t.Run(name+"/stops with the context", func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			_, err := start(t, script{words: words[:1], silent: true}).Complete(ctx, someRequest, func(string) error { cancel(); return nil })
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want the context's", err)
			}
		})
		t.Run(name+"/reports failures as retryable", func(t *testing.T) {
			t.Parallel()
			_, err := start(t, script{words: words[:2], fail: true}).Complete(t.Context(), someRequest, func(string) error { return nil })
			if e := classify(err); err == nil || !e.Retryable || !strings.Contains(e.Error(), "out of memory") {
				t.Errorf("error %v", err)
			}
		})
		t.Run(name+"/serves many at once", func(t *testing.T) {
			t.Parallel()
			p := start(t, script{words: words})
			done := make(chan error, 8)
			for range cap(done) {
				go func() {
					_, err := p.Complete(t.Context(), someRequest, func(string) error { return nil })
					done <- err
				}()
			}
			for range cap(done) {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
		})
	}
}
