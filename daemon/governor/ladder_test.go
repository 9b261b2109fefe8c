package governor

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a472be26/cusp/router"
)

const temp, watts, battery = "temperature_c", "power_w", "battery_percent"

func heat() Ladder {
	return Ladder{Dwell: 30 * time.Second, Levels: []Level{
		{Name: "warm", Limits: []Limit{{Quantity: temp, Enter: 70, Leave: 65}}, Prefer: router.PreferLocal, Reason: router.ReasonHot},
		{Name: "hot", Limits: []Limit{{Quantity: temp, Enter: 80, Leave: 74}}, Threads: 1, Prefer: router.PreferCloud, Reason: router.ReasonHot},
	}}
}

func saving() Ladder {
	return Ladder{Dwell: 30 * time.Second, Levels: []Level{{
		Name: "saving", Threads: 2, Prefer: router.PreferBalanced, Reason: router.ReasonSaving,
		Limits: []Limit{{Quantity: watts, Enter: 10, Leave: 7}, {Quantity: battery, Enter: 20, Leave: 30, Below: true}},
	}}}
}

// Each line is a look: after so long, with that reading, the level and, where it
// changed, the cause.
func TestLadder(t *testing.T) {
	t.Parallel()
	type look struct {
		after    time.Duration
		readings map[string]float64
		level    int
		cause    string
	}
	at := func(v float64) map[string]float64 { return map[string]float64{temp: v} }
	power := func(w, b float64) map[string]float64 { return map[string]float64{watts: w, battery: b} }
	for name, c := range map[string]struct {
		ladder Ladder
		looks  []look
	}{
		"up and down": {heat(), []look{
			{0, at(60), 0, ""},
			{time.Second, at(69.9), 0, ""},
			{time.Second, at(70), 1, "temperature_c 70 >= 70"},
			{time.Second, at(81.26), 2, "temperature_c 81.26 >= 80"},
			{time.Minute, at(74), 2, "temperature_c 81.26 >= 80"}, // not below
			{time.Second, at(73.9), 1, "temperature_c 73.9 < 74"},
			{time.Second, at(60), 1, "temperature_c 73.9 < 74"}, // dwells
			{28 * time.Second, at(60), 1, "temperature_c 73.9 < 74"},
			{time.Second, at(60), 0, "temperature_c 60 < 65"},
		}},
		"levels are skipped": {heat(), []look{
			{0, at(90), 2, "temperature_c 90 >= 80"},
			{time.Hour, at(40), 0, "temperature_c 40 < 65"},
		}},
		"worse at once, however short the stay": {heat(), []look{
			{0, at(71), 1, "temperature_c 71 >= 70"}, {time.Millisecond, at(80), 2, "temperature_c 80 >= 80"},
		}},
		"between enter and leave nothing changes": {heat(), []look{
			{0, at(67), 0, ""}, {0, at(72), 1, "temperature_c 72 >= 70"}, {time.Hour, at(67), 1, "temperature_c 72 >= 70"},
			{time.Hour, at(66), 1, "temperature_c 72 >= 70"},
		}},
		"a sensor that fails holds the level": {heat(), []look{
			{0, nil, 0, ""}, {0, at(85), 2, "temperature_c 85 >= 80"}, {time.Hour, nil, 2, "temperature_c 85 >= 80"},
			{time.Hour, at(math.NaN()), 2, "temperature_c 85 >= 80"}, {time.Second, at(50), 0, "temperature_c 50 < 65"},
		}},
		"no number enters nothing": {heat(), []look{{0, at(math.NaN()), 0, ""}, {0, map[string]float64{watts: 99}, 0, ""}}},
		"infinitely hot":           {heat(), []look{{0, at(math.Inf(1)), 2, "temperature_c +Inf >= 80"}}},
		"any limit enters, all must allow to leave": {saving(), []look{
			{0, power(5, 50), 0, ""},
			{0, power(5, 20), 1, "battery_percent 20 <= 20"},
			{time.Hour, power(5, 30), 1, "battery_percent 20 <= 20"},
			{time.Hour, power(8, 31), 1, "battery_percent 20 <= 20"}, // the power holds it now
			{time.Hour, power(6, 31), 0, "battery_percent 31 > 30"},
			{time.Second, power(10, 90), 1, "power_w 10 >= 10"},
			{time.Hour, map[string]float64{battery: 90}, 1, "power_w 10 >= 10"}, // nobody knows the power
		}},
		"without levels": {Ladder{}, []look{{0, at(1000), 0, ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now, s := time.Unix(1e9, 0), State{}
			for i, l := range c.looks {
				now = now.Add(l.after)
				before := s
				s = c.ladder.Next(s, l.readings, now)
				if s.Level != l.level || s.Cause != l.cause {
					t.Fatalf("look %d: level %d by %q, want %d by %q", i, s.Level, s.Cause, l.level, l.cause)
				}
				if changed := s.Level != before.Level; changed != (s.Since == now && s.Since != before.Since) {
					t.Errorf("look %d: changed %v, since %v, before %v", i, changed, s.Since, before.Since)
				}
			}
		})
	}
}

// changes counts how often the level changes over an hour of looks at a temperature.
func changes(l Ladder, every time.Duration, temperature func(second float64) float64) int {
	n, s, start := 0, State{}, time.Unix(1e9, 0)
	for now := start; now.Sub(start) < time.Hour; now = now.Add(every) {
		next := l.Next(s, map[string]float64{temp: temperature(now.Sub(start).Seconds())}, now)
		if next.Level != s.Level {
			n++
		}
		s = next
	}
	return n
}

// A temperature that swings around a limit does not make the level swing with it:
// within the gap it changes once, and beyond it no faster than the dwell time
// allows.
func TestNoFlapping(t *testing.T) {
	t.Parallel()
	sawtooth := func(middle, amplitude, period float64) func(float64) float64 {
		return func(second float64) float64 {
			return middle + amplitude*(2*math.Mod(second/period, 1)-1)
		}
	}
	bare := heat()
	bare.Dwell = 0
	for _, c := range []struct {
		name        string
		ladder      Ladder
		temperature func(float64) float64
		least, most int
	}{
		{"narrower than the gap, around enter", heat(), sawtooth(70, 2.4, 20), 1, 1},
		{"the same without a dwell time", bare, sawtooth(70, 2.4, 20), 1, 1},
		{"narrower than the gap, around leave", heat(), sawtooth(65, 4, 20), 0, 0},
		{"around the second limit", heat(), sawtooth(80, 2, 20), 1, 2},
		{"wider than the gap: a change up and one down in a dwell time at most", heat(), sawtooth(67.5, 6, 7), 2, 2 * 3600 / 30},
	} {
		if n := changes(c.ladder, time.Second, c.temperature); n < c.least || n > c.most {
			t.Errorf("%s: %d changes in an hour, want %d to %d", c.name, n, c.least, c.most)
		}
	}
	// The case without dwell time is what it is against: it must be worse, or the
	// test shows nothing.
	if n := changes(bare, time.Second, sawtooth(67.5, 6, 7)); n < 500 {
		t.Errorf("without a dwell time only %d changes", n)
	}
}

func TestGovernor(t *testing.T) {
	t.Parallel()
	g, now := New(heat(), saving()), time.Unix(1e9, 0)
	for i, c := range []struct {
		readings map[string]float64
		level    string
		prefer   router.Prefer
		reason   router.Reason
		threads  int // of 5
		changed  bool
	}{
		{map[string]float64{temp: 50}, "normal", router.PreferLocal, "", 5, false},
		{map[string]float64{temp: 72}, "warm", router.PreferLocal, "", 3, true},
		{map[string]float64{temp: 72, battery: 10}, "warm+saving", router.PreferBalanced, router.ReasonSaving, 2, true},
		{map[string]float64{temp: 82, battery: 10}, "hot+saving", router.PreferCloud, router.ReasonHot, 1, true},
		{map[string]float64{temp: 82, battery: 10}, "hot+saving", router.PreferCloud, router.ReasonHot, 1, false},
		{map[string]float64{temp: 20, battery: 99, watts: 1}, "normal", router.PreferLocal, "", 5, true},
	} {
		now = now.Add(time.Minute)
		changed := g.Check(c.readings, now)
		s := g.Status()
		if changed != c.changed || s.Level != c.level || s.Prefer != c.prefer || s.Reason != c.reason || g.Threads(5) != c.threads {
			t.Errorf("look %d: changed %v, %+v, %d threads; want %+v", i, changed, s, g.Threads(5), c)
		}
		if changed && !s.Since.Equal(now) {
			t.Errorf("look %d: since %v", i, s.Since)
		}
		for name, on := range g.Levels() {
			if on != slices.Contains(strings.Split(c.level, "+"), name) {
				t.Errorf("look %d: %s is %v", i, name, on)
			}
		}
	}
	if s := g.Status(); s.Changes != 5 {
		t.Errorf("%d changes, want 5: %+v", s.Changes, s)
	}
	for of, want := range map[int]int{1: 1, 2: 1, 3: 2, 4: 2, 8: 4} {
		if got := (Level{}).threads(of); got != want {
			t.Errorf("half of %d threads is %d, want %d", of, got, want)
		}
	}
}

// Whatever the readings are: a level beyond which a value is holds, one that it left
// long ago does not, and the cause of every change says something.
func FuzzLadder(f *testing.F) {
	f.Add(75.0, 60.0, int64(1e9))
	f.Add(math.Inf(1), math.NaN(), int64(0))
	f.Add(-300.0, 1e300, int64(-5))
	f.Fuzz(func(t *testing.T, a, b float64, pause int64) {
		l, now := heat(), time.Unix(1e9, 0)
		s := l.Next(State{}, map[string]float64{temp: a}, now)
		s2 := l.Next(s, map[string]float64{temp: b}, now.Add(time.Duration(pause)))
		for _, s := range []State{s, s2} {
			if s.Level < 0 || s.Level > 2 || s.Level > 0 && s.Cause == "" {
				t.Fatalf("%v, %v: %+v", a, b, s)
			}
		}
		if b >= 80 && s2.Level != 2 || b < 65 && s2.Level != 0 && time.Duration(pause) >= l.Dwell {
			t.Fatal(fmt.Sprint(a, b, pause, s, s2))
		}
	})
}
