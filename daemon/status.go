package daemon

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/a472be26/cusp/daemon/sensor"
)

// Status is what the daemon is doing, for the API, MQTT and `cusp status`.
type Status struct {
	Online   bool           `json:"online"`
	Device   string         `json:"device"`
	Version  string         `json:"version"`
	UptimeS  float64        `json:"uptime_s"`
	Model    *ModelStatus   `json:"model"`
	Refusal  *Refusal       `json:"last_refusal,omitempty"`
	Trial    *TrialStatus   `json:"canary,omitempty"`  // absent: no model is being tried
	Reloads  map[string]int `json:"reloads,omitempty"` // models that were loaded or refused since the start, by result
	Config   ConfigStatus   `json:"config"`
	Link     LinkStatus     `json:"link"`
	IoT      *bool          `json:"iot_up,omitempty"` // absent: no front door
	Counters Counters       `json:"counters"`
	Sensors  []sensor.State `json:"sensors,omitempty"`
}

// LinkStatus is the way to the cloud.
type LinkStatus struct {
	Configured bool    `json:"configured"`
	Up         bool    `json:"up"`
	Outbox     int     `json:"outbox"`             // questions on their way
	OldestS    float64 `json:"oldest_s,omitempty"` // age of the oldest of them
}

func (d *device) status() Status {
	s := Status{
		Online: true, Device: d.cfg.Device.ID, Version: d.version,
		UptimeS:  time.Since(d.started).Round(time.Millisecond).Seconds(),
		Counters: d.answers.counters(), Sensors: d.sensors.States(),
	}
	s.Model, s.Refusal = d.models.Current()
	s.Trial, s.Reloads = d.models.Trial(), d.models.Results()
	s.Link, s.Config = d.link(), d.settings.status()
	select {
	case <-d.open:
		if d.door != nil {
			up := d.door.Up()
			s.IoT = &up
		}
	default: // the door is being opened
	}
	return s
}

func (d *device) link() LinkStatus {
	if d.uplink == nil {
		return LinkStatus{}
	}
	return LinkStatus{Configured: true, Up: d.uplink.Up(), Outbox: d.uplink.Depth(), OldestS: d.uplink.OldestAge().Round(time.Millisecond).Seconds()}
}

// Text is the status for people, several lines.
func (s Status) Text() string {
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	row("device", "%s, cusp %s, up %v", s.Device, s.Version, (time.Duration(s.UptimeS) * time.Second))
	if s.Model == nil {
		row("model", "none")
	} else {
		row("model", "%s from %s%s", s.Model, s.Model.File, s.Model.remarks())
	}
	if s.Trial != nil {
		row("canary", "%s", s.Trial)
	}
	if s.Refusal != nil {
		row("refused", "%s at %s", s.Refusal.Error, s.Refusal.Time.Format(time.RFC3339))
	}
	if s.Config.Error != "" {
		row("config", "refused at %s, the old one stays: %s", s.Config.Tried.Format(time.RFC3339), s.Config.Error)
	}
	if len(s.Config.Restart) > 0 {
		row("config", "changed, needs a restart: %s", strings.Join(s.Config.Restart, ", "))
	}
	row("cloud", "%s", s.Link)
	if s.IoT != nil {
		row("mqtt", "%s", upOrDown(*s.IoT))
	}
	for _, route := range slices.Sorted(maps.Keys(s.Counters.Answered)) {
		row("answers", "%d %s", s.Counters.Answered[route], route)
	}
	if s.Counters.Failed > 0 {
		row("failed", "%d", s.Counters.Failed)
	}
	for _, state := range s.Sensors {
		row("sensor", "%s", sensorLine(state))
	}
	return b.String()
}

func (m ModelStatus) remarks() string {
	var remarks []string
	if !m.Signed {
		remarks = append(remarks, "unsigned")
	}
	if !m.Calibrated {
		remarks = append(remarks, "uncalibrated: the cloud is asked whenever there is one")
	}
	if len(remarks) == 0 {
		return ""
	}
	return " (" + strings.Join(remarks, "; ") + ")"
}

func (l LinkStatus) String() string {
	if !l.Configured {
		return "not configured"
	}
	return fmt.Sprintf("%s, %d questions on their way", upOrDown(l.Up), l.Outbox)
}

func upOrDown(up bool) string {
	if up {
		return "up"
	}
	return "down"
}

func sensorLine(s sensor.State) string {
	if s.Error != "" {
		return s.Name + ": " + s.Error
	}
	var values []string
	for _, key := range slices.Sorted(maps.Keys(s.Readings)) {
		values = append(values, fmt.Sprintf("%s %.4g", key, s.Readings[key]))
	}
	return s.Name + ": " + strings.Join(values, ", ")
}
