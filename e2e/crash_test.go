//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/packaging/linux"
	"github.com/a472be26/cusp/router"
)

// hardText is no device command, so that it goes to the cloud.
const hardText = "who wrote the origin of species"

// TestKilledInTheMiddleOfAQuestion kills the daemon with SIGKILL after it has
// accepted two hard questions, one at the socket and one over MQTT, while no
// worker is there. After a restart both are answered: no accepted work is lost.
func TestKilledInTheMiddleOfAQuestion(t *testing.T) {
	h := newHost(t)
	device := h.start("serve", "--config", h.config())
	h.until("the device sees the broker", func(s daemon.Status) bool { return s.Link.Up && s.IoT != nil && *s.IoT })

	// 1. Two questions are accepted: they lie in the outbox.
	const id = "asked-at-the-socket"
	go func() { // its connection dies with the daemon
		q := router.Question{ID: id, Messages: []router.Message{{Role: "user", Content: hardText}}}
		_, _ = h.client.Ask(t.Context(), q, nil)
	}()
	answers := h.subscribe("cusp/crash/answer/asked-over-mqtt")
	h.run("mosquitto_pub", "-p", h.port, "-q", "1", "-t", "cusp/crash/ask", "-m", fmt.Sprintf(`{"id":"asked-over-mqtt","prompt":%q}`, hardText+"?"))
	h.until("both questions are in the outbox", func(s daemon.Status) bool { return s.Link.Outbox == 2 })

	// 2. The daemon dies without a word.
	must(t, device.Process.Kill())
	_ = device.Wait() // "signal: killed"

	// 3. It comes back, and so does a worker.
	h.start("serve", "--config", h.config())
	h.start("cloud", "--broker", "tcp://127.0.0.1:"+h.port)
	h.until("the outbox is empty", func(s daemon.Status) bool { return s.Link.Up && s.Link.Outbox == 0 })

	// 4. Both answers are there.
	e, err := h.client.Why(t.Context(), id)
	must(t, err)
	if e.Receipt.Route != router.RouteCloud || e.Text == "" {
		t.Errorf("answer at the socket: %q by route %q, want one of the cloud", e.Text, e.Receipt.Route)
	}
	wantCloudAnswer(t, answers)

	// 5. And both are lessons for the next student.
	out, err := exec.CommandContext(t.Context(), h.cusp, "records", "export", "--state", filepath.Join(h.dir, "state")).Output()
	must(t, err)
	if n := strings.Count(string(out), hardText); n != 2 {
		t.Errorf("%d of the two questions are exported:\n%s", n, out)
	}
}

// wantCloudAnswer reads MQTT answers until one is done.
func wantCloudAnswer(t *testing.T, answers <-chan string) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case line := <-answers:
			var a struct {
				Done    bool           `json:"done"`
				Receipt router.Receipt `json:"receipt"`
			}
			must(t, json.Unmarshal([]byte(line), &a))
			if a.Done && a.Receipt.Route == router.RouteCloud {
				return
			}
		case <-deadline:
			t.Fatal("no answer of the cloud over MQTT within a minute")
		}
	}
}

// host runs daemons and a real mosquitto on this machine.
type host struct {
	t            *testing.T
	dir          string // short: unix socket paths are limited
	cusp, port   string
	socket, conf string
	client       *api.Client
}

func newHost(t *testing.T) *host {
	t.Helper()
	dir, err := os.MkdirTemp("", "cusp-e2e-")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	h := &host{t: t, dir: dir, cusp: filepath.Join(dir, "cusp"), socket: filepath.Join(dir, "s")}
	must(t, linux.BuildDaemon(t.Context(), "..", runtime.GOARCH, "0.0.1", h.cusp))
	h.client = api.NewClient(h.socket)
	h.startBroker()
	return h
}

// startBroker starts mosquitto on a free loopback port.
func (h *host) startBroker() {
	h.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(h.t, err)
	_, h.port, _ = net.SplitHostPort(l.Addr().String())
	must(h.t, l.Close())
	conf := filepath.Join(h.dir, "mosquitto.conf")
	must(h.t, os.WriteFile(conf, []byte("listener "+h.port+" 127.0.0.1\nallow_anonymous true\n"), 0o644))
	h.spawn("mosquitto", "-c", conf)
}

// config writes the daemon's configuration once.
func (h *host) config() string {
	path := filepath.Join(h.dir, "cusp.toml")
	text := fmt.Sprintf("[device]\nid = \"crash\"\n[api]\nsocket = %q\n[model]\ndir = %q\n[state]\ndir = %q\n[cloud]\nbroker = \"tcp://127.0.0.1:%s\"\n[iot]\nenable = true\n",
		h.socket, filepath.Join(h.dir, "models"), filepath.Join(h.dir, "state"), h.port)
	must(h.t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

func (h *host) start(args ...string) *exec.Cmd { return h.spawn(h.cusp, args...) }

// spawn starts a process that ends with the test; its output goes to the log.
func (h *host) spawn(name string, args ...string) *exec.Cmd {
	h.t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		name = path
	} else if _, err := os.Stat("/usr/sbin/" + name); err == nil {
		name = "/usr/sbin/" + name
	}
	c := exec.Command(name, args...)
	c.Stdout, c.Stderr = h.t.Output(), h.t.Output()
	must(h.t, c.Start())
	h.t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	return c
}

func (h *host) run(name string, args ...string) {
	h.t.Helper()
	out, err := exec.CommandContext(h.t.Context(), name, args...).CombinedOutput()
	if err != nil {
		h.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// subscribe returns the payloads on a topic, heard by mosquitto_sub.
func (h *host) subscribe(topic string) <-chan string {
	h.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, "mosquitto_sub", "-p", h.port, "-q", "1", "-t", topic)
	out, err := c.StdoutPipe()
	must(h.t, err)
	must(h.t, c.Start())
	h.t.Cleanup(func() { cancel(); _ = c.Wait() })
	lines := make(chan string, 64)
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	return lines
}

// until waits for a state of the device.
func (h *host) until(what string, reached func(daemon.Status) bool) {
	h.t.Helper()
	var s daemon.Status
	var err error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		s = daemon.Status{}
		if err = h.client.Status(h.t.Context(), &s); err == nil && reached(s) {
			return
		}
	}
	h.t.Fatalf("not within a minute: %s; status %+v, error %v", what, s, err)
}
