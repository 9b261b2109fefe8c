package sensor

import (
	"log/slog"
	"math"
	"testing"
	"time"
)

// draw is a source of a known power.
type draw func() (watts float64, ok bool)

func (draw) start() {}
func (d draw) spent(elapsed time.Duration) (float64, bool) {
	watts, ok := d()
	return watts * elapsed.Seconds(), ok
}

// Two works share what the device draws while both go on; the sum is what it drew
// while any did.
func TestMeterSharesEnergy(t *testing.T) {
	t.Parallel()
	now, watts, works := time.Unix(100, 0), 5.0, true
	m := &Meter{source: draw(func() (float64, bool) { return watts, works }), now: func() time.Time { return now }}
	pass := func(d time.Duration) { now = now.Add(d) }
	pass(time.Hour) // nobody pays for the pause
	first := m.Begin()
	pass(2 * time.Second)
	second := m.Begin() // the first alone: 2 s x 5 W
	pass(4 * time.Second)
	watts = 6
	a := first() // both: 4 s x 6 W
	m.Tick()
	pass(time.Second)
	b := second() // the second alone: 1 s x 6 W
	if math.Abs(a-22) > 1e-9 || math.Abs(b-18) > 1e-9 {
		t.Errorf("%g and %g joules, want 22 and 18", a, b)
	}
	third := m.Begin()
	works = false
	pass(time.Second)
	if j := third(); j != 0 {
		t.Errorf("%g joules of a power that nobody knows", j)
	}
	works = true
	fourth := m.Begin()
	pass(time.Second)
	if j := fourth(); math.Abs(j-6) > 1e-9 {
		t.Errorf("%g joules once the sensor answers again, want 6", j)
	}
}

// A long work is metered by the readings on its way, not by the last one alone.
func TestMeterTicks(t *testing.T) {
	t.Parallel()
	now, watts := time.Unix(100, 0), 10.0
	m := &Meter{source: draw(func() (float64, bool) { return watts, true }), now: func() time.Time { return now }}
	end := m.Begin()
	now = now.Add(5 * time.Second)
	m.Tick()
	now, watts = now.Add(time.Second), 1
	if j := end(); math.Abs(j-51) > 1e-9 {
		t.Errorf("%g joules, want 51", j)
	}
	now = now.Add(time.Hour)
	m.Tick() // nothing runs
	end = m.Begin()
	if j := end(); j != 0 {
		t.Errorf("%g joules of no time", j)
	}
}

// A sensor of power is read at the end of a work, not before it, when the device
// idled; within the age of that reading it serves the next one too.
func TestSupplyReadsPowerDuringWork(t *testing.T) {
	t.Parallel()
	bus := registers{0x40: {inaBus: 1250 << 3, inaPower: 256}} // 0.5 W at the default range
	parts, err := New("power", bus, Draw, Config{Driver: "ina219", Address: 0x40})
	if err != nil {
		t.Fatal(err)
	}
	s := NewStation(parts, time.Second, slog.New(slog.DiscardHandler))
	now := time.Unix(1000, 0)
	s.now = func() time.Time { return now }
	m := NewMeter(s)
	m.now = s.now
	if w := s.Readings()[Power]; math.Abs(w-0.5) > 1e-9 {
		t.Fatalf("idle: %g W", w)
	}
	work := func(long time.Duration) float64 {
		end := m.Begin()
		now = now.Add(long)
		return end()
	}
	bus[0x40][inaPower] = 1024 // 2 W
	if j := work(100 * time.Millisecond); math.Abs(j-0.2) > 1e-9 {
		t.Errorf("%g joules by a reading from before the work, want 0.2", j)
	}
	bus[0x40][inaPower] = 2048
	if j := work(100 * time.Millisecond); math.Abs(j-0.2) > 1e-9 {
		t.Errorf("%g joules; the reading of a moment ago was not used", j)
	}
	if j := work(2 * time.Second); math.Abs(j-8) > 1e-9 {
		t.Errorf("%g joules, want 8", j)
	}
	delete(bus, 0x40)
	if j := work(2 * time.Second); j != 0 {
		t.Errorf("%g joules of a sensor that is gone", j)
	}
}
