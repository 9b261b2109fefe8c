//go:build e2e

package cloud_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// mosquitto runs a real broker at address until stop or the test's end.
func mosquitto(t *testing.T, address string) (stop func()) {
	t.Helper()
	host, port := splitAddress(t, address)
	return runMosquitto(t, fmt.Sprintf("listener %s %s\nallow_anonymous true\n", port, host))
}

// runMosquitto is mosquitto with a configuration.
func runMosquitto(t *testing.T, text string) (stop func()) {
	t.Helper()
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		path = "/usr/sbin/mosquitto" // not on everybody's path in Debian
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("this test needs a real broker: apt-get install mosquitto (%v)", err)
	}
	config := filepath.Join(t.TempDir(), "mosquitto.conf")
	text = "persistence false\nlog_type none\nuser root\n" + text // root: else it cannot read this test's folder
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(path, "-c", config)
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			c.Process.Kill()
			c.Wait()
		}
	}
	t.Cleanup(stop)
	return stop
}

func TestMosquitto(t *testing.T) {
	address := unusedAddress(t)
	m := &model{}
	d := startDevice(t, address, "dev") // before there is a broker
	startWorker(t, address, m)
	startWorker(t, address, m)
	stop := mosquitto(t, address)
	results := make(chan error)
	for i := range 20 {
		go func() { results <- d.ask(t, fmt.Sprint("q", i), "is this a real broker, 世界?") }()
	}
	for range 20 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}

	stop()
	wait(t, "link down", func() bool { return !d.Up() })
	go func() { results <- d.ask(t, "meanwhile", "asked while it was away") }()
	wait(t, "question in the outbox", func() bool { return d.Depth() == 1 })
	mosquitto(t, address)
	if err := <-results; err != nil {
		t.Error(err)
	}
	wait(t, "empty outbox", func() bool { return d.Depth() == 0 })
}

func TestMosquittoKilledInMidAnswer(t *testing.T) {
	address := unusedAddress(t)
	stop := mosquitto(t, address)
	m := &model{step: make(chan struct{})}
	startWorker(t, address, m)
	d := startDevice(t, address, "dev")
	result := make(chan error)
	go func() { result <- d.ask(t, "q", "a long story") }()
	m.step <- struct{}{}
	stop()
	wait(t, "link down", func() bool { return !d.Up() })
	time.AfterFunc(100*time.Millisecond, func() { close(m.step) })
	mosquitto(t, address)
	if err := <-result; err != nil {
		t.Error(err)
	}
}

func splitAddress(t *testing.T, address string) (host, port string) {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}
