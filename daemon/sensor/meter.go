package sensor

import (
	"sync"
	"time"
)

// Meter tells how much energy each of several works took that went on at the
// same time: they share the device's power evenly. The power is read when one of
// them begins or ends, and taken to have been the same since the reading before.
// What the device draws when idle is not subtracted. Safe for concurrent use.
type Meter struct {
	power func() (watts float64, ok bool) // false: there is no sensor, or it fails
	now   func() time.Time

	mu      sync.Mutex // guards the fields below
	running int
	shared  float64   // joules of one who had been there from the beginning
	last    time.Time // when shared was brought up to date
	blind   int       // readings that failed
}

// NewMeter returns a meter over the sensors of a station.
func NewMeter(s *Station) *Meter { return &Meter{power: s.power, now: time.Now} }

// power is the sum of all that is measured in watts.
func (s *Station) power() (watts float64, ok bool) {
	for _, state := range s.States() {
		if w, has := state.Readings["power_w"]; has {
			watts, ok = watts+w, true
		}
	}
	return watts, ok
}

// Begin starts a work. What it returns ends it and gives the energy in joules, 0
// if the power was not known all the time.
func (m *Meter) Begin() (end func() float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tick()
	m.running++
	from, blind := m.shared, m.blind
	return func() float64 {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.tick()
		m.running--
		if m.blind != blind {
			return 0
		}
		return m.shared - from
	}
}

// tick adds what each running work took since the last one; mu is held.
func (m *Meter) tick() {
	now := m.now()
	if m.running > 0 {
		watts, ok := m.power()
		if !ok {
			m.blind++
		}
		m.shared += watts * now.Sub(m.last).Seconds() / float64(m.running)
	}
	m.last = now
}
