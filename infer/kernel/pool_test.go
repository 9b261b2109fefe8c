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

// A pool that was told to use fewer threads wakes no more workers than that, and
// all of them again when it may.
func TestPoolUsesAsManyThreadsAsItMay(t *testing.T) {
	t.Parallel()
	p := NewPool(4)
	defer p.Close()
	for _, c := range []struct{ set, want int }{{2, 2}, {4, 4}, {1, 1}, {0, 1}, {3, 3}, {99, 4}} {
		for _, g := range p.workers { // one that looks for work still might take a part
			for !g.parked.Load() {
				time.Sleep(time.Millisecond)
			}
		}
		p.SetThreads(c.set)
		if got := p.Threads(); got != c.want {
			t.Fatalf("set to %d: %d threads, want %d", c.set, got, c.want)
		}
		// As many parts as threads wait for each other, so that all threads are at
		// work; then nobody else may be.
		var all sync.WaitGroup
		var now, most atomic.Int32
		all.Add(c.want)
		p.Run(32, func(part int) {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			if part < c.want && c.want > 1 {
				all.Done()
				all.Wait()
			}
			now.Add(-1)
		})
		if got := int(most.Load()); got != c.want {
			t.Errorf("set to %d: %d threads at the same time, want %d", c.set, got, c.want)
		}
	}
	var none *Pool
	none.SetThreads(2)
}

// The number may change in the middle of a Run: each part is done once.
func TestPoolThreadsChangeDuringRuns(t *testing.T) {
	t.Parallel()
	p := NewPool(3)
	defer p.Close()
	stop := make(chan struct{})
	var changes sync.WaitGroup
	changes.Go(func() {
		for n := 1; ; n = n%3 + 1 {
			select {
			case <-stop:
				return
			default:
				p.SetThreads(n)
			}
		}
	})
	var sum atomic.Int64
	for range 2000 {
		p.Run(5, func(part int) { sum.Add(int64(part)) })
	}
	close(stop)
	changes.Wait()
	if got := sum.Load(); got != 2000*10 {
		t.Errorf("parts sum to %d, want %d", got, 2000*10)
	}
}
