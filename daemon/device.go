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

	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/daemon/border"
	"github.com/a472be26/cusp/daemon/iot"
	"github.com/a472be26/cusp/daemon/metrics"
	"github.com/a472be26/cusp/daemon/sensor"
	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/prefix"
	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/budget"
	"github.com/a472be26/cusp/router/policy"
	"github.com/a472be26/cusp/router/privacy"
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
	passed   passedSockets
	network  *network       // nil: the API is on the socket only
	guard    *privacy.Guard // of what leaves the device or is kept
	answers  *answers
	sensors  *sensor.Station
	memory   *reserve
	meter    *sensor.Meter
	work     *work
	govern   *govern // nil: nobody governs
	models   *Models
	vectors  *vectors       // of texts, for the API
	tried    Candidate      // the model that the start wanted most
	uplink   *uplink.Uplink // nil without a cloud, and with a link process
	policy   *policy.Policy
	budget   *budget.Ledger
	underway *underway
	router   *router.Router
	border   *border.Cloud // nil without a link process
	promises *promises     // nil without a review of them
	asked    api.Answerer  // the router, with failures counted
	engines  *engines
	places   *places
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
		settings: newSettings(cfg), underway: newUnderway(), open: make(chan struct{}), notify: notifier{o.Log}, engines: newEngines(), places: &places{log: o.Log, options: o.gpu},
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
		d.passed, err = activated()
		l = d.passed.api
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

// What is kept of answered questions (state.records).
const (
	recordAll      = "all"
	recordMetadata = "metadata" // receipts
	recordOff      = "off"
)

// openState opens the guard and the records; the directory is private, since it
// holds texts.
func (d *device) openState() error {
	if err := os.MkdirAll(d.cfg.State.Dir, 0o700); err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	if err := d.openGuard(); err != nil {
		return err
	}
	d.answers = newAnswers(nil, d.log)
	d.answers.guard = d.guard
	if d.cfg.State.Records == recordOff {
		return nil
	}
	records, err := record.Open(filepath.Join(d.cfg.State.Dir, "records"), record.Options{
		MaxBytes: d.cfg.Router.RecordSize, WithoutText: d.cfg.State.Records == recordMetadata, Log: d.log,
	})
	if err != nil {
		return err
	}
	d.closing("records", records.Close)
	d.answers.records = records
	return nil
}

// openModels loads the first model that works. A device without any can still
// serve as a way to the cloud.
func (d *device) openModels(ctx context.Context) error {
	defer d.notify.loading("a model")()
	infer.TrimProgram()
	d.models = NewModels(d.setup(d.cfg.Model), d.log)
	d.models.OnChange = d.modelChanged
	rejected, err := openRejection(d.cfg.State.Dir)
	if err != nil {
		d.log.Warn(err.Error())
	}
	d.models.rejected = rejected
	d.onClose(d.models.Close)
	d.places.onLost(d.leaveGPU)
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
		loader = bundleLoader{cfg: c, prefixes: d.openPrefixes(c), engines: d.engines, places: d.places}
	}
	return Setup{Loader: loader, Test: selfTest(c.MinSpeed), Canary: c.Canary}
}

// modelChanged tells the world of another model, of one that was refused, or of
// a promise in doubt, or of another level of the governor.
func (d *device) modelChanged() {
	d.limitThreads(d.govern.limit) // of a model that is new
	d.notify.status(d.summary())
	select {
	case <-d.open:
		d.announce()
	default: // the door announces when it opens
	}
}

// openPrefixes opens the saved beginnings. Without them the first questions
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
	return &prefixes{store: store, systems: c.SystemPrompts, tools: c.ToolLists, version: d.version, log: d.log}
}

func (d *device) openUplink() error {
	if d.cfg.Link.Socket != "" {
		return d.openBorder()
	}
	if d.cfg.Cloud.Broker == "" {
		return nil
	}
	u, err := uplink.Open(d.cfg.uplink(d.cfg.State.Dir, d.late, d.log))
	if err != nil {
		return err
	}
	d.uplink = u
	d.closing("uplink", u.Close)
	return nil
}

// route wires the router, which sees no more than its own interfaces.
func (d *device) route() {
	r := &router.Router{
		Guard: d.guard,
		Local: spared{metered{d.models, d.meter, d.work}, d.memory}, Wait: d.cfg.Router.Wait, SpareWait: d.cfg.Governor.Wait,
		Record: d.answers.keep, Sensors: d.sensors.Readings,
	}
	if d.govern != nil {
		r.Governor = d.strain
	}
	d.wish(r)
	d.router = r
	d.asked = counting{r, d.answers, d.underway}
	switch { // a nil *Uplink in the interface would count as a cloud
	case d.uplink != nil:
		r.Cloud = d.guard.Cloud(d.uplink)
	case d.border != nil && d.cfg.Cloud.Broker != "":
		r.Cloud = d.guard.Cloud(d.border)
		d.asked = counting{handing{r}, d.answers, d.underway}
	}
	if r.Cloud != nil && d.cfg.Router.AuditShare > 0 {
		d.promises = d.review(d.budget.Audits(r.Cloud))
		r.Watch = d.promises
	}
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
		Answerer: d.asked, Embedder: d.vectors, Classifier: d.vectors, Explainer: d.router, Archive: d.answers, Eraser: d.answers, Models: d.listModels,
		Status:  func() any { return d.status() },
		Healthy: d.healthy, MaxBody: d.cfg.API.MaxBody, MaxConnections: d.cfg.API.MaxConnections, Authorized: d.authorized, Admin: d.administrator(), Log: d.log, Metrics: d.metrics.Handler(),
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
	if current, _ := d.models.Current(); current == nil && d.cfg.Cloud.Broker == "" {
		return ErrNoModel
	}
	return nil
}

// openDoor opens the MQTT front door, if it is wanted, or serves that of the link
// process.
func (d *device) openDoor() error {
	defer close(d.open)
	if d.border != nil {
		d.attend()
		return nil
	}
	if !d.cfg.IoT.Enable {
		return nil
	}
	door, err := d.cfg.openDoor(d.asked, func() any { return d.status() }, d.log)
	if err != nil {
		return err
	}
	d.door = door
	d.onDrain(door.Close)
	return nil
}
