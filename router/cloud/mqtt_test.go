package cloud_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	broker "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/cloud"
	"github.com/a472be26/cusp/router/uplink"
)

// patience is how long a test waits for something that takes milliseconds on
// an idle machine.
const patience = time.Minute

// startBroker runs a broker at address, 127.0.0.1:0 for any port, and returns
// where it listens. It keeps nothing when it stops.
func startBroker(t *testing.T, address string, hooks ...broker.Hook) (at string, stop func()) {
	t.Helper()
	server := broker.New(&broker.Options{Logger: slog.New(slog.DiscardHandler), InlineClient: true})
	if err := server.AddHook(new(auth.AllowHook), nil); err != nil {
		t.Fatal(err)
	}
	for _, h := range hooks {
		if err := server.AddHook(h, nil); err != nil {
			t.Fatal(err)
		}
	}
	listener := listeners.NewTCP(listeners.Config{ID: "t", Address: address})
	if err := server.AddListener(listener); err != nil {
		t.Fatal(err)
	}
	if err := server.Serve(); err != nil {
		t.Fatal(err)
	}
	closed := false
	stop = func() {
		if !closed {
			closed = true
			server.Close()
		}
	}
	t.Cleanup(stop)
	return listener.Address(), stop
}

// unusedAddress is a loopback address where nothing listens.
func unusedAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// model is a provider that answers with words about the question.
type model struct {
	calls atomic.Int32
	step  chan struct{} // if not nil, taken from before each word
}

func (m *model) Complete(ctx context.Context, r cloud.Request, emit func(string) error) (cloud.Completion, error) {
	m.calls.Add(1)
	words := strings.SplitAfter("you asked: "+r.Messages[len(r.Messages)-1].Content, " ")
	for _, w := range words {
		if m.step != nil {
			select {
			case <-m.step:
			case <-ctx.Done():
				return cloud.Completion{}, ctx.Err()
			}
		}
		if err := emit(w); err != nil {
			return cloud.Completion{}, err
		}
	}
	return cloud.Completion{Text: strings.Join(words, ""), Finish: "stop", Model: "test-model", PromptTokens: 1, CompletionTokens: len(words)}, nil
}

func startWorker(t *testing.T, address string, p cloud.Provider, change ...func(*cloud.Options)) *cloud.Worker {
	t.Helper()
	o := cloud.Options{Broker: uplink.Broker{URL: "tcp://" + address, MaxReconnect: time.Second}}
	for _, f := range change {
		f(&o)
	}
	w, err := cloud.Start(o, p)
	if err != nil {
		t.Fatal(err)
	}
	stopAtEnd(t, w)
	return w
}

func stopAtEnd(t testing.TB, w *cloud.Worker) { t.Cleanup(func() { closeNow(w) }) }

// closeNow stops a worker; nothing that still runs is of use.
func closeNow(w *cloud.Worker) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	w.Close(ctx)
}

// device is an uplink and the late answers that came through it.
type device struct {
	*uplink.Uplink
	late chan string
}

func startDevice(t testing.TB, address, name string, change ...func(*uplink.Options)) *device {
	t.Helper()
	d := &device{late: make(chan string, 10)}
	o := uplink.Options{
		Broker: uplink.Broker{URL: "tcp://" + address, MaxReconnect: time.Second},
		Device: name, Outbox: filepath.Join(t.TempDir(), "outbox.db"),
		OnLate: func(q router.Question, a router.CloudAnswer, err error) error {
			d.late <- fmt.Sprint(q.ID, ": ", a.Text, err)
			return nil
		},
		AcceptTimeout: 300 * time.Millisecond, GapTimeout: 300 * time.Millisecond, SilenceTimeout: 2 * time.Second, MinBackoff: 100 * time.Millisecond,
	}
	for _, f := range change {
		f(&o)
	}
	u, err := uplink.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	d.Uplink = u
	t.Cleanup(func() {
		if err := u.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// ask asks and checks the answer, what was emitted included.
func (d *device) ask(t testing.TB, id, text string) error {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var emitted strings.Builder
	q := router.Question{ID: id, Messages: []router.Message{{Role: "user", Content: text}}}
	a, err := d.Ask(ctx, q, func(s string) error { emitted.WriteString(s); return nil })
	want := "you asked: " + text
	if err == nil && (a.Text != want || emitted.String() != want || a.Model != "test-model" || a.BytesUp == 0 || a.BytesDown == 0) {
		err = fmt.Errorf("answer %+v, emitted %q, want %q", a, emitted.String(), want)
	}
	return err
}

func wait(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); {
		if time.Now().After(end) {
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestManyQuestionsOverMQTT(t *testing.T) {
	t.Parallel()
	address, _ := startBroker(t, "127.0.0.1:0")
	m := &model{}
	startWorker(t, address, m)
	startWorker(t, address, m)
	devices := []*device{startDevice(t, address, "one"), startDevice(t, address, "two")}
	results := make(chan error)
	const each = 20
	for i := range each {
		for _, d := range devices {
			go func() { results <- d.ask(t, fmt.Sprint("q", i), fmt.Sprint("what is ", i, " in words, 世界?")) }()
		}
	}
	for range 2 * each {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	for _, d := range devices {
		wait(t, "empty outbox", func() bool { return d.Depth() == 0 })
		if len(d.late) > 0 {
			t.Errorf("late answer %s", <-d.late)
		}
	}
}

func TestBrokerDownAtStart(t *testing.T) {
	t.Parallel()
	address := unusedAddress(t)
	d := startDevice(t, address, "dev")
	startWorker(t, address, &model{})
	result := make(chan error)
	go func() { result <- d.ask(t, "q", "anybody there?") }()
	wait(t, "question in the outbox", func() bool { return d.Depth() == 1 })
	if d.Up() {
		t.Error("the link is up without a broker")
	}
	startBroker(t, address)
	if err := <-result; err != nil {
		t.Error(err)
	}
}

func TestCloseWithoutABroker(t *testing.T) {
	t.Parallel()
	address := unusedAddress(t)
	d, w := startDevice(t, address, "dev"), startWorker(t, address, &model{})
	result := make(chan error)
	go func() { result <- d.ask(t, "q", "x") }()
	wait(t, "question in the outbox", func() bool { return d.Depth() == 1 })
	if err := errors.Join(d.Close(), w.Close(t.Context())); err != nil {
		t.Error(err)
	}
	if err := <-result; !errors.Is(err, uplink.ErrClosed) {
		t.Errorf("Ask: %v, want ErrClosed", err)
	}
}

func TestBrokerRestartsInMidAnswer(t *testing.T) {
	t.Parallel()
	address, stop := startBroker(t, "127.0.0.1:0")
	m := &model{step: make(chan struct{})}
	startWorker(t, address, m)
	d := startDevice(t, address, "dev")
	result := make(chan error)
	go func() { result <- d.ask(t, "q", "a long story") }()
	m.step <- struct{}{} // the answer has begun
	stop()
	wait(t, "link down", func() bool { return !d.Up() })
	m.step <- struct{}{} // a word that cannot be sent
	startBroker(t, address)
	close(m.step)
	if err := <-result; err != nil {
		t.Error(err)
	}
	if n := m.calls.Load(); n != 1 {
		t.Errorf("the model was called %d times for one question", n)
	}
}

func TestSecondWorkerAnswersForADeadOne(t *testing.T) {
	t.Parallel()
	address, _ := startBroker(t, "127.0.0.1:0")
	dead := dyingWorker(t, address)
	d := startDevice(t, address, "dev")
	result := make(chan error)
	go func() { result <- d.ask(t, "q", "still there?") }()
	select {
	case <-dead:
	case <-time.After(patience):
		t.Fatal("the dying worker got no question")
	}
	startWorker(t, address, &model{})
	if err := <-result; err != nil {
		t.Error(err)
	}
}

// dyingWorker acknowledges one question to the broker, sends rubbish back and
// is gone for good. The channel is closed then.
func dyingWorker(t *testing.T, address string) <-chan struct{} {
	t.Helper()
	ready, dead := make(chan struct{}), make(chan struct{})
	var s *uplink.Session
	die := sync.OnceFunc(func() { s.Close(); close(dead) })
	handle := func(_ string, payload []byte) {
		a, err := uplink.DecodeAsk(payload)
		if err != nil {
			t.Error(err)
		}
		for _, rubbish := range []string{"", "<html>", `{"id":"` + a.ID + `","seq":-1}`, `{"id":"other","seq":0,"done":true}`} {
			s.Publish(uplink.AnswerTopic("dev", a.ID), []byte(rubbish))
		}
		go die()
	}
	s, err := uplink.NewSession(uplink.SessionOptions{
		Broker: uplink.Broker{URL: "tcp://" + address, ClientID: "dying"}, Clean: true,
		Filters: []string{uplink.SharedAskTopic("cusp-workers")}, Handle: handle, OnUp: func() { close(ready) },
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Connect()
	select {
	case <-ready:
	case <-time.After(patience):
		t.Fatal("the dying worker cannot connect")
	}
	return dead
}

func TestLateAnswerAfterTheDeadline(t *testing.T) {
	t.Parallel()
	address, _ := startBroker(t, "127.0.0.1:0")
	m := &model{step: make(chan struct{})}
	startWorker(t, address, m)
	d := startDevice(t, address, "dev")
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	go func() {
		_, err := d.Ask(ctx, router.Question{ID: "q", Messages: []router.Message{{Role: "user", Content: "later"}}}, nil)
		result <- err
	}()
	m.step <- struct{}{} // the worker is at it
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("Ask: %v", err)
	}
	close(m.step)
	select {
	case got := <-d.late:
		if got != "q: you asked: later<nil>" {
			t.Errorf("late answer %q", got)
		}
	case <-time.After(patience):
		t.Error("no late answer")
	}
	wait(t, "empty outbox", func() bool { return d.Depth() == 0 })
}

func TestMQTTClientOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	address, _ := startBroker(t, "127.0.0.1:0")
	d := startDevice(t, address, "dev")
	o := mqtt.NewClientOptions().AddBroker("tcp://" + address).SetClientID("by-hand")
	client := mqtt.NewClient(o)
	answer := func(_ mqtt.Client, m mqtt.Message) {
		go func() {
			topic := uplink.AnswerTopic("dev", "q")
			for _, seq := range []int{3, 1, 1, 2, 0, 3} {
				word := []string{"you ", "asked: ", "by hand", ""}[seq]
				payload := fmt.Sprintf(`{"id":"q","seq":%d,"delta":%q,"done":%v,"model":"test-model"}`, seq, word, seq == 3)
				client.Publish(topic, 1, false, payload).WaitTimeout(patience) // the last ones come after the end
			}
		}()
	}
	if token := client.Connect(); !token.WaitTimeout(patience) || token.Error() != nil {
		t.Fatal(token.Error())
	}
	t.Cleanup(func() { client.Disconnect(100) })
	if token := client.Subscribe(uplink.AskTopic("dev"), 1, answer); !token.WaitTimeout(patience) || token.Error() != nil {
		t.Fatal(token.Error())
	}
	if err := d.ask(t, "q", "by hand"); err != nil {
		t.Error(err)
	}
}
