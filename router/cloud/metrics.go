package cloud

import (
	"log/slog"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/sony/gobreaker/v2"
)

// Results of questions beside the codes of [Error].
const (
	resultAnswered = "answered"
	resultRepeated = "repeated" // asked once more, and answered from what is known
)

// Buckets: seconds from a small model nearby to a long answer of a slow one.
var durations = []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320}

// Metrics are a worker's for Prometheus. No label carries a text, an id or a device.
// A nil *Metrics counts nothing. docs/cloud.md describes each metric.
type Metrics struct {
	registry  *prometheus.Registry
	questions *prometheus.CounterVec
	duration  prometheus.Histogram

	requests *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	first    *prometheus.HistogramVec
	tokens   *prometheus.CounterVec
	cost     *prometheus.CounterVec
	retries  *prometheus.CounterVec
	breaker  *prometheus.GaugeVec
	running  *prometheus.GaugeVec
}

// NewMetrics registers all metrics but those of a running worker, which follow
// when it starts.
func NewMetrics(version string) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cusp_worker_" + name, Help: help}, labels)
	}
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "cusp_worker_" + name, Help: help, Buckets: durations}, labels)
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "cusp_worker_" + name, Help: help}, labels)
	}
	m := &Metrics{
		registry:  prometheus.NewRegistry(),
		questions: counter("questions_total", "Questions by what became of them.", "result"),
		duration:  prometheus.NewHistogram(prometheus.HistogramOpts{Name: "cusp_worker_question_duration_seconds", Help: "Time from a question's arrival to the end of its answer.", Buckets: durations}),
		requests:  counter("provider_requests_total", "Requests to a provider by how they ended.", "provider", "result"),
		latency:   histogram("provider_duration_seconds", "Time from a request to the end of the answer.", "provider"),
		first:     histogram("provider_first_text_seconds", "Time from a request to the first text of the answer.", "provider"),
		tokens:    counter("provider_tokens_total", "Tokens as the provider counts them.", "provider", "kind"),
		cost:      counter("provider_cost_usd_total", "What answers cost by the table of prices, in US dollars.", "provider"),
		retries:   counter("provider_retries_total", "Requests that were made again.", "provider"),
		breaker:   gauge("provider_breaker_open", "1 while the circuit breaker lets no request through, 0.5 while it tries one.", "provider"),
		running:   gauge("provider_running_requests", "Requests under way.", "provider"),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "cusp_worker_build_info", Help: "1; the labels say what this program is.",
		ConstLabels: prometheus.Labels{"version": version, "go_version": runtime.Version(), "arch": runtime.GOARCH},
	})
	build.Set(1)
	m.questions.WithLabelValues(resultAnswered)
	m.registry.MustRegister(m.questions, m.duration, m.requests, m.latency, m.first, m.tokens, m.cost, m.retries, m.breaker, m.running, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// pending is an intake that knows how many questions wait for all workers.
type pending interface{ Pending() (int64, error) }

// watch adds what is asked of the worker at every scrape.
func (m *Metrics) watch(w *Worker) {
	if m == nil {
		return
	}
	gauge := func(name, help string, value func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "cusp_worker_" + name, Help: help}, value))
	}
	gauge("intake_up", "1 while questions can arrive and answers be sent.", func() float64 {
		if w.Up() {
			return 1
		}
		return 0
	})
	gauge("waiting_questions", "Questions here that wait for their turn.", func() float64 { n, _ := w.load(); return float64(n) })
	gauge("running_questions", "Questions here that have their turn.", func() float64 { _, n := w.load(); return float64(n) })
	if q, ok := w.intake.(pending); ok {
		gauge("queue_questions", "Questions in the work queue that no worker has yet; -1 while that is not known.", func() float64 {
			n, err := q.Pending()
			if err != nil {
				return -1
			}
			return float64(n)
		})
	}
}

// question counts one by its result; took is 0 for those that were not taken.
func (m *Metrics) question(result string, took time.Duration) {
	if m == nil {
		return
	}
	m.questions.WithLabelValues(result).Inc()
	if took > 0 {
		m.duration.Observe(took.Seconds())
	}
}

// prepare makes a provider's metrics visible before anything happens.
func (m *Metrics) prepare(provider string) {
	if m == nil {
		return
	}
	m.breaker.WithLabelValues(provider).Set(0)
	m.running.WithLabelValues(provider).Set(0)
	m.retries.WithLabelValues(provider)
	m.cost.WithLabelValues(provider)
	m.requests.WithLabelValues(provider, resultAnswered)
	for _, kind := range []string{"prompt", "completion"} {
		m.tokens.WithLabelValues(provider, kind)
	}
}

// requested counts one request that has ended.
func (m *Metrics) requested(provider string, c Completion, err *Error, took, first time.Duration) {
	if m == nil {
		return
	}
	result := resultAnswered
	if err != nil {
		result = err.Code
	}
	m.requests.WithLabelValues(provider, result).Inc()
	m.latency.WithLabelValues(provider).Observe(took.Seconds())
	if first > 0 {
		m.first.WithLabelValues(provider).Observe(first.Seconds())
	}
	m.tokens.WithLabelValues(provider, "prompt").Add(float64(c.PromptTokens))
	m.tokens.WithLabelValues(provider, "completion").Add(float64(c.CompletionTokens))
	m.cost.WithLabelValues(provider).Add(c.CostUSD)
}

func (m *Metrics) retried(provider string) {
	if m != nil {
		m.retries.WithLabelValues(provider).Inc()
	}
}

func (m *Metrics) runs(provider string, change float64) {
	if m != nil {
		m.running.WithLabelValues(provider).Add(change)
	}
}

func (m *Metrics) broke(provider string, to gobreaker.State) {
	if m != nil {
		m.breaker.WithLabelValues(provider).Set(map[gobreaker.State]float64{gobreaker.StateOpen: 1, gobreaker.StateHalfOpen: 0.5}[to])
	}
}

// Gatherer is the registry, for tests and tools.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }

// Handler answers a scrape.
func (m *Metrics) Handler(log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: 4,
		ErrorLog:            slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ErrorHandling:       promhttp.ContinueOnError, // the rest is worth having
	})
}
