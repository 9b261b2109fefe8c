package cloud

import (
	"time"

	"github.com/a472be26/cusp/router/uplink"
)

// Intake brings what devices send to a worker, and carries its answers back over
// the way that a message came by. What the bytes mean, sealed or not, is not its
// business: the worker opens and writes them. Implementations are safe for
// concurrent use.
type Intake interface {
	// Open connects in the background, for as long as it takes, and returns at
	// once: a broker that is down is no error. Every question, and every request
	// to the worker of that name for a part of an answer, goes to receive, in no
	// order; up runs whenever answers can be sent anew. Neither blocks for long.
	Open(worker string, receive func(Parcel), up func()) error
	// Up reports whether questions can arrive and answers be sent right now.
	Up() bool
	// Stop ends the flow of questions; answers can still be sent.
	Stop()
	// Close disconnects. It is called once, after Stop.
	Close()
}

// Parcel is one message as an intake hands it over.
type Parcel struct {
	Topic   string // in MQTT's words
	Payload []byte
	// Reply sends a message to a topic over the way that this one came by, without
	// waiting for its arrival. After an error it was not sent; the worker tries
	// again when up is called.
	Reply func(topic string, payload []byte) error
	Care
}

// Care is what an intake does for a question beyond handing it over.
type Care struct {
	// Waited is for how long the question lay in a queue that tells; its time to
	// live has run meanwhile.
	Waited time.Duration
	// Settle ends the care; nil where there is none. It is called once, as soon as
	// the question needs no other worker any more, or when this one gives it back.
	Settle func(Verdict)
}

// Verdict is what becomes of a question.
type Verdict int

// Verdicts.
const (
	Finished  Verdict = iota // the device has heard, or will hear, what became of it
	GivenBack                // this worker did nothing: another one shall take it
)

func (c Care) settle(v Verdict) {
	if c.Settle != nil {
		c.Settle(v)
	}
}

// delivery is a question that was opened.
type delivery struct {
	device string
	ask    uplink.Ask
	Care
}

// expired reports whether the question is of no use any more.
func (d delivery) expired() bool { return d.ask.TTLMS != nil && d.left() <= 0 }

// left is for how long an answer was of use when the question got here. Only
// questions with a time to live have it.
func (d delivery) left() time.Duration {
	return time.Duration(*d.ask.TTLMS)*time.Millisecond - d.Waited
}
