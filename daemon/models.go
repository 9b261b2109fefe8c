package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/a472be26/cusp/router"
)

// Models holds the model that serves and replaces it without dropping or
// cutting an answer: the new one is loaded and tested beside the old one,
// perhaps tried with live questions, swapped in under a short lock, and the old
// one is closed after its last answer. A model that fails anywhere on that way
// changes nothing but the status.
type Models struct {
	// OnChange, if set before the first Update, is called after every swap and
	// every refusal, without a lock.
	OnChange func()
	log      *slog.Logger

	patience time.Duration // with the engine of a refused model

	loading  sync.Mutex // one change at a time; guards rejected
	rejected *rejection // nil: nothing is remembered

	closing sync.WaitGroup // models that are not closed yet; grows only under mu while not closed
	trials  sync.WaitGroup // the same of trials

	mu      sync.Mutex // guards the fields below; held for moments only
	setup   Setup
	current *serving
	open    []*serving // current, and those that drain
	trial   *trial     // nil: none
	refusal *Refusal
	swaps   int
	reloads map[string]uint64 // attempts by result
	last    *Reload
	closed  bool
}

// Setup is how models are loaded and judged.
type Setup struct {
	Loader Loader
	Test   func(context.Context, Model) error
	Canary CanaryConfig
}

// serving is a model and how many answers it is giving. Its fields are guarded
// by Models.mu, but for those that never change.
type serving struct {
	model   Model     // never changes
	info    ModelInfo // never changes
	since   time.Time
	users   int
	retired bool // the last user closes it
}

// ErrNoModel means that no model is loaded.
var ErrNoModel = errors.New("no local model is loaded")

// NewModels returns a set without a model.
func NewModels(setup Setup, log *slog.Logger) *Models {
	return &Models{setup: setup, log: log, patience: discardTime, reloads: noReloads()}
}

// Use changes how models are loaded and judged from now on.
func (m *Models) Use(setup Setup) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.setup = setup
}

func (m *Models) how() Setup {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.setup
}

// Start loads the first candidate that works. The refused ones before it stay
// in the status.
func (m *Models) Start(ctx context.Context, all []Candidate) error {
	var errs []error
	for _, c := range all {
		err := m.Update(ctx, c)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		errs = append(errs, err)
	}
	return fmt.Errorf("no model can be loaded: %w", errors.Join(errs...))
}

// Update replaces the serving model by c, unless it is c already. With a canary
// it returns when the trial has begun. An error leaves the old one serving, and
// is in the status too.
func (m *Models) Update(ctx context.Context, c Candidate) error {
	m.loading.Lock()
	defer m.loading.Unlock()
	how, start := m.how(), time.Now()
	if m.serves(c) {
		m.giveUp()
		return nil
	}
	if m.tries(c) {
		return nil
	}
	m.giveUp() // of a trial, whose model is not the one that is wanted any more
	if why := m.rejected.of(c); why != nil && how.Canary.Share > 0 {
		return m.Refuse(c, start, RefusedCanary, fmt.Errorf("model %s: %w", c, why))
	}
	next, err := m.load(ctx, how, c)
	if err != nil {
		return err
	}
	if how.Canary.Share > 0 && m.serving() {
		return m.try(next, c, how.Canary)
	}
	return m.put(next, c, start)
}

// load verifies and opens a model beside the old one, and lets it answer before
// it is let near a question.
func (m *Models) load(ctx context.Context, how Setup, c Candidate) (Model, error) {
	start := time.Now()
	next, err := how.Loader.Load(ctx, c)
	if err != nil {
		return nil, m.Refuse(c, start, loadReason(err), fmt.Errorf("load model %s: %w", c, err))
	}
	if err := how.Test(ctx, next); err != nil {
		m.discard(next)
		return nil, m.Refuse(c, start, testReason(err), fmt.Errorf("self-test of model %s: %w", c, err))
	}
	m.log.Info("model is loaded and tested", "model", next.Info().String(), "from", c.String(), "took", time.Since(start).Round(time.Millisecond))
	return next, nil
}

// put swaps a loaded model in; the old one drains.
func (m *Models) put(next Model, c Candidate, start time.Time) error {
	if !m.swap(next, c, start) {
		m.discard(next)
		return ErrNoModel
	}
	next.Settle()
	m.log.Info("model serves", "model", next.Info().String(), "from", c.String())
	m.changed()
	return nil
}

// Reconfigure makes setup hold and loads c by it, which may be the serving model
// once more. An error leaves everything as it is.
func (m *Models) Reconfigure(ctx context.Context, setup Setup, c Candidate) error {
	m.loading.Lock()
	defer m.loading.Unlock()
	m.giveUp()
	start := time.Now()
	next, err := m.load(ctx, setup, c)
	if err != nil {
		return err
	}
	if err := m.put(next, c, start); err != nil {
		return err
	}
	m.Use(setup)
	return nil
}

// serves tells whether c is the serving model. A refusal of an earlier state of
// the disk is over then.
func (m *Models) serves(c Candidate) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.current == nil || !m.current.info.Origin.same(c) {
		return false
	}
	m.refusal = nil
	return true
}

// origin is where the serving model came from, nil without one.
func (m *Models) origin() *Candidate {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.current == nil {
		return nil
	}
	return &m.current.info.Origin
}

func (m *Models) serving() bool { return m.origin() != nil }

// swap puts next in service and retires the model before it; false after Close.
func (m *Models) swap(next Model, c Candidate, start time.Time) bool {
	s := &serving{model: next, info: next.Info(), since: time.Now()}
	s.info.Origin = c
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	if m.current != nil {
		m.swaps++
		m.retire(m.current)
		m.refusal = nil
	}
	m.current = s
	m.open = append(m.open, s)
	m.note(c, start, ResultDone, "")
	m.closing.Add(1)
	return true
}

// retire lets a model go when its last answer ends; mu is held.
func (m *Models) retire(s *serving) {
	s.retired = true
	if s.users == 0 {
		go m.shut(s)
	}
}

// shut closes a model that nobody uses, and gives its memory back at once: an
// idle device may not collect garbage for minutes.
func (m *Models) shut(s *serving) {
	defer m.closing.Done()
	if err := s.model.Close(); err != nil {
		m.log.Warn("closing a model failed", "model", s.info.String(), "error", err)
	}
	m.mu.Lock()
	m.open = slices.DeleteFunc(m.open, func(o *serving) bool { return o == s })
	last := m.closed
	m.mu.Unlock()
	if !last {
		debug.FreeOSMemory()
	}
}

// discardTime is how long the engine of a refused model may take to end.
const discardTime = 10 * time.Second

// discard closes a model that never served. One whose engine hangs is left
// behind: it must not take the serving one with it.
func (m *Models) discard(next Model) {
	closed := make(chan error, 1)
	go func() { closed <- next.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			m.log.Warn("closing a model failed", "model", next.Info().String(), "error", err)
		}
	case <-time.After(m.patience):
		m.log.Error("a refused model does not end; its memory is lost until the daemon restarts", "model", next.Info().String())
	}
}

func (m *Models) changed() {
	if m.OnChange != nil {
		m.OnChange()
	}
}

// acquire returns the serving model, which stays open until it is released.
func (m *Models) acquire() (*serving, *trial, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.current == nil {
		return nil, nil, ErrNoModel
	}
	m.current.users++
	return m.current, m.trial, nil
}

func (m *Models) release(s *serving) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s.users--
	if s.retired && s.users == 0 {
		go m.shut(s)
	}
}

// opened lists the models that may be answering.
func (m *Models) opened() []*serving {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.open)
}

var _ router.Local = (*Models)(nil)

// Answer lets the model that serves now answer, to its end, whatever is swapped
// in meanwhile.
func (m *Models) Answer(ctx context.Context, q router.Question, emit func(string) error) (router.LocalAnswer, error) {
	s, trial, err := m.acquire()
	if err != nil {
		return router.LocalAnswer{}, err
	}
	defer m.release(s)
	start := time.Now()
	a, err := s.model.Answer(ctx, q, emit)
	if err == nil && trial != nil {
		trial.offer(q, a, time.Since(start))
	}
	return a, err
}

// ModelStatus is the serving model for the status.
type ModelStatus struct {
	ModelInfo
	Since   time.Time `json:"since"`   // when it began to serve
	Swaps   int       `json:"swaps"`   // models that served before it since the start
	Running int       `json:"running"` // questions that it has
	Waiting int       `json:"waiting"` // of those, for their turn
}

// Current describes the serving model, nil if there is none, and the last
// refusal.
func (m *Models) Current() (*ModelStatus, *Refusal) {
	m.mu.Lock()
	s, refusal := m.current, m.refusal
	if s == nil {
		m.mu.Unlock()
		return nil, refusal
	}
	status := &ModelStatus{ModelInfo: s.info, Since: s.since.UTC(), Swaps: m.swaps, Running: s.users}
	model := s.model
	m.mu.Unlock()
	status.Waiting = model.Pulse().Waiting // which has a lock of its own
	return status, refusal
}

// Close retires the serving model and waits until all are closed, and so for
// the answers that still run.
func (m *Models) Close() {
	m.mu.Lock()
	m.closed = true
	if m.current != nil {
		m.retire(m.current)
		m.current = nil
	}
	m.mu.Unlock()
	m.giveUp()
	m.trials.Wait()
	m.closing.Wait()
}
