//go:build e2e

package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/infer/modeltest"
	"github.com/a472be26/cusp/packaging/bundle"
	"github.com/a472be26/cusp/router"
)

const (
	streams      = 64
	streamTokens = 180 // of a context of 256
)

// TestTwentySwapsUnderSixtyFourStreams is contract 2 with everything real: 64
// streams over the socket, 20 model updates among them broken, truncated,
// wrongly signed, too slow and wrong ones. All good versions have the same
// weights, so every answer must be the same text to its last token; every refusal
// must be seen in the status, the log and over MQTT; and in the end there is one
// model in memory. It prints what a swap cost the streams.
func TestTwentySwapsUnderSixtyFourStreams(t *testing.T) {
	r := newSwapRig(t)
	r.install("1.0", nil)
	r.start()
	before := r.memory()
	r.stream()
	time.Sleep(time.Second) // of streams without any update, to compare with

	for i, kind := range []string{
		"good", "broken", "good", "truncated", "good", "unsigned key", "good", "wrong", "good", "slow",
		"good", "good", "broken", "good", "slow", "good", "truncated", "wrong", "good", "good",
	} {
		version := fmt.Sprintf("2.%d", i)
		r.update(kind, version)
		if says := r.kinds[kind].says; says == "" {
			r.wantServing(version)
		} else {
			r.wantRefused(kind, version, says)
		}
	}
	time.Sleep(time.Second)
	r.finish()
	r.report()
	r.gaps = nil
	r.wantOneModel(before)
}

// swapRig is a daemon with its clients.
type swapRig struct {
	*testing.T
	m, stranger maker
	slow        string // path of weights
	cfg         Config
	kinds       map[string]swapKind
	client      *api.Client
	log         *quietBuffer
	statuses    chan Status // over MQTT
	serving     string
	text        string // of every answer

	stop         context.CancelFunc
	asking       sync.WaitGroup
	mu           sync.Mutex  // guards the fields below
	gaps         []interval  // between two pieces of a stream
	loads        []interval  // from the installation to the swap or the refusal
	swaps        []time.Time // when a model began to serve
	answers      int
	began, ended time.Time
}

type swapKind struct {
	spoil func(dir string)                                    // the installed bundle
	write func(man *bundle.Manifest, files map[string]string) // before it is signed
	key   *bundle.PrivateKey
	says  string // the reason of the refusal, "" for none
}

type interval struct{ from, to time.Time }

func newSwapRig(t *testing.T) *swapRig {
	r := &swapRig{T: t, m: newMaker(t), stranger: newMaker(t), log: new(quietBuffer), statuses: make(chan Status, 1000)}
	shape := modeltest.Small()
	shape.Dim, shape.Layers, shape.FFN, shape.Heads, shape.KVHeads, shape.HeadDim = 768, 6, 3072, 12, 12, 64
	r.slow = filepath.Join(t.TempDir(), "slow.gguf")
	if err := os.WriteFile(r.slow, shape.Chat(t), 0o600); err != nil {
		t.Fatal(err)
	}
	r.cfg = r.m.config(t)
	r.cfg.Model.Threads, r.cfg.Model.Sequences, r.cfg.Model.MinSpeed = 2, streams, 100
	r.cfg.IoT.Enable, r.cfg.IoT.Broker = true, "tcp://"+freePort(t)
	startBroker(t, strings.TrimPrefix(r.cfg.IoT.Broker, "tcp://"))
	r.kinds = map[string]swapKind{
		"good": {},
		"broken": {says: RefusedHash, spoil: func(dir string) {
			r.rewrite(filepath.Join(dir, bundle.ModelFile), func(b []byte) []byte { b[len(b)/2]++; return b })
		}},
		"truncated": {says: RefusedHash, spoil: func(dir string) {
			r.rewrite(filepath.Join(dir, bundle.ModelFile), func(b []byte) []byte { return b[:len(b)*2/3] })
		}},
		"unsigned key": {says: RefusedSignature, key: &r.stranger.key},
		"wrong": {says: RefusedTest, write: func(man *bundle.Manifest, _ map[string]string) {
			man.Report = map[string]any{"golden": []Golden{{Prompt: "hi", Text: "certainly not this"}}}
		}},
		"slow": {says: RefusedSpeed, write: func(_ *bundle.Manifest, files map[string]string) { files[bundle.ModelFile] = r.slow }},
	}
	return r
}

func (r *swapRig) rewrite(path string, change func([]byte) []byte) {
	r.Helper()
	data, err := os.ReadFile(path)
	if err := errors.Join(err, os.Remove(path)); err != nil { // what is mapped stays as it is
		r.Fatal(err)
	}
	if err := os.WriteFile(path, change(data), 0o600); err != nil {
		r.Fatal(err)
	}
}

// install puts a bundle in place as a package does: first the files, then the link.
func (r *swapRig) install(version string, k *swapKind) {
	r.Helper()
	if k == nil {
		k = &swapKind{}
	}
	key := r.m.key
	if k.key != nil {
		key = *k.key
	}
	built := r.m.bundle(r.T, version, key, k.write)
	home := filepath.Join(r.cfg.Model.Dir, "mm")
	dir := filepath.Join(home, version)
	err := os.MkdirAll(home, 0o755)
	if out, copied := exec.Command("cp", "-r", built, dir).CombinedOutput(); copied != nil {
		err = errors.Join(err, fmt.Errorf("%w: %s", copied, out))
	}
	if err != nil {
		r.Fatal(err)
	}
	if k.spoil != nil {
		k.spoil(dir)
	}
	if err := bundle.Switch(r.cfg.Model.Dir, "mm", version); err != nil {
		r.Fatal(err)
	}
}

func (r *swapRig) start() {
	r.Helper()
	log := slog.New(slog.NewTextHandler(r.log, nil))
	r.client, _ = serveReal(r.T, r.cfg, Options{Log: log})
	r.serving = "1.0"
	a, err := r.client.Ask(r.Context(), question(), nil)
	if err != nil || a.Receipt.CompletionTokens != streamTokens {
		r.Fatalf("reference %+v, %v", a, err)
	}
	r.text = a.Text
	listener := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(r.cfg.IoT.Broker).SetClientID("listener"))
	if t := listener.Connect(); !t.WaitTimeout(patience) || t.Error() != nil {
		r.Fatal(t.Error())
	}
	r.Cleanup(func() { listener.Disconnect(0) })
	listener.Subscribe("cusp/d1/status", 1, func(_ mqtt.Client, m mqtt.Message) {
		var s Status
		if json.Unmarshal(m.Payload(), &s) == nil {
			r.statuses <- s
		}
	})
}

func question() router.Question {
	q := ask("say something")
	q.Options.MaxTokens, q.Options.IgnoreEOS = streamTokens, true
	return q
}

// stream begins all streams; each asks again and again.
func (r *swapRig) stream() {
	ctx, stop := context.WithCancel(r.Context())
	r.stop, r.began = stop, time.Now()
	for range streams {
		r.asking.Go(func() {
			c := api.NewClient(r.cfg.API.Socket)
			defer c.Close()
			for ctx.Err() == nil {
				r.one(c)
			}
		})
	}
}

func (r *swapRig) one(c *api.Client) {
	var gaps []interval
	var last time.Time
	a, err := c.Ask(r.Context(), question(), func(string) error {
		now := time.Now()
		if !last.IsZero() {
			gaps = append(gaps, interval{last, now})
		}
		last = now
		return nil
	})
	if err != nil || a.Text != r.text || a.Receipt.CompletionTokens != streamTokens {
		r.Errorf("answer of %d tokens, %d of %d bytes: %v", a.Receipt.CompletionTokens, len(a.Text), len(r.text), err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gaps = append(r.gaps, gaps...)
	r.answers++
}

// update installs a bundle and waits for what becomes of it.
func (r *swapRig) update(kind, version string) {
	r.Helper()
	k, ok := r.kinds[kind]
	if !ok {
		r.Fatalf("kind %q", kind)
	}
	refusals := strings.Count(r.log.String(), "model refused")
	r.install(version, &k)
	from := time.Now()
	for end := from.Add(time.Minute); ; time.Sleep(time.Millisecond) {
		done := strings.Count(r.log.String(), "model refused") > refusals
		if k.says == "" {
			done = strings.Contains(r.log.String(), "mm@"+version+" from=") && strings.Contains(r.log.String(), `"model serves" model=mm@`+version)
		}
		if done {
			break
		}
		if time.Now().After(end) {
			r.Fatalf("%s %s: nothing happened\n%s", kind, version, r.log)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.loads = append(r.loads, interval{from, time.Now()})
}

func (r *swapRig) status() (s Status) {
	r.Helper()
	if err := r.client.Status(r.Context(), &s); err != nil {
		r.Fatal(err)
	}
	return s
}

func (r *swapRig) wantServing(version string) {
	r.Helper()
	s := r.status()
	if s.Model.Version != version || s.Refusal != nil {
		r.Fatalf("%s serves, refused %+v; want %s", s.Model, s.Refusal, version)
	}
	r.serving = version
	r.mu.Lock()
	r.swaps = append(r.swaps, s.Model.Since)
	r.mu.Unlock()
}

// wantRefused looks for the reason in all places.
func (r *swapRig) wantRefused(kind, version, reason string) {
	r.Helper()
	told := func(s Status) bool {
		return s.Model.Version == r.serving && s.Refusal != nil && s.Refusal.Reason == reason && strings.HasSuffix(s.Refusal.Model, version)
	}
	s := r.status()
	shown := func(s Status) bool { // the screen has room for a reason and the beginning of what it says
		return strings.Contains(s.Text(), result(reason)+": ") && strings.Contains(bare(s.Text()), bare(s.Refusal.Error[:40]))
	}
	if !told(s) || !shown(s) || s.Reloads[reason] == 0 {
		r.Errorf("%s %s: status %+v, %v", kind, version, s.Refusal, s.Reloads)
	}
	if log := r.log.String(); !strings.Contains(log, "reason="+reason) || !strings.Contains(log, "mm/"+version) {
		r.Errorf("%s %s: not in the log", kind, version)
	}
	for end := time.After(patience); ; {
		select {
		case s := <-r.statuses:
			if told(s) {
				return
			}
		case <-end:
			r.Fatalf("%s %s: the refusal was not told over MQTT", kind, version)
		}
	}
}

func (r *swapRig) finish() {
	r.Helper()
	r.stop()
	r.ended = time.Now()
	r.asking.Wait()
	s := r.status()
	if s.Model.Swaps != 11 || s.Counters.Failed != 0 {
		r.Errorf("%d swaps, counters %+v", s.Model.Swaps, s.Counters)
	}
}

// footprint is what must not grow.
type footprint struct{ heap, models, mappings, goroutines, files int }

func (r *swapRig) memory() footprint {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	maps, err := os.ReadFile("/proc/self/maps")
	files, err2 := os.ReadDir("/proc/self/fd")
	if err := errors.Join(err, err2); err != nil {
		r.Fatal(err)
	}
	return footprint{int(stats.HeapAlloc), strings.Count(string(maps), bundle.ModelFile), bytes.Count(maps, []byte("\n")), runtime.NumGoroutine(), len(files)}
}

// wantOneModel waits until everything of the others is gone.
func (r *swapRig) wantOneModel(before footprint) {
	r.Helper()
	var now footprint
	r.client.Close()
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		now = r.memory()
		const slack, more = 8 << 20, 16 // answers that are remembered; mappings and goroutines of the runtime's own
		if now.models == before.models && now.heap < before.heap+slack && now.mappings < before.mappings+2*more &&
			now.goroutines < before.goroutines+more && now.files < before.files+more {
			break
		}
		if time.Now().After(end) {
			r.Errorf("memory is %+v, was %+v", now, before)
			break
		}
	}
	r.Logf("memory with one model before %+v and after %+v", before, now)
}

// report prints how long the streams were silent at the moments of the swaps,
// beside moments of quiet times and of loads: a moment falls into long silences
// more often than into short ones, so only moments compare with moments.
func (r *swapRig) report() {
	slices.SortFunc(r.gaps, func(a, b interval) int { return a.from.Compare(b.from) })
	var quiet, loading []time.Time
	const every = 25 * time.Millisecond
	for t := r.began.Add(every); t.Before(r.ended); t = t.Add(every) {
		if slices.ContainsFunc(r.loads, func(i interval) bool { return i.from.Before(t) && t.Before(i.to) }) {
			loading = append(loading, t)
		} else {
			quiet = append(quiet, t)
		}
	}
	r.Logf("%d answers of %d tokens, %d swaps; silence of a stream around a moment:", r.answers, streamTokens, len(r.swaps))
	for _, c := range []struct {
		name    string
		moments []time.Time
	}{{"in quiet times", quiet}, {"while a model is installed, loaded and tested", loading}, {"of a swap", r.swaps}} {
		all := r.silences(c.moments)
		part := func(p float64) time.Duration { return all[int(p*float64(len(all)-1))].Round(10 * time.Microsecond) }
		r.Logf("%-46s median %v, 90%% %v, 99%% %v, longest %v (%d)", c.name, part(0.5), part(0.9), part(0.99), part(1), len(all))
	}
}

// silences are the lengths of the gaps that hold one of the moments.
func (r *swapRig) silences(moments []time.Time) (all []time.Duration) {
	for _, t := range moments {
		for _, g := range r.gaps {
			if g.from.After(t) {
				break
			}
			if t.Before(g.to) {
				all = append(all, g.to.Sub(g.from))
			}
		}
	}
	slices.Sort(all)
	return all
}

// quietBuffer is a log that can be read while it is written.
type quietBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *quietBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if bytes.Contains(p, []byte("msg=answered")) {
		return len(p), nil // thousands
	}
	return b.text.Write(p)
}

func (b *quietBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
