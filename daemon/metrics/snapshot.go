package metrics

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/a472be26/cusp/daemon/sensor"
	"github.com/a472be26/cusp/infer"
)

// Snapshot is the state of the daemon, and its sums since the start.
type Snapshot struct {
	Engine   infer.Stats       // of all engines together
	Answered map[string]int    // by "route/reason"
	Failed   int               // questions without any answer
	Model    *Model            // that serves; nil: none
	Refused  bool              // what lies on disk is not what serves
	Reloads  map[string]uint64 // attempts to load a model, by result
	Link     *Link             // nil: no cloud is configured
	Promise  *Promise          // nil: it is not under review, or was not needed yet
	Sensors  []sensor.State
	Device   map[string]float64 // what the sensors that count say together
	Governor *Governor          // nil: none is configured
	Budgets  []Budget           // that have a limit
}

// Budget is how much of one is used.
type Budget struct {
	Name, Window string
	Used         float64 // share of the limit
	Spent        bool    // it has its effect
}

// Governor is what keeps the device within its limits.
type Governor struct {
	Levels  map[string]bool // but for the normal one: whether the device is at it
	Changes uint64          // of a level
}

// Model names the serving model.
type Model struct {
	Name, Version, Bundle string
	Architecture, Types   string // "llama"; "38 Q8_0, 19 F32"
	Since                 time.Time
}

// Link is the way to the cloud.
type Link struct {
	Up     bool
	Outbox int           // questions on their way
	Oldest time.Duration // age of the oldest
}

// Promise is how the promise on local answers stands.
type Promise struct {
	InDoubt   bool
	Threshold float64 // that holds now
}

// value is a metric with one number.
type value struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(*Snapshot) float64
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

func gauge(name, help string, of func(*Snapshot) float64) value {
	return value{describe(name, help), prometheus.GaugeValue, of}
}

func counter(name, help string, of func(*Snapshot) float64) value {
	return value{describe(name, help), prometheus.CounterValue, of}
}

// values are always there.
var values = []value{
	gauge("cusp_engine_threads", "Threads that compute.", func(s *Snapshot) float64 { return float64(s.Engine.Threads) }),
	gauge("cusp_engine_max_threads", "Threads that compute unless the governor allows fewer.", func(s *Snapshot) float64 { return float64(s.Engine.MaxThreads) }),
	gauge("cusp_engine_max_sequences", "Answers that can be generated at the same time.", func(s *Snapshot) float64 { return float64(s.Engine.Sequences) }),
	gauge("cusp_engine_running_sequences", "Answers that are being generated.", func(s *Snapshot) float64 { return float64(s.Engine.Running) }),
	gauge("cusp_engine_queue_length", "Requests that wait for a sequence or for memory.", func(s *Snapshot) float64 { return float64(s.Engine.Waiting) }),
	gauge("cusp_engine_kv_pages", "Pages for keys and values, in all.", func(s *Snapshot) float64 { return float64(s.Engine.Pages) }),
	gauge("cusp_engine_kv_pages_used", "Pages that belong to answers being generated.", func(s *Snapshot) float64 { return float64(s.Engine.Used) }),
	gauge("cusp_engine_kv_pages_cached", "Pages that hold beginnings of earlier prompts, given up when memory is needed.", func(s *Snapshot) float64 { return float64(s.Engine.Cached) }),
	gauge("cusp_engine_kv_page_size_bytes", "Size of one page.", func(s *Snapshot) float64 { return float64(s.Engine.PageBytes) }),
	counter("cusp_engine_passes_total", "Forward passes.", func(s *Snapshot) float64 { return float64(s.Engine.Passes) }),
	counter("cusp_engine_rows_total", "Tokens that went through the model, of prompts and of answers.", func(s *Snapshot) float64 { return float64(s.Engine.Rows) }),
	counter("cusp_engine_generated_tokens_total", "Tokens generated, those of self-tests included.", func(s *Snapshot) float64 { return float64(s.Engine.Generated) }),
	counter("cusp_engine_prompt_tokens_total", "Tokens of the prompts of admitted requests.", func(s *Snapshot) float64 { return float64(s.Engine.PromptTokens) }),
	counter("cusp_engine_cached_prompt_tokens_total", "Tokens of prompts that were not computed because an earlier prompt began the same way.", func(s *Snapshot) float64 { return float64(s.Engine.CachedTokens) }),
	counter("cusp_engine_requests_total", "Requests that were admitted.", func(s *Snapshot) float64 { return float64(s.Engine.Admitted) }),
	counter("cusp_engine_prefix_hits_total", "Requests of whose prompt at least the beginning was known.", func(s *Snapshot) float64 { return float64(s.Engine.Hits) }),
	counter("cusp_engine_refused_requests_total", "Requests refused because too many waited.", func(s *Snapshot) float64 { return float64(s.Engine.Refused) }),
	counter("cusp_engine_preemptions_total", "Answers that were interrupted for a while because pages ran short.", func(s *Snapshot) float64 { return float64(s.Engine.Preemptions) }),
	counter("cusp_engine_recomputed_tokens_total", "Tokens that went through the model again after that.", func(s *Snapshot) float64 { return float64(s.Engine.Recomputed) }),
	counter("cusp_failed_questions_total", "Questions that got no answer at all.", func(s *Snapshot) float64 { return float64(s.Failed) }),
	gauge("cusp_model_refused", "1 while a model on disk was refused and another one serves in its place.", func(s *Snapshot) float64 { return number(s.Refused) }),
}

// links are there where a cloud is configured.
var links = []value{
	gauge("cusp_link_up", "1 while questions can be sent to the cloud and their answers would arrive.", func(s *Snapshot) float64 { return number(s.Link.Up) }),
	gauge("cusp_outbox_questions", "Questions accepted for the cloud and not yet finished.", func(s *Snapshot) float64 { return float64(s.Link.Outbox) }),
	gauge("cusp_outbox_oldest_age_seconds", "For how long the oldest of them has waited; 0 without any.", func(s *Snapshot) float64 { return s.Link.Oldest.Seconds() }),
}

// promises are there once a question was answered under review.
var promises = []value{
	gauge("cusp_promise_in_doubt", "1 while audits or unfamiliar questions put the promise on local answers in doubt.", func(s *Snapshot) float64 { return number(s.Promise.InDoubt) }),
	gauge("cusp_promise_threshold", "Confidence that a local answer must reach now; above 1 none does.", func(s *Snapshot) float64 { return s.Promise.Threshold }),
}

// distribution is a histogram that the engine keeps.
type distribution struct {
	desc *prometheus.Desc
	of   func(*Snapshot) infer.Histogram
}

var distributions = []distribution{
	{describe("cusp_engine_queue_wait_seconds", "Time from a request to its admission."), func(s *Snapshot) infer.Histogram { return s.Engine.Queued }},
	{describe("cusp_engine_time_to_first_token_seconds", "Time from a request to its first token."), func(s *Snapshot) infer.Histogram { return s.Engine.FirstToken }},
	{describe("cusp_engine_inter_token_latency_seconds", "Time between two tokens of one answer."), func(s *Snapshot) infer.Histogram { return s.Engine.InterToken }},
	{describe("cusp_engine_batch_size", "Sequences that share a forward pass."), func(s *Snapshot) infer.Histogram { return s.Engine.Batch }},
}

// Metrics with labels.
var (
	answered  = describe("cusp_answers_total", "Answers by route and reason; cloud/late came after a provisional answer.", "route", "reason")
	reloads   = describe("cusp_model_reloads_total", "Attempts to load a model, that at the start included.", "result")
	modelInfo = describe("cusp_model_info", "1; the labels name the model that serves.", "name", "version", "bundle", "architecture", "types")
	since     = describe("cusp_model_serving_since_timestamp_seconds", "When the model began to serve.")
	sensorUp  = describe("cusp_sensor_up", "1 while the sensor answers.", "sensor")
	used      = describe("cusp_budget_used_ratio", "Share of a budget that is used in a window, reservations included.", "budget", "window")
	spent     = describe("cusp_budget_spent", "1 while a budget is used up and has its effect.", "budget", "window")
	level     = describe("cusp_governor_level", "1 while the device is at the level.", "level")
	changes   = describe("cusp_governor_level_changes_total", "Changes of the level.")
)

// reading is the metric of a sensor's value.
type reading struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

// readings are the metrics of sensor values, by the key of the reading.
var readings = map[string]reading{
	sensor.Temperature: {describe("cusp_temperature_celsius", "Temperature.", "sensor"), prometheus.GaugeValue},
	sensor.Power:       {describe("cusp_power_watts", "Electrical power that is drawn.", "sensor"), prometheus.GaugeValue},
	sensor.Voltage:     {describe("cusp_supply_volts", "Voltage of the supply.", "sensor"), prometheus.GaugeValue},
	sensor.Current:     {describe("cusp_supply_amperes", "Current that is drawn.", "sensor"), prometheus.GaugeValue},
	sensor.Energy:      {describe("cusp_energy_joules_total", "Energy that was drawn, by a counter of the kernel's.", "sensor"), prometheus.CounterValue},
	sensor.Charge:      {describe("cusp_battery_charge_ratio", "Charge of the battery, from 0 to 1.", "sensor"), prometheus.GaugeValue},
}

// device are the metrics of all sensors that count together, by the key.
var device = map[string]*prometheus.Desc{
	sensor.Temperature: describe("cusp_device_temperature_celsius", "The hottest temperature, as the governor sees it."),
	sensor.Power:       describe("cusp_device_power_watts", "Electrical power of the device: the sum of the sensors that count."),
}

// snapshots collects one snapshot for every scrape.
type snapshots struct{ take func() Snapshot }

var _ prometheus.Collector = snapshots{}

func (c snapshots) Describe(out chan<- *prometheus.Desc) {
	for _, v := range slices.Concat(values, links, promises) {
		out <- v.desc
	}
	for _, d := range distributions {
		out <- d.desc
	}
	for _, desc := range []*prometheus.Desc{answered, reloads, modelInfo, since, sensorUp, level, changes, used, spent} {
		out <- desc
	}
	for _, r := range readings {
		out <- r.desc
	}
	for _, desc := range device {
		out <- desc
	}
}

func (c snapshots) Collect(out chan<- prometheus.Metric) {
	s := c.take()
	send(out, values, &s)
	if s.Link != nil {
		send(out, links, &s)
	}
	if s.Promise != nil {
		send(out, promises, &s)
	}
	for _, d := range distributions {
		out <- histogram(d.desc, d.of(&s))
	}
	for what, n := range s.Answered {
		route, reason, _ := strings.Cut(what, "/")
		out <- prometheus.MustNewConstMetric(answered, prometheus.CounterValue, float64(n), route, reason)
	}
	for result, n := range s.Reloads {
		out <- prometheus.MustNewConstMetric(reloads, prometheus.CounterValue, float64(n), result)
	}
	if m := s.Model; m != nil {
		out <- prometheus.MustNewConstMetric(modelInfo, prometheus.GaugeValue, 1, valid(m.Name), valid(m.Version), m.Bundle, valid(m.Architecture), m.Types)
		out <- prometheus.MustNewConstMetric(since, prometheus.GaugeValue, float64(m.Since.UnixMilli())/1000)
	}
	for _, state := range s.Sensors {
		out <- prometheus.MustNewConstMetric(sensorUp, prometheus.GaugeValue, number(state.Error == ""), state.Name)
		for key, v := range state.Readings {
			if r, ok := readings[key]; ok {
				out <- prometheus.MustNewConstMetric(r.desc, r.kind, unit(key, v), state.Name)
			}
		}
	}
	for _, b := range s.Budgets {
		out <- prometheus.MustNewConstMetric(used, prometheus.GaugeValue, b.Used, b.Name, b.Window)
		out <- prometheus.MustNewConstMetric(spent, prometheus.GaugeValue, number(b.Spent), b.Name, b.Window)
	}
	s.govern(out)
}

// govern sends what concerns the device as a whole, and what governs it.
func (s *Snapshot) govern(out chan<- prometheus.Metric) {
	for key, v := range s.Device {
		if desc := device[key]; desc != nil {
			out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, v)
		}
	}
	if s.Governor == nil {
		return
	}
	for name, on := range s.Governor.Levels {
		out <- prometheus.MustNewConstMetric(level, prometheus.GaugeValue, number(on), name)
	}
	out <- prometheus.MustNewConstMetric(changes, prometheus.CounterValue, float64(s.Governor.Changes))
}

// unit is a reading in the base unit that Prometheus wants.
func unit(key string, v float64) float64 {
	if key == sensor.Charge {
		return v / 100
	}
	return v
}

func send(out chan<- prometheus.Metric, all []value, s *Snapshot) {
	for _, v := range all {
		out <- prometheus.MustNewConstMetric(v.desc, v.kind, v.of(s))
	}
}

// histogram is the engine's with cumulative counts, as Prometheus has them.
func histogram(desc *prometheus.Desc, h infer.Histogram) prometheus.Metric {
	buckets := make(map[float64]uint64, len(h.Bounds))
	var n uint64
	for i, bound := range h.Bounds {
		n += h.Counts[i]
		buckets[bound] = n
	}
	return prometheus.MustNewConstHistogram(desc, h.Count(), h.Sum, buckets)
}

// valid keeps what a model file calls itself from failing the scrape.
func valid(label string) string { return strings.ToValidUTF8(label, "\uFFFD") }

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
