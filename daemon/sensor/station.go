package sensor

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// DefaultAge is how long a reading is good for: receipts of a burst of questions
// share one.
const DefaultAge = 2 * time.Second

// failAge is how long a failure is: a bus that times out must not slow down every
// answer.
const failAge = 30 * time.Second

// State is what is known of one sensor.
type State struct {
	Name     string             `json:"name"`
	Readings map[string]float64 `json:"readings,omitempty"`
	Counts   bool               `json:"counts,omitempty"` // its reading is, or is part of, the device's
	Error    string             `json:"error,omitempty"`
	Time     time.Time          `json:"time,omitzero"` // of the last attempt
}

// Station reads a set of sensors on demand. Safe for concurrent use.
type Station struct {
	log   *slog.Logger
	now   func() time.Time
	age   time.Duration // for which a reading is good
	mu    sync.Mutex    // guards the states of parts, and keeps one reader on the bus
	parts []*part
}

// part is one sensor and what it last said.
type part struct {
	Part
	state State
}

// NewStation returns a station of sensors, whose readings are good for some time;
// no sensor is fine.
func NewStation(parts []Part, age time.Duration, log *slog.Logger) *Station {
	s := &Station{log: log, now: time.Now, age: age}
	for _, p := range parts {
		s.parts = append(s.parts, &part{Part: p, state: State{Name: p.Name, Counts: p.Counts}})
	}
	return s
}

// Has tells whether a sensor that counts is of one of some kinds.
func (s *Station) Has(kinds Kind) bool {
	return slices.ContainsFunc(s.parts, func(p *part) bool { return p.Counts && p.Gives&kinds != 0 })
}

// Readings returns the values of the device, nil when no sensor answers: the
// hottest temperature, the sum of the powers, the lowest charge, of the sensors that
// count; and voltage and current where one sensor has the power. Those whose last
// value is too old are read.
func (s *Station) Readings() map[string]float64 { return s.Measure(Everything) }

// Measure is Readings of some kinds, and reads no other sensors.
func (s *Station) Measure(kinds Kind) map[string]float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var sum summary
	for _, p := range s.parts {
		if p.Counts && p.Gives&kinds != 0 {
			s.refresh(p, s.age)
			sum.add(p)
		}
	}
	return sum.result()
}

// summary is what several sensors say together.
type summary struct {
	values  map[string]float64
	draws   int  // sensors of power
	partial bool // one of them does not know
}

func (s *summary) add(p *part) {
	if p.Gives == Draw {
		s.draws++
		_, knows := p.state.Readings[Power]
		s.partial = s.partial || !knows
	}
	if s.values == nil && len(p.state.Readings) > 0 {
		s.values = map[string]float64{}
	}
	for key, v := range p.state.Readings {
		before, again := s.values[key]
		switch {
		case !again:
		case key == Temperature, key == Discharging:
			v = max(v, before)
		case key == Charge:
			v = min(v, before)
		default:
			v += before
		}
		s.values[key] = v
	}
}

// result leaves out what would mislead: a part of the power, a sum of voltages.
func (s *summary) result() map[string]float64 {
	if s.partial {
		delete(s.values, Power)
	}
	if s.draws > 1 {
		delete(s.values, Voltage)
		delete(s.values, Current)
	}
	delete(s.values, Energy) // since when, nobody knows
	if len(s.values) == 0 {
		return nil
	}
	return s.values
}

// States returns what is known of every sensor, reading as Readings does.
func (s *Station) States() []State {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]State, len(s.parts))
	for i, p := range s.parts {
		s.refresh(p, s.age)
		out[i] = p.state
		out[i].Readings = maps.Clone(p.state.Readings)
	}
	return out
}

// refresh reads a sensor if what it said is older than age; mu is held.
func (s *Station) refresh(p *part, age time.Duration) {
	if p.state.Error != "" {
		age = failAge
	}
	if s.now().Sub(p.state.Time) >= age {
		s.read(p)
	}
}

// read asks one sensor; mu is held. Only a change between working and failing
// is logged.
func (s *Station) read(p *part) {
	values, err := p.Sensor.Read(context.Background())
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
