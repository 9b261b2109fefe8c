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

// findCounters finds the zones. The whole platform counts if it is measured, else the
// processors and the memory, which is not within them; the copy of the processor's
// counter that intel-rapl-mmio has does not.
func findCounters(root string) (parts []Part, skipped []error) {
	domains := map[string]string{} // by zone
	platform := false
	for _, dir := range entries(root, "class/powercap/*:*") {
		domain, c, err := openZone(dir)
		if err != nil {
			skipped = append(skipped, err)
			continue
		}
		zone := filepath.Base(dir)
		domains[zone] = domain
		mmio := strings.HasPrefix(zone, "intel-rapl-mmio")
		platform = platform || domain == "psys"
		parts = append(parts, Part{Name: zoneName(zone, domains), Sensor: c, Gives: Draw,
			Counts: !mmio && (strings.HasPrefix(domain, "package-") || domain == "dram" || domain == "psys")})
	}
	for i := range parts {
		parts[i].Counts = parts[i].Counts && (!platform || parts[i].Name == "psys")
	}
	return parts, skipped
}

// openZone returns a zone's counter and what the kernel calls its domain.
func openZone(dir string) (domain string, c *counter, err error) {
	if domain, err = readText(filepath.Join(dir, "name")); err != nil {
		return "", nil, err
	}
	if c, err = newCounter(dir); err == nil {
		_, err = c.Read(context.Background())
	}
	if err != nil {
		err = fmt.Errorf("%w (the kernel lets only root read energy counters; docs/power.md says how to allow it)", err)
	}
	return label(domain), c, err
}

// zoneName names a zone as the kernel names its domain, and a part of a zone after
// that: "package-0", "package-0/core".
func zoneName(zone string, domains map[string]string) string {
	name := domains[zone]
	if parent := domains[zone[:strings.LastIndexByte(zone, ':')]]; parent != "" {
		name = parent + "/" + name
	}
	if strings.HasPrefix(zone, "intel-rapl-mmio") {
		name = "mmio/" + name
	}
	return name
}
