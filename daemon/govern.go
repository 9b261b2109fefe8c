package daemon

import (
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/a472be26/cusp/daemon/governor"
	"github.com/a472be26/cusp/daemon/sensor"
	"github.com/a472be26/cusp/router"
)

// govern connects the governor with what it watches and what it acts on. It looks
// when work begins, while it goes on, when it ends, and when somebody asks for the
// status, and never by itself. Its methods do nothing on nil.
type govern struct {
	*governor.Governor
	measure func(sensor.Kind) map[string]float64
	act     func(threads func(of int) int) // lets engines compute with fewer threads, or more
	changed func()                         // tells the world
	log     *slog.Logger

	mu sync.Mutex // one look at a time, so that the latest one acts last
}

// openGovernor does nothing unless the configuration wants one.
func (d *device) openGovernor() {
	if !d.cfg.Governor.Enable {
		return
	}
	d.govern = &govern{
		Governor: governor.New(d.cfg.Governor.ladders(d.lacking())...),
		measure:  d.sensors.Measure, act: d.limitThreads, changed: d.modelChanged, log: d.log,
	}
}

// lacking tells whether no sensor gives a quantity, and says so once: a limit of it
// is never reached.
func (d *device) lacking() func(quantity string) bool {
	told := map[string]bool{}
	return func(quantity string) bool {
		if d.sensors.Has(kindOf[quantity]) {
			return false
		}
		if !told[quantity] {
			d.log.Warn("the governor has a limit of what no sensor tells; it is never reached", "quantity", quantity)
		}
		told[quantity] = true
		return true
	}
}

// ladders are the levels of a configuration, without limits that are off or that
// nothing can reach.
func (c GovernorConfig) ladders(lacks func(quantity string) bool) []governor.Ladder {
	level := func(name string, reason router.Reason, a ActConfig, limits ...governor.Limit) (all []governor.Level) {
		l := governor.Level{Name: name, Threads: a.Threads, Prefer: a.Prefer, Reason: reason}
		for _, limit := range limits {
			if limit.Enter > 0 && !lacks(limit.Quantity) {
				l.Limits = append(l.Limits, limit)
			}
		}
		if len(l.Limits) > 0 {
			all = append(all, l)
		}
		return all
	}
	heat := func(name string, h HeatConfig) []governor.Level {
		return level(name, router.ReasonHot, h.ActConfig, governor.Limit{Quantity: sensor.Temperature, Enter: h.Enter, Leave: h.Leave})
	}
	s := c.Saving
	return []governor.Ladder{
		{Dwell: c.Dwell, Levels: append(heat("warm", c.Warm), heat("hot", c.Hot)...)},
		{Dwell: c.Dwell, Levels: level("saving", router.ReasonSaving, s.ActConfig,
			governor.Limit{Quantity: sensor.Power, Enter: s.EnterWatts, Leave: s.LeaveWatts},
			governor.Limit{Quantity: sensor.Charge, Enter: s.EnterBattery, Leave: s.LeaveBattery, Below: true})},
	}
}

var kindOf = map[string]sensor.Kind{sensor.Temperature: sensor.Heat, sensor.Power: sensor.Draw, sensor.Charge: sensor.Stored}

// check reads what sensors of some kinds say and acts on it.
func (g *govern) check(kinds sensor.Kind) {
	if g == nil {
		return
	}
	g.mu.Lock()
	changed := g.Check(charged(g.measure(kinds)), time.Now())
	if changed {
		g.act(g.Threads)
	}
	g.mu.Unlock()
	if changed {
		g.say(g.Status())
		g.changed()
	}
}

// say logs a change: trouble as a warning.
func (g *govern) say(s governor.Status) {
	log := g.log.Warn
	if s.Level == governor.Normal {
		log = g.log.Info
	}
	log("governor changed the level", "level", s.Level, "cause", s.Cause, "prefer", string(s.Prefer))
}

// charged takes a battery from which nothing is taken for a full one.
func charged(readings map[string]float64) map[string]float64 {
	if discharging, ok := readings[sensor.Discharging]; ok && discharging == 0 {
		readings = maps.Clone(readings)
		readings[sensor.Charge] = 100
	}
	return readings
}

// limit is how many of an engine's threads may compute now.
func (g *govern) limit(of int) int {
	if g == nil {
		return of
	}
	return g.Threads(of)
}

// limitThreads makes all engines keep to a number of threads.
func (d *device) limitThreads(threads func(of int) int) {
	d.engines.limit(threads)
	d.vectors.limit(threads)
}

// strain looks once, as work begins, and says how strained the device is. Power is
// not among what is read: before the work it says nothing of it.
func (d *device) strain() router.Governor {
	busy := d.work.busy()
	d.govern.check(sensor.Heat | sensor.Stored)
	s := d.govern.Status()
	return router.Governor{Level: s.Level, Cause: s.Cause, Threads: d.engines.stats().Threads, Prefer: s.Prefer, Reason: s.Reason, Busy: busy}
}

// GovernorStatus is what the governor does.
type GovernorStatus struct {
	governor.Status
	Threads    int `json:"threads"` // that compute
	MaxThreads int `json:"max_threads"`
}

// governed looks, and describes the governor; nil without one.
func (d *device) governed() *GovernorStatus {
	if d.govern == nil {
		return nil
	}
	d.govern.check(sensor.Everything)
	e := d.engines.stats()
	return &GovernorStatus{Status: d.govern.Status(), Threads: e.Threads, MaxThreads: e.MaxThreads}
}

// summary is a part of the service manager's line, nothing at the normal level.
func (g *govern) summary(engines *engines) string {
	s := g.Status()
	if s.Level == governor.Normal {
		return ""
	}
	e := engines.stats()
	return fmt.Sprintf("; %s (%s), %d of %d threads", s.Level, s.Cause, e.Threads, e.MaxThreads)
}
