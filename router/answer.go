package router

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"time"
)

// DefaultWait is how long a question without a deadline waits for the cloud
// before the provisional local answer is given.
const DefaultWait = 60 * time.Second

// Router answers questions. Its fields are set before the first call of Answer.
type Router struct {
	Local Local
	Cloud Cloud         // nil: no cloud is configured
	Guard Guard         // nil: only what its asker calls private stays here
	Wait  time.Duration // for questions without a deadline; 0 means DefaultWait
	// Record keeps what happened: the question, what the local model said, and
	// the answer that was given. A failure there must not cost the asker the
	// answer, so it is the recorder's to report. Nil keeps nothing.
	Record func(q Question, local string, a Answer)
	// Watch keeps the promise under review; nil: calibrations hold as they are.
	Watch Watch
	// Sensors are the latest readings for the receipt; nil without sensors.
	Sensors func() map[string]float64
	// Governor is how strained the device is; nil: nobody knows.
	Governor func() Governor
	// SpareWait is how long a question waits for the cloud that was sent there to
	// spare the device, before it is answered here; 0 means DefaultSpareWait.
	SpareWait time.Duration
	// Policy is what the device's owner wants of some questions; nil: nothing.
	Policy Policy
	// Budget bounds what answers may cost; nil: nothing does.
	Budget Budget
	// Forecast and EarlyStart are for asking the cloud while the local model works;
	// without a forecast only rules want that.
	Forecast   Forecast
	EarlyStart EarlyStart
	// Late takes an answer that the cloud gave to a question asked early when nobody
	// wanted it any more; it must return at once. Others come from the cloud itself.
	Late func(q Question, c CloudAnswer)
}

// DefaultSpareWait is shorter than DefaultWait, since the device could answer.
const DefaultSpareWait = 10 * time.Second

// Answer is the end of a question.
type Answer struct {
	Text      string
	Reasoning string     // before the text, as far as the model tells
	ToolCalls []ToolCall // that the model wants made
	Finish    string     // "stop", "length" or "tool_calls"
	LogProbs  []LogProb  // if they were asked for and the answer is not the cloud's
	Receipt   Receipt
}

// ErrUnanswerable means that neither the device nor the cloud can answer.
var ErrUnanswerable = errors.New("nothing can answer this question")

// NewID returns a fresh question id: 32 hexadecimal digits.
func NewID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// Answer screens the question, runs the local model, decides, escalates if it
// must, and records. A strained device is spared the question where the cloud can
// have it at once. The answer is passed to emit as soon as the route is certain: a
// local answer that may yet be replaced by the cloud's is held back. With a nil
// emit nothing is shown before the end, so that a cloud that fails in the middle of
// its answer can still be replaced. An error from emit or the end of ctx ends the
// work and is returned.
func (r *Router) Answer(ctx context.Context, q Question, emit func(Delta) error) (Answer, error) {
	// 1. Find out what of the question may leave the device, and how strained it is.
	a := r.begin(q, emit)

	// 2. Spare a strained device the question, if the cloud answers it.
	if err := a.relieve(ctx); err != nil {
		return Answer{}, err
	}
	if a.decision.Route == "" {
		// 3. Ask the local model; stream at once when nothing can replace it. The
		// cloud may begin in the meantime.
		a.startEarly(ctx)
		defer a.release()
		if err := a.askLocal(ctx); err != nil {
			return Answer{}, err
		}
		// 4. Decide.
		a.decide()
		// 5. Escalate, and decide again if the cloud could not answer in time.
		if err := a.escalate(ctx); err != nil {
			return Answer{}, err
		}
	}
	// 6. Hand over what was held back, write the receipt, record.
	return a.finish()
}
