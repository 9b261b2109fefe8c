package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/disk"
	"github.com/a472be26/cusp/router/envelope"
	"github.com/a472be26/cusp/router/uplink"
)

// posted is what letters sent.
type posted struct {
	topics   []string
	payloads [][]byte
}

func (p *posted) publish(topic string, payload []byte) error {
	p.topics, p.payloads = append(p.topics, topic), append(p.payloads, payload)
	return nil
}

func newTestLetters(t *testing.T, o Options) *letters {
	t.Helper()
	l, err := newLetters("w1", o.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func askJSON(id string, accepts int) []byte {
	text, _ := json.Marshal(uplink.Ask{ID: id, Messages: []router.Message{{Role: "user", Content: "x"}}, Envelope: accepts})
	return text
}

// Answers come in the form and by the way of the latest message, and compressed
// only to those that can read it.
func TestAnswersTakeTheWayOfTheQuestion(t *testing.T) {
	t.Parallel()
	l := newTestLetters(t, Options{})
	first, second := &posted{}, &posted{}
	long := uplink.Answer{ID: "q", Run: "r", Seq: 1, Delta: strings.Repeat("again and ", 100)}
	if err := l.write("dev", long); err == nil {
		t.Error("an answer to nobody was sent")
	}
	if _, err := l.ask("dev", askJSON("q", 0), first.publish); err != nil {
		t.Fatal(err)
	}
	if err := l.write("dev", long); err != nil || len(first.payloads) != 1 || envelope.Is(first.payloads[0]) {
		t.Errorf("an old device got %.40q, %v", first.payloads, err)
	}
	if _, err := l.ask("dev", askJSON("q", envelope.Version), second.publish); err != nil {
		t.Fatal(err)
	}
	if err := l.write("dev", long); err != nil || len(first.payloads) != 1 || !envelope.Is(second.payloads[0]) || len(second.payloads[0]) > 200 {
		t.Errorf("a new device got %.40q, %v", second.payloads, err)
	}
	if err := l.write("other", long); err == nil {
		t.Error("another device got an answer by this one's way")
	}
}

func TestWaysBackAreBounded(t *testing.T) {
	t.Parallel()
	l := newTestLetters(t, Options{})
	l.maxWays = 3
	for i := range 5 {
		if _, err := l.ask("dev", askJSON(fmt.Sprint("q", i), 0), new(posted).publish); err != nil {
			t.Fatal(err)
		}
		if _, ok := l.way("dev", "q0"); ok {
			l.ask("dev", askJSON("q0", 0), new(posted).publish) // in use
		}
	}
	var left []string
	for i := range 5 {
		if _, ok := l.way("dev", fmt.Sprint("q", i)); ok {
			left = append(left, fmt.Sprint("q", i))
		}
	}
	if fmt.Sprint(left) != "[q0 q3 q4]" || len(l.waysTo) != l.order.Len() {
		t.Errorf("ways to %v are left", left)
	}
}

// An envelope says whose message it is for the broker and everybody; what is in it
// must agree.
func TestEnvelopeAndContentMustAgree(t *testing.T) {
	t.Parallel()
	l := newTestLetters(t, Options{})
	body := []byte(`{"id":"b","messages":[{"role":"user","content":"` + strings.Repeat("x", 500) + `"}]}`)
	payload, err := l.codec.Wrap(envelope.Ask, "a", body)
	if err != nil || !envelope.Is(payload) {
		t.Fatal(err)
	}
	if a, err := l.ask("dev", payload, new(posted).publish); err == nil || a.ID != "" {
		t.Errorf("question %q in an envelope of another: %v", a.ID, err)
	}
	if _, err := l.resume("dev", payload, new(posted).publish); err == nil {
		t.Error("a question was taken for a resume")
	}
}

func TestWorkerOptionsThatCannotWork(t *testing.T) {
	t.Parallel()
	for part, o := range map[string]Options{
		"no key to open":  {SealedOnly: true},
		"no private key":  {Seal: &envelope.Worker{}},
		"no such file":    {Seal: &envelope.Worker{KeyFiles: []string{"/nonexistent"}}},
		"worker's state:": {State: "/dev/null/x"},
	} {
		if _, err := newWorker(o, providerFunc(nil)); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v, want one with %q", err, part)
		}
	}
}

// statefulBench is a worker that keeps its answers in dir.
func statefulBench(t *testing.T, dir string, p providerFunc) *bench {
	t.Helper()
	return newBench(t, Options{State: dir}, p)
}

func TestAnswersSurviveTheWorker(t *testing.T) {
	dir := t.TempDir()
	var name string
	synctest.Test(t, func(t *testing.T) {
		b := statefulBench(t, dir, says("all ", "of ", "it"))
		b.ask("q", "x", nil)
		b.taken()
		name = b.name
		if err := b.window.close(); err != nil {
			t.Fatal(err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b := statefulBench(t, dir, func(context.Context, Request, func(string) error) (Completion, error) {
			return Completion{}, errors.New("called again")
		})
		b.ask("q", "x", nil)
		if got := text(t, b.taken()); got != "all of it" || b.calls.Load() != 0 {
			t.Errorf("text %q after %d calls", got, b.calls.Load())
		}
		if b.name != name {
			t.Errorf("the worker's name was %s and is %s", name, b.name)
		}
		b.window.trim(time.Now().Add(2 * time.Hour))
		if err := b.window.close(); err != nil {
			t.Fatal(err)
		}
	})
	_, left := storedIn(t, dir)
	if left != 0 {
		t.Errorf("%d answers are on disk that are too old", left)
	}
}

// storedIn opens and closes a store.
func storedIn(t *testing.T, dir string) (name string, n int) {
	t.Helper()
	s, name, err := openStore(dir, 1<<20, func(string, storedRun) { n++ }, Options{}.withDefaults().Log)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	return name, n
}

// Damaged answers cost another call, and nothing else.
func TestDamagedAnswersAreSetAside(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		damage func(text []byte) []byte
		aside  bool
	}{
		"not a database":   {func(text []byte) []byte { return []byte(strings.Repeat("x", len(text))) }, true},
		"cut off":          {func(text []byte) []byte { return text[:2*os.Getpagesize()] }, true},
		"a changed letter": {func(text []byte) []byte { return []byte(strings.Replace(string(text), "precious", "poisoned", -1)) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s, _, err := openStore(dir, 1<<20, func(string, storedRun) {}, Options{}.withDefaults().Log)
			if err != nil {
				t.Fatal(err)
			}
			s.keep("dev/q/0", storedRun{Asked: time.Now(), Messages: []uplink.Answer{{ID: "q", Run: "r", Delta: "precious", Done: true}}})
			if err := s.close(); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "answers.db")
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, c.damage(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, n := storedIn(t, dir); n != 0 {
				t.Errorf("%d answers came back", n)
			}
			asides, _ := filepath.Glob(path + ".damaged-*")
			if (len(asides) > 0) != c.aside {
				t.Errorf("set aside: %v", asides)
			}
		})
	}
}

func FuzzDecodeRun(f *testing.F) {
	f.Add([]byte("dev/q/0"), []byte(`{"asked":"2026-01-01T00:00:00Z","messages":[{"id":"q","run":"r","seq":0},{"id":"q","run":"r","seq":1,"done":true}]}`))
	f.Fuzz(func(t *testing.T, key, text []byte) {
		r, err := decodeRun(key, disk.Sum(key, text))
		if err != nil {
			return
		}
		w := newWindow(10, 1000, time.Hour)
		w.restore(string(key), newRun(r.Messages[0].ID, 0, nil), r)
		if done, _ := w.runs()[0].finished(); !done {
			t.Fatal("an answer without an end")
		}
	})
}
