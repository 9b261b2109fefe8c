package sensor

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// counter is an energy counter of a power zone (Documentation/power/powercap):
// energy_uj grows in microjoules and begins anew after max_energy_range_uj.
type counter struct {
	path  string
	limit int64
	now   func() time.Time

	mu    sync.Mutex // guards the fields below
	seen  bool
	raw   int64     // at the last reading
	sum   float64   // joules since the first reading
	from  time.Time // since when power is measured
	base  float64   // sum at from
	watts float64   // 0: not known
}

var _ Sensor = (*counter)(nil)

// Power is the mean since an earlier reading. Over less than minSpan it would be
// noise, since the counter moves in steps of a millisecond; after more than maxSpan
// the counter may have begun anew more than once.
const (
	minSpan = 500 * time.Millisecond
	maxSpan = time.Minute
)

func newCounter(dir string) (*counter, error) {
	limit, err := readInteger(filepath.Join(dir, "max_energy_range_uj"), 1, math.MaxInt64)
	if err != nil {
		return nil, err
	}
	return &counter{path: filepath.Join(dir, "energy_uj"), limit: limit, now: time.Now}, nil
}

func (c *counter) Read(ctx context.Context) (map[string]float64, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	raw, err := readInteger(c.path, 0, c.limit)
	if err != nil {
		return nil, err
	}
	c.count(raw, c.now())
	r := map[string]float64{Energy: c.sum}
	if c.watts > 0 {
		r[Power] = c.watts
	}
	return r, nil
}

// count adds what came since the last reading; mu is held.
func (c *counter) count(raw int64, now time.Time) {
	grown := raw - c.raw
	if grown < 0 {
		grown += c.limit
	}
	if c.seen {
		c.sum += float64(grown) / 1e6
	}
	switch span := now.Sub(c.from); {
	case !c.seen, span > maxSpan:
		c.from, c.base, c.watts = now, c.sum, 0
	case span >= minSpan:
		c.from, c.base, c.watts = now, c.sum, (c.sum-c.base)/span.Seconds()
	}
	c.seen, c.raw = true, raw
}

// findCounters names zones as the kernel does, a part of a zone after it:
// "package-0", "package-0/core". The whole platform counts if it is measured, else
// the processors and the memory, which is not within them; the copy of the
// processor's counter that intel-rapl-mmio has does not.
func findCounters(root string) (parts []Part, skipped []error) {
	names, platform := map[string]string{}, false
	for _, dir := range entries(root, "class/powercap/*:*") {
		zone := filepath.Base(dir)
		name, err := readText(filepath.Join(dir, "name"))
		if err != nil {
			skipped = append(skipped, err)
			continue
		}
		name = label(name)
		names[zone] = name
		if parent := names[zone[:strings.LastIndexByte(zone, ':')]]; parent != "" {
			name = parent + "/" + name
		}
		mmio := strings.HasPrefix(zone, "intel-rapl-mmio")
		if mmio {
			name = "mmio/" + name
		}
		c, err := newCounter(dir)
		if err == nil {
			_, err = c.Read(context.Background())
		}
		if err != nil {
			skipped = append(skipped, fmt.Errorf("%w (the kernel lets only root read energy counters; docs/power.md says how to allow it)", err))
			continue
		}
		short := names[zone]
		platform = platform || short == "psys"
		parts = append(parts, Part{Name: name, Sensor: c, Gives: Draw,
			Counts: !mmio && (strings.HasPrefix(short, "package-") || short == "dram" || short == "psys")})
	}
	for i := range parts {
		parts[i].Counts = parts[i].Counts && (!platform || parts[i].Name == "psys")
	}
	return parts, skipped
}
