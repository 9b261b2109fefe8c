package kernel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// A Pool spreads the parts of one product over a number of threads. Its workers
// spin for some tens of microseconds after a job, since in a forward
// pass the next one follows at once, and then park: an idle pool uses no CPU.
//
// A nil *Pool runs everything on the caller.
type Pool struct {
	// run guards job and is held for the length of one Run.
	run sync.Mutex
	// job is written before work announces it and stays until every part is
	// done; whoever claimed a part may read it.
	job func(part int)

	work    atomic.Uint64 // parts of the job (upper half), next unclaimed part (lower half)
	pending atomic.Int64  // parts of the job not finished
	closed  atomic.Bool
	limit   atomic.Int64  // threads that Run uses; see SetThreads
	runs    atomic.Uint64 // calls of Run that have ended

	workers  []*gate // one per worker: opened when there is work
	finished *gate   // opened by the last part
	exited   sync.WaitGroup
}

// NewPool starts threads-1 workers; the caller of Run is the last thread.
func NewPool(threads int) *Pool {
	p := &Pool{finished: newGate()}
	p.limit.Store(int64(max(threads, 1)))
	for i := range threads - 1 {
		g := newGate()
		p.workers = append(p.workers, g)
		p.exited.Go(func() { p.serve(i, g) })
	}
	return p
}

// Threads is the number of threads that Run uses, at least 1.
func (p *Pool) Threads() int {
	if p == nil {
		return 1
	}
	return int(p.limit.Load())
}

// SetThreads lets Run use fewer threads, or more again, from 1 to as many as the
// pool was made with; other numbers count as the nearest of these. The workers
// beyond stay parked, or finish the part that they have, so that it may be called
// at any time, also while a Run goes on.
func (p *Pool) SetThreads(n int) {
	if p != nil {
		p.limit.Store(int64(min(max(n, 1), len(p.workers)+1)))
	}
}

// Run calls f once for each part 0..n-1, in no particular order and from
// several goroutines, and returns when all calls have. While the pool is busy
// with another Run, or after Close, the caller does all parts itself.
func (p *Pool) Run(n int, f func(part int)) {
	if p != nil {
		defer p.runs.Add(1)
	}
	if p == nil || n < 2 || p.Threads() == 1 || p.closed.Load() || !p.run.TryLock() {
		for part := range n {
			f(part)
		}
		return
	}
	defer p.run.Unlock()
	p.job = f
	p.pending.Store(int64(n))
	p.work.Store(uint64(n) << 32)
	for _, g := range p.workers[:p.Threads()-1] {
		g.open()
	}
	for p.step() {
	}
	p.finished.wait(func() bool { return p.pending.Load() == 0 })
	p.job = nil
}

// Runs is how many calls of Run have ended: as long as it grows, the products of
// a pass get done.
func (p *Pool) Runs() uint64 { return p.runs.Load() }

// Close ends the workers once they have finished what they claimed.
func (p *Pool) Close() {
	if p == nil {
		return
	}
	p.closed.Store(true)
	for _, g := range p.workers {
		g.open()
	}
	p.exited.Wait()
}

// serve is the life of the worker with a number, from 0.
func (p *Pool) serve(number int, g *gate) {
	wanted := func() bool { return number < p.Threads()-1 }
	ready := func() bool { return wanted() && p.unclaimed() || p.closed.Load() }
	for {
		for wanted() && p.step() {
		}
		if p.closed.Load() {
			return
		}
		g.wait(ready)
	}
}

func (p *Pool) unclaimed() bool {
	w := p.work.Load()
	return w&(1<<32-1) < w>>32
}

// step claims and does one part; false when none is left. A claim holds up
// the Run that announced it, so the job read after it is the right one even if
// another Run began since work was read.
func (p *Pool) step() bool {
	for {
		w := p.work.Load()
		part := w & (1<<32 - 1)
		if part >= w>>32 {
			return false
		}
		if !p.work.CompareAndSwap(w, w+1) {
			continue
		}
		p.job(int(part))
		if p.pending.Add(-1) == 0 {
			p.finished.open()
		}
		return true
	}
}

// spins is how often a waiting goroutine looks before it parks.
const spins = 8192

// A gate lets one goroutine wait for a condition that others bring about.
type gate struct {
	parked atomic.Bool
	wake   chan struct{}
}

func newGate() *gate { return &gate{wake: make(chan struct{}, 1)} }

// open wakes the waiter if it is parked; call it after the condition changed.
func (g *gate) open() {
	if g.parked.CompareAndSwap(true, false) {
		g.wake <- struct{}{}
	}
}

// wait returns once ready has been seen true.
func (g *gate) wait(ready func() bool) {
	for {
		for i := range spins {
			if ready() {
				return
			}
			if i%1024 == 1023 {
				runtime.Gosched()
			}
		}
		g.parked.Store(true)
		if ready() && g.parked.CompareAndSwap(true, false) {
			return
		}
		<-g.wake
	}
}
