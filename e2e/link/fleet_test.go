//go:build e2e

package link

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/a472be26/cusp/router/envelope"
	"github.com/a472be26/cusp/router/uplink"
)

const (
	fleetTime    = 40 * time.Second // of questions, or $CUSP_FLEET; the first quarter in good weather
	fleetDevices = 200
	fleetGroups  = 10 // of devices that are cut off together
	fleetWorkers = 4
	patience     = 2 * time.Minute // for what takes seconds on an idle machine
)

// TestFleet has 200 devices ask four workers through a mosquitto and proxies that
// delay, hold up, lose and break what goes through them, while the broker, workers
// and devices die and come back. At the end every accepted question has had
// exactly one outcome, at its own device; nothing private has left; the provider
// was called as docs/link.md promises; the outboxes are empty; and nothing is left
// of it all. The faults follow from $CUSP_FLEET_SEED; what meets what is up to the
// machine.
func TestFleet(t *testing.T) {
	raiseDescriptors(t)
	before := usage()
	f := newFleet(t)
	f.start()
	idle := usage()

	f.calm.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), f.time)
	defer cancel()
	for _, d := range f.devices {
		f.lives.Go(func() { d.live(ctx) })
	}
	f.quiet(ctx, f.time/4)
	f.calm.Store(false)
	faults := newFaults(f)
	faults.run(ctx)
	f.lives.Wait()
	healed := time.Now()
	faults.heal()

	f.asks.Wait()
	f.drain()
	f.drained = time.Since(healed)
	f.back("the idle fleet", idle, f.devicesDown)
	f.stop()
	f.reopen()
	f.back("the beginning", before, nil)
	f.report(faults)
	f.check(faults)
}

// fleet is everything.
type fleet struct {
	*testing.T
	dir     string
	time    time.Duration
	seed    uint64
	pace    time.Duration // between two questions of a device, on average
	socket  string        // of the broker: a port might be taken by others while it is dead
	broker  *exec.Cmd
	drained time.Duration

	weather *weather
	workers []*worker
	devices []*device
	calm    atomic.Bool
	lives   sync.WaitGroup // one per device
	asks    sync.WaitGroup // one per question

	ledger     *ledger
	calls      *calls
	traffic    *traffic
	logs       *logs
	workerKey  string
	deviceKeys string
}

func newFleet(t *testing.T) *fleet {
	f := &fleet{
		T: t, dir: t.TempDir(), time: fleetTime, seed: 1, pace: 5 * time.Second,
		weather: &weather{secret: []byte(privateMark)}, ledger: newLedger(), calls: newCalls(), traffic: &traffic{}, logs: newLogs(),
	}
	if text := os.Getenv("CUSP_FLEET"); text != "" {
		var err error
		f.time, err = time.ParseDuration(text)
		must(t, err)
	}
	if text := os.Getenv("CUSP_FLEET_SEED"); text != "" {
		var err error
		f.seed, err = strconv.ParseUint(text, 10, 64)
		must(t, err)
	}
	f.socket = filepath.Join(f.dir, "broker")
	codec, err := envelope.NewCodec(uplink.MaxAnswerBytes)
	must(t, err)
	f.traffic.codec = codec
	f.workerKey, f.deviceKeys = filepath.Join(f.dir, "worker.key"), filepath.Join(f.dir, "devices")
	must(t, os.Mkdir(f.deviceKeys, 0o755))
	must(t, envelope.GenerateWorkerKey(f.workerKey))
	for i := range fleetWorkers {
		w := &worker{f: f, index: i, proxy: newProxy(t, &weather{}, f.socket, f.seed<<16+fleetDevices+uint64(i))}
		if f.keeps(i) {
			w.state = filepath.Join(f.dir, fmt.Sprint("worker-", i))
		}
		f.workers = append(f.workers, w)
	}
	for i := range fleetDevices {
		f.devices = append(f.devices, newDevice(f, i))
	}
	return f
}

// keeps tells which workers have a state.
func (f *fleet) keeps(worker int) bool { return worker%2 == 0 }

// deviceKey makes a key of a device that the workers know, and returns its path.
func (f *fleet) deviceKey(name string) string {
	path := filepath.Join(f.dir, name+".key")
	must(f.T, envelope.GenerateDeviceKey(path))
	must(f.T, os.Rename(envelope.PublicPath(path), filepath.Join(f.deviceKeys, name+".pub")))
	return path
}

// group is the proxies of some devices.
func (f *fleet) group(n int) (all []*proxy) {
	for i := n % fleetGroups; i < len(f.devices); i += fleetGroups {
		all = append(all, f.devices[i].proxy)
	}
	return all
}

// proxies are all of them.
func (f *fleet) proxies() (all []*proxy) {
	for _, d := range f.devices {
		all = append(all, d.proxy)
	}
	for _, w := range f.workers {
		all = append(all, w.proxy)
	}
	return all
}

// start returns when everybody is connected.
func (f *fleet) start() {
	f.Cleanup(f.stopBroker)
	must(f.T, f.startBroker())
	for _, w := range f.workers {
		w.start()
	}
	for _, d := range f.devices {
		d.start()
	}
	f.wait("everybody connected", func() bool { return f.devicesDown() == 0 && f.workersDown() == 0 })
}

func (f *fleet) devicesDown() (n int) {
	for _, d := range f.devices {
		if !d.Up() {
			n++
		}
	}
	return n
}

func (f *fleet) workersDown() (n int) {
	for _, w := range f.workers {
		if w.live == nil || !w.live.Up() {
			n++
		}
	}
	return n
}

// quiet waits for d.
func (f *fleet) quiet(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// drain waits until no question is on its way any more.
func (f *fleet) drain() {
	f.wait("empty outboxes", func() bool { return f.depth() == 0 })
}

func (f *fleet) depth() (n int) {
	for _, d := range f.devices {
		if u := d.uplink(); u != nil {
			n += u.Depth()
		}
	}
	return n
}

func (f *fleet) stop() {
	var all sync.WaitGroup
	for _, d := range f.devices {
		all.Go(func() { d.stop(false) })
	}
	for _, w := range f.workers {
		all.Go(func() { w.stop(false) })
	}
	all.Wait()
	for _, p := range f.proxies() {
		p.close()
	}
	f.stopBroker()
}

// reopen makes sure that the outboxes are empty on disk too.
func (f *fleet) reopen() {
	for _, d := range f.devices {
		d.start()
		if u := d.uplink(); u != nil && u.Depth() != 0 {
			f.Errorf("%s has %d questions in its outbox", d.name, u.Depth())
		}
	}
	var all sync.WaitGroup
	for _, d := range f.devices {
		all.Go(func() { d.stop(false) })
	}
	all.Wait()
}

// startBroker runs a mosquitto that keeps nothing when it dies.
func (f *fleet) startBroker() error {
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		path = "/usr/sbin/mosquitto" // not on everybody's path in Debian
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("this test needs a real broker: apt-get install mosquitto (%w)", err)
	}
	config := filepath.Join(f.dir, "mosquitto.conf") // as root: else it cannot read this folder
	text := fmt.Sprintf("persistence false\nlog_type none\nuser root\nlistener 0 %s\nallow_anonymous true\n", f.socket)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return err
	}
	f.broker = exec.Command(path, "-c", config)
	return f.broker.Start()
}

func (f *fleet) stopBroker() {
	if f.broker != nil {
		f.broker.Process.Kill()
		f.broker.Wait()
		f.broker = nil
	}
}

func (f *fleet) wait(what string, condition func() bool) {
	f.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			f.report(nil)
			f.Fatalf("waited %v in vain: %s; %d devices and %d workers are down, %d questions on their way\n%s",
				patience, what, f.devicesDown(), f.workersDown(), f.depth(), strings.Join(f.ledger.check(), "\n"))
		}
	}
}

// used is what this process holds.
type used struct{ goroutines, descriptors int }

func usage() used {
	names, _ := os.ReadDir("/proc/self/fd")
	return used{runtime.NumGoroutine(), len(names)}
}

// slack is for what the runtime has more or less of.
const slack = 3

// back waits until everything that was used after a moment is given back; down, if
// not nil, must be 0.
func (f *fleet) back(to string, before used, down func() int) {
	var now used
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		now = usage()
		if (down == nil || down() == 0) && now.goroutines <= before.goroutines+slack && now.descriptors <= before.descriptors+slack {
			f.Logf("%d goroutines and %d descriptors, as at %s: %d and %d", now.goroutines, now.descriptors, to, before.goroutines, before.descriptors)
			return
		}
	}
	pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
	f.Errorf("%+v, at %s it was %+v", now, to, before)
}

func raiseDescriptors(t *testing.T) {
	var limit syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	if limit.Cur = limit.Max; limit.Max < 4096 {
		t.Fatalf("this test needs 4096 descriptors, the hard limit is %d: ulimit -Hn", limit.Max)
	}
	must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// logs counts what devices and workers log.
type logs struct {
	mu     sync.Mutex // guards both
	counts map[string]int
	bad    []string
}

func newLogs() *logs { return &logs{counts: map[string]int{}} }

func (l *logs) logger() *slog.Logger { return slog.New(l) }

// Enabled implements [slog.Handler].
func (l *logs) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle implements [slog.Handler].
func (l *logs) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[r.Message]++
	if r.Level >= slog.LevelError || mustNotBe[r.Message] {
		text := r.Message
		r.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
		l.bad = append(l.bad, text)
	}
	return nil
}

// WithAttrs implements [slog.Handler].
func (l *logs) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup implements [slog.Handler].
func (l *logs) WithGroup(string) slog.Handler { return l }

// mustNotBe are warnings that no fault of this test is a reason for.
var mustNotBe = map[string]bool{
	"dropped a broken message from the cloud":           true,
	"dropped an answer":                                 true,
	"dropped an answer on another question's topic":     true,
	"refused a question":                                true,
	"dropped a question":                                true,
	"dropped a request for a part of an answer":         true,
	"the attempt was not noted":                         true,
	"an answer is not on disk and may have to be asked": true,
}

func (l *logs) count(message string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts[message]
}
