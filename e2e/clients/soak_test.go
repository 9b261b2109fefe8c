//go:build e2e

package clients

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/infer/modeltest"
	"github.com/a472be26/cusp/router"
)

const (
	soakTime    = time.Minute // or $CUSP_SOAK
	soakClients = 12
	soakWorkers = 2
)

// TestSoak has clients of every kind ask a real daemon while models come and go,
// good and broken ones, the broker is killed and so are the workers of the cloud.
// At the end every question that was asked to its end has one answer or an error
// that says why, the outbox is empty, and goroutines, descriptors, mappings and
// memory are what they were. The faults follow from $CUSP_SOAK_SEED; what meets
// what is up to the machine.
func TestSoak(t *testing.T) {
	s := newSoak(t)
	s.warmUp()
	before := s.usage()
	s.run(s.time)
	s.settle()
	s.check(before)
}

type soak struct {
	*testing.T
	device *device
	port   string // of the broker
	http   *http.Client
	time   time.Duration
	seed   uint64

	broker  *exec.Cmd
	workers []*exec.Cmd
	models  [][]byte // good ones
	model   int      // that was installed last

	mu     sync.Mutex // guards the fields below
	counts map[string]int
	lost   []string
	ids    []string // that were answered, in their order
}

func newSoak(t *testing.T) *soak {
	s := &soak{T: t, time: soakTime, seed: 1, counts: map[string]int{}}
	if text := os.Getenv("CUSP_SOAK"); text != "" {
		var err error
		s.time, err = time.ParseDuration(text)
		must(t, err)
	}
	if text := os.Getenv("CUSP_SOAK_SEED"); text != "" {
		var err error
		s.seed, err = strconv.ParseUint(text, 10, 64)
		must(t, err)
	}
	for seed := range uint64(3) {
		shape := modeltest.Small()
		shape.Seed = seed
		s.models = append(s.models, shape.Chat(t))
	}
	_, s.port, _ = net.SplitHostPort(freePort(t))
	s.device = start(t, setup{model: s.models[0], more: "[router]\nwait = \"5s\"\n[cloud]\ntimeout = \"3s\"\nbroker = \"tcp://127.0.0.1:" + s.port + "\"\n"})
	s.http = s.device.http()
	s.startBroker()
	s.workers = make([]*exec.Cmd, soakWorkers)
	for i := range s.workers {
		s.startWorker(i)
	}
	t.Cleanup(func() {
		for _, c := range append(s.workers, s.broker) {
			kill(c)
		}
	})
	return s
}

func (s *soak) startBroker() {
	conf := s.device.path("mosquitto.conf")
	must(s, os.WriteFile(conf, []byte("listener "+s.port+" 127.0.0.1\nallow_anonymous true\n"), 0o644))
	s.broker = s.spawn("mosquitto", "-c", conf)
}

func (s *soak) startWorker(i int) {
	program, err := cusp()
	must(s, err)
	s.workers[i] = s.spawn(program, "cloud", "--broker", "tcp://127.0.0.1:"+s.port, "--log-level", "error")
}

// spawn starts a process whose output nobody wants: much of it is of connections
// that are refused.
func (s *soak) spawn(name string, args ...string) *exec.Cmd {
	s.Helper()
	if _, err := exec.LookPath(name); err != nil {
		name = filepath.Join("/usr/sbin", name)
	}
	c := exec.Command(name, args...)
	must(s, c.Start())
	return c
}

func kill(c *exec.Cmd) {
	if c != nil && c.ProcessState == nil {
		_ = c.Process.Kill()
		_ = c.Wait() // "signal: killed"
	}
}

// warmUp has everything happen once, so that what stays is counted as there.
func (s *soak) warmUp() {
	s.device.until("the link is up", func() bool { return s.device.status().Link.Up })
	s.run(3 * time.Second)
	s.settle()
}

// run has clients ask and faults happen for a while.
func (s *soak) run(for_ time.Duration) {
	ctx, cancel := context.WithTimeout(s.Context(), for_)
	defer cancel()
	var running sync.WaitGroup
	for i := range soakClients {
		running.Go(func() { s.asker(ctx, rand.New(rand.NewPCG(s.seed, uint64(i)))) })
	}
	running.Go(func() { s.faults(ctx, rand.New(rand.NewPCG(s.seed, 1000))) })
	running.Wait()
}

// faults makes something go wrong every second or two.
func (s *soak) faults(ctx context.Context, rng *rand.Rand) {
	for step := 0; pause(ctx, time.Duration(500+rng.IntN(1500))*time.Millisecond); step++ {
		switch rng.IntN(5) {
		case 0:
			s.count("fault: broken model")
			broken := s.models[0][:len(s.models[0])*2/3]
			s.install("broken.gguf", broken)
		case 1:
			s.count("fault: broker killed")
			kill(s.broker)
			pause(ctx, time.Duration(rng.IntN(1500))*time.Millisecond)
			s.startBroker()
		case 2:
			s.count("fault: worker killed")
			i := rng.IntN(len(s.workers))
			kill(s.workers[i])
			s.startWorker(i)
		default:
			s.good()
		}
	}
}

// good installs another good model.
func (s *soak) good() {
	s.count("good model")
	s.model = (s.model + 1) % len(s.models)
	s.install("random.gguf", s.models[s.model])
	_ = os.Remove(s.device.path("models/broken.gguf"))
}

// install puts a model in place by renaming.
func (s *soak) install(name string, data []byte) {
	tmp := s.device.path("new.gguf")
	must(s, os.WriteFile(tmp, data, 0o600))
	must(s, os.Rename(tmp, filepath.Join(s.device.path("models"), name)))
}

// pause waits, and tells whether ctx still runs.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// settle waits until nothing is going on.
func (s *soak) settle() {
	s.Helper()
	s.good()
	s.http.CloseIdleConnections()
	s.device.client.Close()
	s.device.within(3*time.Minute, "the daemon is idle and the outbox empty", func() bool {
		st := s.device.status()
		return st.Engine != nil && st.Engine.Running == 0 && st.Engine.Waiting == 0 && st.Link.Up && st.Link.Outbox == 0 && st.Refusal == nil
	})
	s.device.client.Close()
}

func (s *soak) count(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[what]++
}

// use is what the daemon's process holds.
type use struct{ goroutines, descriptors, mappings, files, rss int }

func (u use) String() string {
	return fmt.Sprintf("%d goroutines, %d descriptors, %d mappings, %d of them of models, %.1f MB resident", u.goroutines, u.descriptors, u.mappings, u.files, float64(u.rss)/1e6)
}

func (s *soak) usage() (u use) {
	s.Helper()
	dir := fmt.Sprintf("/proc/%d/", s.device.process.Process.Pid)
	all, err := os.ReadDir(dir + "fd")
	must(s, err)
	u.descriptors = len(all)
	maps, err := os.ReadFile(dir + "maps")
	must(s, err)
	u.mappings, u.files = bytes.Count(maps, []byte("\n")), bytes.Count(maps, []byte(".gguf"))
	status, err := os.ReadFile(dir + "status")
	must(s, err)
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	if _, err := fmt.Sscan(rest, &u.rss); err != nil {
		s.Fatal(err)
	}
	u.rss *= 1024
	resp, err := s.http.Get("http://cusp/metrics")
	must(s, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(s, err)
	_, rest, _ = strings.Cut(string(text), "\ngo_goroutines ")
	if _, err := fmt.Sscan(rest, &u.goroutines); err != nil {
		s.Fatal(err)
	}
	return u
}

// within tells whether nothing grew beyond what is usual between two idle moments.
func (u use) within(before use) bool {
	return u.goroutines <= before.goroutines+8 && u.descriptors <= before.descriptors+8 && u.mappings <= before.mappings+64 &&
		u.files <= before.files && u.rss <= before.rss+64<<20
}

func (s *soak) check(before use) {
	after := s.usage()
	for end := time.Now().Add(time.Minute); !after.within(before) && time.Now().Before(end); after = s.usage() {
		time.Sleep(time.Second)
	}
	s.Logf("seed %d, %v\nbefore: %v\nafter:  %v", s.seed, s.time, before, after)
	for _, what := range slices.Sorted(maps.Keys(s.counts)) {
		s.Logf("%6d %s", s.counts[what], what)
	}
	s.Logf("reloads by result: %v", s.device.status().Reloads)
	if !after.within(before) {
		s.Errorf("something is left over")
	}
	for _, l := range s.lost[:min(20, len(s.lost))] {
		s.Errorf("lost: %s", l)
	}
	s.checkAnswers()
}

// checkAnswers holds the clients' ledger against the daemon's.
func (s *soak) checkAnswers() {
	for _, id := range s.ids[max(0, len(s.ids)-100):] {
		if e, err := s.device.client.Why(s.Context(), id); err != nil || e.Receipt.ID != id {
			s.Errorf("question %s was answered, and the daemon knows nothing of it: %v", id, err)
		}
	}
	given := 0
	for what, n := range s.device.status().Counters.Answered {
		if what != "cloud/late" {
			given += n
		}
	}
	got, left := s.counts["outcome: answered"], s.counts["outcome: left"]
	if given < got || given > got+left {
		s.Errorf("the daemon gave %d answers; the clients have %d and left before %d", given, got, left)
	}
	if got < 100 || s.counts["outcome: refused"] == 0 || left == 0 {
		s.Errorf("this was no soak: %v", s.counts)
	}
}

// A client's ways to ask. Each returns what it got for an answer; errLeft means
// that it did not wait for one.
var (
	errLeft = errors.New("the client left")
	errLost = errors.New("no answer and no error of the daemon")
)

// asker asks one question after the other.
func (s *soak) asker(ctx context.Context, rng *rand.Rand) {
	kinds := []struct {
		name string
		ask  func(context.Context, *rand.Rand, router.Question) error
	}{
		{"whole", s.whole}, {"stream", s.stream}, {"cancel", s.cancel}, {"tool", s.tool}, {"slow", s.slow},
		{"bad", s.bad}, {"cloud", s.cloud}, {"cloud", s.cloud}, {"half a body", s.half}, {"gone", s.gone},
	}
	for pause(ctx, time.Duration(rng.IntN(30))*time.Millisecond) {
		kind := kinds[rng.IntN(len(kinds))]
		q := router.Question{ID: router.NewID(), Privacy: router.Private, Messages: []router.Message{{Role: "user", Content: fmt.Sprintf("turn on light %d", rng.IntN(1000))}}}
		q.Options.MaxTokens, q.Options.Temperature = 1+rng.IntN(60), new(1.)
		s.account(kind.name, q.ID, kind.ask(context.WithoutCancel(ctx), rng, q))
	}
}

func (s *soak) account(kind, id string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var refused *api.Error
	outcome := "lost"
	switch {
	case err == nil:
		outcome = "answered"
		s.ids = append(s.ids, id)
	case errors.Is(err, errLeft):
		outcome = "left"
	case errors.As(err, &refused) && refused.Message != "":
		outcome = "refused"
		s.counts[fmt.Sprintf("refusal: %d %s", refused.Status, refused.Code)]++
	default:
		s.lost = append(s.lost, kind+": "+err.Error())
	}
	s.counts["kind: "+kind]++
	s.counts["outcome: "+outcome]++
}

// asked checks an answer over a stream.
func (s *soak) asked(ctx context.Context, q router.Question, onText func(string) error) (router.Answer, error) {
	a, err := s.device.client.Ask(ctx, q, onText)
	if err == nil && (a.Receipt.ID != q.ID || a.Receipt.Route == "" || a.Finish == "") {
		err = fmt.Errorf("%w: receipt %+v", errLost, a.Receipt)
	}
	return a, err
}

func (s *soak) stream(ctx context.Context, _ *rand.Rand, q router.Question) error {
	_, err := s.asked(ctx, q, nil)
	return err
}

func (s *soak) slow(ctx context.Context, rng *rand.Rand, q router.Question) error {
	_, err := s.asked(ctx, q, func(string) error {
		time.Sleep(time.Duration(rng.IntN(20)) * time.Millisecond)
		return nil
	})
	return err
}

func (s *soak) cancel(ctx context.Context, rng *rand.Rand, q router.Question) error {
	q.Options.MaxTokens, q.Options.IgnoreEOS = 1500, true
	left := rng.IntN(20)
	_, err := s.asked(ctx, q, func(string) error {
		if left--; left < 0 {
			return errLeft
		}
		return nil
	})
	return err
}

const soakTools = `[{"type":"function","function":{"name":"lamp","parameters":{"type":"object","properties":{"room":{"enum":["hall","den"]},"on":{"type":"boolean"}},"required":["room","on"]}}}]`

func (s *soak) tool(ctx context.Context, _ *rand.Rand, q router.Question) error {
	q.Options.Tools, q.Options.ToolChoice, q.Options.MaxTokens = json.RawMessage(soakTools), router.ChoiceRequired, 200
	a, err := s.asked(ctx, q, nil)
	if err != nil || a.Finish == "length" {
		return err
	}
	if len(a.ToolCalls) != 1 || !json.Valid([]byte(a.ToolCalls[0].Arguments)) {
		return fmt.Errorf("%w: tool calls %+v", errLost, a.ToolCalls)
	}
	return nil
}

// cloud asks what may leave the device; sometimes there is not enough time.
func (s *soak) cloud(ctx context.Context, rng *rand.Rand, q router.Question) error {
	q.Privacy, q.Options.Temperature = router.Public, nil
	q.Deadline = time.Now().Add(time.Duration(50+rng.IntN(3000)) * time.Millisecond)
	a, err := s.asked(ctx, q, nil)
	if err == nil {
		s.count("route: " + string(a.Receipt.Route) + "/" + string(a.Receipt.Reason))
	}
	return err
}

// whole asks without a stream, for several choices or to go on with a text.
func (s *soak) whole(ctx context.Context, rng *rand.Rand, q router.Question) error {
	path, body := "/v1/chat/completions", fmt.Sprintf(`{"messages":[{"role":"user","content":"hi"}],"temperature":1,"logprobs":true,"max_tokens":%d,"cusp":{"id":%q,"privacy":"private"}}`, q.Options.MaxTokens, q.ID)
	if rng.IntN(2) == 0 {
		path, body = "/v1/completions", fmt.Sprintf(`{"prompt":"hi","temperature":1,"logprobs":2,"max_tokens":%d,"cusp":{"id":%q,"privacy":"private"}}`, q.Options.MaxTokens, q.ID)
	}
	text, err := s.post(ctx, path, body)
	var a struct {
		ID      string
		Choices []any
	}
	if err == nil && (json.Unmarshal(text, &a) != nil || a.ID != q.ID || len(a.Choices) != 1) {
		err = fmt.Errorf("%w: %s", errLost, text)
	}
	return err
}

// post returns the reply, or the daemon's error.
func (s *soak) post(ctx context.Context, path, body string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://cusp"+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode == http.StatusOK {
		return text, err
	}
	refused := &api.Error{Status: resp.StatusCode}
	if json.Unmarshal(text, refused) != nil {
		return nil, fmt.Errorf("%w: %s: %s", errLost, resp.Status, text)
	}
	return nil, refused
}

var badBodies = []string{
	``, `{`, `[]`, `null`, `{"messages":[]}`, `{"messages":[{"role":"user","content":NaN}]}`, "{\"messages\":\"\xff\"}",
	`{"messages":` + strings.Repeat("[", 5000), `{"messages":[{"role":"user","content":"x"}],"max_tokens":1e99}`,
	`{"messages":[{"role":"user","content":"x"}],"temperature":Infinity}`, `{"messages":[{"role":"user","content":"` + strings.Repeat("a", 1<<20) + `"}]}`,
	`{"model":"nobody","messages":[{"role":"user","content":"x"}]}`,
}

// bad asks what must be refused.
func (s *soak) bad(ctx context.Context, rng *rand.Rand, _ router.Question) error {
	_, err := s.post(ctx, "/v1/chat/completions", badBodies[rng.IntN(len(badBodies))])
	if err == nil {
		return fmt.Errorf("%w: a bad body was answered", errLost)
	}
	return err
}

// half leaves in the middle of its own request.
func (s *soak) half(_ context.Context, rng *rand.Rand, _ router.Question) error {
	return s.raw("POST /v1/chat/completions HTTP/1.1\r\nHost: cusp\r\nContent-Length: 100\r\n\r\n{\"messages\":[{"[:20+rng.IntN(60)])
}

// gone leaves as soon as it has asked.
func (s *soak) gone(_ context.Context, _ *rand.Rand, q router.Question) error {
	body := fmt.Sprintf(`{"messages":[{"role":"user","content":"hi"}],"stream":true,"max_tokens":1500,"ignore_eos":true,"cusp":{"id":%q,"privacy":"private"}}`, q.ID)
	return s.raw(fmt.Sprintf("POST /v1/chat/completions HTTP/1.1\r\nHost: cusp\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
}

func (s *soak) raw(text string) error {
	conn, err := net.Dial("unix", s.device.socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		return err
	}
	return errLeft
}
