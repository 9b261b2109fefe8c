// Package iot is the MQTT front door for IoT applications:
//
//	cusp/DEVICE/ask         a question, QoS 1, not retained (see Ask)
//	cusp/DEVICE/about/TOPIC the same, where rules of privacy go by topics
//	cusp/DEVICE/answer/ID   its answer (see Answer)
//	cusp/DEVICE/status      retained; {"online":false} when the device is gone
//
// A question's message is acknowledged only after its answer was published, so
// that a crash in between makes the broker deliver it again; repetitions are
// answered from memory. The broker may be down at start and go at any time.
package iot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/a472be26/cusp/router"
)

// Answerer answers one question, passing the answer to emit as it comes; nil
// when only the whole is wanted. Safe for concurrent use.
type Answerer interface {
	Answer(ctx context.Context, q router.Question, emit func(router.Delta) error) (router.Answer, error)
}

// Options are what a [Door] stands on.
type Options struct {
	Device   string
	Client   *mqtt.ClientOptions // broker and credentials; the door adds the rest
	Answerer Answerer
	Status   func() any // marshalled to JSON for the status topic
	Parallel int        // questions answered at a time; 0 means 4
	Waiting  int        // questions beyond those that wait for their turn; 0 means 64
	Log      *slog.Logger
}

const (
	qos          = 1
	offline      = `{"online":false}`
	statusPause  = 10 * time.Second // between two statuses that follow answers
	farewellTime = 2 * time.Second
	resubscribe  = 5 * time.Second // after a refused subscription
	refused      = 0x80            // return code of one (MQTT 3.1.1, section 3.9.3)
)

// Door is open from [Open] to Close.
type Door struct {
	o      Options
	client mqtt.Client
	memory *memory
	places chan struct{} // one for each question being answered
	queue  chan struct{} // one for each question taken in, waiting or not
	ctx    context.Context
	stop   context.CancelFunc

	mu      sync.Mutex     // guards closed, and running against growing after it is set
	closed  bool           // no message is taken any more
	running sync.WaitGroup // handlers

	pending sync.Mutex  // guards timer
	timer   *time.Timer // of the next status; nil: none is due
}

// Open starts to connect and returns at once; it keeps trying by itself.
func Open(o Options) (*Door, error) {
	if err := router.CheckID(o.Device); err != nil {
		return nil, fmt.Errorf("device %w", err)
	}
	if o.Parallel <= 0 {
		o.Parallel = 4
	}
	if o.Waiting <= 0 {
		o.Waiting = 64
	}
	d := &Door{o: o, memory: newMemory(), places: make(chan struct{}, o.Parallel), queue: make(chan struct{}, o.Parallel+o.Waiting)}
	d.ctx, d.stop = context.WithCancel(context.Background())
	d.client = mqtt.NewClient(d.session(o.Client))
	d.client.AddRoute(d.topic("ask"), d.receive) // before connecting: a kept session delivers at once
	d.client.AddRoute(d.topic("about/+"), d.receive)
	d.client.Connect()
	return d, nil
}

// session adds to the broker's options all that the promises above need.
func (d *Door) session(c *mqtt.ClientOptions) *mqtt.ClientOptions {
	return c.SetCleanSession(false).SetResumeSubs(true).
		SetAutoAckDisabled(true).SetOrderMatters(false).
		SetConnectRetry(true).SetAutoReconnect(true).
		SetWill(d.topic("status"), offline, qos, true).
		SetOnConnectHandler(d.connected).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) { d.o.Log.Warn("mqtt front door lost its broker", "error", err) })
}

func (d *Door) topic(rest string) string { return "cusp/" + d.o.Device + "/" + rest }

// Up tells whether the broker is connected.
func (d *Door) Up() bool { return d.client.IsConnectionOpen() }

// connected subscribes and announces, at every connection.
func (d *Door) connected(c mqtt.Client) {
	topic := d.topic("ask")
	for {
		err := d.subscribe(c, topic)
		if err == nil {
			break
		}
		d.o.Log.Error("mqtt front door cannot subscribe, trying again", "topic", topic, "error", err)
		select {
		case <-time.After(resubscribe):
		case <-d.ctx.Done():
			return
		}
		if !c.IsConnectionOpen() {
			return // the next connection starts this again
		}
	}
	if err := d.subscribe(c, d.topic("about/+")); err != nil { // brokers allow it, or the device does without
		d.o.Log.Info("mqtt front door hears no questions on topics of their own", "topic", d.topic("about/+"), "error", err)
	}
	d.o.Log.Info("mqtt front door is open", "topic", topic)
	d.Announce()
}

// subscribe returns once the broker has agreed to send questions.
func (d *Door) subscribe(c mqtt.Client, topic string) error {
	token := c.Subscribe(topic, qos, nil)
	if token.Wait(); token.Error() != nil {
		return token.Error()
	}
	if t, ok := token.(*mqtt.SubscribeToken); ok && t.Result()[topic] == refused {
		return errors.New("the broker refuses it; allow this user to read the topic")
	}
	return nil
}

// receive handles one delivery in a goroutine of its own.
func (d *Door) receive(_ mqtt.Client, m mqtt.Message) {
	if !d.enter() {
		return // unacknowledged: the broker keeps it for the next start
	}
	defer d.running.Done()
	if m.Retained() { // an old one, which would be asked anew at every connection
		d.o.Log.Warn("dropped a retained question; publish questions without the retain flag", "topic", m.Topic())
		m.Ack()
		return
	}
	// 1. Decode; what cannot be read is answered or logged, and is done with.
	ask, err := DecodeAsk(m.Payload())
	if err != nil {
		d.refuse(m, ask.ID, err)
		return
	}
	// 2. Answer it, or wait for the delivery that is already being answered.
	q := ask.Question(time.Now())
	q.Topic = m.Topic()
	turn, mine := d.memory.begin(q)
	if mine {
		d.answer(q, ask.Stream, turn)
	} else if !d.repeat(turn) {
		return
	}
	// 3. Acknowledge once the answer is with the broker.
	<-turn.over
	if turn.final != nil {
		m.Ack()
		d.announceSoon()
	}
}

// enter counts a handler, unless the door closes.
func (d *Door) enter() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	d.running.Add(1)
	return true
}

// refuse tells the asker, or the log when nobody can be told.
func (d *Door) refuse(m mqtt.Message, id string, err error) {
	if id == "" {
		d.o.Log.Warn("mqtt question without a readable id", "topic", m.Topic(), "bytes", len(m.Payload()), "error", err)
	} else if d.publish(failure(id, CodeInvalid, err.Error())) != nil {
		return // unacknowledged: comes again
	}
	m.Ack()
}

// repeat publishes the answer of a turn again, once there is one.
func (d *Door) repeat(t *turn) bool {
	select {
	case <-t.over:
	case <-d.ctx.Done():
		return false
	}
	return t.final != nil && d.publish(*t.final) == nil
}

// answer brings the question to its end and closes its turn. A failure is
// forgotten before the asker can know of it and ask again.
func (d *Door) answer(q router.Question, stream bool, t *turn) {
	final, ok := d.run(q, stream)
	if ok && final.Error != nil {
		d.memory.forget(t)
	}
	if !ok || d.publish(final) != nil {
		d.memory.end(t, nil)
		return
	}
	d.memory.end(t, &final)
}

// run asks the Answerer when it is the question's turn; false means that the
// door closes and the question stays with the broker.
func (d *Door) run(q router.Question, stream bool) (Answer, bool) {
	select {
	case d.queue <- struct{}{}:
		defer func() { <-d.queue }()
	default:
		return failure(q.ID, CodeBusy, "too many questions wait; ask again later"), true
	}
	select {
	case d.places <- struct{}{}:
		defer func() { <-d.places }()
	case <-d.ctx.Done():
		return Answer{}, false
	}
	seq := 0
	emit := func(piece router.Delta) error {
		if piece.Text != "" {
			d.delta(Answer{ID: q.ID, Seq: seq, Delta: piece.Text})
			seq++
		}
		return d.ctx.Err()
	}
	if !stream {
		emit = nil
	}
	a, err := d.o.Answerer.Answer(d.ctx, q, emit)
	if err != nil {
		if d.ctx.Err() != nil {
			return Answer{}, false
		}
		d.o.Log.Warn("question failed", "id", q.ID, "error", err)
		return failure(q.ID, CodeFailed, err.Error()), true
	}
	return Answer{ID: q.ID, Seq: seq, Content: a.Text, ToolCalls: a.ToolCalls, Finish: a.Finish, Done: true, Receipt: &a.Receipt}, true
}

// Late publishes the answer that comes after a provisional one, which it lets
// go first, and returns once the broker has it.
func (d *Door) Late(q router.Question, a router.Answer) error {
	late := Answer{ID: q.ID, Content: a.Text, ToolCalls: a.ToolCalls, Finish: a.Finish, Done: true, Late: true, Receipt: &a.Receipt}
	if err := router.CheckID(q.ID); err != nil {
		return fmt.Errorf("late answer: %w", err)
	}
	if t := d.memory.find(q); t != nil {
		select {
		case <-t.over:
		case <-d.ctx.Done():
			return fmt.Errorf("late answer %s: %w", q.ID, errClosing)
		}
	}
	if err := d.publish(late); err != nil {
		return fmt.Errorf("late answer %s: %w", q.ID, err)
	}
	d.memory.correct(q, late)
	return nil
}

// delta sends a piece without waiting for the broker: the last message, which
// has it all, is waited for.
func (d *Door) delta(a Answer) {
	body, err := json.Marshal(a)
	if err != nil {
		return
	}
	select {
	case <-d.send("answer/"+a.ID, false, body):
	case <-d.ctx.Done():
	}
}

var errClosing = errors.New("mqtt front door is closing")

// publish returns once the broker has acknowledged the message, however long
// the broker is away, or the door closes.
func (d *Door) publish(a Answer) error {
	body, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode answer %s: %w", a.ID, err)
	}
	select {
	case token := <-d.send("answer/"+a.ID, false, body):
		return d.acknowledged(token)
	case <-d.ctx.Done():
		return errClosing
	}
}

func (d *Door) acknowledged(token mqtt.Token) error {
	select {
	case <-token.Done():
		return token.Error()
	case <-d.ctx.Done():
		return errClosing
	}
}

// send hands a message to the client in a goroutine of its own, because the
// client's Publish blocks while a connection is going down.
func (d *Door) send(topic string, retained bool, body []byte) <-chan mqtt.Token {
	sent := make(chan mqtt.Token, 1)
	go func() { sent <- d.client.Publish(d.topic(topic), qos, retained, body) }()
	return sent
}

// Announce publishes the status, retained.
func (d *Door) Announce() {
	if !d.client.IsConnectionOpen() {
		return // it is announced at the next connection
	}
	body, err := json.Marshal(d.o.Status())
	if err != nil {
		d.o.Log.Error("status cannot be encoded", "error", err)
		return
	}
	d.send("status", true, body)
}

// announceSoon publishes the status after a pause in which more answers may
// change it. Nothing runs while nothing is asked.
func (d *Door) announceSoon() {
	d.pending.Lock()
	defer d.pending.Unlock()
	if d.timer != nil {
		return
	}
	d.timer = time.AfterFunc(statusPause, func() {
		d.pending.Lock()
		d.timer = nil
		d.pending.Unlock()
		d.Announce()
	})
}

// Close takes no more questions, lets the running ones finish until ctx ends,
// says goodbye and disconnects. What is unfinished stays with the broker.
func (d *Door) Close(ctx context.Context) {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	idle := make(chan struct{})
	go func() { d.running.Wait(); close(idle) }()
	select {
	case <-idle:
	case <-ctx.Done():
	}
	d.stop()
	<-idle // their context ended: within a token
	d.pending.Lock()
	if d.timer != nil {
		d.timer.Stop()
	}
	d.pending.Unlock()
	if d.client.IsConnectionOpen() {
		d.farewell()
	}
	d.client.Disconnect(250)
}

// farewell says that the device is gone: an orderly disconnect takes back the
// last will.
func (d *Door) farewell() {
	limit := time.After(farewellTime)
	select {
	case token := <-d.send("status", true, []byte(offline)):
		select {
		case <-token.Done():
		case <-limit:
		}
	case <-limit:
	}
}
