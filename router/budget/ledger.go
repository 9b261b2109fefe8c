// Package budget counts what answers cost, in money, bytes, joules and seconds of
// waiting, over the last hour and the last day, and says what is used up. It is a
// [router.Budget].
//
// What asking the cloud may cost is written to disk and synced before it is asked, and
// settled when the answer has come: a crash in between counts the reservation. Energy
// and waiting are written at most every ten seconds, and with the next reservation.
//
// Time: windows slide by a time of the ledger's own. While the process runs it goes on
// with the monotonic clock, whatever is done to the wall clock. Over a restart it goes
// on by as much as the wall clock is past the latest time that it ever showed: a clock
// that was set back gives nothing, and set ahead again no more than the first time.
// Where there is no clock yet (a board without a battery before NTP), or the machine
// slept, time that went by is not credited; budgets then last longer, never shorter.
package budget

import (
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/a472be26/cusp/router"
)

// Quantity is what is counted.
type Quantity string

// Quantities.
const (
	Money  Quantity = "money"  // USD
	Bytes  Quantity = "bytes"  // up and down
	Joules Quantity = "joules" // of local answers
	Wait   Quantity = "wait"   // seconds that somebody waited for the cloud
)

// quantities in the order in which they are shown.
var quantities = []Quantity{Money, Bytes, Joules, Wait}

var units = map[Quantity]string{Money: "USD", Bytes: "bytes", Joules: "J", Wait: "s"}

// Window is over how long something is added up.
type Window string

// Windows.
const (
	Hour Window = "hour"
	Day  Window = "day"
)

// spans are the windows in slots: the oldest one counts as long as a part of it is
// within the window.
var spans = []struct {
	window Window
	width  time.Duration
	slots  int64
}{{Hour, time.Minute, 60}, {Day, 30 * time.Minute, 48}}

// Limits are the most in an hour and in a day; 0: none.
type Limits struct{ Hour, Day float64 }

func (l Limits) of(w Window) float64 {
	if w == Hour {
		return l.Hour
	}
	return l.Day
}

// Budgets are all limits, by quantity, and what a question to the cloud is taken to
// cost, in USD, until its price is known, and for good if the cloud knows none.
type Budgets struct {
	Limits map[Quantity]Limits
	AskUSD float64
}

// none reports whether there is no limit at all.
func (b Budgets) none() bool {
	for _, l := range b.Limits {
		if l.Hour > 0 || l.Day > 0 {
			return false
		}
	}
	return true
}

// forgotten is after how long nothing counts any more.
const forgotten = 25 * time.Hour

// auditShare of the budgets of money and bytes is for audits of the promise too; the
// rest is for askers.
const auditShare = 0.5

// bytesAround is what a question takes on its way beside its texts, with a short
// answer, about.
const bytesAround = 4096

// Options of [Open]. Log is required.
type Options struct {
	Budgets Budgets
	File    string // of the counters
	Log     *slog.Logger

	wall func() time.Time     // nil: the system's
	mono func() time.Duration // nil: the system's, since the start
}

// Ledger is a [router.Budget].
type Ledger struct {
	o Options

	mu      sync.Mutex // guards the fields below
	budgets Budgets
	s       state
	begun   time.Duration // monotonic time at which the ledger's was begunAt
	begunAt time.Duration
	saved   time.Duration // the ledger's time of the last save
	failing bool          // the last save failed
}

var _ router.Budget = (*Ledger)(nil)

// Open takes up the counters of an earlier process. If they are damaged, all that has a
// limit counts as used up, since nobody knows better.
func Open(o Options) (*Ledger, error) {
	start := time.Now()
	if o.wall == nil {
		o.wall = time.Now
	}
	if o.mono == nil {
		o.mono = func() time.Duration { return time.Since(start) }
	}
	l := &Ledger{o: o, budgets: o.Budgets, begun: o.mono()}
	s, err := read(o.File)
	if s == nil {
		s = newState()
	}
	l.s = *s
	if gone := o.wall().Sub(l.s.Wall); gone > 0 && !l.s.Wall.IsZero() {
		l.s.Now += min(gone, forgotten)
	}
	l.begunAt = l.s.Now
	l.advance()
	if err != nil {
		l.fill()
		err = fmt.Errorf("%w; all budgets count as used up for a day (the damaged file is %s; without %s they begin anew)", err, o.File+".damaged", o.File)
	}
	return l, err
}

// fill uses up all that there is, for a damaged file.
func (l *Ledger) fill() {
	for _, q := range quantities {
		for _, s := range spans {
			l.s.window(q, s.window)[l.slot(s.width)] += l.budgets.Limits[q].of(s.window)
		}
	}
	_ = l.save() // it says so itself
}

// Set replaces the limits; what was counted stays.
func (l *Ledger) Set(b Budgets) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.budgets = b
}

// advance moves the ledger's time on, and forgets what no window holds any more.
func (l *Ledger) advance() {
	l.s.Now = l.begunAt + l.o.mono() - l.begun
	for _, q := range quantities {
		for _, s := range spans {
			w := l.s.window(q, s.window)
			for slot := range w {
				if slot < l.slot(s.width)-s.slots {
					delete(w, slot)
				}
			}
		}
	}
	for id, r := range l.s.Open {
		if r.At < l.s.Now-forgotten {
			delete(l.s.Open, id)
		}
	}
}

func (l *Ledger) slot(width time.Duration) int64 { return int64(l.s.Now / width) }

// used is what was counted within a window.
func (l *Ledger) used(q Quantity, w Window) (sum float64) {
	for _, v := range l.s.window(q, w) {
		sum += v
	}
	return sum
}

// add counts an amount at a time; less than nothing takes it back.
func (l *Ledger) add(q Quantity, amount float64, at time.Duration) {
	for _, s := range spans {
		w, slot := l.s.window(q, s.window), int64(at/s.width)
		if slot < l.slot(s.width)-s.slots {
			if amount < 0 {
				continue // it is forgotten already
			}
			slot = l.slot(s.width)
		}
		w[slot] = max(0, w[slot]+amount)
	}
}

// lacks says which limit would be passed by more, if so much of it is to be had.
func (l *Ledger) lacks(q Quantity, more, share float64) string {
	for _, s := range spans {
		limit := l.budgets.Limits[q].of(s.window)
		if used := l.used(q, s.window); limit > 0 && (used+more > limit*share || used >= limit*share) {
			return fmt.Sprintf("budget of %s: %.4g of %.4g %s in this %s", q, used, limit, units[q], s.window)
		}
	}
	return ""
}

// Spent implements [router.Budget].
func (l *Ledger) Spent() router.Spent {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.advance()
	s := router.Spent{Cloud: l.lacks(Money, l.budgets.AskUSD, 1), Joules: l.lacks(Joules, 0, 1), Wait: l.lacks(Wait, 0, 1)}
	if s.Cloud == "" {
		s.Cloud = l.lacks(Bytes, bytesAround, 1)
	}
	return s
}

// Waited implements [router.Budget].
func (l *Ledger) Waited(d time.Duration) { l.count(Wait, d.Seconds()) }

// Drew implements [router.Budget].
func (l *Ledger) Drew(joules float64) { l.count(Joules, joules) }

// saveEvery bounds how often counters are written of which nothing is reserved.
const saveEvery = 10 * time.Second

func (l *Ledger) count(q Quantity, amount float64) {
	if !(amount > 0) || math.IsInf(amount, 0) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.advance()
	l.add(q, amount, l.s.Now)
	if l.s.Now-l.saved >= saveEvery {
		_ = l.save() // it says so itself
	}
}

// Use is how a budget stands.
type Use struct {
	Budget Quantity `json:"budget"`
	Window Window   `json:"window"`
	Used   float64  `json:"used"` // reservations included
	Limit  float64  `json:"limit"`
	Unit   string   `json:"unit"`
	Spent  bool     `json:"spent"` // used up
}

// Uses are all budgets that have a limit.
func (l *Ledger) Uses() []Use {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.advance()
	least := map[Quantity]float64{Money: l.budgets.AskUSD, Bytes: bytesAround}
	var all []Use
	for _, q := range quantities {
		for _, s := range spans {
			if limit := l.budgets.Limits[q].of(s.window); limit > 0 {
				used := l.used(q, s.window)
				all = append(all, Use{q, s.window, used, limit, units[q], used >= limit || used+least[q] > limit})
			}
		}
	}
	return all
}

// Close writes what was not written yet.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.advance()
	return l.save()
}
