//go:build cuda

package cuda_test

import (
	"testing"

	"github.com/a472be26/cusp/infer/cuda"
	"github.com/a472be26/cusp/infer/cuda/simulator"
)

// Every unit that a GPU has can be measured; which those are depends on the GPU.
func TestPeaks(t *testing.T) {
	t.Parallel()
	for settings, units := range map[string]int{"": 3, "capability=53,processors=1,memory=300000000": 1, "capability=72,processors=1,memory=300000000": 2, "capability=90,processors=1,memory=300000000": 3} {
		t.Run(settings, func(t *testing.T) {
			g := simulator.New(t, settings)
			p, err := cuda.NewPeaks(cuda.Options{Library: g.Path})
			if err != nil {
				t.Fatal(err)
			}
			if n := len(p.Units(true)); n != units && !g.Real() {
				t.Errorf("%s: %d units for int8, want %d", settings, n, units)
			}
			if n := len(p.Units(false)); n != 1 {
				t.Errorf("%s: %d units for floats, want 1", settings, n)
			}
			figures := map[string]func() (float64, error){"read": p.Read}
			for _, u := range p.Units(true) {
				figures[u.Name] = func() (float64, error) { return p.Multiply(u) }
			}
			for name, measure := range figures {
				if x, err := measure(); err != nil || !(x > 0) {
					t.Errorf("%s: %s: %v, %v", settings, name, x, err)
				}
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
			if n := g.Count("pieces"); n != 0 {
				t.Errorf("%s: %d pieces of memory are left", settings, n)
			}
		})
	}
}
