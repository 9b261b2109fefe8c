// Package governor keeps a device within its limits of temperature, power and
// battery. It decides by what sensors say which level holds, and so with how many
// threads the engine computes and whether easy questions go to the cloud. It reads
// no sensor, and decides nothing about a question: that is the router's.
package governor

import (
	"fmt"
	"math"
	"time"

	"github.com/a472be26/cusp/router"
)

// Limit is where a level begins and ends for one quantity. Between Enter and Leave
// nothing changes, so that a value that swings around one of them does not switch
// the level back and forth.
type Limit struct {
	Quantity string  // key of the readings
	Enter    float64 // the level is entered from here on
	Leave    float64 // it is held until the value is on the other side of this
	Below    bool    // it is small values that are bad
}

// Level is a state that is worse than normal, and what is done about it.
type Level struct {
	Name    string
	Limits  []Limit       // any of them is enough to enter; all must allow to leave
	Threads int           // most that compute; 0: half of them, rounded up
	Prefer  router.Prefer // where questions that could be answered here go
	Reason  router.Reason // of those that go to the cloud because of it
}

// threads is how many of an engine's threads may compute.
func (l Level) threads(of int) int {
	if l.Threads == 0 {
		return (of + 1) / 2
	}
	return min(l.Threads, of)
}

// Ladder is levels of the same kind, each worse than the one before.
type Ladder struct {
	Levels []Level
	Dwell  time.Duration // a level is left so long after the last change at the earliest
}

// State is where a device stands on a ladder.
type State struct {
	Level int       // 0: normal; n: Levels[n-1]
	Since time.Time // of the last change; zero: there was none
	Cause string    // of it, for people
}

// Next is the state after a look at the readings. A worse level is entered at once,
// and levels may be skipped; a better one when the dwell time is over. A quantity
// that nobody could read, or that is no number, changes nothing: it does not enter
// a level, and a level that it may have caused is held.
func (l Ladder) Next(s State, readings map[string]float64, now time.Time) State {
	for n := len(l.Levels); n > s.Level; n-- {
		for _, limit := range l.Levels[n-1].Limits {
			if v, ok := read(readings, limit.Quantity); ok && limit.beyond(v, limit.Enter) {
				return State{Level: n, Since: now, Cause: limit.says(v, true)}
			}
		}
	}
	if s.Level == 0 || now.Sub(s.Since) < l.Dwell {
		return s
	}
	left := ""
	for n := s.Level; n > 0; n-- {
		cause, held := l.Levels[n-1].holds(readings)
		if held {
			break
		}
		s.Level, left = n-1, cause
	}
	if left != "" {
		s.Since, s.Cause = now, left
	}
	return s
}

// holds tells whether a level that was entered goes on, or why it need not.
func (l Level) holds(readings map[string]float64) (cause string, held bool) {
	for _, limit := range l.Limits {
		v, ok := read(readings, limit.Quantity)
		if !ok || limit.beyond(v, limit.Leave) {
			return "", true
		}
		cause = limit.says(v, false)
	}
	return cause, false
}

func read(readings map[string]float64, quantity string) (float64, bool) {
	v, ok := readings[quantity]
	return v, ok && !math.IsNaN(v)
}

// beyond tells whether v is at a bound or worse.
func (l Limit) beyond(v, bound float64) bool {
	if l.Below {
		return v <= bound
	}
	return v >= bound
}

// says is "temperature_c 80.5 >= 80".
func (l Limit) says(v float64, entered bool) string {
	sign, bound := "<", l.Leave
	if entered {
		sign, bound = ">=", l.Enter
	}
	if l.Below && entered {
		sign = "<="
	} else if l.Below {
		sign = ">"
	}
	return fmt.Sprintf("%s %.4g %s %g", l.Quantity, v, sign, bound)
}
