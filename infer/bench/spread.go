package bench

import "slices"

// Spread is the middle and the ends of several measurements.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// spreadOf takes at least one figure. The median of an even number is the mean
// of the two in the middle.
func spreadOf(figures []float64) Spread {
	s := slices.Sorted(slices.Values(figures))
	n := len(s)
	return Spread{Median: (s[(n-1)/2] + s[n/2]) / 2, Min: s[0], Max: s[n-1]}
}
