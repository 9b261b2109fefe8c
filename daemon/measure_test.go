package daemon

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/router"
)

// scraped reads the metrics of the daemon on a socket: values by name and labels.
func scraped(t *testing.T, socket string) (map[string]float64, string) {
	t.Helper()
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	resp, err := c.Get("http://cusp/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("status %s, %v", resp.Status, err)
	}
	values := map[string]float64{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z_]+(?:\{.*\})?) (\S+)$`).FindAllStringSubmatch(string(text), -1) {
		v, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		values[m[1]] = v
	}
	return values, string(text)
}

// Every number moves with the questions that the real engine answers, and no
// text of theirs is among them.
func TestMetricsMoveAndKeepSilent(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	c, _ := serveReal(t, cfg, Options{Version: "9.9"})
	before, _ := scraped(t, cfg.API.Socket)
	var tokens int
	for _, q := range []router.Question{ask("turn on the lamp of aunt Ottilie"), ask("turn on the lamp of aunt Ottilie"), ask("dim the Quokka")} {
		q.ID, q.Privacy = fmt.Sprintf("zebra-%d", tokens), router.Private
		a, err := c.Ask(t.Context(), q, nil)
		if err != nil {
			t.Fatal(err)
		}
		tokens += a.Receipt.CompletionTokens
	}
	after, text := scraped(t, cfg.API.Socket)
	for name, least := range map[string]float64{
		"cusp_engine_generated_tokens_total": float64(tokens), "cusp_engine_prompt_tokens_total": 30, "cusp_engine_requests_total": 3,
		"cusp_engine_passes_total": 3, "cusp_engine_prefix_hits_total": 1, "cusp_engine_cached_prompt_tokens_total": 1,
		"cusp_engine_time_to_first_token_seconds_count": 3, "cusp_engine_inter_token_latency_seconds_sum": 1e-9,
		"cusp_engine_batch_size_count": 3, "cusp_engine_queue_wait_seconds_count": 3, "cusp_answer_confidence_count": 3,
	} {
		if grown := after[name] - before[name]; grown < least {
			t.Errorf("%s grew by %g, want at least %g", name, grown, least)
		}
	}
	answers := 0.0
	for name, v := range after {
		if strings.HasPrefix(name, "cusp_answers_total{") {
			answers += v
		}
	}
	if answers != 3 {
		t.Errorf("%g answers", answers)
	}
	if after[`cusp_model_reloads_total{result="done"}`] != 1 || after["cusp_engine_kv_pages"] <= 0 || after["process_open_fds"] <= 0 {
		t.Errorf("state:\n%s", text)
	}
	if !regexp.MustCompile(`cusp_model_info\{architecture="llama",bundle="[0-9a-f]{64}",name="cusp-student",types="\d+ Q8_0[^"]*",version="[^"]+"\} 1`).MatchString(text) {
		t.Errorf("no model:\n%s", text)
	}
	for _, word := range []string{"Ottilie", "Quokka", "zebra", "lamp"} {
		if strings.Contains(text, word) {
			t.Errorf("a metric says %q", word)
		}
	}
}

// Sums never go back when a model is replaced.
func TestEnginesSumOverReplacedModels(t *testing.T) {
	t.Parallel()
	first, second := fixed{Generated: 5, Running: 1, Threads: 4, Pages: 10}, fixed{Generated: 7, Threads: 2, Pages: 20}
	e := newEngines()
	e.add(&first)
	e.add(&second)
	if s := e.stats(); s.Generated != 12 || s.Running != 1 || s.Threads != 2 || s.Pages != 30 {
		t.Errorf("both: %+v", s)
	}
	e.remove(&first)
	e.remove(&first)
	if s := e.stats(); s.Generated != 12 || s.Running != 0 || s.Threads != 2 || s.Pages != 20 {
		t.Errorf("after the first: %+v", s)
	}
	e.remove(&second)
	if s := e.stats(); s.Generated != 12 || s.Pages != 0 {
		t.Errorf("after both: %+v", s)
	}
	var none *engines
	none.add(&first)
	none.remove(&first)
}

type fixed infer.Stats

func (f *fixed) Stats() infer.Stats { return infer.Stats(*f) }
func (f *fixed) SetThreads(n int)   { f.Threads = n }

func TestMetricsOverTCPOnlyWhenConfigured(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.Metrics.Listen = freePort(t)
	_, stop := serve(t, cfg, Options{})
	resp, err := http.Get("http://" + cfg.Metrics.Listen + "/metrics")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%v, %v", resp, err)
	}
	resp.Body.Close()
	stop()
	if _, err := net.Dial("tcp", cfg.Metrics.Listen); err == nil {
		t.Error("the port stays open")
	}
	cfg.Metrics.Listen = "9090"
	if err := cfg.Check(); err == nil || !strings.Contains(err.Error(), "metrics.listen") {
		t.Errorf("a port alone: %v", err)
	}
}
