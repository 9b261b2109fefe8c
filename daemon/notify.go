package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"syscall"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"
)

// notifier talks to the service manager; without one every call does nothing.
type notifier struct{ log *slog.Logger }

func (n notifier) send(state string) {
	if _, err := sd.SdNotify(false, state); err != nil {
		n.log.Warn("service manager cannot be notified", "state", state, "error", err)
	}
}

func (n notifier) ready(status string) { n.send(sd.SdNotifyReady + "\nSTATUS=" + status) }

// reloading carries the time, as sd_notify(3) asks of it; ready ends it.
func (n notifier) reloading() { n.send(sd.SdNotifyReloading + "\n" + sd.SdNotifyMonotonicUsec()) }

// stopping also asks for the time that the stop may take.
func (n notifier) stopping(limit time.Duration) {
	n.send(sd.SdNotifyStopping + "\nSTATUS=finishing running answers\n" + extension(limit))
}

func (n notifier) status(status string) { n.send("STATUS=" + status) }

// listening tells whether there is a service manager.
func (n notifier) listening() bool { return os.Getenv("NOTIFY_SOCKET") != "" }

const (
	statusEvery = 5 * time.Second // between two looks at the status
	extendEvery = 5 * time.Second // between two requests for more time
	// extendBy is how long a load may show no progress once the unit's own time
	// limit is over.
	extendBy = 30 * time.Second
)

// keepStatus shows what summary says, when it says something new, until ctx ends.
func (n notifier) keepStatus(ctx context.Context, summary func() string) {
	if !n.listening() {
		return
	}
	tick := time.NewTicker(statusEvery)
	defer tick.Stop()
	for shown := ""; ; {
		if now := summary(); now != shown {
			n.status(now)
			shown = now
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// loading asks the service manager for more time, as long as this process gets
// on, until the function that it returns is called. A load that hangs, such as
// one from a dead disk, is asked nothing for and runs into the unit's limit.
func (n notifier) loading(what string) (end func()) {
	if !n.listening() {
		return func() {}
	}
	n.send("STATUS=loading " + what + "\n" + extension(extendBy))
	done := make(chan struct{})
	go n.extend(done, extendEvery, effort)
	return func() { close(done) }
}

func (n notifier) extend(done <-chan struct{}, every time.Duration, effort func() int64) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for before := effort(); ; {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		if now := effort(); now > before {
			n.send(extension(extendBy))
			before = now
		}
	}
}

func extension(by time.Duration) string {
	return fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", by.Microseconds())
}

// effort grows while this process computes, in steps of 10 ms, or reads from a
// disk: see getrusage(2).
func effort() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	cpu := time.Duration(u.Utime.Nano() + u.Stime.Nano())
	return int64(cpu/(10*time.Millisecond)) + int64(u.Inblock) + int64(u.Majflt)
}

// looks is how often the watchdog looks in the time after which the service
// manager takes this daemon for dead: a single bad look is forgiven.
const looks = 4

// watchdog reports life as often as alive finds it, until ctx ends; it returns at
// once when no watchdog is asked for. An alive that does not return reports
// nothing.
func (n notifier) watchdog(ctx context.Context, alive func(context.Context) error) {
	interval, err := sd.SdWatchdogEnabled(false)
	if err != nil {
		n.log.Warn("watchdog cannot be set up", "error", err)
	}
	if err != nil || interval <= 0 {
		return
	}
	tick := time.NewTicker(interval / looks)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			n.beat(ctx, interval/looks, alive)
		}
	}
}

func (n notifier) beat(ctx context.Context, limit time.Duration, alive func(context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := alive(ctx)
	if err == nil {
		n.send(sd.SdNotifyWatchdog)
	} else if ctx.Err() != context.Canceled {
		n.log.Error("unhealthy; the watchdog is not told that this daemon lives", "error", err)
	}
}
