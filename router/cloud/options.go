package cloud

import (
	"log/slog"
	"time"

	"github.com/a472be26/cusp/router/envelope"
	"github.com/a472be26/cusp/router/uplink"
)

// Options of [Start]. Zero values take the defaults named here.
type Options struct {
	Intake      Intake        // where questions come from; nil: [MQTT] at Broker
	Broker      uplink.Broker // without an Intake
	Group       string        // without an Intake: workers of one group share the questions, "cusp-workers"
	Concurrency int           // questions answered at the same time, 4
	Queue       int           // questions that wait for their turn, 64; negative: none
	Timeout     time.Duration // for one question, 5 min
	Coalesce    time.Duration // for how long text is gathered into one message, 30 ms
	Alive       time.Duration // between two signs of life to the device, 5 s
	Window      int           // answers remembered, 1000
	WindowBytes int           // bytes of them, 64 MiB
	WindowAge   time.Duration // since they were last asked for, 1 h
	State       string        // directory where answers survive a restart; empty: in memory only
	Quota       Quota         // of every device, none
	Metrics     *Metrics      // nil: nothing is counted

	// Seal opens what devices seal; nil: nothing can be opened. Devices whose keys
	// it knows must seal, and all of them must with SealedOnly.
	Seal       *envelope.Worker
	SealedOnly bool

	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	setDefault(&o.Concurrency, 4)
	setDefault(&o.Queue, 64)
	o.Queue = max(o.Queue, 0)
	setDefault(&o.Timeout, 5*time.Minute)
	setDefault(&o.Coalesce, 30*time.Millisecond)
	setDefault(&o.Alive, 5*time.Second)
	setDefault(&o.Window, 1000)
	setDefault(&o.WindowBytes, 64<<20)
	setDefault(&o.WindowAge, time.Hour)
	setDefault(&o.Log, slog.New(slog.DiscardHandler))
	if o.Intake == nil {
		o.Intake = NewMQTT(o.Broker, o.Group, o.Log)
	}
	return o
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}
