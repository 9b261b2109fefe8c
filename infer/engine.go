// Package infer generates tokens, and turns texts into vectors: it owns the token loop, the scheduler that
// puts the sequences of several callers into common forward passes, and the
// memory of keys and values, in which sequences with the same beginning share
// pages.
//
// It speaks token ids only; text, templates and tools are in infer/tokenizer,
// infer/chat and infer/assistant. What a caller gets does not depend on who
// else is generating at the same time.
package infer

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/a472be26/cusp/infer/model"
)

// Sentinels for callers that treat these cases in their own way.
var (
	// ErrStop is what emit returns to end a generation cleanly.
	ErrStop = errors.New("stop")
	// ErrContext says that a prompt does not fit into the context, or into the
	// memory for keys and values.
	ErrContext = errors.New("prompt does not fit into the context")
	// ErrNoGenerator says that the model generates nothing.
	ErrNoGenerator = errors.New("the model generates nothing")
	// ErrBusy says that too many requests wait already.
	ErrBusy = errors.New("too many requests are waiting")
	// ErrClosed says that the engine takes no more requests.
	ErrClosed = errors.New("engine is closed")
)

// Engine generates with one model. It is safe for concurrent use.
type Engine struct {
	model   model.Model
	options Options // complete
	context int     // what fits into one sequence
	kv      model.KV
	runner  model.Runner  // used by serve alone
	wake    chan struct{} // holds a value when serve has to look again
	served  chan struct{} // closed when serve has ended

	mu     sync.Mutex // held for moments; guards the fields below and what says so in schedule and sequence
	pages  *pages
	closed bool           // no more requests
	over   bool           // nor will any that came before go on
	calls  sync.WaitGroup // of Generate, Embed and the like, under way; grows only under mu while not closed
	counts

	schedule
}

// New makes an engine. The model's file must stay open until Close returns.
func New(m model.Model, o Options) (*Engine, error) {
	e, err := newEngine(m, o)
	if err != nil {
		return nil, err
	}
	go e.serve()
	return e, nil
}

// newEngine makes an engine that does nothing by itself.
func newEngine(m model.Model, o Options) (*Engine, error) {
	o, n, err := o.complete(m.Config(), memoryOf(m))
	if err != nil {
		return nil, err
	}
	kv, err := m.NewKV(n, o.kind())
	if err != nil {
		return nil, err
	}
	e := &Engine{
		model:   m,
		options: o,
		context: o.longest(m.Config(), n),
		kv:      kv,
		wake:    make(chan struct{}, 1),
		served:  make(chan struct{}),
		pages:   newPages(n, m.Config().Unread),
		counts:  newCounts(),
	}
	e.runner, err = m.NewRunner(kv, model.Limits{
		Threads: o.Threads, Sequences: o.Sequences, Rows: o.Rows, Context: e.context,
	})
	if err != nil {
		return nil, errors.Join(err, kv.Close())
	}
	for range o.Sequences {
		e.slots = append(e.slots, newSlot(m.Config().Vocab, leadersOf(e.runner)))
	}
	return e, nil
}

// Context is the number of tokens that prompt and answer may have together. With
// an encoder-decoder each may have as many.
func (e *Engine) Context() int { return e.context }

// shares tells whether sequences with the same beginning share pages.
func (e *Engine) shares() bool { return e.model.Config().Kind == model.Decoder }

// Model is what the engine generates with.
func (e *Engine) Model() model.Model { return e.model }

// Close refuses new requests, waits until the running ones have ended by
// themselves, and releases the run state. It may be called more than once.
func (e *Engine) Close() {
	e.mu.Lock()
	first := !e.closed
	e.closed = true
	e.mu.Unlock()
	e.calls.Wait()
	if !first {
		<-e.served
		return
	}
	e.mu.Lock()
	e.over = true
	e.mu.Unlock()
	e.look()
	<-e.served
	e.runner.Close()
	_ = e.kv.Close()
}

// enter counts a call in, leave counts it out.
func (e *Engine) enter() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return ErrClosed
	}
	e.calls.Add(1)
	return nil
}

func (e *Engine) leave() { e.calls.Done() }

// submit lets a request wait for its turn.
func (e *Engine) submit(s *sequence) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.running)+len(e.waiting) >= e.options.Sequences+e.options.Queue {
		e.refused++
		return fmt.Errorf("infer: %w: %d", ErrBusy, len(e.waiting))
	}
	e.waiting = append(e.waiting, s)
	e.look()
	return nil
}

// abandon ends a request whose caller wants no more of it. It may be over
// already.
func (e *Engine) abandon(s *sequence) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if i := slices.Index(e.waiting, s); i >= 0 {
		e.waiting = slices.Delete(e.waiting, i, i+1)
		if s.slot != nil {
			e.end(s, "", nil)
		}
	}
	s.gone = true
	e.look()
}

// look makes serve look for something to do.
func (e *Engine) look() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}
