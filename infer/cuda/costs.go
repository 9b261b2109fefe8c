package cuda

import (
	"fmt"
	"math"
	"time"
)

// Costs are what a decoder's layers take in a pass of one token.
type Costs struct {
	CPU, GPU time.Duration // a layer of mean size
	// Handover is what a pass on the GPU takes beside its layers: to describe it,
	// to begin it, to wait for it, and to bring the residual stream to the CPU.
	Handover time.Duration
}

func (c Costs) String() string {
	round := func(d time.Duration) time.Duration {
		for unit := time.Duration(1); ; unit *= 10 {
			if d < 1000*unit {
				return d.Round(unit)
			}
		}
	}
	return fmt.Sprintf("a layer takes %v on the CPU and %v on the GPU, a pass beside its layers %v", round(c.CPU), round(c.GPU), round(c.Handover))
}

// Layers is how many of the first layers on the GPU, the others on the CPU, give
// the least time a token. sizes[n] is how many bytes of the GPU's memory n layers
// take, with what comes before the first; room is how many there are. At least
// fewest run there if so many fit, even if fewer were faster.
func (c Costs) Layers(sizes []int64, room int64, fewest int) (best int) {
	most := math.Inf(-1)
	for n := fewest; n < len(sizes) && (n == 0 || sizes[n] <= room); n++ {
		if s := c.saved(sizes, n); s > most {
			best, most = n, s
		}
	}
	return best
}

// saved is how much less time a token takes with n layers on the GPU than with
// none, in nanoseconds: a layer's time follows from its size.
func (c Costs) saved(sizes []int64, n int) float64 {
	if n == 0 {
		return 0
	}
	return float64(c.CPU-c.GPU)*float64(sizes[n]-sizes[0])/meanLayer(sizes) - float64(c.Handover)
}

// meanLayer is the size of a layer, in bytes, by the sizes that Layers takes.
func meanLayer(sizes []int64) float64 {
	last := len(sizes) - 1
	return float64(sizes[last]-sizes[0]) / float64(last)
}

// Of a measurement: it goes on for a moment, whatever a pass takes.
const (
	measuring  = 40 * time.Millisecond
	mostPasses = 20
)

// leastTime is the least time that a pass takes, of several. The first one is not
// counted: it may have to read weights from the disk.
func leastTime(pass func() error, now func() time.Time) (time.Duration, error) {
	if err := pass(); err != nil {
		return 0, err
	}
	least := time.Duration(math.MaxInt64)
	began := now()
	for from, n := began, 0; n == 0 || n < mostPasses && from.Sub(began) < measuring; n++ {
		if err := pass(); err != nil {
			return 0, err
		}
		to := now()
		least, from = min(least, to.Sub(from)), to
	}
	return least, nil
}
