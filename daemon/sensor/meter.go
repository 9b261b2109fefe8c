package sensor

import (
	"sync"
	"time"
)

// Meter tells how much energy each of several works took that went on at the
// same time: they share the device's energy evenly. Where the device has a counter
// of energy, it is read when one of them begins or ends; where it has a sensor of
// power, that is read at the end and at every Tick, and taken to have been the same
// since the reading before. What the device draws when idle is not subtracted. Safe
// for concurrent use.
type Meter struct {
	source interface {
		start()
		spent(elapsed time.Duration) (joules float64, ok bool)
	}
	now func() time.Time

	mu      sync.Mutex // guards the fields below
	running int
	shared  float64   // joules of one who had been there from the beginning
	last    time.Time // when shared was brought up to date
	blind   int       // readings that failed
}

// NewMeter returns a meter over the sensors of a station.
func NewMeter(s *Station) *Meter {
	return &Meter{source: &supply{station: s, counters: map[*part]float64{}}, now: time.Now}
}

// Begin starts a work. What it returns ends it and gives the energy in joules, 0
// if it was not known all the time.
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

// Tick takes a reading on the way of long works.
func (m *Meter) Tick() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.running > 0 {
		m.tick()
	}
}

// tick adds what each running work took since the last one; mu is held.
func (m *Meter) tick() {
	now := m.now()
	if m.running == 0 {
		m.source.start()
	} else {
		joules, ok := m.source.spent(now.Sub(m.last))
		if !ok {
			m.blind++
		}
		m.shared += joules / float64(m.running)
	}
	m.last = now
}
