// Package daemon is the device daemon: it reads the configuration, starts the
// parts in order, keeps the service manager informed, reloads models, and stops
// without losing what was accepted. It is the only place that wires concrete
// parts together; it decides nothing about a question.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/infer/cuda"
	"github.com/a472be26/cusp/router/drift"
)

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
	gpu    cuda.Options
	root   fs.FS // instead of "/", where the memory is looked up, in tests
}

// Serve runs the daemon until ctx ends, and then stops within bounded time.
// It returns nil after a stop that was asked for.
func Serve(ctx context.Context, cfg Config, o Options) error {
	d := newDevice(cfg, o)
	hangup := make(chan os.Signal, 1)
	if o.Reload != nil { // before the start, which a hangup would end else
		signal.Notify(hangup, syscall.SIGHUP)
		defer signal.Stop(hangup)
	}
	if err := d.start(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("start daemon: %w", err)
	} else if err != nil {
		return nil // the stop came during the start
	}
	return d.run(ctx, hangup)
}

// start brings the parts up. What was opened is closed again on failure.
func (d *device) start(ctx context.Context) error {
	if err := d.bringUp(ctx); err != nil {
		return errors.Join(err, d.stop())
	}
	return nil
}

// bringUp opens the parts in the order in which they stand on each other.
func (d *device) bringUp(ctx context.Context) error {
	// 1. Check the configuration.
	if err := errors.Join(d.cfg.Check(), d.cfg.checkCredentials()); err != nil {
		return err
	}
	// 2. Take the socket: a second daemon ends here. Callers queue from now on.
	if err := errors.Join(d.listen(), d.listenTCP()); err != nil {
		return err
	}
	// 3. Open the records, and what is counted against budgets.
	if err := d.openState(); err != nil {
		return err
	}
	if err := d.openPolicy(); err != nil {
		return err
	}
	// 4. Bind the sensors, and what acts on them.
	if err := d.openSensors(); err != nil {
		return err
	}
	d.openGovernor()
	// 5. Load a model.
	if err := d.openModels(ctx); err != nil {
		return err
	}
	if err := d.openVectors(); err != nil {
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
func (d *device) run(ctx context.Context, hangup <-chan os.Signal) (err error) {
	alive, cancel := context.WithCancel(context.Background())
	defer cancel() // the watchdog hears of the drain too
	defer func() { err = errors.Join(err, d.stop()) }()
	defer context.AfterFunc(ctx, d.halt)() // also in the middle of a reload
	v := &vitals{models: d.models, door: d.selfCheck}
	go d.notify.watchdog(alive, v.check)
	d.notify.ready(d.summary())
	go d.notify.keepStatus(d.ctx, d.summary)
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

// selfCheck asks the daemon's own socket, so that the watchdog sees what a
// client sees. During a stop nobody answers there.
func (d *device) selfCheck(ctx context.Context) error {
	if d.ctx.Err() != nil {
		return nil
	}
	c := api.NewClient(d.listener.Addr().String())
	defer c.Close()
	if err := c.Health(ctx); err != nil && d.ctx.Err() == nil {
		return fmt.Errorf("health check: %w", err)
	}
	return nil
}

// summary is the one line that the service manager shows.
func (d *device) summary() string {
	current, refusal := d.models.Current()
	line := "answering through the cloud only: no local model"
	if current != nil {
		line = fmt.Sprintf("answering with %s; %d running, %d waiting", current, current.Running, current.Waiting)
	}
	if link := d.link(); link.Error != "" {
		line += "; the link process cannot be asked"
	} else if link.Configured {
		line += fmt.Sprintf("; cloud %s, %d on the way", upOrDown(link.Up), link.Outbox)
	}
	if d.govern != nil {
		line += d.govern.summary(d.engines)
	}
	if refusal != nil {
		line += "; a model was refused"
	}
	if p := d.promises.status(); p != nil && p.State == drift.InDoubt {
		line += "; the promise is in doubt"
	}
	if d.settings.status().Error != "" {
		line += "; the configuration on disk was refused"
	}
	return line
}
