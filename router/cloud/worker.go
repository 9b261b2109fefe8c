// Package cloud is the worker in the cloud: it takes devices' questions from an
// intake, has a large model answer them, and sends the answers back as they are
// generated.
//
// Any number of workers share the questions of one intake: MQTT brokers with
// shared subscriptions ([MQTT]), or a JetStream work queue on a NATS cluster
// ([NATS]). Behind a worker stands one [Provider], or several in order of
// preference ([Chain]), each with its own limits ([Backend]). Within a window of
// recent questions a worker calls the provider once per question, however often
// it is asked; with a place to keep answers also across its own restarts.
package cloud

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/a472be26/cusp/router/uplink"
)

// Worker is a running worker.
type Worker struct {
	o        Options
	provider Provider
	intake   Intake
	quotas   *quotas
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
	if err == nil {
		err = w.open()
	}
	if err != nil {
		return nil, fmt.Errorf("start worker: %w", err)
	}
	return w, nil
}

func newWorker(o Options, p Provider) (*Worker, error) {
	o = o.withDefaults()
	w := &Worker{o: o, provider: p, intake: o.Intake, quotas: newQuotas(o.Quota, time.Now), turns: make(chan struct{}, o.Concurrency)}
	w.ctx, w.stop = context.WithCancel(context.Background())
	var err error
	if w.window, w.name, err = openWindow(o, w.newRun); err != nil {
		return nil, err
	}
	if w.letters, err = newLetters(w.name, o); err != nil {
		return nil, errors.Join(err, w.window.close())
	}
	o.Metrics.watch(w)
	return w, nil
}

func (w *Worker) open() error {
	if err := w.intake.Open(w.name, w.receive, w.connected); err != nil {
		return errors.Join(err, w.window.close())
	}
	return nil
}

// Up reports whether questions can arrive right now.
func (w *Worker) Up() bool { return w.intake.Up() }

// load is how many questions wait for their turn, and how many have it.
func (w *Worker) load() (waiting, running int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	running = len(w.turns)
	return max(w.taken-running, 0), running
}

// connected sends what a lost connection held up.
func (w *Worker) connected() {
	w.mu.Lock()
	runs := w.window.runs()
	w.mu.Unlock()
	for _, r := range runs {
		r.resend()
	}
}

// receive takes one message from the intake.
func (w *Worker) receive(p Parcel) {
	if device, err := uplink.ResumingDevice(p.Topic, w.name); err == nil {
		w.receiveResume(device, p)
		return
	}
	device, err := uplink.DeviceOf(p.Topic)
	if err != nil {
		w.o.Log.Warn("dropped a question", "err", err)
		p.settle(Finished)
		return
	}
	ask, err := w.letters.ask(device, p.Payload, p.Reply)
	switch {
	case errors.Is(err, errIgnored):
		p.settle(Finished)
	case err != nil:
		w.unreadable(device, ask, err)
		p.settle(Finished)
	default:
		w.take(delivery{device, ask, p.Care})
	}
}

// unreadable tells the device so, if it can be told.
func (w *Worker) unreadable(device string, ask uplink.Ask, err error) {
	w.o.Log.Warn("refused a question", "device", device, "err", err)
	w.o.Metrics.question(CodeBadRequest, 0)
	if ask.ID != "" {
		w.newRun(device, ask.ID).fail(&Error{Code: CodeBadRequest, Err: err})
	}
}

func (w *Worker) receiveResume(device string, p Parcel) {
	q, err := w.letters.resume(device, p.Payload, p.Reply)
	switch {
	case errors.Is(err, errIgnored):
	case err != nil:
		w.o.Log.Warn("dropped a request for a part of an answer", "device", device, "err", err)
	default:
		w.resume(device, q)
	}
}

// take starts a question, or answers it from what is known already.
func (w *Worker) take(d delivery) {
	now := time.Now()
	key := keyOf(d.device, d.ask)
	w.mu.Lock()
	w.window.trim(now)
	r, known := w.window.get(key, now)
	var refusal *Error
	if !known {
		r = w.newRun(d.device, d.ask.ID)
		if refusal = w.refusal(d); refusal == nil {
			w.window.put(key, r, now)
			w.taken++
			w.jobs.Add(1)
		}
	}
	w.mu.Unlock()
	switch {
	case known:
		w.o.Metrics.question(resultRepeated, 0)
		w.again(d, r)
	case refusal != nil:
		w.refuse(d, r, refusal)
	default:
		go w.answer(key, r, d, now)
	}
}

// again answers a question that is asked once more. Whoever asked first has it
// in hand: the intake need not care for this copy.
func (w *Worker) again(d delivery, r *run) {
	r.replay()
	if done, _ := r.finished(); !done {
		r.alive()
	}
	d.settle(Finished)
}

// refuse gives the question back to the intake if another worker may do better,
// else it tells the device.
func (w *Worker) refuse(d delivery, r *run, why *Error) {
	if d.Settle != nil && (why.Code == CodeBusy || why.Code == CodeUnavailable) {
		d.settle(GivenBack)
		return
	}
	w.o.Log.Info("did not take a question", "device", d.device, "id", d.ask.ID, "code", why.Code, "err", why.Err)
	w.o.Metrics.question(why.Code, 0)
	r.fail(why)
	d.settle(Finished)
}

// refusal is why a question cannot even wait for its turn. The caller holds mu.
func (w *Worker) refusal(d delivery) *Error {
	switch {
	case d.expired():
		return errExpired()
	case w.closing:
		return errStopping()
	case w.taken >= w.o.Concurrency+w.o.Queue:
		return &Error{Code: CodeBusy, Retryable: true, Err: fmt.Errorf("%d questions are waiting", w.taken)}
	}
	return w.quotas.admit(d.device)
}

func errExpired() *Error {
	return &Error{Code: uplink.CodeExpired, Err: errors.New("the question reached the model too late")}
}

func errStopping() *Error {
	return &Error{Code: CodeUnavailable, Retryable: true, Err: errors.New("worker is stopping")}
}

func (w *Worker) newRun(device, id string) *run {
	return newRun(id, w.o.Coalesce, func(m uplink.Answer) error { return w.letters.write(device, m) })
}

// answer brings one question to its end.
func (w *Worker) answer(key string, r *run, d delivery, arrived time.Time) {
	defer w.jobs.Done()
	// 1. Tell the device, now and then again.
	stopAlive := w.keepAlive(r)
	defer stopAlive()

	// 2. Wait for a turn, no longer than the question is of use.
	ctx, cancel := w.ctx, context.CancelFunc(func() {})
	if d.ask.TTLMS != nil {
		ctx, cancel = context.WithDeadlineCause(w.ctx, arrived.Add(d.left()), errExpired())
	}
	defer cancel()
	select {
	case w.turns <- struct{}{}:
		defer func() { <-w.turns }()
	case <-ctx.Done():
	}

	// 3. Ask the model; keep the answer, but no failure: another try may do better.
	failure := w.complete(ctx, r, Request{Device: d.device, Messages: d.ask.Messages, Options: d.ask.Options})
	w.mu.Lock()
	w.taken--
	if failure != nil {
		w.window.remove(key)
	}
	w.mu.Unlock()

	// 4. Say how it ended.
	w.finish(r, d, failure, time.Since(arrived))
}

// finish settles a question that was taken.
func (w *Worker) finish(r *run, d delivery, failure *Error, took time.Duration) {
	result := resultAnswered
	if failure != nil {
		result = failure.Code
		w.o.Log.Warn("question failed", "id", d.ask.ID, "code", failure.Code, "retryable", failure.Retryable, "err", failure.Err)
	}
	w.o.Metrics.question(result, took)
	switch {
	case failure != nil && d.Settle != nil && w.ctx.Err() != nil:
		d.settle(GivenBack) // it was cut off here, and is as good as new elsewhere
		return
	case failure != nil:
		r.fail(failure)
	}
	d.settle(Finished)
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
	w.quotas.spend(req, completion)
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
	w.intake.Stop()
	err := w.drain(ctx)
	w.intake.Close()
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
