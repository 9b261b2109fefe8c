package kernel

import "testing"

// TestCut: the parts are all of the work, in order, each once, and those of the
// last round are small.
func TestCut(t *testing.T) {
	for units := 1; units < 300; units++ {
		for threads := 1; threads <= 9; threads++ {
			for parts := 1; parts <= min(units, rounds*threads); parts++ {
				j := job{units: units, threads: threads, parts: parts}
				if j.cut(0) != 0 || j.cut(parts) != units {
					t.Fatalf("%d units in %d parts of %d threads go from %d to %d", units, parts, threads, j.cut(0), j.cut(parts))
				}
				for p := range parts {
					if j.cut(p+1) < j.cut(p) {
						t.Fatalf("%d units in %d parts of %d threads: part %d ends before it begins", units, parts, threads, p)
					}
				}
			}
			j := job{units: units, threads: threads, parts: rounds * threads}
			if first, last := j.cut(1), units-j.cut(j.parts-1); units >= j.parts && last > max(1, first/4) {
				t.Errorf("%d units for %d threads: the first part has %d, the last %d", units, threads, first, last)
			}
		}
	}
}
