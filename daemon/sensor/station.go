package sensor

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// How long the outcome of a reading is good for: receipts of a burst of
// questions share one, and a bus that times out must not slow down every answer.
const (
	maxAge  = 2 * time.Second
	failAge = 30 * time.Second
)

// State is what is known of one sensor.
type State struct {
	Name     string             `json:"name"`
	Readings map[string]float64 `json:"readings,omitempty"`
	Error    string             `json:"error,omitempty"`
	Time     time.Time          `json:"time,omitzero"` // of the last attempt
}

// Station reads a set of sensors on demand. Safe for concurrent use.
type Station struct {
	log   *slog.Logger
	now   func() time.Time
	mu    sync.Mutex // guards the states of parts, and keeps one reader on the bus
	parts []*part
}

// part is one sensor and what it last said.
type part struct {
	sensor Sensor
	state  State
}

func (p *part) goodFor() time.Duration {
	if p.state.Error != "" {
		return failAge
	}
	return maxAge
}

// NewStation returns a station of the named sensors; none is fine.
func NewStation(sensors map[string]Sensor, log *slog.Logger) *Station {
	s := &Station{log: log, now: time.Now}
	for _, name := range slices.Sorted(maps.Keys(sensors)) {
		s.parts = append(s.parts, &part{sensor: sensors[name], state: State{Name: name}})
	}
	return s
}

// Readings returns the values of all sensors that answer, nil when there is
// none, reading those whose last value is too old.
func (s *Station) Readings() map[string]float64 {
	var all map[string]float64
	for _, state := range s.States() {
		for key, v := range state.Readings {
			if all == nil {
				all = map[string]float64{}
			}
			all[key] = v
		}
	}
	return all
}

// States returns what is known of every sensor, reading as Readings does.
func (s *Station) States() []State {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]State, len(s.parts))
	for i, p := range s.parts {
		if s.now().Sub(p.state.Time) >= p.goodFor() {
			s.read(p)
		}
		out[i] = p.state
		out[i].Readings = maps.Clone(p.state.Readings)
	}
	return out
}

// read asks one sensor; mu is held. Only a change between working and failing
// is logged.
func (s *Station) read(p *part) {
	values, err := p.sensor.Read(context.Background())
	before := p.state.Error
	p.state.Readings, p.state.Time, p.state.Error = values, s.now(), ""
	if err != nil {
		p.state.Readings, p.state.Error = nil, err.Error()
	}
	switch {
	case before == p.state.Error:
	case err != nil:
		s.log.Warn("sensor fails", "sensor", p.state.Name, "error", err)
	default:
		s.log.Info("sensor answers again", "sensor", p.state.Name)
	}
}
