package sensor

import (
	"math"
	"testing"
	"time"
)

// Two works share what the device draws while both go on; the sum is what it drew
// while any did.
func TestMeterSharesEnergy(t *testing.T) {
	t.Parallel()
	now, watts, works := time.Unix(100, 0), 5.0, true
	m := &Meter{power: func() (float64, bool) { return watts, works }, now: func() time.Time { return now }}
	pass := func(d time.Duration) { now = now.Add(d) }
	pass(time.Hour) // nobody pays for the pause
	first := m.Begin()
	pass(2 * time.Second)
	second := m.Begin() // the first alone: 2 s x 5 W
	pass(4 * time.Second)
	watts = 6
	a := first() // both: 4 s x 6 W
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
