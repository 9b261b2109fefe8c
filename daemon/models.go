package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/a472be26/cusp/router"
)

// Models holds the model that serves and replaces it without dropping or
// cutting an answer: the new one is loaded and tested beside the old one,
// swapped in under a short lock, and the old one is closed after its last
// answer. A model that fails anywhere on that way changes nothing but the
// status.
type Models struct {
	loader Loader
	test   func(context.Context, Model) error
	log    *slog.Logger

	loading sync.Mutex     // one Update at a time
	closing sync.WaitGroup // models that are not closed yet; grows only under mu

	mu      sync.Mutex // guards the fields below; held for moments only
	current *serving
	refusal *Refusal
	swaps   int
	reloads map[string]uint64 // attempts by result
	last    *Reload
	closed  bool
}

// serving is a model and how many answers it is giving. Its fields are guarded
// by Models.mu.
type serving struct {
	model   Model
	info    ModelInfo
	since   time.Time
	users   int
	retired bool // the last user closes it
}

// Refusal is why a model on disk does not serve.
type Refusal struct {
	Model string    `json:"model"` // its path
	Error string    `json:"error"`
	Time  time.Time `json:"time"`
}

// Reload is an attempt to load a model, that at the start included.
type Reload struct {
	Time   time.Time `json:"time"`  // of its end
	Model  string    `json:"model"` // the path, or "built-in"
	Result string    `json:"result"`
	Error  string    `json:"error,omitempty"`
	TookS  float64   `json:"took_s"`
}

// Results of a Reload.
const (
	ReloadDone       = "done"
	ReloadNotLoaded  = "not_loaded"  // it could not be verified or opened
	ReloadFailedTest = "failed_test" // it did not pass the self-test
)

// ErrNoModel means that no model is loaded.
var ErrNoModel = errors.New("no local model is loaded")

// NewModels returns a set without a model.
func NewModels(loader Loader, test func(context.Context, Model) error, log *slog.Logger) *Models {
	return &Models{loader: loader, test: test, log: log, reloads: map[string]uint64{
		ReloadDone: 0, ReloadNotLoaded: 0, ReloadFailedTest: 0, // so that they are seen before the first
	}}
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

// Update replaces the serving model by c, unless it is c already. An error
// leaves the old one serving, and is in the status too.
func (m *Models) Update(ctx context.Context, c Candidate) error {
	m.loading.Lock()
	defer m.loading.Unlock()
	if m.serves(c) {
		return nil
	}
	start := time.Now()
	// 1. Verify and load beside the old one.
	next, err := m.loader.Load(ctx, c)
	if err != nil {
		return m.refuse(c, start, ReloadNotLoaded, fmt.Errorf("load model %s: %w", c, err))
	}
	// 2. Let it answer before it is let near a question.
	if err := m.test(ctx, next); err != nil {
		return m.refuse(c, start, ReloadFailedTest, errors.Join(fmt.Errorf("self-test of model %s: %w", c, err), next.Close()))
	}
	// 3. Swap; the old one drains.
	if !m.swap(next, c, start) {
		return errors.Join(ErrNoModel, next.Close())
	}
	next.Settle()
	m.log.Info("model serves", "model", next.Info().String(), "from", c.String(), "took", time.Since(start).Round(time.Millisecond))
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

func (m *Models) refuse(c Candidate, start time.Time, result string, err error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.note(c, start, result, err.Error())
	m.refusal = &Refusal{Model: c.String(), Error: err.Error(), Time: time.Now().UTC()}
	return err
}

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
	m.note(c, start, ReloadDone, "")
	m.closing.Add(1)
	return true
}

// note remembers how an attempt went; mu is held.
func (m *Models) note(c Candidate, start time.Time, result, err string) {
	m.reloads[result]++
	m.last = &Reload{
		Time: time.Now().UTC(), Model: c.String(), Result: result, Error: err,
		TookS: time.Since(start).Round(time.Millisecond).Seconds(),
	}
}

// Reloads returns the last attempt to load a model, nil if there was none, and
// how many there were by result.
func (m *Models) Reloads() (*Reload, map[string]uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last, maps.Clone(m.reloads)
}

// retire lets a model go when its last answer ends; mu is held.
func (m *Models) retire(s *serving) {
	s.retired = true
	if s.users == 0 {
		go m.shut(s)
	}
}

func (m *Models) shut(s *serving) {
	defer m.closing.Done()
	if err := s.model.Close(); err != nil {
		m.log.Warn("closing a model failed", "model", s.info.String(), "error", err)
	}
}

// acquire returns the serving model, which stays open until it is released.
func (m *Models) acquire() (*serving, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.current == nil {
		return nil, ErrNoModel
	}
	m.current.users++
	return m.current, nil
}

func (m *Models) release(s *serving) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s.users--
	if s.retired && s.users == 0 {
		go m.shut(s)
	}
}

var _ router.Local = (*Models)(nil)

// Answer lets the model that serves now answer, to its end, whatever is swapped
// in meanwhile.
func (m *Models) Answer(ctx context.Context, q router.Question, emit func(string) error) (router.LocalAnswer, error) {
	s, err := m.acquire()
	if err != nil {
		return router.LocalAnswer{}, err
	}
	defer m.release(s)
	return s.model.Answer(ctx, q, emit)
}

// ModelStatus is the serving model for the status.
type ModelStatus struct {
	ModelInfo
	Since   time.Time `json:"since"` // when it began to serve
	Swaps   int       `json:"swaps"` // models that served before it since the start
	Running int       `json:"running"`
}

// Current describes the serving model, nil if there is none, and the last
// refusal.
func (m *Models) Current() (*ModelStatus, *Refusal) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.current == nil {
		return nil, m.refusal
	}
	return &ModelStatus{ModelInfo: m.current.info, Since: m.current.since.UTC(), Swaps: m.swaps, Running: m.current.users}, m.refusal
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
	m.closing.Wait()
}
