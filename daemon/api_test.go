package daemon

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// socketClient is an HTTP client of a daemon's socket.
func socketClient(t testing.TB, socket string) *http.Client {
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// postJSON sends body and decodes the reply into v.
func postJSON(t testing.TB, cfg Config, path, body string, v any) int {
	t.Helper()
	resp, err := socketClient(t, cfg.API.Socket).Post("http://cusp"+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(v); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}

// tinyConfig is a configuration with the random model.
func tinyConfig(t *testing.T) Config {
	t.Helper()
	cfg := testConfig(t)
	cfg.Model.AllowUnsigned = true
	if err := os.MkdirAll(cfg.Model.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	writeTiny(t, filepath.Join(cfg.Model.Dir, "tiny.gguf"))
	return cfg
}

func TestCompletionsThroughTheSocket(t *testing.T) {
	t.Parallel()
	cfg := tinyConfig(t)
	serveReal(t, cfg, Options{})
	var got struct {
		Object  string
		Choices []struct {
			Text     string
			Index    int
			Finish   string `json:"finish_reason"`
			LogProbs *struct {
				Tokens []string
				Top    []map[string]float64 `json:"top_logprobs"`
			}
		}
		Usage struct{ Prompt, Completion int }
		Cusp  struct{ Route, Reason string }
		Error struct{ Param string }
	}
	status := postJSON(t, cfg, "/v1/completions", `{"model":"tiny","prompt":["one",[111,110,101]],"n":2,"max_tokens":5,"ignore_eos":true,"logprobs":2}`, &got)
	if status != 200 || len(got.Choices) != 4 || got.Object != "text_completion" {
		t.Fatalf("status %d, %+v", status, got)
	}
	for i, c := range got.Choices { // greedy, and the same prompt in both shapes
		if c.Index != i || c.Text != got.Choices[0].Text || c.Finish != "length" || c.LogProbs == nil || len(c.LogProbs.Tokens) != 5 || len(c.LogProbs.Top[0]) == 0 {
			t.Errorf("choice %d: %+v", i, c)
		}
	}
	if got.Cusp.Route != "provisional" || got.Cusp.Reason != "local_only" {
		t.Errorf("receipt %+v", got.Cusp)
	}
	if status := postJSON(t, cfg, "/v1/completions", `{"prompt":[999]}`, &got); status != 400 || got.Error.Param != "prompt" {
		t.Errorf("status %d, %+v", status, got.Error)
	}
	if status := postJSON(t, cfg, "/v1/completions", `{"model":"gpt-9","prompt":"x"}`, &got); status != 404 || got.Error.Param != "model" {
		t.Errorf("status %d, %+v", status, got.Error)
	}
}

// A client that leaves in the middle of its stream ends the generation: the model
// makes no further token, though its answer has hardly begun.
func TestGenerationEndsWithItsClient(t *testing.T) {
	t.Parallel()
	for path, text := range map[string]string{
		"/v1/chat/completions": `"messages":[{"role":"user","content":"x"}]`, "/v1/completions": `"prompt":"x"`, "/v1/responses": `"input":"x"`,
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			cfg := testConfig(t)
			l := &fakeLoader{pieces: 1000, pace: make(chan struct{}, 1000)}
			for range l.pieces { // of the self-test
				l.pace <- struct{}{}
			}
			c, _ := serve(t, cfg, Options{loader: l})
			for range 3 {
				l.pace <- struct{}{}
			}
			body := `{"stream":true,` + text + `}`
			resp, err := socketClient(t, cfg.API.Socket).Post("http://cusp"+path, "application/json", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewReader(resp.Body)
			for range 2 {
				if _, err := lines.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
			}
			resp.Body.Close()
			var s Status
			until(t, "the end of the generation", func() bool { return c.Status(t.Context(), &s) == nil && s.Model.Running == 0 })
			if s.Counters.Failed != 0 || len(s.Counters.Answered) != 0 {
				t.Errorf("a client that left counts as an answer or a failure: %+v", s.Counters)
			}
		})
	}
}

// Bodies that are too large are refused before they are read, whether their size
// is told or not.
func TestHugeBodies(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	serve(t, cfg, Options{})
	for _, told := range []bool{true, false} {
		const size = 100 << 20
		body := &endless{left: size}
		r, err := http.NewRequest("POST", "http://cusp/v1/chat/completions", body)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = -1
		if told {
			r.ContentLength = size
			r.Header.Set("Expect", "100-continue")
		}
		client := socketClient(t, cfg.API.Socket)
		client.Transport.(*http.Transport).ExpectContinueTimeout = patience
		resp, err := client.Do(r)
		if err != nil {
			t.Fatalf("told %t: %v", told, err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 413 || !strings.Contains(string(text), fmt.Sprint(cfg.API.MaxBody)) || body.left < size-(8<<20) {
			t.Errorf("told %t: status %s, %s, %d bytes were read", told, resp.Status, text, size-body.left)
		}
	}
}

// endless reads as so many spaces.
type endless struct{ left int }

func (e *endless) Read(p []byte) (int, error) {
	n := min(len(p), e.left)
	if n == 0 {
		return 0, io.EOF
	}
	for i := range n {
		p[i] = ' '
	}
	e.left -= n
	return n, nil
}

// More questions than can wait are told when to come back.
func TestTooManyQuestions(t *testing.T) {
	t.Parallel()
	cfg := tinyConfig(t)
	cfg.Model.Sequences, cfg.Model.Context = 1, 512
	serveReal(t, cfg, Options{})
	const many = 90 // one runs, 64 wait
	codes := make(chan int, many)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	client := socketClient(t, cfg.API.Socket)
	for range many {
		go func() {
			r, _ := http.NewRequestWithContext(ctx, "POST", "http://cusp/v1/chat/completions", strings.NewReader(`{"messages":[{"role":"user","content":"x"}],"ignore_eos":true,"max_tokens":400}`))
			resp, err := client.Do(r)
			if err != nil {
				codes <- 0
				return
			}
			resp.Body.Close()
			if resp.StatusCode == 429 && resp.Header.Get("Retry-After") == "" {
				resp.StatusCode = 0
			}
			codes <- resp.StatusCode
		}()
	}
	busy := 0
	for busy == 0 {
		switch code := <-codes; code {
		case 429:
			busy++
		case 200:
		default:
			t.Fatalf("status %d", code)
		}
	}
	cancel() // the others need not end
}
