package daemon

import (
	"maps"
	"time"
)

// Reload is an attempt to load a model, that at the start included.
type Reload struct {
	Time   time.Time `json:"time"`  // of its end
	Model  string    `json:"model"` // the path, or "built-in"
	Result string    `json:"result"`
	Error  string    `json:"error,omitempty"`
	TookS  float64   `json:"took_s"` // of a canary, its trial included
}

// noReloads counts every result from the beginning, so that it is seen before the
// first.
func noReloads() map[string]uint64 {
	return map[string]uint64{
		ResultDone: 0, RefusedRead: 0, RefusedSignature: 0, RefusedHash: 0, RefusedLoad: 0, RefusedTest: 0, RefusedSpeed: 0, RefusedCanary: 0,
	}
}

// note keeps an attempt; mu is held.
func (m *Models) note(c Candidate, start time.Time, result, err string) {
	m.reloads[result]++
	m.last = &Reload{
		Time: time.Now().UTC(), Model: c.String(), Result: result, Error: err,
		TookS: time.Since(start).Round(time.Millisecond).Seconds(),
	}
}

// Reloads returns the last attempt to load a model, nil if there was none, and
// how many there were by result.
func (m *Models) Reloads() (*Reload, map[string]uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last, maps.Clone(m.reloads)
}
