package train

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// workers is the number of goroutines that share a loop.
type workers int

// newWorkers takes the wanted number, or one per core for 0.
func newWorkers(threads int) workers {
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	return workers(threads)
}

// run calls f for consecutive ranges [lo, hi) of at most grain items that cover 0 to n, concurrently. The ranges depend
// on n and grain only, so a sum kept per range does not depend on the number of workers.
func (w workers) run(n, grain int, f func(lo, hi int)) {
	chunks := (n + grain - 1) / grain
	var next atomic.Int64
	loop := func() {
		for c := int(next.Add(1)) - 1; c < chunks; c = int(next.Add(1)) - 1 {
			f(c*grain, min(n, (c+1)*grain))
		}
	}
	var others sync.WaitGroup
	for range min(int(w), chunks) - 1 {
		others.Go(loop)
	}
	loop()
	others.Wait()
}
