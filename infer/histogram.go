package infer

import (
	"slices"
	"time"
)

// Histogram counts observations by size. Counts[i] are those of at most
// Bounds[i] and more than the bound before; the last of Counts, one more than
// there are bounds, those beyond all. Of a histogram without observations
// everything is zero, Counts included.
type Histogram struct {
	Bounds []float64 // ascending; shared, not to be written to
	Counts []uint64
	Sum    float64 // of the observed values
}

// Bounds of the engine's histograms: seconds from a tenth of a millisecond, which
// a model of a few million parameters takes for a token, to the minutes that a
// long prompt may; and sequences in one pass.
var (
	secondBounds = []float64{1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}
	batchBounds  = []float64{1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64}
)

func newHistogram(bounds []float64) Histogram {
	return Histogram{Bounds: bounds, Counts: make([]uint64, len(bounds)+1)}
}

// observe neither locks nor allocates.
func (h *Histogram) observe(v float64) {
	i, _ := slices.BinarySearch(h.Bounds, v)
	h.Counts[i]++
	h.Sum += v
}

func (h *Histogram) since(start, now time.Time) { h.observe(now.Sub(start).Seconds()) }

func (h Histogram) clone() Histogram {
	h.Counts = slices.Clone(h.Counts)
	return h
}

// Count is the number of observations.
func (h Histogram) Count() uint64 {
	var n uint64
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// Add is the histogram of the observations of both, which have the same bounds,
// or none as the zero value.
func (h Histogram) Add(o Histogram) Histogram {
	if len(h.Counts) == 0 || len(o.Counts) == 0 {
		if len(h.Counts) == 0 {
			h = o
		}
		return h.clone()
	}
	h = h.clone()
	for i, c := range o.Counts {
		h.Counts[i] += c
	}
	h.Sum += o.Sum
	return h
}

// Quantile is about the value below which the part q of the observations lies,
// from 0 to 1: inside of a bucket they are taken to be spread evenly, and beyond
// the last bound to lie on it. It is 0 without observations.
func (h Histogram) Quantile(q float64) float64 {
	count := float64(h.Count())
	if count == 0 {
		return 0
	}
	rank, low := q*count, 0.0
	for i, c := range h.Counts {
		if i == len(h.Bounds) {
			break
		}
		if n := float64(c); n > 0 && rank <= n {
			return low + (h.Bounds[i]-low)*rank/n
		}
		rank -= float64(c)
		low = h.Bounds[i]
	}
	return low
}
