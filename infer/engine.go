// Package infer generates tokens: it owns the token loop, the scheduler that
// puts the sequences of several callers into common forward passes, and the
// cached prefixes of earlier sequences.
//
// It speaks token ids only; text, templates and tools are in infer/tokenizer,
// infer/chat and infer/assistant. What a caller gets does not depend on who
// else is generating at the same time.
package infer

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/quant"
)

// Sentinels for callers that treat these cases in their own way.
var (
	// ErrStop is what emit returns to end a generation cleanly.
	ErrStop = errors.New("stop")
	// ErrContext says that a prompt does not fit into the context.
	ErrContext = errors.New("prompt does not fit into the context")
	// ErrClosed says that the engine takes no more requests.
	ErrClosed = errors.New("engine is closed")
)

// Options sizes an engine. Zero values take the defaults.
type Options struct {
	Threads   int // that compute; default: the processors Go may use
	Context   int // tokens of one sequence, prompt and answer; default: the model's, at most 4096
	Sequences int // generated at the same time, each with a cache of its own; default 1
}

const (
	defaultContext = 4096
	// batchRows is the most tokens of one forward pass: enough that weights
	// are read once for many tokens of a prompt, few enough that others who
	// generate meanwhile get their next token soon.
	batchRows = 64
)

// Engine generates with one model. It is safe for concurrent use.
type Engine struct {
	model   model.Model
	kv      model.KV
	runner  model.Runner // used by serve alone
	context int

	requests chan *session // sessions that want a forward pass
	free     chan struct{} // one token for every session nobody uses
	served   chan struct{} // closed when serve has ended

	mu       sync.Mutex     // guards the fields below, and used and tokens of free sessions
	sessions []*session     // all of them
	clock    uint64         // counts acquisitions, for the least recently used
	closed   bool           // no more requests
	running  sync.WaitGroup // requests; grows only under mu while not closed
}

// New makes an engine. The model's file must stay open until Close returns.
func New(m model.Model, o Options) (*Engine, error) {
	o, err := o.complete(m.Config())
	if err != nil {
		return nil, err
	}
	pages := (o.Context + model.PageTokens - 1) / model.PageTokens
	kv, err := m.NewKV(o.Sequences*pages, quant.F16)
	if err != nil {
		return nil, err
	}
	runner, err := m.NewRunner(kv, model.Limits{
		Threads: o.Threads, Sequences: o.Sequences, Rows: batchRows, Context: o.Context,
	})
	if err != nil {
		return nil, errors.Join(err, kv.Close())
	}
	e := &Engine{
		model:    m,
		context:  o.Context,
		requests: make(chan *session, o.Sequences),
		free:     make(chan struct{}, o.Sequences),
		served:   make(chan struct{}),
		kv:       kv,
		runner:   runner,
	}
	for i := range o.Sequences {
		e.sessions = append(e.sessions, newSession(m, o.Context, i*pages, pages))
		e.free <- struct{}{}
	}
	go e.serve(o.Sequences)
	return e, nil
}

func (o Options) complete(c model.Config) (Options, error) {
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.Context == 0 {
		o.Context = min(c.Context, defaultContext)
	}
	if o.Sequences == 0 {
		o.Sequences = 1
	}
	switch {
	case o.Threads < 1 || o.Threads > 1024:
		return o, fmt.Errorf("infer: %d threads, not between 1 and 1024", o.Threads)
	case o.Context < 2 || o.Context > c.Context:
		return o, fmt.Errorf("infer: context of %d tokens, not between 2 and the model's %d", o.Context, c.Context)
	case o.Sequences < 1 || o.Sequences > batchRows:
		return o, fmt.Errorf("infer: %d sequences, not between 1 and %d", o.Sequences, batchRows)
	}
	return o, o.checkMemory(c, machineMemory())
}

// Context is the number of tokens that prompt and answer may have together.
func (e *Engine) Context() int { return e.context }

// Model is what the engine generates with.
func (e *Engine) Model() model.Model { return e.model }

// Close refuses new requests, waits until the running ones have ended by
// themselves, and releases the run state. It may be called more than once.
func (e *Engine) Close() {
	e.mu.Lock()
	first := !e.closed
	e.closed = true
	e.mu.Unlock()
	e.running.Wait()
	if first {
		close(e.requests)
	}
	<-e.served
}

// enter counts a request in, leave counts it out.
func (e *Engine) enter() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return ErrClosed
	}
	e.running.Add(1)
	return nil
}

func (e *Engine) leave() { e.running.Done() }

// acquire waits for a free session and takes the one that suits the prompt
// best. It returns how many tokens of the prompt need not be computed again.
func (e *Engine) acquire(ctx context.Context, prompt []int32) (*session, int, error) {
	select {
	case <-e.free:
	case <-ctx.Done():
		return nil, 0, context.Cause(ctx)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.pick(prompt)
	shared := s.shared(prompt)
	e.clock++
	s.busy, s.used = true, e.clock
	s.tokens = s.tokens[:shared]
	return s, shared, nil
}

// pick chooses among the free sessions, of which there is one: that with the
// longest shared prefix, if that is at least half of the prompt or of what the
// session remembers; a common system prompt alone is no reason to forget
// another conversation. Else it is the one that was not used for longest. mu is
// held.
func (e *Engine) pick(prompt []int32) *session {
	var closest, oldest *session
	longest := 0
	for _, s := range e.sessions {
		if s.busy {
			continue
		}
		if oldest == nil || s.used < oldest.used {
			oldest = s
		}
		if n := s.shared(prompt); n > longest && 2*n >= min(len(prompt), len(s.tokens)) {
			closest, longest = s, n
		}
	}
	if closest != nil {
		return closest
	}
	return oldest
}

func (e *Engine) release(s *session) {
	e.mu.Lock()
	s.busy = false
	e.mu.Unlock()
	e.free <- struct{}{}
}
