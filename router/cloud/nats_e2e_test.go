//go:build e2e

package cloud_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/a472be26/cusp/router/cloud"
	"github.com/a472be26/cusp/router/uplink"
)

// role is what a process of this test binary is; without one it tests.
type role struct {
	Node    int // of Nodes, with Worker unset
	Nodes   []node
	Worker  string        // name; empty: a server
	Client  string        // where the worker finds NATS
	MQTT    string        // and the listener
	Calls   string        // file that gets a line for every call of the provider
	Latency time.Duration // of the provider
	Turns   int           // questions answered at the same time
}

// roleEnv makes a process of this test binary play a role, so that it can be killed.
const roleEnv = "CUSP_TEST_ROLE"

// playRole plays until the parent is gone.
func playRole(text string) {
	var r role
	err := json.Unmarshal([]byte(text), &r)
	if err == nil {
		err = r.play()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

func (r role) play() error {
	if r.Worker == "" {
		_, err := runNode(r.Nodes, r.Node)
		return err
	}
	q, err := cloud.NewNATS(cloud.NATSOptions{
		URL: r.Client, Broker: uplink.Broker{URL: "tcp://" + r.MQTT, MaxReconnect: time.Second},
		AckWait: 2 * time.Second, GiveBack: 50 * time.Millisecond, Pulls: r.Turns,
	})
	if err != nil {
		return err
	}
	_, err = cloud.Start(cloud.Options{Intake: q, Concurrency: r.Turns, Alive: 500 * time.Millisecond}, scripted{r})
	return err
}

// scripted is a provider that takes its time and leaves a trace.
type scripted struct{ role }

func (s scripted) Complete(ctx context.Context, r cloud.Request, emit func(string) error) (cloud.Completion, error) {
	question := r.Messages[len(r.Messages)-1].Content
	f, err := os.OpenFile(s.Calls, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return cloud.Completion{}, err
	}
	fmt.Fprintf(f, "%s %s\n", s.Worker, strings.ReplaceAll(question, " ", "_"))
	f.Close()
	for _, word := range []string{"you asked: ", question} {
		select {
		case <-time.After(s.Latency / 2):
		case <-ctx.Done():
			return cloud.Completion{}, ctx.Err()
		}
		if err := emit(word); err != nil {
			return cloud.Completion{}, err
		}
	}
	return cloud.Completion{Text: "you asked: " + question, Finish: "stop", Model: "test-model", PromptTokens: 1, CompletionTokens: 2}, nil
}

// start runs a role until kill or the test's end.
func (r role) start(t testing.TB) (kill func()) {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), roleEnv+"="+string(text))
	c.Stderr = os.Stderr
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		c.Process.Kill()
		c.Wait()
		stdin.Close()
	})
	t.Cleanup(kill)
	return kill
}

// cluster is three servers, each a process, behind one address for devices.
type cluster struct {
	nodes []node
	kill  []func()
	front string
}

func startCluster(t testing.TB) *cluster {
	t.Helper()
	c := &cluster{nodes: plan(t, 3)}
	for i := range c.nodes {
		c.kill = append(c.kill, role{Node: i, Nodes: c.nodes}.start(t))
	}
	c.front = c.balance(t)
	wait(t, "cluster with a leader", func() bool {
		nc, err := nats.Connect(c.urls(), nats.Timeout(time.Second))
		if err != nil {
			return false
		}
		defer nc.Close()
		reply, err := nc.Request("$JS.API.INFO", nil, time.Second)
		return err == nil && !strings.Contains(string(reply.Data), `"error"`)
	})
	return c
}

func (c *cluster) urls() string {
	var all []string
	for _, n := range c.nodes {
		all = append(all, "nats://"+n.Client)
	}
	return strings.Join(all, ",")
}

// balance is what stands before the MQTT listeners: it passes a connection on to
// the first server that takes it.
func (c *cluster) balance(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go c.pass(in)
		}
	}()
	return l.Addr().String()
}

func (c *cluster) pass(in net.Conn) {
	defer in.Close()
	for _, n := range c.nodes {
		out, err := net.DialTimeout("tcp", n.MQTT, time.Second)
		if err != nil {
			continue
		}
		defer out.Close()
		go func() {
			io.Copy(out, in)
			out.Close()
		}()
		io.Copy(in, out)
		return
	}
}

func (c *cluster) worker(t testing.TB, name, calls string, latency time.Duration, turns int) (kill func()) {
	return role{Worker: name, Client: c.urls(), MQTT: c.front, Calls: calls, Latency: latency, Turns: turns}.start(t)
}

// consumers waits until the queue is there, with so many pulls waiting in it.
func (c *cluster) consumers(t testing.TB, pulls int) (leader string) {
	t.Helper()
	nc, err := nats.Connect(c.urls(), nats.MaxReconnects(-1))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	wait(t, "workers at the queue", func() bool {
		reply, err := nc.Request("$JS.API.CONSUMER.INFO.CUSP_ASK.cusp-workers", nil, time.Second)
		var info struct {
			Waiting int                     `json:"num_waiting"`
			Cluster struct{ Leader string } `json:"cluster"`
		}
		if err != nil || json.Unmarshal(reply.Data, &info) != nil {
			return false
		}
		leader = info.Cluster.Leader
		return info.Waiting >= pulls
	})
	return leader
}

// A server and a worker die while they have questions in hand. The server is the
// one that leads the queue, or the one that holds the devices' connections.
func TestNATSClusterLosesNothing(t *testing.T) {
	for _, which := range []string{"the leader of the queue", "the devices' server"} {
		t.Run(which, func(t *testing.T) {
			c := startCluster(t)
			calls := filepath.Join(t.TempDir(), "calls")
			const turns = 4
			killWorker := c.worker(t, "first", calls, 2*time.Second, turns)
			c.worker(t, "second", calls, 2*time.Second, turns)
			leader := c.consumers(t, 2*turns)
			d := startDevice(t, c.front, "dev", func(o *uplink.Options) { o.AcceptTimeout, o.SilenceTimeout = 5*time.Second, 5*time.Second })
			wait(t, "link up", d.Up)

			// 1. Ask more than can be answered at once.
			const asked = 24
			results := make(chan error, asked)
			for i := range asked {
				go func() { results <- d.ask(t, fmt.Sprint("q", i), fmt.Sprint("number ", i)) }()
			}
			wait(t, "calls of the provider", func() bool { return lines(calls) >= turns })

			// 2. Kill both in the middle.
			killWorker()
			victim := 0 // the balancer sends devices there
			for i, n := range c.nodes {
				if which == "the leader of the queue" && n.Name == leader {
					victim = i
				}
			}
			c.kill[victim]()

			// 3. Every question is answered, once.
			for range asked {
				if err := <-results; err != nil {
					t.Error(err)
				}
			}
			wait(t, "empty outbox", func() bool { return d.Depth() == 0 })
			if len(d.late) > 0 {
				t.Errorf("a second answer: %s", <-d.late)
			}
			t.Logf("%d questions, %d calls of the provider", asked, lines(calls))
		})
	}
}

func lines(path string) int {
	text, _ := os.ReadFile(path)
	return strings.Count(string(text), "\n")
}

// TestNATSThroughput prints how many questions are answered in a second as workers
// are added, with a provider that takes 200 ms and eight questions at a time in each
// worker: docs/cloud.md has the figures.
func TestNATSThroughput(t *testing.T) {
	const turns, latency, asked = 8, 200 * time.Millisecond, 480
	for _, workers := range []int{1, 2, 4} {
		c := startCluster(t)
		calls := filepath.Join(t.TempDir(), "calls")
		for i := range workers {
			c.worker(t, fmt.Sprint("w", i), calls, latency, turns)
		}
		c.consumers(t, workers*turns)
		var devices []*device
		for i := range 8 {
			devices = append(devices, startDevice(t, c.front, fmt.Sprint("dev", i), func(o *uplink.Options) { o.AcceptTimeout, o.SilenceTimeout = patience, patience }))
		}
		for _, d := range devices {
			wait(t, "link up", d.Up)
		}
		start := time.Now()
		results := make(chan error, asked)
		turn := make(chan struct{}, 2*workers*turns) // questions under way
		for i := range asked {
			turn <- struct{}{}
			go func() {
				defer func() { <-turn }()
				results <- devices[i%len(devices)].ask(t, fmt.Sprint("q", i), fmt.Sprint("number ", i))
			}()
		}
		for range asked {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		took := time.Since(start)
		ideal := float64(workers*turns) / latency.Seconds()
		t.Logf("%d workers: %5.1f answers/s, %3.0f%% of what the provider's latency allows (%.0f/s); %d calls for %d questions",
			workers, asked/took.Seconds(), 100*asked/took.Seconds()/ideal, ideal, lines(calls), asked)
		for _, kill := range c.kill {
			kill()
		}
	}
}
