//go:build e2e

package link

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/a472be26/cusp/router"
)

// figures are the numbers of one run.
type figures struct {
	asked, accepted, late, inline, expired, refused, broken, away int
	routes                                                        map[router.Route]int
	took                                                          map[string][]time.Duration // by weather and route
}

func (l *ledger) figures() figures {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := figures{away: len(l.away), routes: map[router.Route]int{}, took: map[string][]time.Duration{}}
	for _, f := range l.facts {
		n.add(f)
	}
	return n
}

func (n *figures) add(f *fact) {
	n.asked++
	weather := "with faults"
	if f.calm {
		weather = "without faults"
	}
	if !f.accepted.IsZero() {
		n.accepted++
	}
	for _, s := range f.shown {
		if s.err != nil {
			n.broken++
			continue
		}
		route := s.answer.Receipt.Route
		n.routes[route]++
		n.took[weather+", "+string(route)] = append(n.took[weather+", "+string(route)], s.took)
	}
	for _, e := range f.ends {
		switch {
		case errors.Is(e.err, router.ErrExpired):
			n.expired++
		case e.err != nil:
			n.refused++
		case e.late:
			n.late++
			n.took[weather+", late"] = append(n.took[weather+", late"], e.at.Sub(f.asked))
		default:
			n.inline++
		}
	}
}

// report prints the figures as rows of a table.
func (f *fleet) report(x *faults) {
	n := f.ledger.figures()
	calls, ids := f.calls.sums()
	dead, unheard := f.calls.more()
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "| %s | %s |\n", name, fmt.Sprintf(format, args...))
	}
	share := func(k int) string { return fmt.Sprintf("%d (%.1f %%)", k, 100*float64(k)/float64(max(n.asked, 1))) }
	row("devices, workers, time, seed", "%d, %d, %v, %d", fleetDevices, fleetWorkers, f.time, f.seed)
	row("questions", "%d", n.asked)
	row("answered at once", "local %s, cloud %s, provisional %s, stream broken off %s", share(n.routes[router.RouteLocal]),
		share(n.routes[router.RouteCloud]), share(n.routes[router.RouteProvisional]), share(n.broken))
	row("accepted by the uplink", "%s: answered %d, answered late %d, refused %d, expired %d", share(n.accepted), n.inline, n.late, n.refused, n.expired)
	for _, what := range slices.Sorted(maps.Keys(n.took)) {
		row("latency "+what, "%s", percentiles(n.took[what]))
	}
	row("calls of the provider", "%d for %d questions: %d answered, %d failed or refused, %d cut off, %d expired",
		calls.begun, ids, calls.answered, calls.failed, calls.cut, calls.expired)
	row("answers of the provider that were not the first", "%d after the death of the worker that had it, %d because the device did not know of that worker", dead, unheard)
	t := f.traffic
	row("arrived at workers", "%d questions, %d of them once more; %d requests for a part; %d of both sealed", t.asks.Load(), t.repeats.Load(), t.resumes.Load(), t.sealed.Load())
	row("messages of workers", "%d, of those that are not sealed %d had been sent before", t.answers.Load(), t.again.Load())
	row("retries of devices", "%d", f.logs.count("cloud did not answer, asking again"))
	row("late answers taken at the second try", "%d", n.away)
	row("bytes of devices", "%d up, %d down, %d up or down lost with their connection", f.weather.up.Load(), f.weather.down.Load(), f.weather.lost.Load())
	row("outboxes empty after the last fault", "%v", f.drained.Round(100*time.Millisecond))
	if x != nil {
		for _, kind := range slices.Sorted(maps.Keys(x.counts)) {
			row("fault: "+kind, "%d", x.counts[kind])
		}
		row("fault: connection reset in mid-message", "%d", f.torn())
	}
	f.Logf("\n| | |\n|---|---|\n%s", b.String())
}

func (f *fleet) torn() (n int64) {
	n = f.weather.torn.Load()
	for _, w := range f.workers {
		n += w.proxy.torn.Load()
	}
	return n
}

func percentiles(all []time.Duration) string {
	slices.Sort(all)
	at := func(q float64) time.Duration { return all[int(q*float64(len(all)-1))].Round(time.Millisecond) }
	return fmt.Sprintf("50 %%: %v, 90 %%: %v, 99 %%: %v, most: %v (%d)", at(0.5), at(0.9), at(0.99), at(1), len(all))
}

// maxWrongs is how many are printed.
const maxWrongs = 30

// check is the demand.
func (f *fleet) check(x *faults) {
	wrongs := slices.Concat(f.ledger.check(), f.calls.check(f.keeps), f.logs.bad)
	for i, w := range wrongs {
		if i == maxWrongs {
			f.Errorf("and %d more", len(wrongs)-i)
			break
		}
		f.Error(w)
	}
	if a, b := f.weather.leaked.Load(), f.traffic.leaked.Load(); a+b > 0 {
		f.Errorf("private questions left: %d times to the broker, %d to a worker", a, b)
	}
	f.checkWeather(x)
}

// checkWeather: the faults have happened and have met something, or nothing was shown.
func (f *fleet) checkWeather(x *faults) {
	n := f.ledger.figures()
	calls, _ := f.calls.sums()
	for what, count := range map[string]int{
		"questions in good weather": len(n.took["without faults, cloud"]), "local answers": n.routes[router.RouteLocal],
		"answers of the cloud": n.inline, "late answers": n.late, "provisional answers": n.routes[router.RouteProvisional],
		"refusals": n.refused, "expired questions": n.expired, "failures of the provider": calls.failed,
		"kills of the broker": x.count("broker killed"), "kills of workers": x.count("worker killed"), "stopped workers": x.count("worker stopped"),
		"kills of devices": x.count("device killed"), "stopped devices": x.count("device stopped"), "silent partitions": x.count("partition, connections silent"),
		"loud partitions": x.count("partition, connections refused"), "lost connections": x.count("connection held up and lost"),
		"torn messages": int(f.torn()), "duplicate questions": int(f.traffic.repeats.Load()), "duplicate messages of answers": int(f.traffic.again.Load()), "sealed messages": int(f.traffic.sealed.Load()),
		"requests for a part": int(f.traffic.resumes.Load()), "retries": f.logs.count("cloud did not answer, asking again"),
	} {
		if count == 0 {
			f.Errorf("there were no %s: the test has shown little", what)
		}
	}
}
