package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/infer/builtin"
	"github.com/a472be26/cusp/packaging/bundle"
	"github.com/a472be26/cusp/router/cloud"
	"github.com/a472be26/cusp/router/uplink"
)

// house is everything that runs during the tour, in one temporary directory.
type house struct {
	out     io.Writer
	version string
	teacher string
	remark  string
	log     *slog.Logger

	dir    string
	key    bundle.PrivateKey // signs the update
	broker *broker
	spy    *spy
	worker *cloud.Worker
	cfg    daemon.Config
	client *api.Client

	closers []func()
}

// build starts broker, worker and device, and waits until they see each other.
func build(ctx context.Context, o Options) (h *house, err error) {
	h = &house{out: o.Out, version: o.Version, teacher: o.Model, remark: o.Remark, log: o.Log}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	// 1. A place for sockets, models and records. Unix socket paths are short.
	if h.dir, err = os.MkdirTemp("", "cusp-demo-"); err != nil {
		return nil, err
	}
	h.onClose(func() { os.RemoveAll(h.dir) })
	// 2. The built-in student as an installed, signed bundle.
	if err := h.installStudent(); err != nil {
		return nil, err
	}
	// 3. The broker, and an ear on its wire.
	if h.broker, err = newBroker(); err != nil {
		return nil, err
	}
	h.onClose(func() { _ = h.broker.stop() })
	h.spy = new(spy)
	// 4. The cloud worker.
	if err := h.startWorker(o.Provider); err != nil {
		return nil, err
	}
	// 5. The device.
	return h, h.startDevice(ctx)
}

func (h *house) onClose(f func()) { h.closers = append(h.closers, f) }

func (h *house) close() {
	for i := len(h.closers) - 1; i >= 0; i-- {
		h.closers[i]()
	}
	h.closers = nil
}

func (h *house) models() string { return filepath.Join(h.dir, "models") }
func (h *house) trust() string  { return filepath.Join(h.dir, "keys") }

// installStudent unpacks the built-in student and makes it current. A key of
// our own, trusted by this device alone, will sign the update.
func (h *house) installStudent() error {
	files, err := builtin.Student()
	if err != nil {
		return err
	}
	own, err := builtin.PublicKey()
	if err != nil {
		return err
	}
	private := filepath.Join(h.dir, "update.key")
	if _, err := bundle.GenerateKey(private, ""); err != nil {
		return err
	}
	if h.key, err = bundle.ReadPrivateKey(private, ""); err != nil {
		return err
	}
	public, err := os.ReadFile(bundle.PublicPath(private))
	if err != nil {
		return err
	}
	unpacked := filepath.Join(h.dir, "student")
	return errors.Join(
		os.Mkdir(h.trust(), 0o755),
		os.WriteFile(filepath.Join(h.trust(), "project.pub"), own, 0o644),
		os.WriteFile(filepath.Join(h.trust(), "update.pub"), public, 0o644),
		os.CopyFS(unpacked, files),
		h.install(unpacked),
	)
}

// install makes the bundle at dir current; a running device reloads by itself.
func (h *house) install(dir string) error {
	trust, err := bundle.ReadTrust(h.trust())
	if err != nil {
		return err
	}
	_, err = bundle.Install(dir, h.models(), bundle.Policy{Trust: trust})
	return err
}

func (h *house) startWorker(p cloud.Provider) (err error) {
	h.worker, err = cloud.Start(cloud.Options{Broker: h.link(), Log: h.log}, p)
	if err != nil {
		return err
	}
	h.onClose(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = h.worker.Close(ctx)
	})
	return nil
}

// link is the broker as worker and device reach it; a demo need not wait long.
func (h *house) link() uplink.Broker {
	return uplink.Broker{URL: h.broker.url(), MaxReconnect: time.Second}
}

func (h *house) startDevice(ctx context.Context) error {
	h.cfg = h.config()
	h.client = api.NewClient(h.cfg.API.Socket)
	ctx, cancel := context.WithCancel(ctx)
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- daemon.Serve(ctx, h.cfg, daemon.Options{Version: h.version, Log: h.log, Ready: func() { close(ready) }})
	}()
	select {
	case err := <-ended:
		cancel()
		return err
	case <-ready:
	}
	h.onClose(func() { cancel(); <-ended; h.client.Close() })
	if err := h.broker.listen(h.spy.hear); err != nil {
		return err
	}
	return h.until(ctx, "device and worker see the broker", func(s daemon.Status) bool {
		return s.Link.Up && s.IoT != nil && *s.IoT && h.worker.Up()
	})
}

func (h *house) config() daemon.Config {
	c := daemon.DefaultConfig()
	c.Device.ID = "demo"
	c.API.Socket = filepath.Join(h.dir, "cusp.sock")
	c.State.Dir = filepath.Join(h.dir, "state")
	c.Model.Dir, c.Model.Trust = h.models(), []string{h.trust()}
	c.Cloud.Broker = h.broker.url()
	c.IoT.Enable = true
	return c
}

// status asks the device, over its socket.
func (h *house) status(ctx context.Context) (s daemon.Status, err error) {
	return s, h.client.Status(ctx, &s)
}

// student is the serving model's name and version.
func (h *house) student() string {
	s, err := h.status(context.Background())
	if err != nil || s.Model == nil {
		return "no model"
	}
	return s.Model.String()
}

// until waits for a state of the device.
func (h *house) until(ctx context.Context, what string, reached func(daemon.Status) bool) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		s, err := h.status(ctx)
		if err == nil && reached(s) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting until %s: %w", what, errors.Join(ctx.Err(), err))
		case <-tick.C:
		}
	}
}
