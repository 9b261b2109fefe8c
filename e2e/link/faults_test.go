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
	x.part(0, x.f.group(0), false, 12*time.Second, true) // longer than some questions live
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
		x.part(which%fleetGroups, x.f.group(which), coin, 2*pause, which%3 > 0)
	case n < 64:
		w := x.f.workers[which%fleetWorkers]
		x.part(w, []*proxy{w.proxy}, coin, 2*pause, which%3 > 0)
	case n < 84:
		x.tear()
	default:
		x.stall(pause, coin)
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
	x.begin("broker killed", "broker", d, x.f.stopBroker, func() {
		if err := x.f.startBroker(); err != nil {
			x.f.ledger.wrong("the broker cannot start: %v", err)
		}
	})
}

func (x *faults) stopWorker(w *worker, kill bool, d time.Duration) {
	kind := "worker stopped"
	if kill {
		kind = "worker killed"
	}
	x.begin(kind, w, d, func() { w.stop(kill) }, w.start)
}

func (x *faults) restart(device *device, kill bool, d time.Duration) {
	kind := "device stopped"
	if kill {
		kind = "device killed"
	}
	x.begin(kind, device, d, func() { device.stop(kill) }, device.start)
}

func (x *faults) part(target any, proxies []*proxy, silent bool, d time.Duration, lose bool) {
	kind := "partition, connections refused"
	if silent {
		kind = "partition, connections silent"
	}
	x.begin(kind, target, d, func() {
		for _, p := range proxies {
			p.part(silent)
		}
	}, func() {
		for _, p := range proxies {
			p.heal(silent, lose)
		}
	})
}

// some picks some connections, a worker's among them.
func (x *faults) some() (lines []*line) {
	proxies := []*proxy{x.f.workers[x.random.IntN(fleetWorkers)].proxy}
	for range 1 + x.random.IntN(20) {
		proxies = append(proxies, x.f.devices[x.random.IntN(fleetDevices)].proxy)
	}
	for _, p := range proxies {
		p.each(func(l *line) { lines = append(lines, l) })
	}
	return lines
}

// tear breaks connections in the middle of their next message.
func (x *faults) tear() {
	for _, l := range x.some() {
		l.tear.Store(true)
	}
}

// stall holds connections up for a while, and breaks them then or not.
func (x *faults) stall(d time.Duration, lose bool) {
	for _, l := range x.some() {
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
