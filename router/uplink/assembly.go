package uplink

import (
	"fmt"
	"time"
)

// maxAhead bounds how many messages wait for a missing one, maxRuns how many
// attempts at one question are put together side by side.
const (
	maxAhead = 1024
	maxRuns  = 4
)

// assembly puts the messages of one run in order: MQTT clients deliver each in
// a goroutine of its own, and brokers deliver at least once.
type assembly struct {
	run    string
	text   []byte
	next   int            // seq of the message that extends text
	ahead  map[int]Answer // messages beyond a missing one
	held   int            // bytes of text in ahead
	gap    time.Time      // since when next is missing; zero without a gap
	last   *Answer        // the message with Done, once next has passed it
	model  string
	finish string
	usage  Usage
}

func newAssembly(run string) *assembly {
	return &assembly{run: run, ahead: map[int]Answer{}}
}

// add takes one message that arrived at now, in any order and any number of
// times. The error means that the run is unusable.
func (a *assembly) add(m Answer, now time.Time) error {
	if m.Seq < a.next || a.last != nil {
		return nil
	}
	if _, dup := a.ahead[m.Seq]; dup {
		return nil
	}
	if len(a.ahead) >= maxAhead && m.Seq != a.next {
		return nil // the gap's time-out asks again for all of it
	}
	if len(a.text)+a.held+len(m.Delta) > MaxTextBytes {
		return fmt.Errorf("answer is longer than %d bytes", MaxTextBytes)
	}
	a.ahead[m.Seq] = m
	a.held += len(m.Delta)
	before := a.next
	a.advance()
	switch {
	case len(a.ahead) == 0:
		a.gap = time.Time{}
	case a.gap.IsZero() || a.next > before:
		a.gap = now
	}
	return nil
}

// advance moves the messages that are next in order into the text.
func (a *assembly) advance() {
	for a.last == nil {
		m, ok := a.ahead[a.next]
		if !ok {
			return
		}
		delete(a.ahead, a.next)
		a.held -= len(m.Delta)
		a.next++
		a.take(m)
	}
	clear(a.ahead) // nothing follows the last message
}

func (a *assembly) take(m Answer) {
	a.text = append(a.text, m.Delta...)
	if m.Model != "" {
		a.model = m.Model
	}
	if m.Finish != "" {
		a.finish = m.Finish
	}
	if m.Usage != nil {
		a.usage = *m.Usage
	}
	if m.Done {
		a.last = &m
	}
}
