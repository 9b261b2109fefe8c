package router

import (
	"strings"
	"time"
)

// Route is the path that an answer took.
type Route string

// A provisional answer is a local one below the promise, given because nothing
// better could be had in time.
const (
	RouteLocal       Route = "local"
	RouteCloud       Route = "cloud"
	RouteProvisional Route = "provisional"
)

// Receipt says which path an answer took and why. It is the `cusp` member of
// an API response and of an MQTT answer, and what `cusp why ID` prints.
type Receipt struct {
	ID         string    `json:"id"`
	Time       time.Time `json:"time"`
	Route      Route     `json:"route"`
	Reason     Reason    `json:"reason"`
	Confidence *float64  `json:"confidence"` // calibrated probability of being right; null when not known
	Threshold  *float64  `json:"threshold"`  // what the confidence had to reach; null without calibration
	Model      string    `json:"model"`      // what answered, NAME or NAME@VERSION
	Bundle     string    `json:"bundle,omitempty"`
	LatencyMS  float64   `json:"latency_ms"`
	Rule       string    `json:"rule,omitempty"`   // of this device that the question matched
	Early      bool      `json:"early,omitempty"`  // the cloud was asked while the local model still worked
	Detail     string    `json:"detail,omitempty"` // for people: what went wrong on the way, if anything

	PromptTokens     int                `json:"prompt_tokens"`
	CompletionTokens int                `json:"completion_tokens"`
	BytesUp          int                `json:"bytes_up,omitempty"`
	BytesDown        int                `json:"bytes_down,omitempty"`
	Redactions       map[string]int     `json:"redactions,omitempty"`       // values that the cloud did not get to see, by category
	CostUSD          float64            `json:"cost_usd,omitempty"`         // what the cloud's answer cost; absent where no price is known
	Joules           float64            `json:"joules,omitempty"`           // that the local model's answer took; absent when not measured
	JoulesPerToken   float64            `json:"joules_per_token,omitempty"` // Joules, over the tokens that the local model generated
	Sensors          map[string]float64 `json:"sensors,omitempty"`          // latest readings, e.g. "temperature_c", "power_w"
	Governor         *Governor          `json:"governor,omitempty"`         // when the question came; absent without a governor
}

// receipt is written when the question is answered.
func (a *asking) receipt() Receipt {
	c := Receipt{
		ID: a.q.ID, Time: a.start.UTC(), Route: a.decision.Route, Reason: a.decision.Reason,
		Model: a.local.Model.String(), Bundle: a.local.Model.Bundle,
		LatencyMS:    float64(time.Since(a.start).Microseconds()) / 1000,
		PromptTokens: a.local.PromptTokens, CompletionTokens: len(a.local.Tokens),
		BytesUp: a.cloud.BytesUp, BytesDown: a.cloud.BytesDown, CostUSD: a.cloud.CostUSD, Joules: a.local.Joules,
		Rule: a.effect.Rule, Early: a.early != nil, Detail: a.detail(), Governor: a.governor,
	}
	if n := len(a.local.Tokens); n > 0 {
		c.JoulesPerToken = a.local.Joules / float64(n)
	}
	if s := a.signals; s.Calibrated {
		c.Confidence, c.Threshold = &s.Confidence, new(max(s.Threshold, s.Raised))
	}
	if a.decision.Route == RouteCloud {
		c.Model, c.Bundle = a.cloud.Model, ""
		c.PromptTokens, c.CompletionTokens = a.cloud.PromptTokens, a.cloud.CompletionTokens
	}
	if s := a.signals; a.decision.Route == RouteCloud || a.early != nil || s.Cloud == CloudLate || s.Cloud == CloudFailed {
		c.Redactions = a.screened.Redactions // of a question that left
	}
	if a.Sensors != nil {
		c.Sensors = a.Sensors()
	}
	return c
}

// detail tells people what went wrong on the way.
func (a *asking) detail() string {
	var parts []string
	if a.decision.Route != RouteCloud {
		parts = append(parts, a.local.Notes...)
	}
	if a.decision.Cause != "" {
		parts = append(parts, "local answer: "+string(a.decision.Cause))
	}
	if a.failure != nil {
		parts = append(parts, a.failure.Error())
	}
	if a.spent != "" && (a.decision.Reason == ReasonBudget || a.decision.Reason == ReasonFollows) {
		parts = append(parts, a.spent)
	}
	if a.screened.Detail != "" && a.decision.Route != RouteCloud {
		parts = append(parts, a.screened.Detail)
	}
	return strings.Join(parts, "; ")
}
