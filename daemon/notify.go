package daemon

import (
	"context"
	"fmt"
	"log/slog"
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

func (n notifier) stopping() { n.send(sd.SdNotifyStopping + "\nSTATUS=finishing running answers") }

func (n notifier) status(status string) { n.send("STATUS=" + status) }

// watchdog reports life at half the interval that the service manager asks
// for, as long as healthy agrees; it returns when ctx ends, or at once when no
// watchdog is asked for.
func (n notifier) watchdog(ctx context.Context, healthy func(context.Context) error) {
	interval, err := sd.SdWatchdogEnabled(false)
	if err != nil {
		n.log.Warn("watchdog cannot be set up", "error", err)
	}
	if err != nil || interval <= 0 {
		return
	}
	tick := time.NewTicker(interval / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := n.alive(ctx, interval/4, healthy); err != nil && ctx.Err() == nil {
				n.log.Error("unhealthy; the watchdog is not told that this daemon lives", "error", err)
			}
		}
	}
}

func (n notifier) alive(ctx context.Context, limit time.Duration, healthy func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := healthy(ctx); err != nil {
		return fmt.Errorf("health check: %w", err)
	}
	n.send(sd.SdNotifyWatchdog)
	return nil
}
