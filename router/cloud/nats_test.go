package cloud_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/a472be26/cusp/router/cloud"
	"github.com/a472be26/cusp/router/uplink"
)

// node is how one server of a cluster is reached.
type node struct{ Name, Client, Route, MQTT, Dir string }

// plan chooses the addresses of n servers.
func plan(t testing.TB, n int) []node {
	all := make([]node, n)
	for i := range all {
		all[i] = node{Name: fmt.Sprint("n", i), Client: loopback(t), Route: loopback(t), MQTT: loopback(t), Dir: filepath.Join(t.TempDir(), "store")}
	}
	return all
}

func loopback(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// runNode starts server i of a cluster; one alone is in no cluster.
func runNode(all []node, i int) (*server.Server, error) {
	port := func(address string) int {
		_, text, _ := net.SplitHostPort(address)
		n, _ := strconv.Atoi(text)
		return n
	}
	n := all[i]
	o := &server.Options{
		ServerName: n.Name, Host: "127.0.0.1", Port: port(n.Client), JetStream: true, StoreDir: n.Dir, NoLog: true, NoSigs: true,
		MQTT: server.MQTTOpts{Host: "127.0.0.1", Port: port(n.MQTT)},
	}
	if len(all) > 1 {
		o.MQTT.StreamReplicas = len(all) // by default as many as there are when the first client comes
		o.Cluster = server.ClusterOpts{Name: "cusp", Host: "127.0.0.1", Port: port(n.Route)}
		for _, other := range all {
			if other != n {
				o.Routes = append(o.Routes, &url.URL{Scheme: "nats", Host: other.Route})
			}
		}
	}
	s, err := server.NewServer(o)
	if err != nil {
		return nil, err
	}
	s.Start()
	if !s.ReadyForConnections(patience) {
		return nil, errors.New("the server does not start")
	}
	return s, nil
}

// startNATS runs one server until the test's end.
func startNATS(t *testing.T) node {
	t.Helper()
	all := plan(t, 1)
	s, err := runNode(all, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	return all[0]
}

// natsIntake is an intake whose waits are those of a test.
func natsIntake(t testing.TB, client, mqtt string) cloud.Intake {
	t.Helper()
	q, err := cloud.NewNATS(cloud.NATSOptions{
		URL: "nats://" + client, Broker: uplink.Broker{URL: "tcp://" + mqtt, MaxReconnect: time.Second},
		AckWait: time.Second, GiveBack: 50 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func startNATSWorker(t *testing.T, n node, p cloud.Provider) *cloud.Worker {
	t.Helper()
	w, err := cloud.Start(cloud.Options{Intake: natsIntake(t, n.Client, n.MQTT)}, p)
	if err != nil {
		t.Fatal(err)
	}
	stopAtEnd(t, w)
	wait(t, "worker up", w.Up)
	return w
}

func TestNATSAnswersManyDevices(t *testing.T) {
	t.Parallel()
	n := startNATS(t)
	m := &model{}
	startNATSWorker(t, n, m)
	startNATSWorker(t, n, m)
	devices := []*device{startDevice(t, n.MQTT, "one"), startDevice(t, n.MQTT, "dots.in.the:name")}
	results := make(chan error)
	const each = 20
	for i := range each {
		for _, d := range devices {
			go func() { results <- d.ask(t, fmt.Sprint("q", i), fmt.Sprint("what is ", i, ", 世界?")) }()
		}
	}
	for range each * len(devices) {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	for _, d := range devices {
		wait(t, "empty outbox", func() bool { return d.Depth() == 0 })
	}
	waitEmptyQueue(t, n)
}

// waitEmptyQueue waits until every question is acknowledged.
func waitEmptyQueue(t *testing.T, n node) {
	t.Helper()
	nc, err := nats.Connect("nats://" + n.Client)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	wait(t, "empty work queue", func() bool {
		reply, err := nc.Request("$JS.API.STREAM.INFO.CUSP_ASK", nil, time.Second)
		var info struct {
			State struct{ Messages int }
		}
		return err == nil && json.Unmarshal(reply.Data, &info) == nil && info.State.Messages == 0
	})
}

// The first worker takes a question and never settles it; its heartbeats end with it.
func TestNATSGivesADeadWorkersQuestionToAnother(t *testing.T) {
	t.Parallel()
	n := startNATS(t)
	dead := natsIntake(t, n.Client, n.MQTT)
	got := make(chan string, 8)
	if err := dead.Open("dead", func(p cloud.Parcel) { got <- p.Topic; select {} }, func() {}); err != nil {
		t.Fatal(err)
	}
	wait(t, "intake up", dead.Up)
	d := startDevice(t, n.MQTT, "dev", func(o *uplink.Options) {
		o.AcceptTimeout = patience // the device must not be the one to help
	})
	result := make(chan error)
	go func() { result <- d.ask(t, "q", "still there?") }()
	if topic := <-got; topic != uplink.AskTopic("dev") {
		t.Fatalf("question of %q", topic)
	}
	dead.Stop() // it hangs in take, and sends no heartbeats
	startNATSWorker(t, n, &model{})
	if err := <-result; err != nil {
		t.Error(err)
	}
	waitEmptyQueue(t, n)
}

// A worker that is stopped in the middle gives its question to another, at once.
func TestNATSStoppedWorkerGivesBack(t *testing.T) {
	t.Parallel()
	n := startNATS(t)
	first := &model{step: make(chan struct{})}
	w := startNATSWorker(t, n, first)
	d := startDevice(t, n.MQTT, "dev", func(o *uplink.Options) { o.AcceptTimeout, o.SilenceTimeout = patience, patience })
	result := make(chan error)
	go func() { result <- d.ask(t, "q", "who goes on?") }()
	wait(t, "question taken", func() bool { return first.calls.Load() == 1 })
	second := &model{}
	startNATSWorker(t, n, second)
	closeNow(w)
	if err := <-result; err != nil {
		t.Error(err)
	}
	if n := second.calls.Load(); n != 1 {
		t.Errorf("the other worker was asked %d times", n)
	}
	waitEmptyQueue(t, n)
}

// Whatever is in the queue must end, or it comes back for ever.
func TestNATSRubbishLeavesTheQueue(t *testing.T) {
	t.Parallel()
	n := startNATS(t)
	m := &model{}
	startNATSWorker(t, n, m)
	nc, err := nats.Connect("nats://" + n.Client)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	for subject, text := range map[string]string{
		"cusp.cloud.ask.dev": "<html>", "cusp.cloud.ask.a.b": "{}", "cusp.cloud.ask.dev2": `{"id":"q","messages":7}`,
		"cusp.cloud.ask.dev3": `{"id":"q","messages":[{"role":"user","content":"x"}],"ttl_ms":0}`,
	} {
		if err := nc.Publish(subject, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	waitEmptyQueue(t, n)
	if c := m.calls.Load(); c != 0 {
		t.Errorf("the model was asked %d times", c)
	}
}
