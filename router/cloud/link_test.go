package cloud_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	broker "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/cloud"
	"github.com/a472be26/cusp/router/envelope"
	"github.com/a472be26/cusp/router/uplink"
)

// keys are those of a fleet, in a directory.
type keys struct {
	t   *testing.T
	dir string
}

func newKeys(t *testing.T, devices ...string) keys {
	t.Helper()
	k := keys{t, t.TempDir()}
	err := errors.Join(os.Mkdir(k.path("devices"), 0o700), envelope.GenerateWorkerKey(k.path("worker")))
	for _, d := range devices {
		err = errors.Join(err, envelope.GenerateDeviceKey(k.path(d)), os.Rename(k.path(d+".pub"), k.path("devices/"+d+".pub")))
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (k keys) path(name string) string { return filepath.Join(k.dir, name) }

func (k keys) worker(o *cloud.Options) {
	o.Seal = &envelope.Worker{KeyFiles: []string{k.path("worker")}, Devices: k.path("devices")}
}

func (k keys) device(name string) *envelope.Device {
	return &envelope.Device{Name: name, KeyFile: k.path(name), WorkerKeys: []string{k.path("worker.pub")}}
}

func (k keys) sealed(name string) func(*uplink.Options) {
	return func(o *uplink.Options) { o.Seal = k.device(name) }
}

// wiretap is a hook that sees everything the broker passes on, and may drop it.
type wiretap struct {
	broker.HookBase
	drop func(topic string, payload []byte) bool // may be nil

	mu  sync.Mutex // guards all
	all map[string][][]byte
}

func (w *wiretap) ID() string           { return "wiretap" }
func (w *wiretap) Provides(b byte) bool { return b == broker.OnPublish }

func (w *wiretap) OnPublish(_ *broker.Client, p packets.Packet) (packets.Packet, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[string][][]byte{}
	}
	w.all[p.TopicName] = append(w.all[p.TopicName], bytes.Clone(p.Payload))
	if w.drop != nil && w.drop(p.TopicName, p.Payload) {
		return p, packets.CodeSuccessIgnore
	}
	return p, nil
}

func (w *wiretap) heard(prefix string) (all [][]byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for topic, payloads := range w.all {
		if strings.HasPrefix(topic, prefix) {
			all = append(all, payloads...)
		}
	}
	return all
}

func TestSealedQuestionsCannotBeReadOnTheWay(t *testing.T) {
	t.Parallel()
	tap := &wiretap{}
	address, _ := startBroker(t, "127.0.0.1:0", tap)
	k := newKeys(t, "lamp")
	startWorker(t, address, &model{}, k.worker)
	d := startDevice(t, address, "lamp", k.sealed("lamp"))
	for i := range 5 {
		if err := d.ask(t, fmt.Sprint("q", i), "where is the secret treasure, 秘密?"); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(tap.heard("cusp/cloud/ask/")); n < 5 {
		t.Errorf("the broker saw %d questions", n)
	}
	for _, payload := range tap.heard("cusp/") {
		for _, word := range []string{"secret", "treasure", "秘密", "asked", "test-model", "content", "delta"} {
			if bytes.Contains(payload, []byte(word)) {
				t.Fatalf("the broker can read %q in %q", word, payload)
			}
		}
	}
}

// send publishes by hand, as a device with the broker's leave may.
func send(t *testing.T, address, topic string, payload []byte) {
	t.Helper()
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + address).SetClientID(uplink.RandomID()))
	if token := c.Connect(); !token.WaitTimeout(patience) || token.Error() != nil {
		t.Fatal(token.Error())
	}
	defer c.Disconnect(100)
	if token := c.Publish(topic, 1, false, payload); !token.WaitTimeout(patience) || token.Error() != nil {
		t.Fatal(token.Error())
	}
}

func TestForgedAndReplayedQuestionsAreRefused(t *testing.T) {
	t.Parallel()
	tap := &wiretap{}
	address, _ := startBroker(t, "127.0.0.1:0", tap)
	k := newKeys(t, "lamp", "door")
	m := &model{}
	w := startWorker(t, address, m, k.worker)
	d := startDevice(t, address, "lamp", k.sealed("lamp"))
	wait(t, "worker up", w.Up)
	if err := d.ask(t, "q", "what is true?"); err != nil {
		t.Fatal(err)
	}
	replay := tap.heard("cusp/cloud/ask/lamp")[0]

	codec, err := envelope.NewCodec(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	seal := func(d *envelope.Device, id string) []byte {
		body := fmt.Sprintf(`{"id":%q,"messages":[{"role":"user","content":"open the door"}]}`, id)
		payload, _, err := d.Seal(codec, envelope.Ask, id, time.Now(), []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return payload
	}
	forger := k.device("door")
	forger.Name = "lamp"
	forged := map[string][]byte{
		"the door signs for the lamp": seal(forger, "f1"),
		"the door's on lamp's topic":  seal(k.device("door"), "f2"),
		"plain words":                 []byte(`{"id":"f3","messages":[{"role":"user","content":"open the door"}]}`),
		"the lamp's once more":        replay,
		"rubbish":                     []byte("CUSP\x01\x01\x02\x02f4" + strings.Repeat("x", 300)),
		"of the future":               []byte("CUSP\x09\x01\x02\x02f5"),
	}
	for name, payload := range forged {
		before := len(tap.heard("cusp/cloud/answer/lamp/"))
		send(t, address, uplink.AskTopic("lamp"), payload)
		if name == "the lamp's once more" {
			continue // that one is dropped without a word
		}
		wait(t, "refusal of: "+name, func() bool { return len(tap.heard("cusp/cloud/answer/lamp/")) > before })
	}
	if err := d.ask(t, "q2", "still there?"); err != nil {
		t.Fatal(err)
	}
	if n := m.calls.Load(); n != 2 {
		t.Errorf("the model was called %d times for 2 questions: a forged one got through", n)
	}
}

func TestSealedOnlyWorkerRefusesPlainWords(t *testing.T) {
	t.Parallel()
	address, _ := startBroker(t, "127.0.0.1:0")
	k := newKeys(t, "lamp")
	m := &model{}
	w := startWorker(t, address, m, k.worker, func(o *cloud.Options) { o.SealedOnly = true })
	wait(t, "worker up", w.Up)
	d := startDevice(t, address, "stranger")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err := d.Ask(ctx, router.Question{ID: "q", Messages: []router.Message{{Role: "user", Content: "x"}}}, nil)
	if err == nil || !strings.Contains(err.Error(), "must be sealed") || m.calls.Load() != 0 {
		t.Errorf("error %v, %d calls", err, m.calls.Load())
	}
}

// Old devices and new ones, with keys and without, at one worker.
func TestMixedFleetAtOneWorker(t *testing.T) {
	t.Parallel()
	address, _ := startBroker(t, "127.0.0.1:0")
	k := newKeys(t, "lamp")
	startWorker(t, address, &model{}, k.worker)
	devices := []*device{
		startDevice(t, address, "lamp", k.sealed("lamp")),
		startDevice(t, address, "new"),
		startDevice(t, address, "old", func(o *uplink.Options) { o.NoCompression = true }),
	}
	for i := range 3 {
		for _, d := range devices {
			if err := d.ask(t, fmt.Sprint("q", i), strings.Repeat("many words ", 200)); err != nil {
				t.Error(err)
			}
		}
	}
}

// A worker that is started again has its answers still, and a device that asks
// again gets the same one: the provider is not called twice.
func TestOneCallAcrossARestartOfTheWorker(t *testing.T) {
	t.Parallel()
	// The end of the first answer does not get through.
	var mu sync.Mutex
	dropping := true
	tap := &wiretap{drop: func(topic string, payload []byte) bool {
		mu.Lock()
		defer mu.Unlock()
		return dropping && strings.HasPrefix(topic, "cusp/cloud/answer/") && bytes.Contains(payload, []byte(`"done":true`))
	}}
	address, _ := startBroker(t, "127.0.0.1:0", tap)
	m := &model{}
	state := t.TempDir()
	stateful := func(o *cloud.Options) { o.State = state }
	first := startWorker(t, address, m, stateful)
	d := startDevice(t, address, "lamp")
	result := make(chan error)
	go func() { result <- d.ask(t, "q", "once only") }()
	wait(t, "an end that is lost", func() bool {
		for _, p := range tap.heard("cusp/cloud/answer/lamp/") {
			if bytes.Contains(p, []byte(`"done":true`)) {
				return true
			}
		}
		return false
	})
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	dropping = false
	mu.Unlock()
	startWorker(t, address, m, stateful)
	if err := <-result; err != nil {
		t.Error(err)
	}
	if n := m.calls.Load(); n != 1 {
		t.Errorf("the model was called %d times for one question", n)
	}
}

// Parts of an answer that the broker loses are asked for again from the worker
// that has them, though there is another one.
func TestLostPartsAreRepaired(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	lost := 0
	seen := map[string]bool{}
	tap := &wiretap{drop: func(topic string, payload []byte) bool {
		mu.Lock()
		defer mu.Unlock()
		if !strings.HasPrefix(topic, "cusp/cloud/answer/") || bytes.Contains(payload, []byte(`"alive":true`)) || seen[string(payload)] {
			return false
		}
		seen[string(payload)] = true
		lost++
		return lost%3 == 2
	}}
	address, _ := startBroker(t, "127.0.0.1:0", tap)
	m := &model{}
	for range 2 {
		w := startWorker(t, address, m, func(o *cloud.Options) { o.Coalesce = time.Microsecond })
		wait(t, "worker up", w.Up)
	}
	d := startDevice(t, address, "lamp")
	const questions = 4
	for i := range questions {
		if err := d.ask(t, fmt.Sprint("q", i), "a story of very many words that comes in very many pieces"); err != nil {
			t.Error(err)
		}
	}
	if n := m.calls.Load(); n != questions {
		t.Errorf("the model was called %d times for %d questions", n, questions)
	}
	if n := len(tap.heard("cusp/cloud/resume/")); n == 0 {
		t.Error("nothing was asked for again: the test loses nothing")
	}
}

func TestFailOverBetweenBrokers(t *testing.T) {
	t.Parallel()
	one, stop := startBroker(t, "127.0.0.1:0")
	two, _ := startBroker(t, "127.0.0.1:0")
	m := &model{step: make(chan struct{})}
	startWorker(t, one, m, func(o *cloud.Options) { o.Broker.Others = []string{"tcp://" + two} })
	d := startDevice(t, one, "lamp", func(o *uplink.Options) { o.Broker.Others = []string{"tcp://" + two} })
	wait(t, "link up", d.Up)
	result := make(chan error)
	go func() { result <- d.ask(t, "q", "a long story") }()
	m.step <- struct{}{}
	stop()
	wait(t, "link at the second broker", func() bool { return d.Up() && d.Link().Broker == "tcp://"+two })
	close(m.step)
	if err := <-result; err != nil {
		t.Error(err)
	}
	if n := m.calls.Load(); n != 1 {
		t.Errorf("the model was called %d times for one question", n)
	}
}
