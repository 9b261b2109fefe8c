package governor

import (
	"strings"
	"sync"
	"time"

	"github.com/a472be26/cusp/router"
)

// Normal is the level at which nothing is done.
const Normal = "normal"

// Governor stands on several ladders at a time, one for each kind of strain. Safe
// for concurrent use.
type Governor struct {
	ladders []Ladder

	mu      sync.Mutex // guards the fields below
	states  []State    // by ladder
	changes uint64
}

// New returns a governor at the normal level.
func New(ladders ...Ladder) *Governor {
	return &Governor{ladders: ladders, states: make([]State, len(ladders))}
}

// Check takes readings into account, and tells whether a level changed.
func (g *Governor) Check(readings map[string]float64, now time.Time) (changed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, l := range g.ladders {
		next := l.Next(g.states[i], readings, now)
		if next.Level != g.states[i].Level {
			g.changes++
			changed = true
		}
		g.states[i] = next
	}
	return changed
}

// Status is where the device stands.
type Status struct {
	Level   string        `json:"level"`            // "normal", "warm", "hot", "saving", "hot+saving"
	Since   time.Time     `json:"since,omitzero"`   // of the last change
	Cause   string        `json:"cause,omitempty"`  // of the last change
	Prefer  router.Prefer `json:"prefer"`           // where questions that could be answered here go
	Reason  router.Reason `json:"reason,omitempty"` // of those that go to the cloud because of it
	Changes uint64        `json:"changes"`          // of a level, since the start
}

// Status tells where the device stands. Of several levels the one that wants more
// to go to the cloud says where questions go.
func (g *Governor) Status() Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := Status{Prefer: router.PreferLocal, Changes: g.changes}
	var names []string
	for i, state := range g.states {
		if state.Since.After(s.Since) {
			s.Since, s.Cause = state.Since, state.Cause
		}
		if state.Level == 0 {
			continue
		}
		l := g.ladders[i].Levels[state.Level-1]
		names = append(names, l.Name)
		if l.Prefer.Beyond(s.Prefer) {
			s.Prefer, s.Reason = l.Prefer, l.Reason
		}
	}
	s.Level = strings.Join(names, "+")
	if s.Level == "" {
		s.Level = Normal
	}
	return s
}

// Threads is how many of an engine's threads may compute.
func (g *Governor) Threads(of int) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := of
	for i, state := range g.states {
		if state.Level > 0 {
			n = min(n, g.ladders[i].Levels[state.Level-1].threads(of))
		}
	}
	return n
}

// Levels tells of each level but the normal one whether the device is at it.
func (g *Governor) Levels() map[string]bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := map[string]bool{}
	for i, l := range g.ladders {
		for n, level := range l.Levels {
			all[level.Name] = g.states[i].Level == n+1
		}
	}
	return all
}
