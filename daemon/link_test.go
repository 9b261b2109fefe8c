package daemon

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/daemon/iot"
	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/record"
)

// linkedConfig is a device of two processes at a broker.
func linkedConfig(t *testing.T, broker string) Config {
	t.Helper()
	cfg := testConfig(t)
	dir := filepath.Dir(cfg.API.Socket)
	cfg.Cloud.Broker, cfg.IoT.Enable = "tcp://"+broker, true
	cfg.Link.Socket, cfg.Link.State = filepath.Join(dir, "l"), filepath.Join(dir, "link")
	cfg.Service.Drain = time.Second
	return cfg
}

// serveLink runs the link process until the test ends or stop is called.
func serveLink(t *testing.T, cfg Config) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- ServeLink(ctx, cfg, LinkOptions{Ready: func() { close(ready) }}) }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatalf("link: %v", err)
	case <-time.After(patience):
		t.Fatal("the link is not ready")
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("link: %v", err)
			}
		case <-time.After(cfg.Service.Drain + 2*stopGrace):
			t.Error("the link does not stop")
		}
	}
	t.Cleanup(stop)
	return stop
}

func untilStatus(t *testing.T, c *api.Client, what string, reached func(Status) bool) {
	t.Helper()
	until(t, what, func() bool {
		var s Status
		return c.Status(t.Context(), &s) == nil && reached(s)
	})
}

func TestAQuestionGoesThroughTheLink(t *testing.T) {
	t.Parallel()
	address := freePort(t)
	startBroker(t, address)
	cfg := linkedConfig(t, address)
	startWorker(t, cfg)
	c, _ := serve(t, cfg, Options{})

	// Without the link the device answers for itself and says what is wrong.
	var s Status
	if err := c.Status(t.Context(), &s); err != nil || !s.Link.Configured || s.Link.Up || !strings.Contains(s.Link.Error, "is `cusp link` running?") {
		t.Errorf("status %+v, %v", s.Link, err)
	}
	if text := strings.Join(strings.Fields(s.Text()), " "); !strings.Contains(text, "is `cusp link` running?") {
		t.Errorf("status says:\n%s", s.Text())
	}
	a, err := c.Ask(t.Context(), ask("hard"), nil)
	if err != nil || a.Receipt.Route != router.RouteProvisional || a.Receipt.Reason != router.ReasonCloudFailed {
		t.Errorf("answer without a link %+v, %v", a, err)
	}

	serveLink(t, cfg)
	untilStatus(t, c, "the link", func(s Status) bool { return s.Link.Up && s.Link.Error == "" && *s.IoT })
	var text strings.Builder
	a, err = c.Ask(t.Context(), ask("hard"), func(piece string) error { text.WriteString(piece); return nil })
	if err != nil || a.Text != "big says hard" || text.String() != a.Text || a.Receipt.Route != router.RouteCloud {
		t.Errorf("answer %+v, pieces %q, %v", a, text.String(), err)
	}
	untilStatus(t, c, "an empty outbox", func(s Status) bool { return s.Link.Outbox == 0 })
}

// A correction reaches the records once, whichever process is restarted in the
// meantime, and however often.
func TestLateAnswersAreRecordedOnceAcrossRestarts(t *testing.T) {
	t.Parallel()
	address := freePort(t)
	cfg := linkedConfig(t, address)
	stopLink := serveLink(t, cfg)
	c, stop := serve(t, cfg, Options{})
	q := ask("hard")
	q.ID, q.Deadline = "q1", time.Now().Add(200*time.Millisecond)
	a, err := c.Ask(t.Context(), q, nil)
	if err != nil || a.Receipt.Route != router.RouteProvisional || a.Receipt.Reason != router.ReasonDeadline {
		t.Fatalf("answer %+v, %v", a, err)
	}

	// The answer comes while the engine is away, and the link is restarted with it.
	stop()
	startBroker(t, address)
	startWorker(t, cfg)
	stopLink()
	stopLink = serveLink(t, cfg)
	c, stop = serve(t, cfg, Options{})
	until(t, "the late answer", func() bool {
		e, err := c.Why(t.Context(), "q1")
		return err == nil && e.Text == "big says hard" && e.Receipt.Route == router.RouteCloud
	})
	untilStatus(t, c, "an empty outbox", func(s Status) bool { return s.Link.Error == "" && s.Link.Outbox == 0 })

	// It is offered again to an engine that has it on disk only.
	stop()
	stopLink()
	records, err := record.Open(filepath.Join(cfg.State.Dir, "records"), record.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer records.Close()
	log := slog.New(slog.DiscardHandler)
	d := &device{log: log, answers: newAnswers(records, log), ctx: t.Context()}
	q.Deadline = time.Time{}
	for _, text := range []string{"big says hard", "in other words"} {
		_, a, err := d.recordLate(q, router.CloudAnswer{Text: text}, nil)
		if err != nil || a.Text != "big says hard" {
			t.Errorf("again: %+v, %v", a, err)
		}
	}
	if routes := recorded(t, records, "q1"); routes != "provisional cloud" {
		t.Errorf("records of the question: %s", routes)
	}

	// Its id, used again for another question, is another question.
	other := ask("harder")
	other.ID = "q1"
	if _, a, err := d.recordLate(other, router.CloudAnswer{Text: "yes"}, nil); err != nil || a.Text != "yes" {
		t.Errorf("another question: %+v, %v", a, err)
	}
}

// recorded lists the routes of a question's entries.
func recorded(t *testing.T, l *record.Log, id string) string {
	t.Helper()
	var routes []string
	if err := l.Each(func(e record.Entry) error {
		if e.Receipt.ID == id {
			routes = append(routes, string(e.Receipt.Route))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return strings.Join(routes, " ")
}

// Questions over MQTT go through both processes and wait for the engine; the
// device's status tells of one that is gone.
func TestTheFrontDoorIsTheLinks(t *testing.T) {
	t.Parallel()
	address := freePort(t)
	startBroker(t, address)
	cfg := linkedConfig(t, address)
	heard := make(chan mqtt.Message, 100)
	app := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + address).SetClientID("app"))
	defer app.Disconnect(0)
	do := func(token mqtt.Token) {
		t.Helper()
		if !token.WaitTimeout(patience) || token.Error() != nil {
			t.Fatalf("mqtt: %v", token.Error())
		}
	}
	do(app.Connect())
	do(app.Subscribe("cusp/d1/#", 1, func(_ mqtt.Client, m mqtt.Message) { heard <- m }))
	// all waits for a message on each topic, in any order.
	all := func(wanted map[string]func([]byte) bool) {
		t.Helper()
		for deadline := time.After(patience); len(wanted) > 0; {
			select {
			case m := <-heard:
				if is := wanted[m.Topic()]; is != nil && is(m.Payload()) {
					delete(wanted, m.Topic())
				}
			case <-deadline:
				t.Fatalf("nothing of that kind on %v", slices.Collect(maps.Keys(wanted)))
			}
		}
	}
	next := func(topic string, wanted func([]byte) bool) {
		t.Helper()
		all(map[string]func([]byte) bool{topic: wanted})
	}
	online := func(want bool) func([]byte) bool {
		return func(payload []byte) bool {
			var s Status
			return json.Unmarshal(payload, &s) == nil && s.Online == want && s.Device == "d1"
		}
	}

	serveLink(t, cfg)
	next("cusp/d1/status", online(false))
	do(app.Publish("cusp/d1/ask", 1, false, `{"id":"m1","prompt":"hi","privacy":"private"}`))
	_, stop := serve(t, cfg, Options{})
	all(map[string]func([]byte) bool{
		"cusp/d1/status": online(true),
		"cusp/d1/answer/m1": func(payload []byte) bool {
			var a iot.Answer
			return json.Unmarshal(payload, &a) == nil && a.Done && a.Content == "built-in " && a.Receipt.Reason == router.ReasonPrivate
		},
	})
	stop()
	next("cusp/d1/status", online(false))
}

func TestALinkWantsASocket(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	if err := ServeLink(t.Context(), cfg, LinkOptions{}); err == nil || !strings.Contains(err.Error(), "--socket") {
		t.Errorf("error %v", err)
	}
	cfg.Link.Socket = "relative"
	if err := ServeLink(t.Context(), cfg, LinkOptions{}); err == nil || !strings.Contains(err.Error(), "link.socket") {
		t.Errorf("error %v", err)
	}
	cfg = linkedConfig(t, "127.0.0.1:1")
	cfg.Link.Peers = []string{"nobody-of-this-name"}
	if err := ServeLink(t.Context(), cfg, LinkOptions{}); err == nil || !strings.Contains(err.Error(), "nobody-of-this-name") {
		t.Errorf("error %v", err)
	}
	if err := Serve(t.Context(), cfg, Options{loader: &fakeLoader{}}); err == nil || !strings.Contains(err.Error(), "nobody-of-this-name") {
		t.Errorf("error %v", err)
	}
}
