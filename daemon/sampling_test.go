package daemon

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a472be26/cusp/router"
)

// reply is what a client reads of an answer.
type reply struct {
	Choices []struct {
		Message struct {
			Content   string
			ToolCalls []router.ToolCall `json:"tool_calls"`
		}
		Finish   string `json:"finish_reason"`
		LogProbs *struct {
			Content []struct {
				Bytes []int
				Top   []struct{ LogProb float64 } `json:"top_logprobs"`
			}
		}
	}
	Error struct{ Param, Message string }
}

func (r reply) texts() (out []string) {
	for _, c := range r.Choices {
		out = append(out, c.Message.Content)
	}
	return out
}

// asker asks a daemon with a random model on its socket.
func asker(t *testing.T) func(settings string) (int, reply) {
	cfg := testConfig(t)
	cfg.Model.AllowUnsigned = true
	if err := os.MkdirAll(cfg.Model.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cfg.Model.Dir, "tiny.gguf"), tinyModel(t), 0o600); err != nil {
		t.Fatal(err)
	}
	serveReal(t, cfg, Options{})
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", cfg.API.Socket)
	}}}
	t.Cleanup(client.CloseIdleConnections)
	return func(settings string) (int, reply) {
		t.Helper()
		body := `{"messages":[{"role":"user","content":"turn on the light"}],"max_tokens":12,"ignore_eos":true,` + settings + `}`
		resp, err := client.Post("http://cusp/v1/chat/completions", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var r reply
		if err := json.NewDecoder(resp.Body).Decode(&r); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, r
	}
}

// What a request asks of the sampling is what happens in the engine.
func TestSamplingThroughTheSocket(t *testing.T) {
	t.Parallel()
	ask := asker(t)
	good := func(settings string) reply {
		t.Helper()
		code, r := ask(settings)
		if code != 200 || len(r.Choices) == 0 {
			t.Fatalf("%s: status %d, %+v", settings, code, r)
		}
		return r
	}
	// A seed fixes every choice, each of which is another.
	several := good(`"temperature":1,"seed":5,"n":3`).texts()
	again := good(`"temperature":1,"seed":5,"n":3`).texts()
	one := good(`"temperature":1,"seed":5`).texts()
	if len(several) != 3 || strings.Join(several, "|") != strings.Join(again, "|") || one[0] != several[0] || several[0] == several[1] || several[1] == several[2] {
		t.Errorf("%q, then %q, alone %q", several, again, one)
	}
	// Without one, every answer is drawn anew.
	if a, b := good(`"temperature":1`).texts(), good(`"temperature":1`).texts(); a[0] == b[0] {
		t.Errorf("twice %q", a)
	}
	// Biases force and ban; penalties follow.
	if got := good(`"logit_bias":{"65":100}`).texts()[0]; got != strings.Repeat("A", 12) {
		t.Errorf("forced: %q", got)
	}
	if got := good(`"logit_bias":{"65":100,"66":100,"67":100},"frequency_penalty":2`).texts()[0]; strings.Count(got, "A") > 6 || !strings.Contains(got, "B") || !strings.Contains(got, "C") {
		t.Errorf("with a frequency penalty: %q", got)
	}
	// Whatever else there is comes through.
	all := `"temperature":0.9,"top_k":50,"typical_p":0.98,"top_p":0.95,"min_p":0.001,"repetition_penalty":1.1,"presence_penalty":0.2,` +
		`"dry_multiplier":0.8,"dry_base":1.5,"dry_allowed_length":1,"dry_penalty_last_n":-1,"dry_sequence_breakers":["\n"],"seed":1`
	if a, b := good(all).texts(), good(all).texts(); a[0] != b[0] || a[0] == "" {
		t.Errorf("%q and %q", a, b)
	}
	mirostat := func(tau string) string {
		return good(`"mirostat":2,"mirostat_eta":1,"seed":3,"mirostat_tau":` + tau).texts()[0]
	}
	if mirostat("0.01") == mirostat("9") {
		t.Error("the target of mirostat makes no difference")
	}
}

// The bytes of the log-probabilities are the text.
func TestLogProbsThroughTheSocket(t *testing.T) {
	t.Parallel()
	ask := asker(t)
	_, r := ask(`"temperature":1,"seed":9,"logprobs":true,"top_logprobs":3,"n":2`)
	for _, c := range r.Choices {
		var text []byte
		for _, p := range c.LogProbs.Content {
			if len(p.Top) != 3 || p.Top[0].LogProb < p.Top[2].LogProb {
				t.Errorf("token %+v", p)
			}
			for _, b := range p.Bytes {
				text = append(text, byte(b))
			}
		}
		if got := string([]rune(string(text))); got != c.Message.Content || len(c.LogProbs.Content) != 12 {
			t.Errorf("%d tokens say %q, the text is %q", len(c.LogProbs.Content), got, c.Message.Content)
		}
	}
	if _, r := ask(`"temperature":1`); r.Choices[0].LogProbs != nil {
		t.Errorf("nobody asked for %+v", r.Choices[0].LogProbs)
	}
}

// What only the model can know to be wrong is the request's fault, too.
func TestBiasOfUnknownToken(t *testing.T) {
	t.Parallel()
	ask := asker(t)
	if code, r := ask(`"logit_bias":{"259":1}`); code != 400 || r.Error.Param != "logit_bias" || !strings.Contains(r.Error.Message, "vocabulary of 259") {
		t.Errorf("status %d, %+v", code, r.Error)
	}
}

// Mirostat works on what a temperature leaves.
func TestMirostatHasATemperature(t *testing.T) {
	t.Parallel()
	m := &router.Mirostat{Tau: 3, Eta: 0.2}
	if s := sampling(router.Options{Mirostat: m}); s.Temperature != 1 || s.Mirostat.Tau != 3 || s.Mirostat.Eta != 0.2 {
		t.Errorf("without a temperature it is %+v", s)
	}
	if s := sampling(router.Options{Mirostat: m, Temperature: new(0.)}); s.Temperature != 0 {
		t.Errorf("with the temperature 0 it is %+v", s)
	}
}
