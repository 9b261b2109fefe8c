package uplink

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/a472be26/cusp/router"
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
	more   int // bytes of reasoning and calls
	reason []byte
	calls  []router.ToolCall
	next   int            // seq of the message that extends text
	ahead  map[int]Answer // messages beyond a missing one
	held   int            // bytes of the answer in ahead
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
	if len(a.text)+a.more+a.held+m.Bytes() > MaxTextBytes {
		return fmt.Errorf("answer is longer than %d bytes", MaxTextBytes)
	}
	a.ahead[m.Seq] = m
	a.held += m.Bytes()
	before := a.next
	if err := a.advance(); err != nil {
		return err
	}
	switch {
	case len(a.ahead) == 0:
		a.gap = time.Time{}
	case a.gap.IsZero() || a.next > before:
		a.gap = now
	}
	return nil
}

// advance moves the messages that are next in order into the text.
func (a *assembly) advance() error {
	for a.last == nil {
		m, ok := a.ahead[a.next]
		if !ok {
			return nil
		}
		delete(a.ahead, a.next)
		a.held -= m.Bytes()
		a.next++
		if err := a.take(m); err != nil {
			return err
		}
	}
	clear(a.ahead) // nothing follows the last message
	return nil
}

func (a *assembly) take(m Answer) error {
	a.text = append(a.text, m.Delta...)
	a.reason = append(a.reason, m.Reasoning...)
	a.more += m.Bytes() - len(m.Delta)
	for _, c := range m.Calls {
		if err := a.call(c); err != nil {
			return err
		}
	}
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
	return nil
}

// call goes on with a tool call, or begins the next one.
func (a *assembly) call(d router.CallDelta) error {
	if d.Index > len(a.calls) {
		return fmt.Errorf("tool call %d comes after %d", d.Index, len(a.calls))
	}
	if d.Index == len(a.calls) {
		a.calls = append(a.calls, router.ToolCall{})
	}
	c := &a.calls[d.Index]
	c.ID += d.ID
	c.Name += d.Name
	c.Arguments += d.Arguments
	return nil
}

// missing is what has to be sent again: everything from a seq on, and ranges
// before it.
func (a *assembly) missing() (from int, ranges [][2]int) {
	have := slices.Sorted(maps.Keys(a.ahead))
	from = a.next
	for _, seq := range have {
		if seq > from {
			if len(ranges) == maxMissing {
				return ranges[0][0], nil // too scattered: all from the first on
			}
			ranges = append(ranges, [2]int{from, seq - 1})
		}
		from = seq + 1
	}
	return from, ranges
}
