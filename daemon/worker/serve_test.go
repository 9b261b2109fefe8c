package worker

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/cloud"
)

// startDaemon runs a daemon with the built-in student until the test's end and
// returns a way to its socket.
func startDaemon(t *testing.T) http.RoundTripper {
	t.Helper()
	dir, err := os.MkdirTemp("", "cusp") // paths of sockets are short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	cfg := daemon.DefaultConfig()
	cfg.API.Socket, cfg.State.Dir, cfg.Model.Dir = filepath.Join(dir, "s"), filepath.Join(dir, "state"), filepath.Join(dir, "models")
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- daemon.Serve(ctx, cfg, daemon.Options{Log: slog.New(slog.DiscardHandler)}) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	var d net.Dialer
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return d.DialContext(ctx, "unix", cfg.API.Socket)
	}
	for range 1000 {
		if c, err := dial(t.Context(), "", ""); err == nil {
			c.Close()
			return &http.Transport{DialContext: dial, DisableKeepAlives: true}
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the daemon does not listen")
	return nil
}

// The daemon's own API is one of the servers behind the kind openai.
func TestDaemonAsAProvider(t *testing.T) {
	t.Parallel()
	p, err := cloud.NewOpenAI(cloud.Endpoint{URL: "http://cusp/v1", Model: "cusp", HTTP: startDaemon(t)})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(o router.Options, messages ...router.Message) (cloud.Completion, string, error) {
		var text strings.Builder
		c, err := p.Complete(t.Context(), cloud.Request{Messages: messages, Options: o}, func(d string) error { text.WriteString(d); return nil })
		return c, text.String(), err
	}
	light := router.Message{Role: "user", Content: "turn on the kitchen light"}

	c, text, err := ask(router.Options{}, light)
	if err != nil || c.Text != text || !json.Valid([]byte(text)) || c.Finish != "stop" || c.PromptTokens == 0 || c.CompletionTokens == 0 || c.Model == "" {
		t.Errorf("%+v, emitted %q, error %v", c, text, err)
	}
	schema := `{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object","properties":{"on":{"type":"boolean"}},"required":["on"],"additionalProperties":false}}}`
	c, _, err = ask(router.Options{ResponseFormat: json.RawMessage(schema), Temperature: new(0.0)}, router.Message{Role: "developer", Content: "be brief"}, light)
	var answer struct{ On *bool }
	if err != nil || json.Unmarshal([]byte(c.Text), &answer) != nil || answer.On == nil {
		t.Errorf("%+v, error %v", c, err)
	}
	if c, _, err = ask(router.Options{MaxTokens: 2}, light); err != nil || c.Finish != "length" || c.CompletionTokens != 2 {
		t.Errorf("%+v, error %v", c, err)
	}
	if _, _, err = ask(router.Options{Temperature: new(9.0)}, light); err == nil || !strings.Contains(err.Error(), "temperature") {
		t.Errorf("error %v, want the daemon's refusal in its own words", err)
	}
}
