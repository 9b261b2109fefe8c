package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/coreos/go-systemd/v22/activation"

	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/daemon/iot"
	"github.com/a472be26/cusp/daemon/metrics"
	"github.com/a472be26/cusp/daemon/sensor"
	"github.com/a472be26/cusp/infer/prefix"
	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/record"
	"github.com/a472be26/cusp/router/uplink"
)

// device is a running daemon: all parts, wired. The parts are set once, by
// start, in its order.
type device struct {
	cfg     Config // as at the start: for all that does not change while it runs
	o       Options
	log     *slog.Logger
	version string
	started time.Time

	settings *settings // as they are now

	ctx  context.Context // ends when the stop begins
	halt context.CancelFunc

	listener net.Listener
	network  *network // nil: the API is on the socket only
	answers  *answers
	sensors  *sensor.Station
	memory   *reserve
	models   *Models
	vectors  *vectors       // of texts, for the API
	tried    Candidate      // the model that the start wanted most
	uplink   *uplink.Uplink // nil without a cloud
	promises *promises      // nil without a review of them
	asked    api.Answerer   // the router, with failures counted
	engines  *engines
	metrics  *metrics.Metrics
	api      *api.Server
	served   chan error    // what api.Serve returned
	door     *iot.Door     // nil without a front door; read it after open is closed
	open     chan struct{} // closed when door is decided
	notify   notifier

	watch   watch                   // of the models directory
	closers []func()                // in the order of opening
	doors   []func(context.Context) // drain what takes questions
}

func newDevice(cfg Config, o Options) *device {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	d := &device{
		cfg: cfg, o: o, log: o.Log, version: o.Version, started: time.Now(),
		settings: newSettings(cfg), open: make(chan struct{}), notify: notifier{o.Log}, engines: newEngines(),
	}
	root := o.root
	if root == nil {
		root = os.DirFS("/")
	}
	d.memory = newReserve(root, func() int64 { return d.config().Service.MemoryReserve }, d.log)
	d.ctx, d.halt = context.WithCancel(context.Background())
	return d
}

// config is what holds now.
func (d *device) config() Config { return d.settings.config() }

// onDrain adds how a door finishes what runs, until a context ends.
func (d *device) onDrain(f func(context.Context)) { d.doors = append(d.doors, f) }

// onClose adds what stop has to do for a part that was opened.
func (d *device) onClose(f func()) { d.closers = append(d.closers, f) }

// closing logs the error of a Close, for which nobody waits.
func (d *device) closing(what string, f func() error) {
	d.onClose(func() {
		if err := f(); err != nil {
			d.log.Warn("close failed", "what", what, "error", err)
		}
	})
}

// listen opens the socket, or takes it from the service manager or the caller.
func (d *device) listen() error {
	l := d.o.Listener
	var err error
	if l == nil {
		l, err = activated()
	}
	if l == nil && err == nil {
		mode, _ := d.cfg.API.mode() // checked with the configuration
		l, err = api.Listen(d.cfg.API.Socket, mode, d.cfg.API.Group)
	}
	if err != nil {
		return err
	}
	d.listener = l
	d.onClose(func() { _ = l.Close() }) // again after Serve closed it: to no effect
	return nil
}

// activated is the socket that the service manager passed, nil if it passed none.
func activated() (net.Listener, error) {
	all, err := activation.Listeners()
	if err != nil {
		return nil, fmt.Errorf("socket activation: %w", err)
	}
	switch len(all) {
	case 0:
		return nil, nil
	case 1:
		if all[0] != nil {
			return all[0], nil
		}
	}
	return nil, fmt.Errorf("socket activation: %d sockets were passed; one stream socket is wanted", len(all))
}

// openState opens the records; the directory is private, since it holds texts.
func (d *device) openState() error {
	if err := os.MkdirAll(d.cfg.State.Dir, 0o700); err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	records, err := record.Open(filepath.Join(d.cfg.State.Dir, "records"), record.Options{MaxBytes: d.cfg.Router.RecordSize, Log: d.log})
	if err != nil {
		return err
	}
	d.closing("records", records.Close)
	d.answers = newAnswers(records, d.log)
	return nil
}

func (d *device) openSensors() error {
	bus := sensor.OnDemand(d.cfg.Sensor.Bus)
	d.closing("i2c bus", bus.Close)
	all := map[string]sensor.Sensor{}
	for name, part := range d.cfg.Sensor.parts() {
		s, err := sensor.New(bus, part.sensor())
		if err != nil {
			return fmt.Errorf("sensor.%s: %w", name, err)
		}
		all[name] = s
	}
	d.sensors = sensor.NewStation(all, d.log)
	return nil
}

// openModels loads the first model that works. A device without any can still
// serve as a way to the cloud.
func (d *device) openModels(ctx context.Context) error {
	defer d.notify.loading("a model")()
	d.models = NewModels(d.setup(d.cfg.Model), d.log)
	d.models.OnChange = d.modelChanged
	rejected, err := openRejection(d.cfg.State.Dir)
	if err != nil {
		d.log.Warn(err.Error())
	}
	d.models.rejected = rejected
	d.onClose(d.models.Close)
	all, err := candidates(d.cfg.Model)
	d.tried = all[0]
	err = errors.Join(err, d.models.Start(ctx, all))
	if current, _ := d.models.Current(); current == nil && (ctx.Err() != nil || d.cfg.Cloud.Broker == "") {
		return err
	}
	if err != nil {
		d.log.Error("models", "error", err)
	}
	return nil
}

// setup is how models are loaded and judged by a configuration.
func (d *device) setup(c ModelConfig) Setup {
	loader := d.o.loader
	if loader == nil {
		loader = bundleLoader{cfg: c, prefixes: d.openPrefixes(c), engines: d.engines}
	}
	return Setup{Loader: loader, Test: selfTest(c.MinSpeed), Canary: c.Canary}
}

// modelChanged tells the world of another model, of one that was refused, or of
// a promise in doubt.
func (d *device) modelChanged() {
	d.notify.status(d.summary())
	select {
	case <-d.open:
		if d.door != nil {
			d.door.Announce()
		}
	default: // the door announces when it opens
	}
}

// openPrefixes opens the saved system prompts. Without them the first questions
// take longer, and that is all.
func (d *device) openPrefixes(c ModelConfig) *prefixes {
	if c.PrefixCache == 0 {
		return nil
	}
	store, err := prefix.Open(filepath.Join(d.cfg.State.Dir, "prefixes"), c.PrefixCache, d.log)
	if err != nil {
		d.log.Warn("system prompts are not kept over restarts", "error", err)
		return nil
	}
	return &prefixes{store: store, files: c.SystemPrompts, version: d.version, log: d.log}
}

func (d *device) openUplink() error {
	if d.cfg.Cloud.Broker == "" {
		return nil
	}
	u, err := uplink.Open(uplink.Options{
		Broker: d.cfg.Cloud.uplink(), Device: d.cfg.Device.ID,
		Outbox: filepath.Join(d.cfg.State.Dir, "outbox.db"),
		OnLate: d.late, Log: d.log,
		Expiry: d.cfg.Cloud.Expiry, SilenceTimeout: d.cfg.Cloud.Timeout,
	})
	if err != nil {
		return err
	}
	d.uplink = u
	d.closing("uplink", u.Close)
	return nil
}

// route wires the router, which sees no more than its own interfaces.
func (d *device) route() {
	r := &router.Router{Local: spared{metered{d.models, sensor.NewMeter(d.sensors)}, d.memory}, Wait: d.cfg.Router.Wait, Record: d.answers.keep, Sensors: d.sensors.Readings}
	if d.uplink != nil { // a nil *Uplink in the interface would count as a cloud
		r.Cloud = d.uplink
	}
	if r.Cloud != nil && d.cfg.Router.AuditShare > 0 {
		d.promises = d.review(r.Cloud)
		r.Watch = d.promises
	}
	d.asked = counting{r, d.answers}
}

// review keeps the promise under review with the cloud's help.
func (d *device) review(cloud router.Cloud) *promises {
	p := &promises{
		cloud: cloud, share: d.cfg.Router.AuditShare, agreement: d.cfg.Router.AuditAgreement, wait: d.cfg.Router.Wait,
		file: filepath.Join(d.cfg.State.Dir, "promise.json"), log: d.log, ctx: d.ctx,
		changed: d.modelChanged, record: d.answers.audited,
	}
	p.open()
	d.closing("review of the promise", p.close)
	return p
}

func (d *device) serveAPI() {
	d.api = api.New(api.Options{
		Answerer: d.asked, Embedder: d.vectors, Classifier: d.vectors, Archive: d.answers, Models: d.listModels,
		Status:  func() any { return d.status() },
		Healthy: d.healthy, MaxBody: d.cfg.API.MaxBody, MaxConnections: d.cfg.API.MaxConnections, Authorized: d.authorized, Log: d.log, Metrics: d.metrics.Handler(),
	})
	d.served = make(chan error, 1)
	go func() { d.served <- d.api.Serve(d.listener) }()
	d.serveTCP()
	d.onDrain(func(ctx context.Context) {
		if err := d.api.Shutdown(ctx); err != nil {
			d.log.Warn("answers were cut off by the stop; allow more time with service.drain", "error", err)
		}
	})
}

func (d *device) listModels() []api.Model {
	current, _ := d.models.Current()
	if current == nil {
		return d.vectors.listed()
	}
	return append([]api.Model{listed(current.ModelInfo, current.Since, current.embeds)}, d.vectors.listed()...)
}

// healthy tells whether a question could be answered at all.
func (d *device) healthy() error {
	if current, _ := d.models.Current(); current == nil && d.uplink == nil {
		return ErrNoModel
	}
	return nil
}

// openDoor opens the MQTT front door, if it is wanted.
func (d *device) openDoor() error {
	defer close(d.open)
	if !d.cfg.IoT.Enable {
		return nil
	}
	client, err := d.cfg.iotBroker().uplink().ClientOptions()
	if err != nil {
		return fmt.Errorf("mqtt front door: %w", err)
	}
	door, err := iot.Open(iot.Options{
		Device: d.cfg.Device.ID, Client: client.SetClientID("cusp-iot-" + d.cfg.Device.ID),
		Answerer: d.asked, Status: func() any { return d.status() },
		Parallel: d.cfg.IoT.Parallel, Log: d.log,
	})
	if err != nil {
		return fmt.Errorf("mqtt front door: %w", err)
	}
	d.door = door
	d.onDrain(door.Close)
	return nil
}
