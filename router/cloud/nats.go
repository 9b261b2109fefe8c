//go:build !nocloud

package cloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/a472be26/cusp/router/uplink"
)

// askSubjects are the devices' questions as a NATS cluster has them: its MQTT
// listener makes subjects of topics.
const askSubjects = "cusp.cloud.ask.>"

// NATS is the intake at a NATS cluster whose MQTT listener the devices use. Their
// questions wait in a JetStream work queue until a worker pulls them, and come back
// to another one when it dies: nothing hangs on a single broker or worker.
//
// Answers go back over MQTT: what a NATS client publishes reaches a device with
// QoS 0 only, and NATS has no $share by which MQTT clients could share questions.
type NATS struct {
	o       NATSOptions
	nc      *nats.Conn
	session *uplink.Session // for answers
	ctx     context.Context // of the pulls
	stop    context.CancelFunc
	pulls   sync.WaitGroup

	mu       sync.Mutex         // guards the field below
	consumer jetstream.Consumer // nil until the queue is there
}

var _ Intake = (*NATS)(nil)

// NewNATS prepares the intake; it does not connect.
func NewNATS(o NATSOptions) (Intake, error) {
	q := &NATS{o: o.withDefaults()}
	q.ctx, q.stop = context.WithCancel(context.Background())
	return q, nil
}

// Open implements [Intake].
func (q *NATS) Open(worker string, receive func(Parcel), up func()) (err error) {
	options, err := q.o.connect()
	if err != nil {
		return err
	}
	if q.nc, err = nats.Connect(q.o.URL, options...); err != nil {
		return fmt.Errorf("NATS at %s: %w", q.o, err)
	}
	if q.session, err = newSession(q.o.Broker, []string{uplink.ResumeFilter(worker)}, receive, up, q.o.Log); err != nil {
		q.nc.Close()
		return err
	}
	q.session.Connect()
	q.pulls.Go(func() {
		if c := q.queue(); c != nil {
			for range q.o.Pulls {
				q.pulls.Go(func() { q.pull(c, receive) })
			}
		}
	})
	return nil
}

// queue makes or finds the work queue and the workers' place in it, for as long as
// it takes; nil when stopping.
func (q *NATS) queue() jetstream.Consumer {
	for told := false; ; told = true {
		c, err := q.prepare()
		if err == nil {
			q.mu.Lock()
			q.consumer = c
			q.mu.Unlock()
			q.o.Log.Info("work queue is there", "stream", q.o.Stream, "consumer", q.o.Group)
			return c
		}
		if !told && q.ctx.Err() == nil {
			q.o.Log.Warn("work queue cannot be had, trying again", "stream", q.o.Stream, "err", err)
		}
		if !sleep(q.ctx, 2*time.Second) {
			return nil
		}
	}
}

func (q *NATS) prepare() (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(q.ctx, 10*time.Second)
	defer cancel()
	js, err := jetstream.New(q.nc)
	if err != nil {
		return nil, err
	}
	stream, err := q.stream(ctx, js)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", q.o.Stream, err)
	}
	c, err := stream.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: q.o.Group, AckPolicy: jetstream.AckExplicitPolicy, FilterSubject: askSubjects,
		AckWait: q.o.AckWait, MaxDeliver: q.o.MaxDeliver, MaxAckPending: -1,
	})
	if err != nil {
		return nil, fmt.Errorf("consumer %s: %w", q.o.Group, err)
	}
	return c, nil
}

// stream finds the stream, which an operator may have made with other settings, or
// makes it.
func (q *NATS) stream(ctx context.Context, js jetstream.JetStream) (jetstream.Stream, error) {
	s, err := js.Stream(ctx, q.o.Stream)
	if err == nil {
		if r := s.CachedInfo().Config.Retention; r != jetstream.WorkQueuePolicy {
			return nil, fmt.Errorf("its retention is %v; a work queue is needed: delete it, or name another stream", r)
		}
		return s, nil
	}
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, err
	}
	s, err = js.CreateStream(ctx, q.config(cmp.Or(q.o.Replicas, 3)))
	var api *jetstream.APIError
	if q.o.Replicas == 0 && errors.As(err, &api) && api.ErrorCode == noCluster {
		q.o.Log.Warn("the work queue has one copy only: this server is in no cluster", "stream", q.o.Stream)
		return js.CreateStream(ctx, q.config(1))
	}
	return s, err
}

// noCluster is the server's code for replicas on a server alone; nats.go has no name
// for it.
const noCluster jetstream.ErrorCode = 10074

func (q *NATS) config(replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: q.o.Stream, Description: "questions of Cusp devices", Subjects: []string{askSubjects},
		Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage, Replicas: replicas,
		MaxAge: q.o.MaxAge, MaxBytes: q.o.MaxBytes, Discard: jetstream.DiscardNew,
	}
}

// heartbeat is how soon a pull notices that its server is gone.
const heartbeat = 5 * time.Second

// pull takes one question after another.
func (q *NATS) pull(c jetstream.Consumer, receive func(Parcel)) {
	for q.ctx.Err() == nil {
		m, err := q.next(c)
		switch {
		case err == nil:
			q.serve(m, receive)
		case errors.Is(err, nats.ErrTimeout), errors.Is(err, jetstream.ErrNoHeartbeat):
		default:
			q.o.Log.Debug("pull", "err", err)
			sleep(q.ctx, time.Second)
		}
	}
}

// next waits for a question. One that arrives while the worker stops is given back
// at once.
func (q *NATS) next(c jetstream.Consumer) (jetstream.Msg, error) {
	ctx, cancel := context.WithTimeout(q.ctx, 6*heartbeat)
	defer cancel()
	m, err := c.Next(jetstream.FetchContext(ctx), jetstream.FetchHeartbeat(heartbeat))
	if err != nil && ctx.Err() != nil {
		err = nats.ErrTimeout
	}
	return m, err
}

// serve hands one question over and keeps it from other workers until it is
// settled.
func (q *NATS) serve(m jetstream.Msg, receive func(Parcel)) {
	verdict := make(chan Verdict, 1)
	p := Parcel{Topic: topicOf(m.Subject()), Payload: m.Data(), Reply: q.session.Publish}
	p.Settle = func(v Verdict) { verdict <- v }
	if meta, err := m.Metadata(); err == nil {
		p.Waited = max(time.Since(meta.Timestamp), 0)
	}
	receive(p)
	tick := time.NewTicker(q.o.AckWait / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			q.tell("heartbeat", m.InProgress())
		case v := <-verdict:
			q.settle(m, v)
			return
		}
	}
}

func (q *NATS) settle(m jetstream.Msg, v Verdict) {
	if v == GivenBack {
		q.tell("give back", m.NakWithDelay(q.o.GiveBack))
		return
	}
	// Confirmed, since an acknowledgement that is lost costs another answer.
	// A queue that has lost its leader has another one within seconds.
	for range 10 {
		ctx, cancel := context.WithTimeout(context.Background(), heartbeat)
		err := m.DoubleAck(ctx)
		cancel()
		if err == nil || errors.Is(err, jetstream.ErrMsgAlreadyAckd) {
			return
		}
		q.tell("acknowledge", err)
		time.Sleep(time.Second)
	}
}

func (q *NATS) tell(what string, err error) {
	if err != nil {
		q.o.Log.Warn("work queue", "step", what, "err", err)
	}
}

// topicOf is the MQTT topic of a subject, as nats-server maps them: levels are
// divided by dots, and a dot within a level is two slashes.
func topicOf(subject string) string {
	const dot = "\x00"
	return strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(subject, "//", dot), ".", "/"), dot, ".")
}

// Pending is how many questions no worker has yet.
func (q *NATS) Pending() (int64, error) {
	q.mu.Lock()
	c := q.consumer
	q.mu.Unlock()
	if c == nil {
		return 0, errors.New("there is no work queue yet")
	}
	ctx, cancel := context.WithTimeout(q.ctx, 2*time.Second)
	defer cancel()
	info, err := c.Info(ctx)
	if err != nil {
		return 0, err
	}
	return int64(min(info.NumPending, 1<<62)), nil
}

// Up implements [Intake].
func (q *NATS) Up() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.consumer != nil && q.nc.IsConnected() && q.session.Up()
}

// Stop implements [Intake].
func (q *NATS) Stop() { q.stop() }

// Close implements [Intake].
func (q *NATS) Close() {
	q.stop()
	q.pulls.Wait()
	q.session.Close()
	q.nc.Close()
}
