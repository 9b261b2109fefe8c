package budget

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/a472be26/cusp/router"
)

// world is a machine with two clocks and a disk, on which ledgers come and go.
type world struct {
	t       *testing.T
	wall    time.Time
	mono    time.Duration
	file    string
	budgets Budgets
}

func newWorld(t *testing.T, b Budgets) *world {
	t.Helper()
	return &world{t: t, wall: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC), file: filepath.Join(t.TempDir(), "budget.json"), budgets: b}
}

// pass lets time go by on both clocks.
func (w *world) pass(d time.Duration) { w.wall, w.mono = w.wall.Add(d), w.mono+d }

func (w *world) open() *Ledger {
	w.t.Helper()
	l, err := Open(Options{Budgets: w.budgets, File: w.file, Log: slog.New(slog.DiscardHandler),
		wall: func() time.Time { return w.wall }, mono: func() time.Duration { return w.mono }})
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

func question(id string) router.Question {
	return router.Question{ID: id, Messages: []router.Message{{Role: "user", Content: "hello"}}}
}

func (l *Ledger) spentOf(q Quantity, w Window) float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.advance()
	return l.used(q, w)
}

// buy asks and settles; it reports whether the question was let through.
func buy(l *Ledger, id string, usd float64) bool {
	q := question(id)
	if l.Reserve(q, false) != nil {
		return false
	}
	l.Settle(q, router.CloudAnswer{CostUSD: usd, BytesUp: 100, BytesDown: 200}, nil)
	return true
}

func money(hour, day float64) Budgets {
	return Budgets{Limits: map[Quantity]Limits{Money: {hour, day}}, AskUSD: 0.1}
}

func TestMoney(t *testing.T) {
	t.Parallel()
	w := newWorld(t, money(1, 1.5))
	l := w.open()
	for i := range 4 {
		if !buy(l, fmt.Sprint("a", i), 0.25) {
			t.Fatalf("question %d was refused", i)
		}
	}
	if buy(l, "b", 0.25) || l.Spent().Cloud != "budget of money: 1 of 1 USD in this hour" {
		t.Errorf("%+v", l.Spent())
	}
	if err := l.Reserve(question("b"), false); !errors.Is(err, router.ErrBudget) {
		t.Error(err)
	}
	w.pass(61 * time.Minute)
	for i := range 2 {
		if !buy(l, fmt.Sprint("c", i), 0.25) {
			t.Fatal("the hour did not end")
		}
	}
	if buy(l, "d", 0.25) || !strings.Contains(l.Spent().Cloud, "in this day") {
		t.Errorf("%+v", l.Spent())
	}
	w.pass(25 * time.Hour)
	if !buy(l, "e", 0.25) {
		t.Error("the day did not end")
	}
}

// The window slides: at no time is more spent within an hour than is allowed.
func TestWindowSlides(t *testing.T) {
	t.Parallel()
	w := newWorld(t, money(1, 0))
	l := w.open()
	r := rand.New(rand.NewPCG(1, 2))
	var spent []time.Duration
	for i := range 1000 {
		w.pass(time.Duration(r.Int64N(int64(2 * time.Minute))))
		if buy(l, fmt.Sprint("q", i), 0.1) {
			spent = append(spent, w.mono)
		}
		within := 0
		for _, at := range spent {
			if at > w.mono-time.Hour {
				within++
			}
		}
		if within > 10 {
			t.Fatalf("%d questions within an hour", within)
		}
	}
	if len(spent) < 130 { // 16 hours with 10 each, less what the coarse slots cost
		t.Errorf("only %d questions in %v", len(spent), w.mono)
	}
}

// A kill at any moment: what was reserved counts, what was settled is known.
func TestKillCountsTheReservation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, money(1, 0))
	w.budgets.AskUSD = 0.4
	l := w.open()
	if !buy(l, "settled", 0.1) {
		t.Fatal("refused")
	}
	if err := l.Reserve(question("open"), false); err != nil {
		t.Fatal(err)
	}
	l = w.open() // nothing was closed
	if got := l.spentOf(Money, Hour); got != 0.5 {
		t.Errorf("%v USD are counted", got)
	}
	if err := l.Reserve(question("open"), false); err != nil || l.spentOf(Money, Hour) != 0.5 {
		t.Errorf("the same question was counted again: %v", err)
	}
	l.Settle(question("open"), router.CloudAnswer{CostUSD: 0.05}, nil) // its late answer
	l.Settle(question("open"), router.CloudAnswer{CostUSD: 0.05}, nil) // offered once more
	if got := w.open().spentOf(Money, Hour); got < 0.149 || got > 0.151 {
		t.Errorf("%v USD are counted", got)
	}
}

func TestSettle(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer router.CloudAnswer
		err    error
		usd    float64
		free   bool // of bytes
	}{
		"answered":       {router.CloudAnswer{CostUSD: 0.3, BytesUp: 1, BytesDown: 1}, nil, 0.3, false},
		"no price":       {router.CloudAnswer{BytesUp: 1, BytesDown: 1}, nil, 0.1, false},
		"absurd price":   {router.CloudAnswer{CostUSD: -4}, nil, 0.1, false},
		"withheld":       {router.CloudAnswer{}, router.ErrWithheld, 0, true},
		"refused":        {router.CloudAnswer{}, fmt.Errorf("x: %w", router.ErrRefused), 0, false},
		"expired":        {router.CloudAnswer{}, router.ErrExpired, 0.1, false},
		"late":           {router.CloudAnswer{}, context.DeadlineExceeded, 0.1, false},
		"asker has left": {router.CloudAnswer{}, context.Canceled, 0.1, false},
	} {
		l := newWorld(t, money(1, 0)).open()
		if err := l.Reserve(question("q"), false); err != nil {
			t.Fatal(err)
		}
		l.Settle(question("q"), c.answer, c.err)
		if got := l.spentOf(Money, Hour); got < c.usd-1e-9 || got > c.usd+1e-9 {
			t.Errorf("%s: %v USD, want %v", name, got, c.usd)
		}
		if got := l.spentOf(Bytes, Day) == 0; got != c.free {
			t.Errorf("%s: bytes %v", name, l.spentOf(Bytes, Day))
		}
	}
}

// A clock set back never gives money twice, in a process or over its restart; one set
// ahead while the process runs gives nothing either.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	w := newWorld(t, money(1, 1))
	l := w.open()
	for i := range 10 {
		buy(l, fmt.Sprint(i), 0.1)
	}
	refused := func(when string, l *Ledger) {
		t.Helper()
		if l.Spent().Cloud == "" {
			t.Errorf("%s there is money again", when)
		}
	}
	refused("at first", l)
	w.wall = w.wall.Add(48 * time.Hour)
	refused("after a jump ahead", l)
	w.wall = w.wall.Add(-96 * time.Hour)
	refused("after a jump back", l)
	refused("after a jump back and a restart", w.open())
	w.wall = time.Unix(0, 0)
	refused("without a clock", w.open())

	w.wall = time.Date(2026, 12, 1, 13, 1, 0, 0, time.UTC) // the day went by while it was off
	l = w.open()
	for i := range 10 {
		if !buy(l, fmt.Sprint("n", i), 0.1) {
			t.Fatal("a day without the process is no day")
		}
	}
	for range 5 {
		w.wall = w.wall.Add(-20 * 24 * time.Hour)
		refused("back", w.open())
		w.wall = w.wall.Add(20 * 24 * time.Hour)
		refused("back and ahead again", w.open())
	}
	w.pass(25 * time.Hour) // monotonic
	if w.open().Spent().Cloud != "" {
		t.Error("time that went by after the jumps does not count")
	}
}

func TestBytesJoulesWaiting(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Budgets{Limits: map[Quantity]Limits{Bytes: {Hour: 10000}, Joules: {Day: 50}, Wait: {Hour: 60}}})
	l := w.open()
	if s := l.Spent(); s != (router.Spent{}) {
		t.Errorf("%+v", s)
	}
	l.Drew(49)
	l.Drew(-5)
	l.Waited(59 * time.Second)
	if s := l.Spent(); s != (router.Spent{}) {
		t.Errorf("%+v", s)
	}
	l.Drew(1)
	l.Waited(time.Second)
	l.Settle(question("unknown"), router.CloudAnswer{BytesUp: 9000}, nil)
	s := l.Spent()
	if s.Joules != "budget of joules: 50 of 50 J in this day" || s.Wait != "budget of wait: 60 of 60 s in this hour" || s.Cloud != "" {
		t.Errorf("%+v", s)
	}
	if err := l.Reserve(question("a"), false); err != nil {
		t.Fatal(err)
	}
	l.Settle(question("a"), router.CloudAnswer{BytesUp: 3000, BytesDown: 5000}, nil)
	if err := l.Reserve(question("b"), false); !errors.Is(err, router.ErrBudget) || l.Spent().Cloud == "" {
		t.Errorf("%v, %+v", err, l.Spent())
	}
	if err := l.Reserve(question("b"), true); err != nil {
		t.Errorf("an exempt question: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if again := w.open(); again.Spent() != l.Spent() || len(again.Uses()) != 3 {
		t.Errorf("after a restart %+v, %+v", again.Spent(), again.Uses())
	}
}

// fakeCloud counts.
type fakeCloud struct{ asked int }

func (*fakeCloud) Up() bool { return true }
func (f *fakeCloud) Ask(context.Context, router.Question, func(string) error) (router.CloudAnswer, error) {
	f.asked++
	return router.CloudAnswer{CostUSD: 0.1}, nil
}

// Audits stop at half of the budget, so that askers have the rest.
func TestAuditsStopFirst(t *testing.T) {
	t.Parallel()
	l := newWorld(t, money(1, 0)).open()
	cloud := &fakeCloud{}
	audits := l.Audits(cloud)
	for i := range 9 {
		_, err := audits.Ask(t.Context(), question(fmt.Sprint(i)), nil)
		if errors.Is(err, router.ErrBudget) != (i >= 5) {
			t.Errorf("audit %d: %v", i, err)
		}
	}
	if cloud.asked != 5 || audits.Up() || l.Spent().Cloud != "" || !buy(l, "asker", 0.1) {
		t.Errorf("%d audits, %+v", cloud.asked, l.Spent())
	}
}

// Without limits nothing is written; new ones count what was.
func TestSet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Budgets{})
	l := w.open()
	l.Drew(7)
	if err := errors.Join(l.Reserve(question("a"), false), l.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(w.file); err == nil {
		t.Error("there is a file")
	}
	l.Set(Budgets{Limits: map[Quantity]Limits{Joules: {Hour: 7}}})
	if l.Spent().Joules == "" {
		t.Error("what was drawn before is forgotten")
	}
}

// What cannot be read counts as used up, and what cannot be written is not asked.
func TestDamage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, money(1, 0))
	if err := os.WriteFile(w.file, []byte(`{"version":1,"now":-5}`), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := Open(Options{Budgets: w.budgets, File: w.file, Log: slog.New(slog.DiscardHandler)})
	if err == nil || l == nil || l.Spent().Cloud == "" || !strings.Contains(err.Error(), "begin anew") {
		t.Fatalf("%v", err)
	}
	if again := w.open(); again.Spent().Cloud == "" {
		t.Error("a restart gave money")
	}
	w.file = filepath.Join(t.TempDir(), "none", "budget.json")
	if err := w.open().Reserve(question("a"), false); !errors.Is(err, router.ErrBudget) {
		t.Errorf("asked without a count: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	w := &world{wall: time.Unix(1e9, 0), file: filepath.Join(f.TempDir(), "b.json"), budgets: money(1, 1)}
	l, err := Open(Options{Budgets: w.budgets, File: w.file, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	if err := errors.Join(l.Reserve(question("a"), false), l.Close()); err != nil {
		f.Fatal(err)
	}
	text, err := os.ReadFile(w.file)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"version":1,"now":60000000000,"slots":{"money/hour":{"1":0.5}},"open":{"q":{"at":1}}}`))
	f.Add([]byte(`{"version":1,"slots":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := decode(text)
		if err != nil {
			return
		}
		l := &Ledger{budgets: money(1, 1), s: *s, begunAt: s.Now, o: Options{mono: func() time.Duration { return 0 }}}
		for _, u := range l.Uses() {
			if !(u.Used >= 0) {
				t.Errorf("%+v", u)
			}
		}
	})
}
