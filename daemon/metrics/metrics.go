// Package metrics shows what the daemon does to Prometheus, in its text format.
//
// States and sums are asked of the daemon when somebody scrapes; only what has a
// distribution is observed as it happens, once for an answer. The engine counts
// for itself ([infer.Stats]). No metric and no label carries a text or an id of a
// question: labels are routes, reasons, results, and names of models and sensors.
// docs/metrics.md describes each metric; the registry is this package's own.
package metrics

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/a472be26/cusp/router"
)

// Options of [New].
type Options struct {
	Version  string          // of this program
	Kernels  string          // the tier that the engine computes with
	Snapshot func() Snapshot // asked at every scrape
	Log      *slog.Logger
}

// Metrics is a registry with everything in it. Safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	log      *slog.Logger
	answers
}

// New registers all metrics.
func New(o Options) (*Metrics, error) {
	m := &Metrics{registry: prometheus.NewRegistry(), log: o.Log, answers: newAnswers()}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "cusp_build_info", Help: "1; the labels say what this program is.",
		ConstLabels: prometheus.Labels{"version": o.Version, "go_version": runtime.Version(), "arch": runtime.GOARCH, "kernels": o.Kernels},
	})
	build.Set(1)
	all := append(m.answers.collectors(), build, snapshots{o.Snapshot},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	var errs []error
	for _, c := range all {
		errs = append(errs, m.registry.Register(c))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return m, nil
}

// maxScrapes is how many scrapes are answered at the same time.
const maxScrapes = 4

// Handler answers a scrape.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: maxScrapes,
		ErrorLog:            slog.NewLogLogger(m.log.Handler(), slog.LevelWarn),
		ErrorHandling:       promhttp.ContinueOnError, // the rest is worth having
	})
}

// Gatherer is the registry, for tests and tools.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }

// answers are the distributions over answers.
type answers struct {
	duration   *prometheus.HistogramVec
	confidence prometheus.Histogram
	energy     prometheus.Histogram
	perToken   prometheus.Histogram
	prompt     *prometheus.CounterVec
	completion *prometheus.CounterVec
	early      *prometheus.CounterVec
	cost       prometheus.Counter
}

// Buckets: seconds from a student's answer to the wait for a cloud that is down;
// confidences, finer where thresholds lie; joules from milliwatts to a large
// model's paragraph.
var (
	durations   = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120}
	confidences = []float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99, 1}
	// Of a token: from a small student's to a large model's on a slow board.
	tokenEnergies = []float64{0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25}
	energies      = []float64{0.001, 0.01, 0.1, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 1000}
)

func newAnswers() answers {
	histogram := func(name, help string, buckets []float64) prometheus.HistogramOpts {
		return prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}
	}
	byRoute := []string{"route"}
	return answers{
		duration:   prometheus.NewHistogramVec(histogram("cusp_answer_duration_seconds", "Time from a question to the end of its answer.", durations), byRoute),
		confidence: prometheus.NewHistogram(histogram("cusp_answer_confidence", "Calibrated probability that the local answer is right, of every question for which it is known.", confidences)),
		energy:     prometheus.NewHistogram(histogram("cusp_answer_energy_joules", "Energy that the device took while it computed an answer, shared among those that it computed at the same time; needs a power sensor.", energies)),
		perToken:   prometheus.NewHistogram(histogram("cusp_answer_energy_per_token_joules", "Energy of an answer over the tokens that were generated for it on the device.", tokenEnergies)),
		prompt:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cusp_answer_prompt_tokens_total", Help: "Tokens of prompts, as whatever answered counts them."}, byRoute),
		completion: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cusp_answer_completion_tokens_total", Help: "Tokens of answers, as whatever answered counts them."}, byRoute),
		early:      prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cusp_early_questions_total", Help: "Questions that the cloud was asked while the local model worked, by whether its answer was given."}, []string{"needed"}),
		cost:       prometheus.NewCounter(prometheus.CounterOpts{Name: "cusp_answer_cost_usd_total", Help: "What answers of the cloud cost, where their price is known; not those of audits and late ones."}),
	}
}

func (a answers) collectors() []prometheus.Collector {
	return []prometheus.Collector{a.duration, a.confidence, a.energy, a.perToken, a.prompt, a.completion, a.early, a.cost}
}

// Answered observes one answer by its receipt.
func (a answers) Answered(r router.Receipt) {
	route := string(r.Route)
	a.duration.WithLabelValues(route).Observe(r.LatencyMS / 1000)
	a.prompt.WithLabelValues(route).Add(float64(r.PromptTokens))
	a.completion.WithLabelValues(route).Add(float64(r.CompletionTokens))
	if r.Confidence != nil {
		a.confidence.Observe(*r.Confidence)
	}
	a.cost.Add(max(0, r.CostUSD))
	if r.Early {
		a.early.WithLabelValues(strconv.FormatBool(r.Route == router.RouteCloud)).Inc()
	}
	if r.Joules > 0 {
		a.energy.Observe(r.Joules)
	}
	if r.JoulesPerToken > 0 {
		a.perToken.Observe(r.JoulesPerToken)
	}
}
