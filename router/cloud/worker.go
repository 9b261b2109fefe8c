// Package cloud is the worker in the cloud: it takes devices' questions from
// MQTT, has a large model answer them, and sends the answers back as they are
// generated.
//
// Any number of workers share the questions through one shared subscription. A
// question that dies with its worker is asked again by its device. Within a window
// of recent questions a worker calls the provider once per question, however often
// it is asked; with a place to keep answers also across its own restarts.
package cloud

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/a472be26/cusp/router/uplink"
)

// Worker is a running worker.
type Worker struct {
	o        Options
	provider Provider
	sessions []*uplink.Session // one per broker
	letters  *letters
	name     string          // in the topic of requests for a part of an answer
	ctx      context.Context // of the provider calls
	stop     context.CancelFunc
	turns    chan struct{}  // one token per provider call
	jobs     sync.WaitGroup // one per question taken

	mu      sync.Mutex // guards the fields below
	closing bool
	taken   int // questions taken and not finished
	window  *window
}

// Start connects to every broker in the background and returns at once: a broker
// that is down is no error.
func Start(o Options, p Provider) (*Worker, error) {
	w, err := newWorker(o, p)
	if err != nil {
		return nil, fmt.Errorf("start worker: %w", err)
	}
	if w.sessions, err = w.connect(); err != nil {
		return nil, fmt.Errorf("start worker: %w", errors.Join(err, w.window.close()))
	}
	for _, s := range w.sessions {
		s.Connect()
	}
	return w, nil
}

// connect prepares a session with every broker: devices come to any of them.
func (w *Worker) connect() ([]*uplink.Session, error) {
	var all []*uplink.Session
	for _, b := range w.o.Broker.Each() {
		var s *uplink.Session
		by := func(topic string, payload []byte) error { return s.Publish(topic, payload) }
		s, err := uplink.NewSession(uplink.SessionOptions{
			Broker: b, ClientID: "cusp-worker-" + uplink.RandomID(),
			// A dead worker's session would swallow questions that others could answer.
			Clean:   true,
			Filters: []string{uplink.SharedAskTopic(w.o.Group), uplink.ResumeFilter(w.name)},
			Handle:  func(topic string, payload []byte) { w.receive(by, topic, payload) },
			OnUp:    w.connected, Log: w.o.Log,
		})
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

func newWorker(o Options, p Provider) (*Worker, error) {
	o = o.withDefaults()
	w := &Worker{o: o, provider: p, turns: make(chan struct{}, o.Concurrency)}
	w.ctx, w.stop = context.WithCancel(context.Background())
	var err error
	if w.window, w.name, err = openWindow(o, w.newRun); err != nil {
		return nil, err
	}
	if w.letters, err = newLetters(w.name, o); err != nil {
		return nil, errors.Join(err, w.window.close())
	}
	return w, nil
}

// Up reports whether questions can arrive right now.
func (w *Worker) Up() bool { return slices.ContainsFunc(w.sessions, (*uplink.Session).Up) }

// connected sends what a lost connection held up.
func (w *Worker) connected() {
	w.mu.Lock()
	runs := w.window.runs()
	w.mu.Unlock()
	for _, r := range runs {
		r.resend()
	}
}

// receive takes one message from a broker.
func (w *Worker) receive(by publish, topic string, payload []byte) {
	if device, err := uplink.ResumingDevice(topic, w.name); err == nil {
		w.receiveResume(device, by, payload)
		return
	}
	device, err := uplink.DeviceOf(topic)
	if err != nil {
		w.o.Log.Warn("dropped a question", "err", err)
		return
	}
	ask, err := w.letters.ask(device, payload, by)
	if errors.Is(err, errIgnored) {
		return
	}
	if err != nil {
		w.o.Log.Warn("refused a question", "device", device, "err", err)
		if ask.ID != "" {
			w.newRun(device, ask.ID).fail(&Error{Code: CodeBadRequest, Err: err})
		}
		return
	}
	w.take(device, ask, time.Now())
}

func (w *Worker) receiveResume(device string, by publish, payload []byte) {
	q, err := w.letters.resume(device, payload, by)
	switch {
	case errors.Is(err, errIgnored):
	case err != nil:
		w.o.Log.Warn("dropped a request for a part of an answer", "device", device, "err", err)
	default:
		w.resume(device, q)
	}
}

// take starts a question, or answers it from what is known already.
func (w *Worker) take(device string, ask uplink.Ask, now time.Time) {
	key := keyOf(device, ask)
	w.mu.Lock()
	w.window.trim(now)
	r, known := w.window.get(key, now)
	var refusal *Error
	if !known {
		r = w.newRun(device, ask.ID)
		if refusal = w.refusal(ask); refusal == nil {
			w.window.put(key, r, now)
			w.taken++
			w.jobs.Add(1)
		}
	}
	w.mu.Unlock()
	switch {
	case known:
		r.replay()
		if done, _ := r.finished(); !done {
			r.alive()
		}
	case refusal != nil:
		r.fail(refusal)
	default:
		go w.answer(key, r, ask, now)
	}
}

// refusal is why ask cannot even wait for its turn. The caller holds mu.
func (w *Worker) refusal(ask uplink.Ask) *Error {
	switch {
	case ask.TTLMS != nil && *ask.TTLMS <= 0:
		return errExpired()
	case w.closing:
		return &Error{Code: CodeUnavailable, Retryable: true, Err: errors.New("worker is stopping")}
	case w.taken >= w.o.Concurrency+w.o.Queue:
		return &Error{Code: CodeBusy, Retryable: true, Err: fmt.Errorf("%d questions are waiting", w.taken)}
	}
	return nil
}

func errExpired() *Error {
	return &Error{Code: uplink.CodeExpired, Err: errors.New("the question reached the model too late")}
}

func (w *Worker) newRun(device, id string) *run {
	return newRun(id, w.o.Coalesce, func(m uplink.Answer) error { return w.letters.write(device, m) })
}

// answer brings one question to its end.
func (w *Worker) answer(key string, r *run, ask uplink.Ask, arrived time.Time) {
	defer w.jobs.Done()
	// 1. Tell the device, now and then again.
	stopAlive := w.keepAlive(r)
	defer stopAlive()

	// 2. Wait for a turn, no longer than the question is of use.
	ctx, cancel := w.ctx, context.CancelFunc(func() {})
	if ask.TTLMS != nil {
		ctx, cancel = context.WithDeadlineCause(w.ctx, arrived.Add(time.Duration(*ask.TTLMS)*time.Millisecond), errExpired())
	}
	defer cancel()
	select {
	case w.turns <- struct{}{}:
		defer func() { <-w.turns }()
	case <-ctx.Done():
	}

	// 3. Ask the model; keep the answer, but no failure: another try may do better.
	failure := w.complete(ctx, r, Request{Messages: ask.Messages, Options: ask.Options})
	w.mu.Lock()
	w.taken--
	if failure != nil {
		w.window.remove(key)
	}
	w.mu.Unlock()
	if failure != nil {
		w.o.Log.Warn("question failed", "id", ask.ID, "code", failure.Code, "retryable", failure.Retryable, "err", failure.Err)
		r.fail(failure)
	}
}

// complete calls the provider and finishes r, or says why it could not.
func (w *Worker) complete(ctx context.Context, r *run, req Request) *Error {
	if ctx.Err() != nil {
		return reason(ctx, ctx.Err())
	}
	limited, cancel := context.WithTimeout(ctx, w.o.Timeout)
	defer cancel()
	completion, err := w.call(limited, r, req)
	if err != nil {
		return reason(ctx, err)
	}
	r.finish(completion)
	return nil
}

// reason prefers the question's own expiry over the error it caused.
func reason(ctx context.Context, err error) *Error {
	var expired *Error
	if ctx.Err() != nil && errors.As(context.Cause(ctx), &expired) {
		return expired
	}
	return classify(err)
}

// call contains a provider's panic: one poisonous question must not take the
// others down, nor come back again and again.
func (w *Worker) call(ctx context.Context, r *run, req Request) (c Completion, err error) {
	defer func() {
		if p := recover(); p != nil {
			w.o.Log.Error("provider panicked", "id", r.id, "panic", p, "stack", string(debug.Stack()))
			err = &Error{Code: CodeInternal, Err: errors.New("the worker failed on this question")}
		}
	}()
	return w.provider.Complete(ctx, req, r.emit)
}

// keepAlive tells the device at once and then regularly that r is in hand.
func (w *Worker) keepAlive(r *run) (stop func()) {
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(w.o.Alive)
		defer tick.Stop()
		for {
			r.alive()
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	}()
	return func() { close(done) }
}

// Close takes no more questions, lets the running ones finish until ctx ends,
// then stops them: their devices ask again, and another worker answers.
func (w *Worker) Close(ctx context.Context) error {
	w.mu.Lock()
	again := w.closing
	w.closing = true
	w.mu.Unlock()
	if again {
		return nil
	}
	for _, s := range w.sessions {
		s.Unsubscribe()
	}
	err := w.drain(ctx)
	for _, s := range w.sessions {
		s.Close()
	}
	return errors.Join(err, w.window.close())
}

// drain waits for the running questions until ctx ends, then stops them.
func (w *Worker) drain(ctx context.Context) error {
	finished := make(chan struct{})
	go func() {
		w.jobs.Wait()
		close(finished)
	}()
	var err error
	select {
	case <-finished:
	case <-ctx.Done():
		err = fmt.Errorf("close worker: unfinished questions were stopped: %w", ctx.Err())
	}
	w.stop()
	<-finished
	return err
}
