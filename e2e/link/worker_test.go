//go:build e2e

package link

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/a472be26/cusp/router/cloud"
	"github.com/a472be26/cusp/router/envelope"
	"github.com/a472be26/cusp/router/uplink"
)

// The provider's latency: to the first word, and from word to word.
const (
	firstWord = 120 * time.Millisecond
	nextWord  = 15 * time.Millisecond
)

const (
	refuseMark  = "[refuse]"
	refusalText = "the provider does not want this one"
)

func cloudText(device, id string) string {
	return fmt.Sprintf("the large model's answer for %s to %s: it is what it is, 世界", device, id)
}

// worker is a place where one worker after the other lives.
type worker struct {
	f     *fleet
	index int
	state string // directory; empty: it forgets when it dies
	proxy *proxy
	life  int
	live  *cloud.Worker
}

func (w *worker) start() {
	w.life++
	mqtt := cloud.NewMQTT(uplink.Broker{URL: w.proxy.url(), MaxReconnect: 2 * time.Second}, "", w.f.logs.logger())
	live, err := cloud.Start(cloud.Options{
		Intake: &observed{Intake: mqtt, traffic: w.f.traffic}, Concurrency: 32, Queue: 1000, Alive: time.Second, Window: 100_000,
		State: w.state, Seal: &envelope.Worker{KeyFiles: []string{w.f.workerKey}, Devices: w.f.deviceKeys}, Log: w.f.logs.logger(),
	}, &provider{calls: w.f.calls, ledger: w.f.ledger, worker: w.index, life: w.life})
	if err != nil {
		w.f.ledger.wrong("worker %d cannot start: %v", w.index, err)
		return
	}
	w.live = live
}

// stop ends it in peace, or as a kill would look from outside: nothing gets out
// any more.
func (w *worker) stop(kill bool) {
	if w.live == nil {
		return
	}
	w.f.calls.end(w.index, w.life)
	patience := 2 * time.Second
	if kill {
		w.proxy.part(false)
		defer w.proxy.heal(false, true)
		patience = 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	w.live.Close(ctx) // an error says that there was unfinished work
	w.live = nil
}

// observed is an intake that is watched.
type observed struct {
	cloud.Intake
	traffic *traffic
}

func (o *observed) Open(name string, receive func(cloud.Parcel), up func()) error {
	return o.Intake.Open(name, func(p cloud.Parcel) {
		reply := p.Reply
		p.Reply = func(topic string, payload []byte) error {
			o.traffic.sent(payload)
			return reply(topic, payload)
		}
		o.traffic.see(p)
		receive(p)
	}, up)
}

// traffic is what arrived at all workers, and what they sent.
type traffic struct {
	codec   *envelope.Codec
	asked   sync.Map     // by question id
	asks    atomic.Int64 // questions
	repeats atomic.Int64 // of them those that had arrived at some worker before
	resumes atomic.Int64
	answers atomic.Int64 // messages of answers, and signs of life
	known   sync.Map     // messages of answers by id, run and seq, but for sealed ones
	again   atomic.Int64 // messages that had been sent before
	sealed  atomic.Int64
	leaked  atomic.Int64 // private questions
}

func (t *traffic) see(p cloud.Parcel) {
	id := uplink.IDOf(p.Payload)
	if e, err := envelope.Parse(p.Payload); err == nil {
		id = e.ID
		if e.Sealed {
			t.sealed.Add(1)
		}
	}
	if strings.Contains(id, privateMark) {
		t.leaked.Add(1)
	}
	if _, err := uplink.DeviceOf(p.Topic); err != nil {
		t.resumes.Add(1)
		return
	}
	t.asks.Add(1)
	if _, again := t.asked.LoadOrStore(id, true); again {
		t.repeats.Add(1)
	}
}

// sent notes a message of an answer; those that are sealed cannot be told apart.
func (t *traffic) sent(payload []byte) {
	t.answers.Add(1)
	if e, err := envelope.Parse(payload); err == nil {
		if e.Sealed {
			return
		}
		if payload, err = t.codec.Unwrap(e); err != nil {
			return
		}
	}
	m, err := uplink.DecodeAnswer(payload)
	if err != nil || m.Alive {
		return
	}
	if _, again := t.known.LoadOrStore(fmt.Sprint(m.ID, "/", m.Run, "/", m.Seq), true); again {
		t.again.Add(1)
	}
}

// life names one life of one worker and a question.
type life struct {
	worker, life int
	id           string
}

// tally counts the calls of the provider.
type tally struct {
	begun, running, answered, failed, cut, expired int
	at                                             time.Time // when the last one began
}

type calls struct {
	mu    sync.Mutex // guards all
	tally map[life]*tally
	ended map[life]time.Time // without id
	tried map[string]bool    // that failed once by the script
}

func newCalls() *calls {
	return &calls{tally: map[life]*tally{}, ended: map[life]time.Time{}, tried: map[string]bool{}}
}

// end notes that a life is over.
func (c *calls) end(worker, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended[life{worker: worker, life: n}] = time.Now()
}

func (c *calls) count(l life, add func(*tally)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tally[l] == nil {
		c.tally[l] = &tally{}
	}
	add(c.tally[l])
}

// fails has some questions fail at their first try.
func (c *calls) fails(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	again := c.tried[id]
	c.tried[id] = true
	return !again && sum(id)%30 == 0
}

// sum picks questions by their id, as seeded as the ids.
func sum(id string) (n uint32) {
	for _, b := range []byte(id) {
		n = n*16777619 ^ uint32(b)
	}
	return n >> 7
}

// provider is a large model that follows a script.
type provider struct {
	calls        *calls
	ledger       *ledger
	worker, life int
}

var _ cloud.Provider = (*provider)(nil)

// Complete implements [cloud.Provider].
func (p *provider) Complete(ctx context.Context, r cloud.Request, emit func(string) error) (c cloud.Completion, err error) {
	text := r.Messages[len(r.Messages)-1].Content
	var device, id string
	if _, err := fmt.Sscanf(text, "device %s asks %s", &device, &id); err != nil || device != r.Device {
		p.ledger.wrong("a worker took this for a question of %s: %q", r.Device, text)
	}
	if strings.Contains(text, privateMark) {
		p.ledger.wrong("a private question arrived at the provider: %q", text)
	}
	l := life{p.worker, p.life, id}
	p.calls.count(l, func(t *tally) {
		t.begun++
		t.at = time.Now()
		if t.running++; t.running > 1 {
			p.ledger.wrong("the provider is asked %s twice at the same time by worker %d", id, p.worker)
		}
	})
	defer func() { p.calls.count(l, func(t *tally) { t.ended(ctx, err) }) }()
	return p.answer(ctx, text, device, id, emit)
}

func (t *tally) ended(ctx context.Context, err error) {
	t.running--
	switch {
	case err == nil:
		t.answered++
	case ctx.Err() == nil:
		t.failed++
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		t.expired++
	default:
		t.cut++
	}
}

func (p *provider) answer(ctx context.Context, text, device, id string, emit func(string) error) (cloud.Completion, error) {
	wait := firstWord
	words := strings.SplitAfter(cloudText(device, id), " ")
	for i, w := range words {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return cloud.Completion{}, ctx.Err()
		}
		switch wait = nextWord; {
		case i > 0:
		case strings.Contains(text, refuseMark):
			return cloud.Completion{}, &cloud.Error{Code: cloud.CodeRefused, Err: errors.New(refusalText)}
		case p.calls.fails(id):
			return cloud.Completion{}, &cloud.Error{Code: cloud.CodeRateLimited, Retryable: true, RetryAfter: 200 * time.Millisecond, Err: errors.New("slow down")}
		}
		if err := emit(w); err != nil {
			return cloud.Completion{}, err
		}
	}
	return cloud.Completion{Text: strings.Join(words, ""), Finish: "stop", Model: "large", PromptTokens: 8, CompletionTokens: len(words)}, nil
}

// check holds the calls to what docs/link.md promises: within one life of a
// worker one call for a question, unless the provider failed; with a state, one
// answer of that worker for ever. Lives that ended in the middle of a call are why
// there is more than one call for some.
func (c *calls) check(keeps func(worker int) bool) (wrongs []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	answered := map[life]int{}
	for l, t := range c.tally {
		if t.begun > 1+t.failed+t.expired || t.answered > 1 || t.failed > 1 && !strings.HasPrefix(l.id, string(refused)) {
			wrongs = append(wrongs, fmt.Sprintf("calls of the provider for %s in life %d of worker %d: %+v", l.id, l.life, l.worker, *t))
		}
		if keeps(l.worker) {
			answered[life{worker: l.worker, id: l.id}] += t.answered
		}
	}
	for l, n := range answered {
		if n > 1 {
			wrongs = append(wrongs, fmt.Sprintf("worker %d keeps its answers and had %s answered %d times", l.worker, l.id, n))
		}
	}
	return wrongs
}

// sums adds up everything; ids is for how many questions.
func (c *calls) sums() (t tally, ids int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	each := map[string]bool{}
	for l, one := range c.tally {
		t.begun += one.begun
		t.answered += one.answered
		t.failed += one.failed
		t.cut += one.cut
		t.expired += one.expired
		each[l.id] = true
	}
	return t, len(each)
}

// more is how many answers of the provider were not the first to their question:
// those after the death of the worker that had the one before, and the others, whose
// device had not heard of that worker in time, or has started again since.
func (c *calls) more() (dead, unheard int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	each := map[string][]life{}
	for l, one := range c.tally {
		if one.answered > 0 {
			each[l.id] = append(each[l.id], l)
		}
	}
	for _, lives := range each {
		slices.SortFunc(lives, func(a, b life) int { return c.tally[a].at.Compare(c.tally[b].at) })
		for i, l := range lives[1:] {
			end, over := c.ended[life{worker: lives[i].worker, life: lives[i].life}]
			if over && end.Before(c.tally[l].at) {
				dead++
			} else {
				unheard++
			}
		}
	}
	return dead, unheard
}
