package daemon

import (
	"time"

	"github.com/a472be26/cusp/daemon/sensor"
	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/kernel"
	"github.com/a472be26/cusp/router/budget"
)

// Status is what the daemon is doing, for the API, MQTT and `cusp status`.
type Status struct {
	Online   bool              `json:"online"`
	Device   string            `json:"device"`
	Version  string            `json:"version"`
	UptimeS  float64           `json:"uptime_s"`
	Model    *ModelStatus      `json:"model"`
	Engine   *EngineStatus     `json:"engine,omitempty"` // absent without a model of our own
	Refusal  *Refusal          `json:"last_refusal,omitempty"`
	Trial    *TrialStatus      `json:"canary,omitempty"` // absent: no model is being tried
	Reload   *Reload           `json:"last_reload,omitempty"`
	Reloads  map[string]uint64 `json:"reloads"` // attempts since the start, by result
	Config   ConfigStatus      `json:"config"`
	Link     LinkStatus        `json:"link"`
	IoT      *bool             `json:"iot_up,omitempty"`  // absent: no front door
	Promise  *PromiseStatus    `json:"promise,omitempty"` // absent without a review, or before the first question
	Counters Counters          `json:"counters"`
	Sensors  []sensor.State    `json:"sensors,omitempty"`
	Governor *GovernorStatus   `json:"governor,omitempty"` // absent: none is configured
	Budgets  []budget.Use      `json:"budgets,omitempty"`  // that have a limit
}

// LinkStatus is the way to the cloud.
type LinkStatus struct {
	Configured bool    `json:"configured"`
	Broker     string  `json:"broker,omitempty"` // connected to, or tried last; without the password
	Up         bool    `json:"up"`
	SinceS     float64 `json:"since_s,omitempty"`  // for how long it has been up, or down
	Error      string  `json:"error,omitempty"`    // why the link process cannot be asked; what follows is not known then
	Outbox     int     `json:"outbox"`             // questions on their way
	OldestS    float64 `json:"oldest_s,omitempty"` // age of the oldest of them

	Sealed   bool    `json:"sealed"`               // questions and answers are
	Failures int     `json:"failures,omitempty"`   // rounds over all brokers in a row that failed
	Trouble  string  `json:"trouble,omitempty"`    // why the last one did
	RetryS   float64 `json:"retry_in_s,omitempty"` // until the next one
}

// EngineStatus is how generation goes. While a model is replaced there are two
// engines; what there is one of is the newer one's.
type EngineStatus struct {
	Threads   int     `json:"threads"`
	Kernels   string  `json:"kernels"`           // what they compute with
	Speed     float64 `json:"tokens_per_second"` // generated, of all answers together, over the last seconds
	Running   int     `json:"running"`           // answers being generated
	Sequences int     `json:"sequences"`         // that there is room for
	Waiting   int     `json:"waiting"`           // requests
	Refused   uint64  `json:"refused"`           // requests, since too many waited
	Preempted uint64  `json:"preemptions"`       // of answers, since pages ran short
	Context   int     `json:"context"`           // tokens of prompt and answer

	FirstTokenMS float64 `json:"first_token_ms"` // about the median since the start; 0: nothing was generated
	InterTokenMS float64 `json:"inter_token_ms"`

	Pages     int `json:"kv_pages"`
	PageBytes int `json:"kv_page_bytes"`
	Used      int `json:"kv_pages_used"`
	Cached    int `json:"kv_pages_cached"`

	Requests     uint64 `json:"requests"`
	PrefixHits   uint64 `json:"prefix_hits"` // requests whose beginning was known
	PromptTokens uint64 `json:"prompt_tokens"`
	CachedTokens uint64 `json:"cached_tokens"` // of those, not computed again
	Generated    uint64 `json:"generated_tokens"`
}

// newEngineStatus returns nil if there is no engine.
func newEngineStatus(s infer.Stats) *EngineStatus {
	if s.Pages == 0 {
		return nil
	}
	return &EngineStatus{
		Threads: s.Threads, Kernels: kernel.Tier(), Speed: s.Speed, Running: s.Running, Sequences: s.Sequences,
		Waiting: s.Waiting, Refused: s.Refused, Preempted: s.Preemptions, Context: s.Context,
		FirstTokenMS: 1000 * s.FirstToken.Quantile(0.5), InterTokenMS: 1000 * s.InterToken.Quantile(0.5),
		Pages: s.Pages, PageBytes: s.PageBytes, Used: s.Used, Cached: s.Cached,
		Requests: s.Admitted, PrefixHits: s.Hits, PromptTokens: s.PromptTokens, CachedTokens: s.CachedTokens, Generated: s.Generated,
	}
}

// seconds to the millisecond.
func seconds(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }

func (d *device) status() Status {
	governed := d.governed()
	s := Status{
		Governor: governed,
		Online:   true, Device: d.cfg.Device.ID, Version: d.version,
		UptimeS:  seconds(time.Since(d.started)),
		Counters: d.answers.counters(), Sensors: d.sensors.States(), Budgets: d.budget.Uses(),
	}
	s.Model, s.Refusal = d.models.Current()
	s.Trial = d.models.Trial()
	s.Reload, s.Reloads = d.models.Reloads()
	s.Engine = newEngineStatus(d.engines.stats())
	if s.Model != nil && s.Engine != nil && s.Model.Place.Device == deviceCUDA {
		s.Engine.Kernels = deviceCUDA
	}
	report := d.report()
	s.Link, s.IoT, s.Config = report.LinkStatus, report.IoT, d.settings.status()
	s.Promise = d.promises.status()
	return s
}

func (d *device) link() LinkStatus { return d.report().LinkStatus }
