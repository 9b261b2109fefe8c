package router

import "time"

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
	Detail     string    `json:"detail,omitempty"` // for people: what went wrong on the way, if anything

	PromptTokens     int                `json:"prompt_tokens"`
	CompletionTokens int                `json:"completion_tokens"`
	BytesUp          int                `json:"bytes_up,omitempty"`
	BytesDown        int                `json:"bytes_down,omitempty"`
	CostUSD          float64            `json:"cost_usd,omitempty"` // what the cloud's answer cost; absent where no price is known
	Joules           float64            `json:"joules,omitempty"`   // that the local model's answer took; absent when not measured
	Sensors          map[string]float64 `json:"sensors,omitempty"`  // latest readings, e.g. "temperature_c", "power_w"
}
