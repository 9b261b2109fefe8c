package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/a472be26/cusp/router"
)

// script is an Answerer that says its pieces and then ends as told.
type script struct {
	pieces []string
	err    error
	ended  chan error    // when not nil, receives why Answer ended
	hold   chan struct{} // when not nil, waited for after the first piece
}

var _ Answerer = (*script)(nil)

func (s *script) Answer(ctx context.Context, q router.Question, emit func(router.Delta) error) (a router.Answer, err error) {
	if s.ended != nil {
		defer func() { s.ended <- err }()
	}
	for i, p := range s.pieces {
		if emit != nil {
			if err := emit(router.Delta{Text: p}); err != nil {
				return a, err
			}
		}
		if i == 0 && s.hold != nil {
			select {
			case <-s.hold:
			case <-ctx.Done():
				return a, ctx.Err()
			}
		}
	}
	return router.Answer{Text: strings.Join(s.pieces, ""), Finish: "stop", Receipt: receipt(q)}, s.err
}

func receipt(q router.Question) router.Receipt {
	p := 0.97
	return router.Receipt{ID: q.ID, Time: testNow, Route: router.RouteLocal, Reason: router.ReasonConfident, Confidence: &p, Threshold: &p,
		Model: "cusp-student@1", PromptTokens: 4, CompletionTokens: 2}
}

type archive map[string]Entry

var _ Archive = archive(nil)

func (a archive) Find(_ context.Context, id string) (Entry, error) {
	if e, ok := a[id]; ok {
		return e, nil
	}
	if id == "broken" {
		return Entry{}, errors.New("disk on fire")
	}
	return Entry{}, ErrNotFound
}

// serve starts a server on a unix socket and returns a client of it.
func serve(t *testing.T, a Answerer) *Client {
	t.Helper()
	path := filepath.Join(shortDir(t), "s")
	l, err := Listen(path, 0o600, "")
	if err != nil {
		t.Fatal(err)
	}
	s := New(options(a))
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	c := NewClient(path)
	t.Cleanup(func() {
		c.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if err := errors.Join(s.Shutdown(ctx), <-done); err != nil {
			t.Error(err)
		}
	})
	return c
}

// shortDir is a directory whose path leaves room for a socket's name.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "api")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func options(a Answerer) Options {
	return Options{
		Answerer: a,
		Archive:  archive{"q1": {Text: "yes", Finish: "stop", Receipt: receipt(router.Question{ID: "q1"})}},
		Models: func() []Model {
			return []Model{
				{ID: "cusp-student", Aliases: []string{"cusp-student@1"}, Created: testNow, Owner: "cusp"}, {ID: "enc", Created: testNow, Owner: "cusp", Embeds: true},
			}
		},
		Status:  func() any { return map[string]string{"version": "test"} },
		MaxBody: 2000,
		Log:     slog.New(slog.DiscardHandler),
	}
}

// post sends body to a server without a network and returns the reply.
func post(a Answerer, method, path, body string) *http.Response {
	return postTo(New(options(a)), method, path, body)
}

func postTo(s *Server, method, path, body string) *http.Response {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w.Result()
}

func decode(t *testing.T, r io.Reader) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.NewDecoder(r).Decode(&m); err != nil {
		t.Fatal(err)
	}
	return m
}

// requireMembers fails unless object has every name; dots descend, numbers index.
func requireMembers(t *testing.T, object map[string]any, paths ...string) {
	t.Helper()
	for _, path := range paths {
		var at any = object
		for name := range strings.SplitSeq(path, ".") {
			if list, ok := at.([]any); ok && len(list) > 0 {
				at = list[0]
			}
			m, _ := at.(map[string]any)
			v, ok := m[name]
			if !ok {
				t.Errorf("member %s is missing in %v", path, object)
				break
			}
			at = v
		}
	}
}

func TestCompletionHasWhatOpenAIRequires(t *testing.T) {
	t.Parallel()
	resp := post(&script{pieces: []string{"a", "b"}}, "POST", "/v1/chat/completions", with(`"cusp":{"id":"q7"}`))
	if resp.StatusCode != 200 || resp.Header.Get(routeHeader) != "local" {
		t.Errorf("status %s, route %q", resp.Status, resp.Header.Get(routeHeader))
	}
	m := decode(t, resp.Body)
	requireMembers(t, m, "id", "object", "created", "model", "choices.index", "choices.finish_reason", "choices.logprobs",
		"choices.message.role", "choices.message.content", "choices.message.refusal",
		"usage.prompt_tokens", "usage.completion_tokens", "usage.total_tokens",
		"cusp.id", "cusp.route", "cusp.reason", "cusp.confidence", "cusp.threshold", "cusp.model", "cusp.latency_ms")
	if m["object"] != "chat.completion" || m["id"] != "q7" || m["model"] != "cusp-student@1" {
		t.Errorf("completion %v", m)
	}
}

// chunks splits a stream into its JSON objects; the last line must be [DONE].
func chunks(t *testing.T, r io.Reader) []map[string]any {
	t.Helper()
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	events := strings.Split(strings.TrimSuffix(string(all), "\n\n"), "\n\n")
	if events[len(events)-1] != "data: [DONE]" {
		t.Fatalf("stream ends with %q", events[len(events)-1])
	}
	var out []map[string]any
	for _, e := range events[:len(events)-1] {
		out = append(out, decode(t, strings.NewReader(strings.TrimPrefix(e, "data: "))))
	}
	return out
}

func TestStreamHasWhatOpenAIRequires(t *testing.T) {
	t.Parallel()
	for _, withUsage := range []bool{false, true} {
		t.Run(fmt.Sprint("usage ", withUsage), func(t *testing.T) {
			t.Parallel()
			body := with(fmt.Sprintf(`"stream":true,"stream_options":{"include_usage":%v}`, withUsage))
			resp := post(&script{pieces: []string{"a", "b"}}, "POST", "/v1/chat/completions", body)
			got := chunks(t, resp.Body)
			last := got[len(got)-1]
			for i, c := range got {
				requireMembers(t, c, "id", "object", "created", "model", "choices")
				if c["object"] != "chat.completion.chunk" || c["id"] != got[0]["id"] {
					t.Errorf("chunk %d is %v", i, c)
				}
				if _, has := c["cusp"]; has != (i == len(got)-1) {
					t.Errorf("chunk %d of %d: receipt %v", i, len(got), has)
				}
				if len(c["choices"].([]any)) > 0 {
					requireMembers(t, c, "choices.index", "choices.delta", "choices.finish_reason")
				}
			}
			if _, has := last["usage"]; has != withUsage {
				t.Errorf("usage in the last chunk: %v", has)
			}
			if resp.Trailer.Get(routeHeader) != "local" {
				t.Errorf("trailer %v", resp.Trailer)
			}
		})
	}
}

func TestErrorsHaveOpenAIsShape(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, path, body string
		answerer           script
		status             int
		says               string
	}{
		"bad json":      {"POST", "/v1/chat/completions", "{", script{}, 400, "malformed"},
		"too large":     {"POST", "/v1/chat/completions", strings.Repeat(" ", 2001), script{}, 413, "2000 bytes"},
		"unknown path":  {"GET", "/v1/nothing", "", script{}, 404, "/v1/nothing"},
		"method":        {"GET", "/v1/chat/completions", "", script{}, 405, "use POST"},
		"answer gone":   {"GET", "/v1/cusp/answers/q9", "", script{}, 404, "q9"},
		"archive fails": {"GET", "/v1/cusp/answers/broken", "", script{}, 500, "record"},
		"engine fails":  {"POST", "/v1/chat/completions", with(`"n":1`), script{err: errors.New("engine broke")}, 500, "engine broke"},
		"deadline":      {"POST", "/v1/chat/completions", with(`"n":1`), script{err: context.DeadlineExceeded}, 504, "deadline"},
		"early failure of a stream": {"POST", "/v1/chat/completions", with(`"stream":true`),
			script{err: errors.New("engine broke")}, 500, "engine broke"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp := post(&c.answerer, c.method, c.path, c.body)
			m := decode(t, resp.Body)
			requireMembers(t, m, "error.message", "error.type", "error.param", "error.code")
			message, _ := m["error"].(map[string]any)["message"].(string)
			if resp.StatusCode != c.status || !strings.Contains(message, c.says) {
				t.Errorf("status %s, message %q; want %d and %q", resp.Status, message, c.status, c.says)
			}
		})
	}
}

func TestGetters(t *testing.T) {
	t.Parallel()
	for path, member := range map[string]string{
		"/healthz": "status", "/v1/models": "data.id", "/v1/cusp/status": "version", "/v1/cusp/answers/q1": "receipt.route",
	} {
		resp := post(&script{}, "GET", path, "")
		if resp.StatusCode != 200 {
			t.Errorf("%s: %s", path, resp.Status)
		}
		requireMembers(t, decode(t, resp.Body), member)
	}
}

func TestClientRoundTrip(t *testing.T) {
	t.Parallel()
	c := serve(t, &script{pieces: []string{"灯", "亮了"}})
	ctx := t.Context()
	var seen []string
	q := router.Question{ID: "q5", Messages: []router.Message{{Role: "user", Content: "hi"}}, Privacy: router.Private, Deadline: time.Now().Add(time.Minute)}
	a, err := c.Ask(ctx, q, func(s string) error { seen = append(seen, s); return nil })
	if err != nil {
		t.Fatal(err)
	}
	if a.Text != "灯亮了" || len(seen) != 2 || a.Finish != "stop" || a.Receipt.ID != "q5" || *a.Receipt.Confidence != 0.97 {
		t.Errorf("answer %+v, pieces %q", a, seen)
	}
	if e, err := c.Why(ctx, "q1"); err != nil || e.Text != "yes" || e.Receipt.Route != router.RouteLocal {
		t.Errorf("why: %+v, %v", e, err)
	}
	if _, err := c.Why(ctx, "q2"); err == nil || !strings.Contains(err.Error(), "no answer") {
		t.Errorf("why of an unknown id: %v", err)
	}
	var status map[string]string
	if err := c.Status(ctx, &status); err != nil || status["version"] != "test" {
		t.Errorf("status %v, %v", status, err)
	}
	if err := c.Health(ctx); err != nil {
		t.Error(err)
	}
}

func TestClientSeesABrokenStream(t *testing.T) {
	t.Parallel()
	c := serve(t, &script{pieces: []string{"half"}, err: errors.New("engine broke")})
	a, err := c.Ask(t.Context(), router.Question{Messages: []router.Message{{Role: "user", Content: "hi"}}}, nil)
	var e *Error
	if !errors.As(err, &e) || !strings.Contains(e.Message, "engine broke") || a.Text != "" {
		t.Errorf("answer %+v, error %v", a, err)
	}
}

func TestLeavingClientCancelsTheAnswer(t *testing.T) {
	t.Parallel()
	s := &script{pieces: []string{"a", "b"}, hold: make(chan struct{}), ended: make(chan error, 1)}
	c := serve(t, s)
	stop := errors.New("seen enough")
	_, err := c.Ask(t.Context(), router.Question{Messages: []router.Message{{Role: "user", Content: "hi"}}}, func(string) error { return stop })
	if !errors.Is(err, stop) {
		t.Fatalf("ask: %v", err)
	}
	select {
	case err := <-s.ended:
		if err == nil {
			t.Error("the answer ran to its end")
		}
	case <-time.After(5 * time.Second):
		t.Error("the answer still runs")
	}
}

// Who is connected when the stop begins is answered, though the request comes
// after it; who never sends one does not hold the stop up.
func TestShutdownAnswersWhoIsConnected(t *testing.T) {
	t.Parallel()
	path := filepath.Join(shortDir(t), "s")
	l, err := Listen(path, 0o600, "")
	if err != nil {
		t.Fatal(err)
	}
	s := New(options(&script{pieces: []string{"hello"}}))
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	late, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	silent, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for !s.connections.busy() {
		time.Sleep(time.Millisecond)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- s.Shutdown(t.Context()) }()
	if err := <-served; err != nil { // it takes nobody in any more
		t.Errorf("serve: %v", err)
	}
	if _, err := io.WriteString(late, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	reply, err := io.ReadAll(late)
	if err != nil || !strings.HasPrefix(string(reply), "HTTP/1.1 200") || !strings.Contains(string(reply), "Connection: close") {
		t.Errorf("late request: %q, %v", reply, err)
	}
	select {
	case err := <-stopped:
		if err != nil {
			t.Errorf("shutdown: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("a connection without a request holds the stop up")
	}
	if err := s.Serve(l); err != nil {
		t.Errorf("serve after the stop: %v", err)
	}
}

func TestClientWithoutDaemonSaysSo(t *testing.T) {
	t.Parallel()
	err := NewClient(filepath.Join(t.TempDir(), "none")).Health(t.Context())
	if err == nil || !strings.Contains(err.Error(), "cusp serve") {
		t.Errorf("error %v", err)
	}
}
