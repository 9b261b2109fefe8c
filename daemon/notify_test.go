package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/router"
)

// manager plays the service manager.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
}

// newManager listens where this process finds its service manager from now on.
func newManager(t *testing.T) manager {
	t.Helper()
	socket := filepath.Join(filepath.Dir(testConfig(t).API.Socket), "n")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", socket)
	return manager{t, conn}
}

// next is the next message within a time, "" if there was none.
func (m manager) next(within time.Duration) string {
	buf := make([]byte, 4096)
	_ = m.conn.SetReadDeadline(time.Now().Add(within))
	n, err := m.conn.Read(buf)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ""
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return string(buf[:n])
}

// expect reads messages until one has the text.
func (m manager) expect(want string) string {
	m.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if got := m.next(time.Until(end)); strings.Contains(got, want) {
			return got
		}
	}
	m.t.Fatalf("no message says %q", want)
	return ""
}

func TestNotifications(t *testing.T) {
	m := newManager(t)
	t.Setenv("WATCHDOG_USEC", "200000")
	cfg := testConfig(t)
	hup := make(chan struct{})
	_, stop := serve(t, cfg, Options{Reload: func() (Config, error) { close(hup); return cfg, nil }})
	m.expect("EXTEND_TIMEOUT_USEC=30000000")
	if got := m.expect("READY=1"); !strings.Contains(got, "STATUS=answering with fake@built-in; 0 running, 0 waiting") {
		t.Errorf("ready says %q", got)
	}
	m.expect("WATCHDOG=1")
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := self.Signal(hangupSignal); err != nil {
		t.Fatal(err)
	}
	<-hup
	m.expect("RELOADING=1\nMONOTONIC_USEC=")
	m.expect("READY=1")
	stop()
	if got := m.expect("STOPPING=1"); !strings.Contains(got, "EXTEND_TIMEOUT_USEC=25000000") {
		t.Errorf("stopping says %q", got)
	}
}

// An engine that is blocked in the middle of an answer must silence the watchdog
// while everything else in the process is well; an idle one must not.
func TestWatchdogFollowsTheEngine(t *testing.T) {
	m := newManager(t)
	const interval = 200 * time.Millisecond
	t.Setenv("WATCHDOG_USEC", "200000")
	l := &fakeLoader{pieces: 3}
	c, _ := serve(t, testConfig(t), Options{loader: l})
	model := l.made[0]
	m.expect("WATCHDOG=1") // idle
	m.expect("WATCHDOG=1")

	// 1. The engine blocks: life is reported no more, though the socket answers.
	model.pace = make(chan struct{})
	answered := make(chan error, 1)
	go func() {
		_, err := c.Ask(t.Context(), ask("hi"), nil)
		answered <- err
	}()
	until(t, "the answer begins", func() bool { return model.users.Load() == 1 })
	for end := time.Now().Add(interval); time.Now().Before(end); { // of looks before it was seen
		m.next(time.Until(end))
	}
	for end := time.Now().Add(3 * interval); time.Now().Before(end); {
		if got := m.next(time.Until(end)); strings.Contains(got, "WATCHDOG=1") {
			t.Fatal("the watchdog was told that a stuck engine lives")
		}
	}
	if err := c.Health(t.Context()); err != nil {
		t.Errorf("the rest of the process is unwell: %v", err)
	}

	// 2. It goes on.
	close(model.pace)
	if err := <-answered; err != nil {
		t.Error(err)
	}
	m.expect("WATCHDOG=1")
}

// pulses is a model with a pulse as it is told.
type pulses struct {
	fakeModel
	pulse infer.Pulse
}

func (p *pulses) Pulse() infer.Pulse { return p.pulse }

func TestVitals(t *testing.T) {
	t.Parallel()
	models := newTestModels(&fakeLoader{})
	model := &pulses{}
	if !models.swap(model, at("v1"), time.Now()) {
		t.Fatal("no swap")
	}
	door := error(nil)
	v := &vitals{models: models, door: func(context.Context) error { return door }}
	for i, step := range []struct {
		pulse infer.Pulse
		door  error
		ill   bool
	}{
		{pulse: infer.Pulse{}},
		{pulse: infer.Pulse{}},           // idle
		{pulse: infer.Pulse{Work: true}}, // work came just now
		{pulse: infer.Pulse{Work: true}, ill: true},
		{pulse: infer.Pulse{Work: true}, ill: true},
		{pulse: infer.Pulse{Work: true, Steps: 1}}, // a step
		{pulse: infer.Pulse{Steps: 1}},             // the end
		{pulse: infer.Pulse{Steps: 1}, door: errors.New("no answer"), ill: true},
		{pulse: infer.Pulse{Steps: 1}},
	} {
		model.pulse, door = step.pulse, step.door
		if err := v.check(t.Context()); (err != nil) != step.ill {
			t.Errorf("look %d: %v", i, err)
		}
	}
}

// Time is asked for as long as the load gets on, and not a moment longer.
func TestExtensionNeedsEffort(t *testing.T) {
	m := newManager(t)
	n := notifier{slog.New(slog.DiscardHandler)}
	var done = make(chan struct{})
	defer close(done)
	var effort atomic.Int64
	go n.extend(done, 10*time.Millisecond, effort.Load)
	if got := m.next(100 * time.Millisecond); got != "" {
		t.Fatalf("a load that hangs says %q", got)
	}
	for range 3 {
		effort.Add(1)
		m.expect("EXTEND_TIMEOUT_USEC=")
	}
}

func TestEffortGrowsWithWork(t *testing.T) {
	t.Parallel()
	before, x := effort(), 1.0
	for end := time.Now().Add(patience); effort() == before; {
		for range 1 << 16 {
			x = x*1.0000001 + 1e-9
		}
		if time.Now().After(end) {
			t.Fatalf("computing for %v is no effort (%g)", patience, x)
		}
	}
}

// The status line shows the queue and the link, and only news.
func TestStatusLine(t *testing.T) {
	m := newManager(t)
	n := notifier{slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); n.keepStatus(ctx, func() string { return "x" }) }()
	m.expect("STATUS=x")
	cancel()
	<-done

	cfg := testConfig(t)
	cfg.Cloud.Broker = "tcp://" + freePort(t)
	l := &fakeLoader{pieces: 1}
	d := newDevice(cfg, Options{loader: l})
	defer d.stop()
	if err := d.bringUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.made[0].pace = make(chan struct{})
	go func() {
		_, _ = d.models.Answer(context.Background(), router.Question{}, func(string) error { return nil })
	}()
	until(t, "a question", func() bool {
		return d.summary() == "answering with fake@built-in; 1 running, 0 waiting; cloud down, 0 on the way"
	})
	close(l.made[0].pace)
}
