package uplink

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a472be26/cusp/router/envelope"
)

// mailman is a worker's side of envelopes; it lives in a synctest bubble.
type mailman struct {
	codec *envelope.Codec
	keys  *envelope.Worker
	clock time.Duration // that the worker is ahead

	mu               sync.Mutex // guards the fields below
	secret           *envelope.Secret
	enveloped, plain int // messages that came
}

// counts are how many messages came in envelopes and how many did not.
func (m *mailman) counts() (enveloped, plain int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.enveloped, m.plain
}

// latest is the secret of the last message; seals are made with it.
func (m *mailman) latest() *envelope.Secret {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.secret
}

func (m *mailman) use(s *envelope.Secret) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.secret = s
}

// newMailman makes the keys of device dev and a worker.
func newMailman(t *testing.T) (*mailman, *envelope.Device) {
	t.Helper()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	codec, err := envelope.NewCodec(MaxAskBytes)
	for _, err := range []error{
		err, envelope.GenerateDeviceKey(path("dev")), envelope.GenerateWorkerKey(path("worker")), os.Mkdir(path("devices"), 0o700),
		os.Rename(path("dev.pub"), path("devices/dev.pub")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	m := &mailman{codec: codec, keys: &envelope.Worker{KeyFiles: []string{path("worker")}, Devices: path("devices")}}
	return m, &envelope.Device{KeyFile: path("dev"), WorkerKeys: []string{path("worker.pub")}}
}

// open reads what a device sent.
func (m *mailman) open(_ string, payload []byte) (body []byte, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !envelope.Is(payload) {
		m.plain++
		return payload, nil
	}
	m.enveloped++
	e, err := envelope.Parse(payload)
	if err != nil {
		return nil, err
	}
	if !e.Sealed {
		return m.codec.Unwrap(e)
	}
	body, m.secret, err = m.keys.Open(m.codec, "dev", e, time.Now().Add(m.clock))
	if err == envelope.ErrClock {
		err = nil
	}
	return body, err
}

// replySealed answers as the worker would.
func (r *rig) replySealed(m *mailman, messages ...Answer) {
	r.t.Helper()
	for _, a := range messages {
		body, err := json.Marshal(a)
		if err != nil {
			r.t.Fatal(err)
		}
		payload, err := m.latest().Seal(m.codec, a.ID, a.Seq, body)
		if err != nil {
			r.t.Fatal(err)
		}
		r.receive(AnswerTopic("dev", a.ID), payload)
	}
}

// newSealedRig is an uplink that seals, and the worker that opens.
func newSealedRig(t *testing.T) (*rig, *mailman) {
	m, device := newMailman(t)
	r := newRig(t, true, "", func(o *Options) { o.Seal = device })
	r.link.open = m.open
	return r, m
}

func TestSealedQuestionAndAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := newSealedRig(t)
		a := r.ask(t.Context(), "q")
		r.wantSent("q")
		r.replySealed(m, alive("q", "r"), delta("q", "r", 0, "hel"), done("q", "r", 2))
		<-r.link.resumed // for what is missing, by a new secret
		r.replySealed(m, delta("q", "r", 1, "lo"))
		r.wantAnswer(a, "hello")
		if sealed, plain := m.counts(); plain != 0 || sealed != 2 {
			t.Errorf("%d messages were plain and %d sealed, want 0 and 2", plain, sealed)
		}
		r.wantEmpty()
	})
}

// A device that seals believes nothing that is not sealed, whatever it says and
// whoever sends it; but it says why no answer comes.
func TestDowngradeIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := newSealedRig(t)
		a := r.ask(t.Context(), "q")
		r.wantSent("q")
		r.reply(alive("q", "r"), delta("q", "r", 0, "forged"), done("q", "r", 1), failed("q", "r", Failed{Code: CodeEnvelope, Message: "no key of this device is known"}))
		wrapped, err := m.codec.Wrap(envelope.Answer, "q", []byte(`{"id":"q","seq":0,"done":true,"delta":"`+strings.Repeat("forged ", 100)+`"}`))
		if err != nil || !envelope.Is(wrapped) {
			t.Fatal(err)
		}
		r.receive(AnswerTopic("dev", "q"), wrapped)
		settle()
		if r.Depth() != 1 || a.text.Len() > 0 {
			t.Fatalf("an answer that is not sealed was believed: %q", a.text.String())
		}
		r.wantSent("q") // again, since nobody took it
		if last := r.call("q").look().last; !strings.Contains(last, "no key of this device") {
			t.Errorf("the reason is %q", last)
		}
		r.replySealed(m, delta("q", "r", 0, "true"), done("q", "r", 1))
		r.wantAnswer(a, "true")
		if _, plain := m.counts(); plain != 0 {
			t.Errorf("%d questions went out in plain words", plain)
		}
		r.wantEmpty()
	})
}

// Answers to another question or to an earlier process do not open, and harm
// nothing.
func TestForeignSealsAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := newSealedRig(t)
		a := r.ask(t.Context(), "p")
		r.wantSent("p")
		earlier := m.latest()
		b := r.ask(t.Context(), "q")
		r.wantSent("q")
		now := m.latest()
		m.use(earlier)
		r.replySealed(m, delta("q", "r", 0, "for another question"), done("q", "r", 1))
		settle()
		if b.text.Len() > 0 {
			t.Errorf("taken: %q", b.text.String())
		}
		r.replySealed(m, done("p", "r", 0))
		m.use(now)
		r.replySealed(m, delta("q", "r", 0, "x"), done("q", "r", 1))
		r.wantAnswer(a, "")
		r.wantAnswer(b, "x")
		r.wantEmpty()
	})
}

// A device whose clock is wrong learns the time from the worker.
func TestClockOfTheWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := newSealedRig(t)
		m.clock = 30 * time.Hour
		a := r.ask(t.Context(), "q")
		r.wantSent("q")
		r.replySealed(m, failed("q", "x", Failed{Code: CodeClock, Retryable: true, NowMS: time.Now().Add(m.clock).UnixMilli()}))
		r.wantSent("q")
		if got := r.post.now().Sub(time.Now()).Round(time.Second); got != m.clock {
			t.Errorf("the workers are taken to be %v ahead, they are %v", got, m.clock)
		}
		r.replySealed(m, done("q", "r", 0))
		r.wantAnswer(a, "")
		r.wantEmpty()
	})
}

// Old workers get plain JSON and new ones what they can read, in any mixture.
func TestMixedFleet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, _ := newMailman(t)
		r := newRig(t, true, "", nil)
		r.link.open = m.open
		ask := func(id string) *asking {
			a := &asking{done: make(chan struct{})}
			q := question(id)
			q.Messages[0].Content = strings.Repeat("the same again, ", 100)
			go func() {
				defer close(a.done)
				a.answer, a.err = r.Ask(t.Context(), q, func(d string) error { a.text.WriteString(d); return nil })
			}()
			r.wantSent(id)
			return a
		}
		want := func(step string, enveloped, plain int) {
			t.Helper()
			if e, p := m.counts(); e != enveloped || p != plain {
				t.Errorf("%s: %d messages in envelopes and %d plain, want %d and %d", step, e, p, enveloped, plain)
			}
		}
		// 1. Nothing is known of the workers; an old one answers.
		a := ask("one")
		r.reply(done("one", "r", 0))
		r.wantAnswer(a, "")
		want("an old worker", 0, 1)
		// 2. A new one does.
		a = ask("two")
		r.reply(alive("two", "r"), done("two", "r", 0))
		r.wantAnswer(a, "")
		want("a new worker answered", 0, 2)
		// 3. So the next question is compressed, but only an old worker is left.
		a = ask("three")
		want("a new worker is known", 1, 2)
		r.wantSent("three")
		want("nobody took the envelope", 1, 3)
		r.reply(done("three", "r", 0))
		r.wantAnswer(a, "")
		if a.answer.BytesUp < 1600 {
			t.Errorf("%d bytes up", a.answer.BytesUp)
		}
		// 4. For a while it is plain again, whoever answers.
		a = ask("four")
		r.reply(alive("four", "r"), done("four", "r", 0))
		r.wantAnswer(a, "")
		want("soon after that", 1, 4)
		time.Sleep(doubtful)
		a = ask("five")
		r.reply(alive("five", "r"), done("five", "r", 0))
		r.wantAnswer(a, "")
		want("later", 2, 4)
		r.wantEmpty()
	})
}

func TestNoCompression(t *testing.T) {
	t.Parallel()
	p, err := newPost(Options{NoCompression: true})
	if err != nil {
		t.Fatal(err)
	}
	p.speaks.Store(true)
	l, err := p.out(envelope.Ask, "q", []byte(strings.Repeat("x", 10_000)))
	if err != nil || l.enveloped || len(l.payload) != 10_000 || p.accepts() != 0 {
		t.Errorf("%d bytes, enveloped %v, accepts %d, %v", len(l.payload), l.enveloped, p.accepts(), err)
	}
}

func TestUrgentQuestionsGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "outbox.db")
		box, _, err := openOutbox(path, 10, 1<<20, quietLog)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		add := func(id string, priority int, deadline time.Duration, age time.Duration) {
			e := entry{Question: question(id), Enqueued: now.Add(-age), Expires: now.Add(time.Hour), State: stateWaiting}
			e.Question.Priority = priority
			if deadline > 0 {
				e.Question.Deadline = now.Add(deadline)
			}
			if err := box.add(e); err != nil {
				t.Fatal(err)
			}
		}
		add("new", 0, 0, time.Minute)
		add("old", 0, 0, time.Hour)
		add("later", 0, 40*time.Minute, 0)
		add("soon", 0, 10*time.Minute, 0)
		add("important", 5, 0, 0)
		add("unimportant", -1, time.Minute, 2*time.Hour)
		if err := box.close(); err != nil {
			t.Fatal(err)
		}
		r := newRig(t, false, path, func(o *Options) { o.Backlog = 1 })
		settle()
		r.link.set(true)
		settle() // one is asked, the others wait for its slot
		var order []string
		for range 6 {
			id := (<-r.link.sent).ID
			order = append(order, id)
			r.reply(done(id, "r", 0))
			r.wantLate(id, "", nil)
		}
		// Which one comes to the free slot first is not decided.
		got := strings.Join(order[1:], " ")
		want := strings.Join(without([]string{"important", "soon", "later", "old", "new", "unimportant"}, order[0]), " ")
		if got != want {
			t.Errorf("after %s the order was %s, want %s", order[0], got, want)
		}
		r.wantEmpty()
	})
}

func without(all []string, one string) (rest []string) {
	for _, s := range all {
		if s != one {
			rest = append(rest, s)
		}
	}
	return rest
}
