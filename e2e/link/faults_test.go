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
	deck   []int         // of faults to come, see next
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

// card draws from a shuffled deck, so that every kind of fault comes in its turn.
func (x *faults) card() int {
	if len(x.deck) == 0 {
		x.deck = x.random.Perm(50)
	}
	n := x.deck[0]
	x.deck = x.deck[1:]
	return n
}

// next draws one fault, of which there are two variants.
func (x *faults) next() {
	n, which := x.card(), x.random.IntN(1000)
	pause := time.Duration(300+x.random.IntN(4000)) * time.Millisecond
	coin := n%2 == 0
	switch {
	case n < 3:
		x.killBroker(pause / 2)
	case n < 9:
		x.stopWorker(which, coin, pause)
	case n < 20:
		for i := range 1 + which%5 {
			x.restart(x.f.devices[(which+i*41)%fleetDevices], coin, pause)
		}
	case n < 29:
		x.part(which%fleetGroups, x.f.group(which), coin, 2*pause, which%3 > 0)
	case n < 32:
		w := x.f.workers[which%fleetWorkers]
		x.part(w, []*proxy{w.proxy}, coin, 2*pause, which%3 > 0)
	case n < 42:
		x.tear()
	default:
		x.stall(pause, coin)
	}
}

// begin starts a fault, which lasts for d; false if the target has one already.
func (x *faults) begin(kind string, target any, d time.Duration, bad, good func()) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.busy[target] {
		return false
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
	return true
}

func (x *faults) killBroker(d time.Duration) {
	x.begin("broker killed", "broker", d, x.f.stopBroker, func() {
		if err := x.f.startBroker(); err != nil {
			x.f.ledger.wrong("the broker cannot start: %v", err)
		}
	})
}

// stopWorker ends one that lives, if there is any.
func (x *faults) stopWorker(which int, kill bool, d time.Duration) {
	kind := "worker stopped"
	if kill {
		kind = "worker killed"
	}
	for i := range fleetWorkers {
		w := x.f.workers[(which+i)%fleetWorkers]
		if x.begin(kind, w, d, func() { w.stop(kill) }, w.start) {
			return
		}
	}
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
