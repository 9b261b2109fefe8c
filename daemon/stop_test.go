package daemon

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/a472be26/cusp/daemon/api"
)

// streaming starts a daemon and an answer that has begun and waits for its pace.
func streaming(t *testing.T, drain time.Duration) (stop context.CancelFunc, served, answered chan error, pace chan struct{}) {
	t.Helper()
	cfg := testConfig(t)
	cfg.Service.Drain = drain
	l := &fakeLoader{pieces: 3}
	ctx, stop := context.WithCancel(t.Context())
	ready := make(chan struct{})
	served, answered, pace = make(chan error, 1), make(chan error, 1), make(chan struct{}, 3)
	go func() { served <- Serve(ctx, cfg, Options{loader: l, Ready: func() { close(ready) }}) }()
	<-ready
	l.made[0].pace = pace
	c := api.NewClient(cfg.API.Socket)
	t.Cleanup(c.Close)
	begun := make(chan struct{}, 3)
	go func() {
		_, err := c.Ask(t.Context(), ask("hi"), func(string) error { begun <- struct{}{}; return nil })
		answered <- err
	}()
	pace <- struct{}{}
	<-begun
	return stop, served, answered, pace
}

func TestStopLetsRunningAnswersFinish(t *testing.T) {
	t.Parallel()
	stop, served, answered, pace := streaming(t, patience)
	stop()
	select {
	case err := <-served:
		t.Fatalf("stopped under an answer: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	close(pace)
	if err := <-answered; err != nil {
		t.Errorf("answer: %v", err)
	}
	if err := <-served; err != nil {
		t.Errorf("serve: %v", err)
	}
}

func TestDrainIsBounded(t *testing.T) {
	t.Parallel()
	stop, served, answered, _ := streaming(t, 50*time.Millisecond)
	stop()
	select {
	case err := <-served:
		if err != nil {
			t.Errorf("serve: %v", err)
		}
	case <-time.After(stopGrace):
		t.Fatal("an answer that does not end holds the stop up")
	}
	if err := <-answered; err == nil {
		t.Error("the answer was cut and nobody told its asker")
	}
}

// A stop during the start, which may take minutes, is no failure.
func TestStopDuringTheStart(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	l := slowLoader{begun: make(chan struct{})}
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, testConfig(t), Options{loader: l}) }()
	<-l.begun
	cancel()
	if err := <-served; err != nil {
		t.Errorf("serve: %v", err)
	}
}

// slowLoader loads until its context ends.
type slowLoader struct{ begun chan struct{} }

func (l slowLoader) Load(ctx context.Context, _ Candidate) (Model, error) {
	close(l.begun)
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestCredentials(t *testing.T) {
	cfg := testConfig(t)
	cfg.Cloud.Broker, cfg.Cloud.PasswordCredential = "tcp://127.0.0.1:1", "mqtt"
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	serve := func() error { return Serve(t.Context(), cfg, Options{loader: &fakeLoader{}}) }
	if err := serve(); err == nil || !strings.Contains(err.Error(), "cloud.password_credential") || !strings.Contains(err.Error(), "LoadCredential=mqtt:FILE") {
		t.Errorf("without a service manager: %v", err)
	}
	dir := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	if err := serve(); err == nil || !strings.Contains(err.Error(), `"mqtt" was not passed`) {
		t.Errorf("without the credential: %v", err)
	}
	writeSecret(t, dir+"/mqtt", "geheim\n")
	o, err := cfg.Cloud.uplink().ClientOptions()
	if err := errors.Join(err, cfg.checkCredentials()); err != nil {
		t.Fatal(err)
	}
	if _, password := o.CredentialsProvider(); password != "geheim" {
		t.Errorf("the broker is told %q", password)
	}
}
