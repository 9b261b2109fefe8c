package daemon

import (
	"context"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
)

const hangupSignal = syscall.SIGHUP

// serveActivated is the child of TestSocketActivation. Systemd knows the pid
// before it starts a process; here the child fills it in itself.
func serveActivated(t *testing.T) {
	t.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := Serve(ctx, testConfig(t), Options{loader: &fakeLoader{}}); err != nil {
		t.Fatal(err)
	}
}
