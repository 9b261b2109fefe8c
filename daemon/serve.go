// Package daemon is the device daemon: it reads the configuration, starts the
// parts in order, keeps the service manager informed, reloads models, and stops
// without losing what was accepted. It is the only place that wires concrete
// parts together; it decides nothing about a question.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/a472be26/cusp/daemon/api"
)

// drainTime is how long each front door waits for running answers at a stop.
const drainTime = 10 * time.Second

// Options of [Serve].
type Options struct {
	Log      *slog.Logger // nil: nothing is logged
	Level    *slog.LevelVar
	Version  string
	Ready    func()       // called once when questions are taken
	Listener net.Listener // instead of the configured socket; Serve closes it
	// Reload reads the configuration again when SIGHUP comes; nil leaves the
	// signal alone.
	Reload func() (Config, error)

	loader Loader // instead of the real one, in tests
}

// Serve runs the daemon until ctx ends, and then stops within bounded time.
// It returns nil after a stop that was asked for.
func Serve(ctx context.Context, cfg Config, o Options) error {
	d, err := start(ctx, cfg, o)
	if err != nil {
		return fmt.Errorf("start daemon: %w", err)
	}
	return d.run(ctx)
}

// start brings the parts up. What was opened is closed again on failure.
func start(ctx context.Context, cfg Config, o Options) (*device, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	d := &device{cfg: cfg, o: o, log: o.Log, version: o.Version, started: time.Now(), open: make(chan struct{}), notify: notifier{o.Log}, engines: newEngines()}
	d.ctx, d.halt = context.WithCancel(context.Background())
	if err := d.bringUp(ctx); err != nil {
		d.stop()
		return nil, err
	}
	return d, nil
}

// bringUp opens the parts in the order in which they stand on each other.
func (d *device) bringUp(ctx context.Context) error {
	// 1. Check the configuration.
	if err := d.cfg.Check(); err != nil {
		return err
	}
	// 2. Take the socket: a second daemon ends here. Callers queue from now on.
	if err := d.listen(); err != nil {
		return err
	}
	// 3. Open the records.
	if err := d.openState(); err != nil {
		return err
	}
	// 4. Bind the sensors.
	if err := d.openSensors(); err != nil {
		return err
	}
	// 5. Load a model.
	if err := d.openModels(ctx); err != nil {
		return err
	}
	// 6. Take up the outbox and connect to the cloud, which may take its time.
	if err := d.openUplink(); err != nil {
		return err
	}
	// 7. Wire the router.
	d.route()
	// 8. Answer at the socket, and those who scrape.
	if err := d.openMetrics(); err != nil {
		return err
	}
	d.serveAPI()
	// 9. Answer over MQTT.
	if err := d.openDoor(); err != nil {
		return err
	}
	// 10. Watch for new models.
	d.watchModels()
	return nil
}

// run says that the daemon is ready and waits for its end.
func (d *device) run(ctx context.Context) error {
	defer d.stop()
	defer context.AfterFunc(ctx, d.halt)() // also in the middle of a reload
	background, cancel := context.WithCancel(ctx)
	defer cancel()
	go d.notify.watchdog(background, d.selfCheck)
	hangup := make(chan os.Signal, 1)
	if d.o.Reload != nil {
		signal.Notify(hangup, syscall.SIGHUP)
		defer signal.Stop(hangup)
	}
	d.notify.ready(d.summary())
	d.log.Info("ready", "socket", d.listener.Addr().String(), "device", d.cfg.Device.ID, "version", d.version)
	if d.o.Ready != nil {
		d.o.Ready()
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-d.served:
			return fmt.Errorf("serve the socket: %w", errors.Join(errSocketGone, err))
		case <-hangup:
			d.reload()
		}
	}
}

var errSocketGone = errors.New("the socket was closed")

// stop closes the parts in the reverse order of their opening: first the doors,
// which drain, at the end what they stand on.
func (d *device) stop() {
	d.notify.stopping()
	d.halt()
	for _, f := range slices.Backward(d.closers) {
		f()
	}
	d.log.Info("stopped")
}

// selfCheck asks the daemon's own socket, so that the watchdog sees what a
// client sees.
func (d *device) selfCheck(ctx context.Context) error {
	c := api.NewClient(d.listener.Addr().String())
	defer c.Close()
	return c.Health(ctx)
}

// summary is the one line that the service manager shows.
func (d *device) summary() string {
	current, _ := d.models.Current()
	if current == nil {
		return "answering through the cloud only: no local model"
	}
	return "answering with " + current.String()
}
