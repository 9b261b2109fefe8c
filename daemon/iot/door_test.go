package iot

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
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
)

const patience = 10 * time.Second

// answerFunc is an Answerer.
type answerFunc func(ctx context.Context, q router.Question, emit func(router.Delta) error) (router.Answer, error)

var _ Answerer = answerFunc(nil)

func (f answerFunc) Answer(ctx context.Context, q router.Question, emit func(router.Delta) error) (router.Answer, error) {
	if emit == nil {
		emit = func(router.Delta) error { return nil }
	}
	return f(ctx, q, emit)
}

// echo answers with the question's words.
func echo(_ context.Context, q router.Question, emit func(router.Delta) error) (router.Answer, error) {
	text := q.Messages[len(q.Messages)-1].Content
	for word := range strings.SplitAfterSeq(text, " ") {
		if err := emit(router.Delta{Text: word}); err != nil {
			return router.Answer{}, err
		}
	}
	return router.Answer{Text: text, Finish: "stop", Receipt: router.Receipt{ID: q.ID, Route: router.RouteLocal}}, nil
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
func startBroker(t *testing.T, address string) { startGuarded(t, address, new(auth.AllowHook), nil) }

// startGuarded is startBroker with a hook that says who may do what.
func startGuarded(t *testing.T, address string, guard broker.Hook, config any) {
	t.Helper()
	b := broker.New(&broker.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err := b.AddHook(guard, config); err != nil {
		t.Fatal(err)
	}
	if err := b.AddListener(listeners.NewTCP(listeners.Config{ID: "t", Address: address})); err != nil {
		t.Fatal(err)
	}
	if err := b.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
}

func clientOptions(address, id string) *mqtt.ClientOptions {
	return mqtt.NewClientOptions().AddBroker("tcp://" + address).SetClientID(id).SetConnectRetryInterval(20 * time.Millisecond)
}

// open starts a door that is closed when the test ends.
func open(t *testing.T, address string, a Answerer, change func(*Options)) *Door {
	t.Helper()
	o := Options{Device: "d1", Client: clientOptions(address, "door"), Answerer: a, Log: slog.New(slog.DiscardHandler),
		Status: func() any { return map[string]any{"online": true} }}
	if change != nil {
		change(&o)
	}
	d, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeDoor(d) })
	return d
}

func closeDoor(d *Door) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	d.Close(ctx)
}

// app is an application of the test's, which sees all answers and statuses.
type app struct {
	t        *testing.T
	client   mqtt.Client
	answers  chan Answer
	statuses chan string
}

func newApp(t *testing.T, address string) *app {
	t.Helper()
	a := &app{t: t, client: mqtt.NewClient(clientOptions(address, "app")), answers: make(chan Answer, 100), statuses: make(chan string, 100)}
	a.wait(a.client.Connect())
	a.wait(a.client.Subscribe("cusp/d1/answer/+", 1, func(_ mqtt.Client, m mqtt.Message) {
		var got Answer
		if err := json.Unmarshal(m.Payload(), &got); err != nil || m.Topic() != "cusp/d1/answer/"+got.ID {
			t.Errorf("message %s on %s: %v", m.Payload(), m.Topic(), err)
		}
		a.answers <- got
	}))
	a.wait(a.client.Subscribe("cusp/d1/status", 1, func(_ mqtt.Client, m mqtt.Message) { a.statuses <- string(m.Payload()) }))
	t.Cleanup(func() { a.client.Disconnect(0) })
	return a
}

func (a *app) wait(token mqtt.Token) {
	a.t.Helper()
	if !token.WaitTimeout(patience) || token.Error() != nil {
		a.t.Fatalf("mqtt: %v", token.Error())
	}
}

func (a *app) ask(payload string) {
	a.t.Helper()
	a.wait(a.client.Publish("cusp/d1/ask", 1, false, payload))
}

func (a *app) next() Answer {
	a.t.Helper()
	select {
	case got := <-a.answers:
		return got
	case <-time.After(patience):
		a.t.Fatal("no answer came")
		return Answer{}
	}
}

// status waits for a status with the given text.
func (a *app) status(want string) {
	a.t.Helper()
	for end := time.After(patience); ; {
		select {
		case got := <-a.statuses:
			if got == want {
				return
			}
		case <-end:
			a.t.Fatalf("no status %s came", want)
		}
	}
}

// setup is a broker, a door and an app that sees the door open.
func setup(t *testing.T, a Answerer, change func(*Options)) (*app, *Door, string) {
	t.Helper()
	address := freePort(t)
	startBroker(t, address)
	d := open(t, address, a, change)
	app := newApp(t, address)
	app.status(`{"online":true}`)
	return app, d, address
}

func TestQuestionAndAnswer(t *testing.T) {
	t.Parallel()
	app, d, _ := setup(t, answerFunc(echo), nil)
	app.ask(`{"id":"q1","prompt":"turn it on"}`)
	got := app.next()
	if got.Content != "turn it on" || !got.Done || got.Seq != 0 || got.Receipt.Route != router.RouteLocal || got.Finish != "stop" {
		t.Errorf("answer %+v", got)
	}
	if !d.Up() {
		t.Error("the door says that it is down")
	}
}

func TestStreamedAnswer(t *testing.T) {
	t.Parallel()
	app, _, _ := setup(t, answerFunc(echo), nil)
	app.ask(`{"id":"q1","prompt":"a b c","stream":true}`)
	deltas := map[int]string{}
	for {
		got := app.next()
		if got.Done {
			if got.Content != "a b c" || got.Seq != 3 || deltas[0]+deltas[1]+deltas[2] != got.Content {
				t.Errorf("last %+v after %v", got, deltas)
			}
			return
		}
		deltas[got.Seq] = got.Delta
	}
}

func TestBadPayloadIsAnsweredAndHarmless(t *testing.T) {
	t.Parallel()
	app, _, _ := setup(t, answerFunc(echo), nil)
	app.ask(`garbage`)
	app.ask(`{"id":"q1","prompt":7}`)
	if got := app.next(); got.Error == nil || got.Error.Code != CodeInvalid || got.ID != "q1" || !got.Done {
		t.Errorf("answer %+v", got)
	}
	app.ask(`{"id":"q1","prompt":"x"}`)
	if got := app.next(); got.Content != "x" {
		t.Errorf("answer %+v", got)
	}
}

func TestFailureIsAnsweredAndForgotten(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	app, _, _ := setup(t, answerFunc(func(ctx context.Context, q router.Question, emit func(router.Delta) error) (router.Answer, error) {
		if calls.Add(1) == 1 {
			return router.Answer{}, errors.New("engine broke")
		}
		return echo(ctx, q, emit)
	}), nil)
	app.ask(`{"id":"q1","prompt":"x"}`)
	if got := app.next(); got.Error == nil || got.Error.Code != CodeFailed || !strings.Contains(got.Error.Message, "engine broke") {
		t.Errorf("answer %+v", got)
	}
	app.ask(`{"id":"q1","prompt":"x"}`)
	if got := app.next(); got.Content != "x" {
		t.Errorf("second answer %+v", got)
	}
}

func TestRepetitionIsAnsweredFromMemory(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	app, d, _ := setup(t, answerFunc(func(ctx context.Context, q router.Question, emit func(router.Delta) error) (router.Answer, error) {
		calls.Add(1)
		return echo(ctx, q, emit)
	}), nil)
	for range 2 {
		app.ask(`{"id":"q1","prompt":"x"}`)
		if got := app.next(); got.Content != "x" {
			t.Errorf("answer %+v", got)
		}
	}
	late := router.Answer{Text: "better", Receipt: router.Receipt{ID: "q1", Route: router.RouteCloud}}
	if err := d.Late(router.Question{ID: "q1", Messages: []router.Message{{Role: "user", Content: "x"}}}, late); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the late answer, and the repetition after it
		if got := app.next(); got.Content != "better" || !got.Late || got.Receipt.Route != router.RouteCloud {
			t.Errorf("late answer %+v", got)
		}
		app.ask(`{"id":"q1","prompt":"x"}`)
	}
	if calls.Load() != 1 {
		t.Errorf("answered %d times", calls.Load())
	}
}

// An application that numbers its questions from 1 at every start of its own
// must not get the answers of its last life.
func TestAnIDUsedAgainIsAnotherQuestion(t *testing.T) {
	t.Parallel()
	app, _, _ := setup(t, answerFunc(echo), nil)
	for _, prompt := range []string{"turn it on", "turn it off"} {
		app.ask(`{"id":"1","prompt":"` + prompt + `"}`)
		if got := app.next(); got.Content != prompt {
			t.Errorf("asked %q, answered %q", prompt, got.Content)
		}
	}
}

// A correction that overtakes the provisional answer would be taken for the
// answer that was corrected.
func TestCorrectionComesAfterWhatItCorrects(t *testing.T) {
	t.Parallel()
	asked, hold := make(chan router.Question, 1), make(chan struct{})
	app, d, _ := setup(t, answerFunc(func(ctx context.Context, q router.Question, emit func(router.Delta) error) (router.Answer, error) {
		asked <- q
		<-hold
		return echo(ctx, q, emit)
	}), nil)
	app.ask(`{"id":"q1","prompt":"x"}`)
	q := <-asked
	corrected := make(chan error, 1)
	go func() { corrected <- d.Late(q, router.Answer{Text: "better"}) }()
	time.Sleep(50 * time.Millisecond)
	close(hold)
	if got := app.next(); got.Content != "x" || got.Late {
		t.Errorf("first %+v", got)
	}
	if got := app.next(); got.Content != "better" || !got.Late {
		t.Errorf("then %+v", got)
	}
	if err := <-corrected; err != nil {
		t.Error(err)
	}
	app.ask(`{"id":"q1","prompt":"x"}`)
	if got := app.next(); got.Content != "better" {
		t.Errorf("repetition %+v", got)
	}
}

// A broker hands out a retained question at every connection; a command must
// not be carried out again whenever the device starts.
func TestRetainedQuestionIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	address := freePort(t)
	startBroker(t, address)
	app := newApp(t, address)
	// A broker may acknowledge a message before it hands it out: once the
	// application has it, nobody who comes later gets it as a fresh one.
	delivered := make(chan struct{}, 10)
	app.wait(app.client.Subscribe("cusp/d1/ask", 1, func(mqtt.Client, mqtt.Message) { delivered <- struct{}{} }))
	app.wait(app.client.Publish("cusp/d1/ask", 1, true, `{"id":"old","prompt":"open the door"}`))
	<-delivered
	open(t, address, answerFunc(echo), nil)
	app.status(`{"online":true}`)
	app.ask(`{"id":"new","prompt":"x"}`)
	if got := app.next(); got.ID != "new" {
		t.Errorf("answer %+v", got)
	}
}

func TestTooManyQuestionsAreRefused(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	started := make(chan struct{}, 10)
	app, _, _ := setup(t, answerFunc(func(ctx context.Context, q router.Question, emit func(router.Delta) error) (router.Answer, error) {
		started <- struct{}{}
		<-hold
		return echo(ctx, q, emit)
	}), func(o *Options) { o.Parallel, o.Waiting = 1, 1 })
	app.ask(`{"id":"q1","prompt":"x"}`)
	<-started
	app.ask(`{"id":"q2","prompt":"x"}`)
	app.ask(`{"id":"q3","prompt":"x"}`)
	if got := app.next(); got.Error == nil || got.Error.Code != CodeBusy {
		t.Errorf("answer %+v", got)
	}
	close(hold)
	for range 2 {
		if got := app.next(); got.Content != "x" {
			t.Errorf("answer %+v", got)
		}
	}
}

func TestBrokerMayStartLater(t *testing.T) {
	t.Parallel()
	address := freePort(t)
	d := open(t, address, answerFunc(echo), nil)
	time.Sleep(50 * time.Millisecond)
	if d.Up() {
		t.Error("up without a broker")
	}
	startBroker(t, address)
	app := newApp(t, address)
	app.status(`{"online":true}`)
	app.ask(`{"id":"q1","prompt":"x"}`)
	if got := app.next(); got.Content != "x" {
		t.Errorf("answer %+v", got)
	}
}

// A daemon that dies between taking a question and answering it must get the
// question again at its next start.
func TestUnansweredQuestionComesAgainAfterACrash(t *testing.T) {
	t.Parallel()
	address := freePort(t)
	startBroker(t, address)
	unansweredComesAgain(t, address)
}

func unansweredComesAgain(t *testing.T, address string) {
	taken := make(chan struct{})
	var once sync.Once
	first := open(t, address, answerFunc(func(ctx context.Context, _ router.Question, _ func(router.Delta) error) (router.Answer, error) {
		once.Do(func() { close(taken) })
		<-ctx.Done()
		return router.Answer{}, ctx.Err()
	}), nil)
	app := newApp(t, address)
	app.status(`{"online":true}`)
	app.ask(`{"id":"q1","prompt":"x"}`)
	<-taken
	closeDoor(first)
	app.status(offline)
	open(t, address, answerFunc(echo), nil)
	if got := app.next(); got.Content != "x" || got.Error != nil {
		t.Errorf("answer %+v", got)
	}
}

// A door that the broker does not let listen must not say that it is open.
func TestRefusedSubscriptionIsTold(t *testing.T) {
	t.Parallel()
	address := freePort(t)
	startGuarded(t, address, new(auth.Hook), &auth.Options{Ledger: &auth.Ledger{
		Auth: auth.AuthRules{{Allow: true}},
		ACL:  auth.ACLRules{{Filters: auth.Filters{"cusp/d1/ask": auth.Deny}}},
	}})
	read, write := io.Pipe()
	open(t, address, answerFunc(echo), func(o *Options) { o.Log = slog.New(slog.NewTextHandler(write, nil)) })
	text := make([]byte, 1000)
	n, err := read.Read(text)
	if got := string(text[:n]); err != nil || !strings.Contains(got, "level=ERROR") || !strings.Contains(got, "refuses") {
		t.Errorf("logged %s, %v", got, err)
	}
	go func() { _, _ = io.Copy(io.Discard, read) }()
}

func TestDeviceNameMustFitATopic(t *testing.T) {
	t.Parallel()
	for _, device := range []string{"", "a/b", "+", strings.Repeat("x", 200)} {
		if _, err := Open(Options{Device: device, Client: mqtt.NewClientOptions()}); err == nil {
			t.Errorf("device %q was taken", device)
		}
	}
}

// A question tells on which topic it came, for rules that go by topics.
func TestTopicsOfQuestions(t *testing.T) {
	t.Parallel()
	app, _, _ := setup(t, answerFunc(func(_ context.Context, q router.Question, _ func(router.Delta) error) (router.Answer, error) {
		return router.Answer{Text: q.Topic}, nil
	}), nil)
	for i, topic := range []string{"cusp/d1/ask", "cusp/d1/about/bedroom"} {
		app.wait(app.client.Publish(topic, 1, false, `{"id":"q`+string(rune('0'+i))+`","prompt":"x"}`))
		if a := app.next(); a.Content != topic {
			t.Errorf("on %s came %+v", topic, a)
		}
	}
}
