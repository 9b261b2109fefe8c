package deploy

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/cloud"
	"github.com/a472be26/cusp/router/uplink"
)

// startNATS runs one server by cloud/nats.conf, alone, without TLS and with the
// password "secret" for everybody, until the test's end.
func startNATS(t *testing.T) (client, mqtt string) {
	t.Helper()
	sample, err := os.ReadFile("cloud/nats.conf")
	if err != nil {
		t.Fatal(err)
	}
	client, mqtt = loopback(t), loopback(t)
	dir := t.TempDir()
	text := string(sample)
	for _, change := range [][2]string{
		{`(?s)\ncluster \{.*?\n\}`, ""}, {`(?s)\n\ttls \{.*?\n\t\}`, ""}, {`stream_replicas: 3`, "stream_replicas: 1"},
		{`store_dir: \S+`, fmt.Sprintf("store_dir: %q", filepath.Join(dir, "store"))}, {`max_file_store: 20GB`, "max_file_store: 4GB"},
		{`listen: 0.0.0.0:4222`, "listen: " + client}, {`listen: 0.0.0.0:8883`, "listen: " + mqtt},
		{`password: "[^"]*"`, `password: "secret"`},
	} {
		changed := regexp.MustCompile(change[0]).ReplaceAllLiteralString(text, change[1])
		if changed == text {
			t.Fatalf("nats.conf has no %s", change[0])
		}
		text = changed
	}
	path := filepath.Join(dir, "nats.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := server.ProcessConfigFile(path)
	if err != nil {
		t.Fatal(err)
	}
	o.NoLog, o.NoSigs = true, true
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("the server does not start")
	}
	return client, mqtt
}

func loopback(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

type echo struct{}

func (echo) Complete(_ context.Context, r cloud.Request, emit func(string) error) (cloud.Completion, error) {
	return cloud.Completion{Text: r.Messages[0].Content, Finish: "stop", Model: "echo"}, emit(r.Messages[0].Content)
}

// With the sample's permissions, worker and device find each other, and a device
// hears and says nothing of others.
func TestNATSPermissions(t *testing.T) {
	t.Parallel()
	client, listener := startNATS(t)
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	as := func(user string) uplink.Broker {
		return uplink.Broker{URL: "tcp://" + listener, Username: user, PasswordFile: password, MaxReconnect: time.Second}
	}
	q, err := cloud.NewNATS(cloud.NATSOptions{URL: "nats://" + client, Username: "cusp-worker", PasswordFile: password, Broker: as("cusp-worker")})
	if err != nil {
		t.Fatal(err)
	}
	w, err := cloud.Start(cloud.Options{Intake: q}, echo{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close(t.Context())
	d, err := uplink.Open(uplink.Options{
		Broker: as("thermostat-7"), Device: "thermostat-7", Outbox: filepath.Join(t.TempDir(), "outbox.db"),
		OnLate: func(router.Question, router.CloudAnswer, error) error { return nil }, AcceptTimeout: time.Second, MinBackoff: 100 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	a, err := d.Ask(ctx, router.Question{ID: "q", Messages: []router.Message{{Role: "user", Content: "hello"}}}, nil)
	if err != nil || a.Text != "hello" {
		t.Fatalf("answer %q, error %v", a.Text, err)
	}

	// The device's own user, in the hands of somebody curious.
	o := mqtt.NewClientOptions().AddBroker("tcp://" + listener).SetClientID("curious").SetUsername("thermostat-7").SetPassword("secret")
	c := mqtt.NewClient(o)
	if token := c.Connect(); !token.WaitTimeout(time.Minute) || token.Error() != nil {
		t.Fatal(token.Error())
	}
	defer c.Disconnect(0)
	for _, filter := range []string{"cusp/cloud/answer/other/+", "cusp/cloud/ask/+", "#", "cusp/other/ask"} {
		token := c.Subscribe(filter, 1, nil).(*mqtt.SubscribeToken)
		if !token.WaitTimeout(time.Minute) || token.Error() == nil && token.Result()[filter] != 0x80 {
			t.Errorf("it may hear %s", filter)
		}
	}
	if token := c.Subscribe("cusp/cloud/answer/thermostat-7/+", 1, nil).(*mqtt.SubscribeToken); !token.WaitTimeout(time.Minute) || token.Error() != nil {
		t.Errorf("it may not hear its own answers: %v", token.Error())
	}
}
