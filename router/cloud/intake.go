package cloud

import (
	"time"

	"github.com/a472be26/cusp/router/uplink"
)

// Intake brings the questions of devices to a worker and carries its answers
// back. How either travels, as what bytes and through which broker, is the
// intake's alone. Implementations are safe for concurrent use.
type Intake interface {
	// Open connects in the background, for as long as it takes, and returns at
	// once: a broker that is down is no error. Every question goes to take, in
	// no order, and up runs whenever answers can be sent anew. Neither blocks
	// for long.
	Open(take func(Delivery), up func()) error
	// Up reports whether questions can arrive and answers be sent right now.
	Up() bool
	// Publish sends one message of an answer to a device, without waiting for
	// its arrival. After an error it was not sent; the worker tries again when
	// up is called.
	Publish(device string, m uplink.Answer) error
	// Stop ends the flow of questions; answers can still be sent.
	Stop()
	// Close disconnects. It is called once, after Stop.
	Close()
}

// Delivery is one question as an intake hands it over.
type Delivery struct {
	Device string
	Ask    uplink.Ask
	// Waited is for how long the question lay in a queue that tells; its time to
	// live has run meanwhile.
	Waited time.Duration
	// Err is why the question is not readable. Ask has its id then, if the device
	// can be told.
	Err error
	// Settle ends the intake's care for the question; nil where it has none. It
	// is called once, as soon as the question needs no other worker any more, or
	// when this one gives it back.
	Settle func(Verdict)
}

// Verdict is what becomes of a question.
type Verdict int

// Verdicts.
const (
	Finished  Verdict = iota // the device has heard, or will hear, what became of it
	GivenBack                // this worker did nothing: another one shall take it
)

func (d Delivery) settle(v Verdict) {
	if d.Settle != nil {
		d.Settle(v)
	}
}
