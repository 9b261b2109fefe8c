package kernel

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestPoolRunsEachPartOnce(t *testing.T) {
	t.Parallel()
	for _, threads := range []int{1, 2, 5} {
		p := NewPool(threads)
		for n := range 60 {
			done := make([]atomic.Int32, n)
			p.Run(n, func(part int) { done[part].Add(1) })
			for part := range done {
				if c := done[part].Load(); c != 1 {
					t.Fatalf("%d threads: part %d of %d ran %d times", threads, part, n, c)
				}
			}
		}
		p.Close()
	}
}

func TestNilAndClosedPool(t *testing.T) {
	t.Parallel()
	closed := NewPool(3)
	closed.Close()
	for _, p := range []*Pool{nil, closed} {
		sum := 0
		p.Run(4, func(part int) { sum += part })
		if sum != 6 {
			t.Errorf("parts sum to %d, want 6", sum)
		}
	}
	var none *Pool
	none.Close()
	if n := none.Threads(); n != 1 {
		t.Errorf("a nil pool has %d threads, want 1", n)
	}
}

// Workers that parked must wake for the next job.
func TestPoolWakesParkedWorkers(t *testing.T) {
	t.Parallel()
	p := NewPool(2)
	defer p.Close()
	for range 3 {
		for !p.workers[0].parked.Load() {
			time.Sleep(time.Millisecond)
		}
		// Each part waits for the other: one thread alone would never end.
		var both sync.WaitGroup
		both.Add(2)
		p.Run(2, func(int) {
			both.Done()
			both.Wait()
		})
	}
}

func TestPoolConcurrentRuns(t *testing.T) {
	t.Parallel()
	p := NewPool(3)
	defer p.Close()
	var sum atomic.Int64
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for range 500 {
				p.Run(5, func(part int) { sum.Add(int64(part)) })
			}
		})
	}
	callers.Wait()
	if got := sum.Load(); got != 4*500*10 {
		t.Errorf("parts sum to %d, want %d", got, 4*500*10)
	}
}

func TestPoolMakesNoGarbage(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	f := func(int) {}
	if allocs := testing.AllocsPerRun(100, func() { p.Run(4, f) }); allocs != 0 {
		t.Errorf("Run allocates %v times", allocs)
	}
}
