package uplink

import (
	"errors"
	"log/slog"
	"time"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/envelope"
)

// Options of [Open]. Zero durations and bounds take the defaults named here.
type Options struct {
	Broker Broker
	Device string // names this device in the topics
	Outbox string // path of the outbox file
	// OnLate gets every answer, or final error, that no Ask waits for any
	// more. With an error it is called again later, after a restart if need
	// be. It may be called from several goroutines, also before Open returns,
	// and twice for one question if the process dies meanwhile. Close waits
	// for it.
	OnLate func(q router.Question, a router.CloudAnswer, err error) error
	Log    *slog.Logger

	// Seal, if not nil, is how every question is signed and sealed; then nothing
	// is sent or believed that is not. Its Name is set to Device.
	Seal          *envelope.Device
	NoCompression bool // questions go out as they are

	MaxQuestions int           // in the outbox, 1000
	MaxBytes     int64         // in the outbox, 16 MiB
	Expiry       time.Duration // how long a question stays of use, 24 h; after a restart by the wall clock
	Backlog      int           // questions that nobody waits for asked at the same time, 4

	AcceptTimeout  time.Duration // from sending until a worker reacts, 3 s
	SilenceTimeout time.Duration // between two signs of life of the worker, 30 s
	GapTimeout     time.Duration // until a missing message is asked for again, 2 s
	MinBackoff     time.Duration // after the first failed attempt, 1 s
	MaxBackoff     time.Duration // ceiling of the doubling, 1 min

	Random func() float64 // spreads the waits, in [0, 1); nil means math/rand
}

func (o Options) withDefaults() Options {
	o.MaxQuestions = orDefault(o.MaxQuestions, 1000)
	o.MaxBytes = orDefault(o.MaxBytes, 16<<20)
	o.Expiry = orDefault(o.Expiry, 24*time.Hour)
	o.Backlog = orDefault(o.Backlog, 4)
	o.AcceptTimeout = orDefault(o.AcceptTimeout, 3*time.Second)
	o.SilenceTimeout = orDefault(o.SilenceTimeout, 30*time.Second)
	o.GapTimeout = orDefault(o.GapTimeout, 2*time.Second)
	o.MinBackoff = orDefault(o.MinBackoff, time.Second)
	o.MaxBackoff = max(orDefault(o.MaxBackoff, time.Minute), o.MinBackoff)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

func (o Options) check() error {
	if err := CheckID("device", o.Device); err != nil {
		return err
	}
	if o.Outbox == "" {
		return errors.New("outbox has no path")
	}
	if o.OnLate == nil {
		return errors.New("OnLate is not set: late answers would be lost")
	}
	return nil
}
