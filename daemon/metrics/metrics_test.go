package metrics

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/a472be26/cusp/daemon/sensor"
	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/router"
)

// full is a snapshot in which everything is there.
func full() Snapshot {
	h := infer.Histogram{Bounds: []float64{0.1, 1}, Counts: []uint64{2, 1, 1}, Sum: 7.5}
	return Snapshot{
		Engine: infer.Stats{
			Running: 2, Waiting: 3, Threads: 4, MaxThreads: 8, Sequences: 5, Pages: 100, Used: 30, Cached: 20, PageBytes: 4096,
			Passes: 7, Generated: 41, PromptTokens: 99, CachedTokens: 60, Admitted: 9, Hits: 6, Refused: 1, Preemptions: 12, Recomputed: 345,
			Queued: h, FirstToken: h, InterToken: h, Batch: h,
		},
		Answered: map[string]int{"local/confident": 8, "provisional/no_cloud": 2}, Failed: 1,
		Model:   &Model{Name: "m\xff", Version: "1.2", Bundle: "abc", Architecture: "llama", Types: "2 Q8_0", Since: time.Unix(1700000000, 0)},
		Refused: true, Reloads: map[string]uint64{"done": 1, "not_loaded": 2},
		Link: &Link{Up: true, Outbox: 12, Oldest: 90 * time.Second},
		Sensors: []sensor.State{{Name: "power", Readings: map[string]float64{"power_w": 3.5, "voltage_v": 5, "current_a": 0.7, "odd": 1}}, {Name: "temperature", Error: "gone"},
			{Name: "package-0", Readings: map[string]float64{"energy_j": 99.5}}, {Name: "BAT0", Readings: map[string]float64{"battery_percent": 37, "battery_discharging": 1}}},
		Device: map[string]float64{"temperature_c": 61.5, "power_w": 4.5}, Governor: &Governor{Levels: map[string]bool{"warm": true, "hot": false}, Changes: 7},
	}
}

func newMetrics(t *testing.T, s Snapshot) *Metrics {
	t.Helper()
	m, err := New(Options{Version: "9.9", Kernels: "avx2", Snapshot: func() Snapshot { return s }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	confidence := 0.93
	m.Answered(router.Receipt{Route: router.RouteLocal, LatencyMS: 20, PromptTokens: 10, CompletionTokens: 4, Confidence: &confidence, Joules: 0.3, JoulesPerToken: 0.06})
	return m
}

func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestExposition(t *testing.T) {
	t.Parallel()
	text := scrape(t, newMetrics(t, full()))
	for _, want := range []string{
		`cusp_build_info{arch=`, `kernels="avx2",version="9.9"} 1`,
		"cusp_engine_running_sequences 2", "cusp_engine_queue_length 3", "cusp_engine_threads 4", "cusp_engine_max_sequences 5",
		"cusp_engine_kv_pages 100", "cusp_engine_kv_pages_used 30", "cusp_engine_kv_pages_cached 20", "cusp_engine_kv_page_size_bytes 4096",
		"cusp_engine_generated_tokens_total 41", "cusp_engine_prompt_tokens_total 99", "cusp_engine_cached_prompt_tokens_total 60",
		"cusp_engine_requests_total 9", "cusp_engine_prefix_hits_total 6", "cusp_engine_refused_requests_total 1",
		"cusp_engine_preemptions_total 12", "cusp_engine_recomputed_tokens_total 345",
		`cusp_engine_time_to_first_token_seconds_bucket{le="0.1"} 2`, `cusp_engine_inter_token_latency_seconds_bucket{le="1"} 3`,
		`cusp_engine_batch_size_bucket{le="+Inf"} 4`, "cusp_engine_queue_wait_seconds_sum 7.5",
		`cusp_answers_total{reason="confident",route="local"} 8`, `cusp_answers_total{reason="no_cloud",route="provisional"} 2`,
		"cusp_failed_questions_total 1", `cusp_answer_duration_seconds_bucket{route="local",le="0.025"} 1`,
		`cusp_answer_confidence_bucket{le="0.95"} 1`, "cusp_answer_energy_joules_sum 0.3",
		`cusp_answer_prompt_tokens_total{route="local"} 10`, `cusp_answer_completion_tokens_total{route="local"} 4`,
		"cusp_link_up 1", "cusp_outbox_questions 12", "cusp_outbox_oldest_age_seconds 90",
		`cusp_model_info{architecture="llama",bundle="abc",name="m` + "\uFFFD" + `",types="2 Q8_0",version="1.2"} 1`,
		"cusp_model_serving_since_timestamp_seconds 1.7e+09", `cusp_model_reloads_total{result="not_loaded"} 2`, "cusp_model_refused 1",
		`cusp_power_watts{sensor="power"} 3.5`, `cusp_supply_volts{sensor="power"} 5`, `cusp_supply_amperes{sensor="power"} 0.7`,
		`cusp_sensor_up{sensor="power"} 1`, `cusp_sensor_up{sensor="temperature"} 0`,
		"cusp_engine_max_threads 8", `cusp_energy_joules_total{sensor="package-0"} 99.5`, `cusp_battery_charge_ratio{sensor="BAT0"} 0.37`,
		"cusp_device_temperature_celsius 61.5", "cusp_device_power_watts 4.5", `cusp_governor_level{level="warm"} 1`, `cusp_governor_level{level="hot"} 0`,
		"cusp_governor_level_changes_total 7", `cusp_answer_energy_per_token_joules_bucket{le="0.1"} 1`, "cusp_answer_energy_per_token_joules_sum 0.06",
		"go_goroutines ", "process_resident_memory_bytes ", "process_open_fds ",
	} {
		if !strings.Contains(text, "\n"+want) && !strings.Contains(text, want+"\n") {
			t.Errorf("no %s", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

// What a device does not have is absent, not zero: an alert on a link that nobody
// configured would never end.
func TestAbsentPartsHaveNoMetrics(t *testing.T) {
	t.Parallel()
	text := scrape(t, newMetrics(t, Snapshot{}))
	for _, absent := range []string{"cusp_link_up", "cusp_outbox", "cusp_model_info", "cusp_temperature", "cusp_power", "cusp_device", "cusp_governor"} {
		if strings.Contains(text, "\n"+absent) {
			t.Errorf("%s is there", absent)
		}
	}
	if !strings.Contains(text, "cusp_engine_batch_size_count 0") {
		t.Errorf("an engine that did nothing has no histograms:\n%s", text)
	}
}

func TestPrometheusLintFindsNothing(t *testing.T) {
	t.Parallel()
	families, err := newMetrics(t, full()).Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestScrapeOverTCP(t *testing.T) {
	t.Parallel()
	m := newMetrics(t, full())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := m.Serve(l)
	resp, err := http.Get("http://" + s.Address() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if resp.Body.Close(); err != nil || !strings.Contains(string(body), "cusp_link_up 1") {
		t.Errorf("%v, %s", err, body)
	}
	for _, path := range []string{"/", "/v1/models", "/v1/cusp/status"} {
		if resp, err := http.Get("http://" + s.Address() + path); err != nil || resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s over TCP: %v, %v", path, resp, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if _, err := http.Get("http://" + s.Address() + "/metrics"); err == nil {
		t.Error("it answers after its end")
	}
}
