package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/daemon/border"
	"github.com/a472be26/cusp/daemon/iot"
	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/uplink"
)

// LinkOptions are those of [ServeLink].
type LinkOptions struct {
	Log   *slog.Logger // nil: nothing is logged
	Ready func()       // called once when the engine can come
}

// link is a running link process: it has the brokers, their credentials and the
// outbox, and neither models nor records. Its parts are set once, by start.
type link struct {
	cfg    Config
	log    *slog.Logger
	notify notifier

	ctx  context.Context // ends when the stop begins to cut things
	halt context.CancelFunc

	listener net.Listener
	border   *border.Link
	uplink   *uplink.Uplink // nil without a cloud
	door     *iot.Door      // nil without a front door
	served   chan error     // what border.Serve returned
	open     chan struct{}  // closed when door is decided
	changed  chan struct{}  // there is something to announce
}

// ServeLink runs the link process until ctx ends, and then stops within bounded
// time. It returns nil after a stop that was asked for.
func ServeLink(ctx context.Context, cfg Config, o LinkOptions) error {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	l := &link{cfg: cfg, log: o.Log, notify: notifier{o.Log}, served: make(chan error, 1), open: make(chan struct{}), changed: make(chan struct{}, 1)}
	l.ctx, l.halt = context.WithCancel(context.Background())
	if err := l.start(); err != nil {
		return fmt.Errorf("start link: %w", errors.Join(err, l.stop()))
	}
	if o.Ready != nil {
		o.Ready()
	}
	return l.run(ctx)
}

// start opens the parts in the order in which they stand on each other.
func (l *link) start() error {
	// 1. Check the configuration.
	peers, err := l.check()
	if err != nil {
		return err
	}
	// 2. Take the socket: a second link ends here.
	if l.listener, err = api.Listen(l.cfg.Link.Socket, linkMode, ""); err != nil {
		return err
	}
	// 3. Prepare for the engine, which both brokers may ask for at once.
	l.border = border.NewLink(border.LinkOptions{
		Peers: peers, Report: func() any { return l.cfg.reportOf(l.uplink, l.door) },
		Announce: l.announce, Presence: l.present, Log: l.log,
	})
	// 4. Take up the outbox and connect to the cloud, which may take its time.
	if err := l.openUplink(); err != nil {
		return err
	}
	// 5. Open the front door.
	if err := l.openDoor(); err != nil {
		return err
	}
	// 6. Let the engine in.
	var carrier border.Carrier
	if l.uplink != nil {
		carrier = l.uplink
	}
	go func() { l.served <- l.border.Serve(l.listener, carrier) }()
	return nil
}

// linkMode is for a group that both processes' users are in; the kernel says who
// connects.
const linkMode = 0o660

func (l *link) check() (border.Peers, error) {
	err := errors.Join(l.cfg.Check(), checkPassed(l.cfg.linkCredentials(), linkUnit))
	if l.cfg.Link.Socket == "" {
		err = errors.Join(err, errors.New("no socket: set link.socket in the configuration, for both processes, or pass --socket"))
	}
	peers, peersErr := border.LookupPeers(l.cfg.Link.Peers)
	if peersErr != nil {
		err = errors.Join(err, fmt.Errorf("link.peers: %w", peersErr))
	}
	return peers, err
}

func (l *link) openUplink() error {
	if l.cfg.Cloud.Broker == "" {
		return nil
	}
	if err := os.MkdirAll(l.cfg.Link.State, 0o700); err != nil {
		return fmt.Errorf("state directory of the link: %w", err)
	}
	u, err := uplink.Open(l.cfg.uplink(l.cfg.Link.State, l.late, l.log))
	l.uplink = u
	return err
}

func (l *link) openDoor() error {
	defer close(l.open)
	if !l.cfg.IoT.Enable {
		return nil
	}
	door, err := l.cfg.openDoor(l.border, l.deviceStatus, l.log)
	l.door = door
	return err
}

// late hands a late answer to the engine, which records it, and then to an asker
// over MQTT. Until both are done it stays in the outbox.
func (l *link) late(q router.Question, c router.CloudAnswer, failure error) error {
	q, a, err := l.border.Late(l.ctx, q, c, failure)
	if err != nil || a.Receipt.ID == "" || q.Asker != askerIoT {
		return err
	}
	select { // the front door opens after the uplink
	case <-l.open:
	case <-l.ctx.Done():
		return context.Cause(l.ctx)
	}
	if l.door == nil {
		return nil // it was switched off in the meantime
	}
	return l.door.Late(q, a)
}

// run says that the link is ready and waits for its end.
func (l *link) run(ctx context.Context) (err error) {
	alive, cancel := context.WithCancel(context.Background())
	defer cancel() // the watchdog hears of the drain too
	defer func() { err = errors.Join(err, l.stop()) }()
	go l.notify.watchdog(alive, l.selfCheck)
	l.notify.ready(l.summary())
	go l.notify.keepStatus(ctx, l.summary)
	l.log.Info("ready", "socket", l.cfg.Link.Socket, "device", l.cfg.Device.ID)
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-l.served:
			return fmt.Errorf("serve the socket: %w", errors.Join(errSocketGone, err))
		case <-l.changed:
			if l.door != nil {
				l.door.Announce()
			}
		}
	}
}

// announce publishes the device's status soon.
func (l *link) announce() {
	select {
	case l.changed <- struct{}{}:
	default: // it will be
	}
}

// present hears of the engine.
func (l *link) present(there bool) {
	if there {
		l.log.Info("the engine process is there")
	} else {
		l.log.Warn("the engine process is gone; questions over MQTT wait for it")
	}
	l.announce()
}

// deviceStatus is what the front door publishes. Without an engine nobody answers,
// and the device says so.
func (l *link) deviceStatus() any {
	status, err := l.border.Status(l.ctx)
	if err != nil {
		return Absent{Device: l.cfg.Device.ID, Error: err.Error()}
	}
	return status
}

// Absent is the status of a device whose engine cannot be asked.
type Absent struct {
	Online bool   `json:"online"` // false
	Device string `json:"device"`
	Error  string `json:"error"`
}

// summary is the one line that the service manager shows.
func (l *link) summary() string {
	line := "the engine is gone"
	if l.border.Present() {
		line = "the engine is there"
	}
	r := l.cfg.reportOf(l.uplink, l.door)
	if r.Configured {
		line += fmt.Sprintf("; cloud %s, %d on the way", upOrDown(r.Up), r.Outbox)
	}
	if r.IoT != nil {
		line += "; front door " + upOrDown(*r.IoT)
	}
	if !r.Configured && r.IoT == nil {
		line += "; no broker is configured"
	}
	return line
}

// selfCheck asks at the link's own socket, as the engine does.
func (l *link) selfCheck(ctx context.Context) error {
	var r LinkReport
	return border.NewCloud(l.cfg.Link.Socket, nil, l.log).Report(ctx, &r)
}

// stop lets running answers finish, for as long as the configuration allows, and
// closes the parts. It returns within bounded time.
func (l *link) stop() error {
	drain := l.cfg.Service.Drain
	l.notify.stopping(drain + stopGrace)
	done := make(chan error, 1)
	go func() { done <- l.close(drain) }()
	select {
	case err := <-done:
		l.log.Info("stopped")
		return err
	case <-time.After(drain + stopGrace):
		return errStuck
	}
}

func (l *link) close(drain time.Duration) error {
	var errs []error
	if l.door != nil {
		ctx, cancel := context.WithTimeout(context.Background(), drain)
		l.door.Close(ctx)
		cancel()
	}
	l.halt() // late answers wait for the engine no longer
	if l.uplink != nil {
		errs = append(errs, l.uplink.Close())
	}
	if l.border != nil {
		errs = append(errs, l.border.Close())
	}
	if l.listener != nil {
		_ = l.listener.Close() // perhaps again
	}
	return errors.Join(errs...)
}
