//go:build e2e

package link

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// faults is everything that goes wrong. Each fault lasts for a while, beside others;
// what follows from the seed is drawn in one place.
type faults struct {
	f      *fleet
	random *rand.Rand
	over   chan struct{} // closed when all has to be well again
	active sync.WaitGroup

	mu     sync.Mutex // guards the fields below
	busy   map[any]bool
	counts map[string]int
}

func newFaults(f *fleet) *faults {
	return &faults{f: f, random: rand.New(rand.NewPCG(f.seed, 7)), over: make(chan struct{}), busy: map[any]bool{}, counts: map[string]int{}}
}

// worstDelay is the most that a proxy adds in one direction.
const worstDelay = 120 * time.Millisecond

// run does something bad every half second until ctx ends.
func (x *faults) run(ctx context.Context) {
	for _, p := range x.f.proxies() {
		p.delay.Store(int64(worstDelay))
	}
	x.part(x.f.groups[0], false, 12*time.Second, true) // longer than some questions live
	for ctx.Err() == nil {
		x.next()
		x.f.quiet(ctx, time.Duration(100+x.random.IntN(800))*time.Millisecond)
	}
}

// heal ends every fault.
func (x *faults) heal() {
	close(x.over)
	x.active.Wait()
	for _, p := range x.f.proxies() {
		p.delay.Store(0)
		p.each(func(l *line) { l.tear.Store(false) })
	}
}

func (f *fleet) proxies() []*proxy {
	all := append([]*proxy{}, f.groups...)
	for _, w := range f.workers {
		all = append(all, w.proxy)
	}
	return all
}

// next draws one fault.
func (x *faults) next() {
	pause := time.Duration(300+x.random.IntN(4000)) * time.Millisecond
	coin, which := x.random.IntN(2) == 0, x.random.IntN(1000)
	switch n := x.random.IntN(100); {
	case n < 6:
		x.killBroker(pause / 2)
	case n < 18:
		x.stopWorker(x.f.workers[which%fleetWorkers], coin, pause)
	case n < 40:
		for i := range 1 + which%5 {
			x.restart(x.f.devices[(which+i*41)%fleetDevices], coin, pause)
		}
	case n < 58:
		x.part(x.f.groups[which%fleetGroups], coin, 2*pause, which%3 > 0)
	case n < 64:
		x.part(x.f.workers[which%fleetWorkers].proxy, coin, 2*pause, which%3 > 0)
	case n < 84:
		x.tear(which)
	default:
		x.stall(which, pause, coin)
	}
}

// begin starts a fault of a target that has none now, which lasts for d.
func (x *faults) begin(kind string, target any, d time.Duration, bad, good func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.busy[target] {
		return
	}
	x.busy[target] = true
	x.counts[kind]++
	x.active.Go(func() {
		bad()
		select {
		case <-time.After(d):
		case <-x.over:
		}
		good()
		x.mu.Lock()
		defer x.mu.Unlock()
		delete(x.busy, target)
	})
}

func (x *faults) killBroker(d time.Duration) {
	x.begin("broker killed", "broker", d, x.f.stopBroker, x.f.startBroker)
}

func (x *faults) stopWorker(w *worker, kill bool, d time.Duration) {
	kind := "worker stopped"
	if kill {
		kind = "worker killed"
	}
	x.begin(kind, w.proxy, d, func() { w.stop(kill) }, w.start)
}

// restart ends a device in mid-flight: what it was about to send may have left or not.
func (x *faults) restart(device *device, coin bool, d time.Duration) {
	if coin {
		d = 0
	}
	x.begin("device started again", device, d, device.stop, device.start)
}

func (x *faults) part(p *proxy, silent bool, d time.Duration, lose bool) {
	kind := "partition, connections refused"
	if silent {
		kind = "partition, connections silent"
	}
	x.begin(kind, p, d, func() { p.part(silent) }, func() { p.heal(lose) })
}

// tear breaks about every tenth connection in the middle of its next message.
func (x *faults) tear(which int) {
	p := x.f.proxies()[which%len(x.f.proxies())]
	p.each(func(l *line) {
		if x.random.IntN(10) == 0 {
			l.tear.Store(true)
		}
	})
}

// stall holds some connections up for a while, and breaks them then or not.
func (x *faults) stall(which int, d time.Duration, lose bool) {
	p := x.f.proxies()[which%len(x.f.proxies())]
	var held []*line
	p.each(func(l *line) {
		if x.random.IntN(4) == 0 {
			held = append(held, l)
		}
	})
	for _, l := range held {
		kind := "connection held up"
		if lose {
			kind = "connection held up and lost"
		}
		x.begin(kind, l, d, l.hold, func() {
			if lose {
				l.reset()
			}
			l.release()
		})
	}
}

// count is how often that happened.
func (x *faults) count(kind string) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.counts[kind]
}
