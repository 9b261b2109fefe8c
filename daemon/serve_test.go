package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	broker "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"

	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/daemon/iot"
	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/cloud"
)

const patience = 10 * time.Second

// testConfig keeps everything in a directory of its own, whose path is short
// enough for a socket.
func testConfig(t *testing.T) Config {
	t.Helper()
	dir, err := os.MkdirTemp("", "cusp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	cfg := DefaultConfig()
	cfg.Device.ID = "d1"
	cfg.API.Socket = filepath.Join(dir, "s")
	cfg.State.Dir = filepath.Join(dir, "state")
	cfg.Model.Dir = filepath.Join(dir, "models")
	cfg.Model.Name = "mm"
	cfg.Sensor.Sysfs = filepath.Join(dir, "sys") // not the sensors of this machine
	return cfg
}

// serve runs a daemon until the test ends, or stop is called, and returns a
// client of it.
func serve(t *testing.T, cfg Config, o Options) (c *api.Client, stop func()) {
	t.Helper()
	if o.loader == nil {
		o.loader = &fakeLoader{}
	}
	return serveReal(t, cfg, o)
}

// serveReal is serve with real models, if o has no loader.
func serveReal(t *testing.T, cfg Config, o Options) (c *api.Client, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ready, done := make(chan struct{}), make(chan error, 1)
	o.Ready = func() { close(ready) }
	go func() { done <- Serve(ctx, cfg, o) }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatalf("serve: %v", err)
	case <-time.After(patience):
		t.Fatal("not ready")
	}
	c = api.NewClient(cfg.API.Socket)
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		c.Close()
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("serve: %v", err)
			}
		case <-time.After(cfg.Service.Drain + 2*stopGrace):
			t.Error("serve does not stop")
		}
	}
	t.Cleanup(stop)
	return c, stop
}

func ask(text string) router.Question {
	return router.Question{Messages: []router.Message{{Role: "user", Content: text}}}
}

// until repeats check until it is true.
func until(t *testing.T, what string, check func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !check(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not happen", what)
		}
	}
}

func TestServeAnswersExplainsAndStops(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	c, stop := serve(t, cfg, Options{Version: "9.9"})
	a, err := c.Ask(t.Context(), ask("hi"), nil)
	if err != nil {
		t.Fatal(err)
	}
	// A model without calibration promises nothing, and there is no cloud.
	if a.Text != "built-in " || a.Receipt.Route != router.RouteProvisional || a.Receipt.Reason != router.ReasonNoCloud {
		t.Errorf("answer %+v", a)
	}
	if e, err := c.Why(t.Context(), a.Receipt.ID); err != nil || e.Text != a.Text || e.Question.Messages[0].Content != "hi" {
		t.Errorf("why: %+v, %v", e, err)
	}
	var s Status
	if err := c.Status(t.Context(), &s); err != nil {
		t.Fatal(err)
	}
	if !s.Online || s.Version != "9.9" || s.Model.File != "built-in" || s.Counters.Answered["provisional/no_cloud"] != 1 || s.Link.Configured {
		t.Errorf("status %+v", s)
	}
	for _, want := range []string{"d1", "fake@built-in", "uncalibrated", "not configured", "1 provisional/no_cloud"} {
		if !strings.Contains(s.Text(), want) {
			t.Errorf("status says nothing of %q:\n%s", want, s.Text())
		}
	}
	stop()
	if _, err := os.Lstat(cfg.API.Socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket stayed: %v", err)
	}
	// What was answered is found again after a restart.
	c, _ = serve(t, cfg, Options{})
	if e, err := c.Why(t.Context(), a.Receipt.ID); err != nil || e.Text != a.Text {
		t.Errorf("why after a restart: %+v, %v", e, err)
	}
}

func TestSecondDaemonIsRefused(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	c, _ := serve(t, cfg, Options{})
	err := Serve(t.Context(), cfg, Options{loader: &fakeLoader{}})
	if err == nil || !strings.Contains(err.Error(), "another daemon") {
		t.Errorf("second daemon: %v", err)
	}
	if err := c.Health(t.Context()); err != nil {
		t.Errorf("the first daemon suffered: %v", err)
	}
}

func TestServeRefusesABadConfig(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.API.Mode = "rw"
	if err := Serve(t.Context(), cfg, Options{}); err == nil || !strings.Contains(err.Error(), "api.mode") {
		t.Errorf("error %v", err)
	}
}

// A model installed while an answer streams must not disturb it, and must
// serve the next answer; a broken one must change nothing.
func TestModelUpdateThroughTheDirectory(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	l := &fakeLoader{pieces: 3}
	c, _ := serve(t, cfg, Options{loader: l})
	l.mu.Lock()
	old := l.made[0]
	l.mu.Unlock()
	old.pace = make(chan struct{})
	seen, got := make(chan struct{}, 3), make(chan router.Answer, 1)
	go func() {
		a, err := c.Ask(t.Context(), ask("hi"), func(string) error { seen <- struct{}{}; return nil })
		if err != nil {
			t.Errorf("stream: %v", err)
		}
		got <- a
	}()
	old.pace <- struct{}{}
	<-seen
	install(t, cfg.Model.Dir, "2.0")
	var s Status
	until(t, "the update", func() bool { return c.Status(t.Context(), &s) == nil && s.Model.Version == "2.0" })
	if a, err := c.Ask(t.Context(), ask("hi"), nil); err != nil || a.Text != "2.0 2.0 2.0 " {
		t.Errorf("next answer %+v, %v", a, err)
	}
	close(old.pace)
	if a := <-got; a.Text != strings.Repeat("built-in ", 3) {
		t.Errorf("stream %+v", a)
	}
	install(t, cfg.Model.Dir, "bad")
	until(t, "the refusal", func() bool { return c.Status(t.Context(), &s) == nil && s.Refusal != nil })
	if s.Model.Version != "2.0" || !strings.Contains(s.Refusal.Error, "hash differs") {
		t.Errorf("status %+v", s)
	}
	if l.wrong.Load() != 0 {
		t.Error("a closed model was used")
	}
}

// echoProvider is a large model.
type echoProvider struct{}

func (echoProvider) Complete(_ context.Context, r cloud.Request, emit func(string) error) (cloud.Completion, error) {
	return cloud.Completion{Finish: "stop", Model: "big"}, emit("big says " + r.Messages[0].Content)
}

// freePort is an address on which nothing listens yet.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// startBroker runs a real broker in this process until the test ends.
func startBroker(t *testing.T, address string) {
	t.Helper()
	b := broker.New(&broker.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err := errors.Join(b.AddHook(new(auth.AllowHook), nil),
		b.AddListener(listeners.NewTCP(listeners.Config{ID: "t", Address: address})), b.Serve()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
}

// startWorker runs a real cloud worker in front of an echo until the test ends.
func startWorker(t *testing.T, cfg Config) {
	t.Helper()
	w, err := cloud.Start(cloud.Options{Broker: cfg.Cloud.uplink()}, echoProvider{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close(context.Background()) })
}

// A question that must leave the device while the broker is down gets a
// provisional answer, and its correction when the link returns.
func TestLateAnswerIsFoundUnderTheQuestionsID(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	address := freePort(t)
	cfg.Cloud.Broker = "tcp://" + address
	cfg.IoT.Enable = true
	c, _ := serve(t, cfg, Options{})
	q := ask("hard")
	q.Deadline = time.Now().Add(200 * time.Millisecond)
	a, err := c.Ask(t.Context(), q, nil)
	if err != nil || a.Receipt.Route != router.RouteProvisional || a.Receipt.Reason != router.ReasonDeadline {
		t.Fatalf("answer %+v, %v", a, err)
	}
	var s Status
	if err := c.Status(t.Context(), &s); err != nil || !s.Link.Configured || s.Link.Outbox != 1 || s.IoT == nil {
		t.Errorf("status %+v, %v", s, err)
	}

	startBroker(t, address)
	startWorker(t, cfg)
	until(t, "the late answer", func() bool {
		e, err := c.Why(t.Context(), a.Receipt.ID)
		return err == nil && e.Text == "big says hard" && e.Receipt.Route == router.RouteCloud
	})
	until(t, "an empty outbox", func() bool { return c.Status(t.Context(), &s) == nil && s.Link.Outbox == 0 && *s.IoT })
}

// Over MQTT the provisional answer and its correction come on one topic.
func TestLateAnswerFollowsOverMQTT(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	address := freePort(t)
	cfg.Cloud.Broker, cfg.IoT.Enable = "tcp://"+address, true
	startBroker(t, address)
	c, _ := serve(t, cfg, Options{})
	var s Status
	until(t, "the links", func() bool { return c.Status(t.Context(), &s) == nil && s.Link.Up && *s.IoT })
	answers := make(chan iot.Answer, 10)
	app := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(cfg.Cloud.Broker).SetClientID("app"))
	defer app.Disconnect(0)
	for _, token := range []func() mqtt.Token{
		app.Connect,
		func() mqtt.Token {
			return app.Subscribe("cusp/d1/answer/q1", 1, func(_ mqtt.Client, m mqtt.Message) {
				var a iot.Answer
				if err := json.Unmarshal(m.Payload(), &a); err != nil {
					t.Error(err)
				}
				answers <- a
			})
		},
		func() mqtt.Token {
			return app.Publish("cusp/d1/ask", 1, false, `{"id":"q1","prompt":"hard","deadline_ms":200}`)
		},
	} {
		if token := token(); !token.WaitTimeout(patience) || token.Error() != nil {
			t.Fatalf("mqtt: %v", token.Error())
		}
	}
	next := func() (a iot.Answer) {
		t.Helper()
		select {
		case a = <-answers:
		case <-time.After(patience):
			t.Fatal("no answer")
		}
		return a
	}
	if a := next(); a.Late || a.Error != nil || a.Receipt.Route != router.RouteProvisional {
		t.Errorf("first answer %+v", a)
	}
	startWorker(t, cfg)
	if a := next(); !a.Late || a.Content != "big says hard" || a.Receipt.Route != router.RouteCloud || a.Receipt.Model != "big" {
		t.Errorf("late answer %+v", a)
	}
}

// Without a configuration the student in the program answers.
func TestBuiltInStudentAnswers(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	c, _ := serveReal(t, cfg, Options{})
	a, err := c.Ask(t.Context(), ask("turn on the kitchen light"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var call struct{ Intent string }
	if err := json.Unmarshal([]byte(a.Text), &call); err != nil || call.Intent == "" {
		t.Errorf("answer %q is no tool call: %v", a.Text, err)
	}
	var s Status
	if err := c.Status(t.Context(), &s); err != nil || s.Model.Name != DefaultModel || !s.Model.Signed || !s.Model.Calibrated || a.Receipt.Confidence == nil {
		t.Errorf("status %+v, receipt %+v, %v", s.Model, a.Receipt, err)
	}
}

// TestSocketActivation serves in a process of its own, to which a listening
// socket is passed as systemd does it.
func TestSocketActivation(t *testing.T) {
	if os.Getenv("CUSP_TEST_ACTIVATED") != "" {
		serveActivated(t)
		return
	}
	t.Parallel()
	path := filepath.Join(filepath.Dir(testConfig(t).API.Socket), "a")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	child := exec.Command(os.Args[0], "-test.run=^TestSocketActivation$")
	child.Env = append(os.Environ(), "CUSP_TEST_ACTIVATED="+path, "LISTEN_FDS=1")
	child.ExtraFiles = []*os.File{f}
	out := new(strings.Builder)
	child.Stdout, child.Stderr = out, out
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	c := api.NewClient(path)
	defer c.Close()
	a, err := c.Ask(t.Context(), ask("hi"), nil) // waits in the socket's queue
	if err != nil || a.Text != "built-in " {
		t.Errorf("answer %+v, %v", a, err)
	}
	if err := errors.Join(child.Process.Signal(os.Interrupt), child.Wait()); err != nil {
		t.Errorf("child: %v\n%s", err, out)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the service manager's socket was removed: %v", err)
	}
}
