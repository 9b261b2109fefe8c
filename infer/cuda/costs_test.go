package cuda

import (
	"errors"
	"testing"
	"time"
)

// Layers are divided so that a token takes the least time.
func TestCostsLayers(t *testing.T) {
	t.Parallel()
	const ms, us = time.Millisecond, time.Microsecond
	alike := []int64{50, 150, 250, 350, 450} // an embedding, and layers of 100 bytes
	growing := []int64{50, 60, 80, 170, 450} // a token's time is mostly the last one's
	faster, slower := 4*ms, 500*us           // than a layer on the CPU
	for _, c := range []struct {
		name   string
		costs  Costs
		sizes  []int64
		room   int64
		fewest int
		want   int
	}{
		{"a fast GPU takes all that fit", Costs{faster, ms, ms}, alike, 350, 0, 3},
		{"to the byte", Costs{faster, ms, ms}, alike, 349, 0, 2},
		{"all there are", Costs{faster, ms, ms}, alike, 1 << 40, 0, 4},
		{"none fits", Costs{faster, ms, ms}, alike, 149, 0, 0},
		{"the embedding alone does not fit", Costs{faster, ms, ms}, alike, 10, 0, 0},
		{"a GPU slower than the CPU", Costs{slower, ms, 0}, alike, 350, 0, 0},
		{"one as fast as the CPU", Costs{ms, ms, 0}, alike, 350, 0, 0},
		{"what it saves is the bus's", Costs{2 * ms, ms, 3 * ms}, alike, 350, 0, 0},
		{"what it saves is more than the bus takes", Costs{2 * ms, ms, 2999 * us}, alike, 350, 0, 3},
		{"with a layer fewer it is not", Costs{2 * ms, ms, 2999 * us}, alike, 250, 0, 0},
		{"small layers save less", Costs{2 * ms, ms, ms}, growing, 80, 0, 0},
		{"large ones more", Costs{2 * ms, ms, ms}, growing, 170, 0, 3},
		{"a slow GPU that is wanted", Costs{slower, ms, ms}, alike, 350, 1, 1},
		{"a fast one that is wanted", Costs{faster, ms, ms}, alike, 350, 1, 3},
		{"a slow bus, and the GPU is wanted", Costs{faster, ms, time.Second}, alike, 350, 1, 3},
		{"wanted, but none fits", Costs{faster, ms, ms}, alike, 149, 1, 0},
		{"a single layer that can be divided off", Costs{faster, ms, ms}, alike[:2], 150, 0, 1},
	} {
		if got := c.costs.Layers(c.sizes, c.room, c.fewest); got != c.want {
			t.Errorf("%s: %d layers, want %d", c.name, got, c.want)
		}
	}
}

func TestCostsString(t *testing.T) {
	t.Parallel()
	c := Costs{CPU: 12345678, GPU: 456789, Handover: 987}
	if got, want := c.String(), "a layer takes 12.3ms on the CPU and 457µs on the GPU, a pass beside its layers 987ns"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// The least time counts, not that of the first pass, and slow passes are few.
func TestLeastTime(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for _, c := range []struct {
		name   string
		takes  []time.Duration // the passes, the last one again and again
		want   time.Duration
		passes int
	}{
		{"quick passes", []time.Duration{9 * ms, 3 * ms, 2 * ms, 1 * ms, 2 * ms}, 1 * ms, 21},
		{"no time at all", []time.Duration{0}, 0, 21},
		{"the first was the fastest", []time.Duration{1 * ms, 15 * ms}, 15 * ms, 4},
		{"slow passes", []time.Duration{time.Minute, time.Second}, time.Second, 2},
	} {
		clock, passes := time.Time{}, 0
		got, err := leastTime(func() error {
			clock = clock.Add(c.takes[min(passes, len(c.takes)-1)])
			passes++
			return nil
		}, func() time.Time { return clock })
		if err != nil || got != c.want || passes != c.passes {
			t.Errorf("%s: %v in %d passes, %v; want %v in %d", c.name, got, passes, err, c.want, c.passes)
		}
	}
	for fails := range 3 {
		n, lost := 0, errors.New("lost")
		_, err := leastTime(func() error {
			if n++; n > fails {
				return lost
			}
			return nil
		}, time.Now)
		if !errors.Is(err, lost) {
			t.Errorf("pass %d failed, and the error is %v", fails, err)
		}
	}
}
