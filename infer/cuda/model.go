//go:build cuda

package cuda

import (
	"errors"
	"fmt"
	"sync"

	"github.com/a472be26/cusp/infer/cuda/driver"
	"github.com/a472be26/cusp/infer/cuda/kernels"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/quant"
)

// Built tells whether this binary can use a GPU.
const Built = true

// Model is a model whose passes run on a GPU. It is safe for concurrent use.
type Model struct {
	program *model.Program
	options Options
	device  *driver.Device

	mu      sync.RWMutex // held for reading while session is used, for writing while it is replaced
	session *session
	closed  bool
}

var (
	_ model.Model      = (*Model)(nil)
	_ model.Programmed = (*Model)(nil)
	_ model.Memory     = (*Model)(nil)
)

// Load puts a model that was loaded for the CPU on a GPU. What it was loaded from
// must stay open as long as the result is used: the GPU may read the weights there.
// Close the result when nothing runs on it any more.
//
// If a GPU with memory of its own has not enough for the weights, the layers that
// do not fit run on the CPU; the result is a Divided then. How long they take on
// either is measured.
//
// Errors that are driver.ErrNoDriver, ErrDriverTooOld, ErrNoDevice, ErrCompile or
// ErrOutOfMemory say why there is no GPU for it; one that is ErrUnsupported, that
// the kernels lack something that the model has; ErrSlower, that it is faster
// without.
func Load(m model.Model, o Options) (model.Model, error) {
	described, ok := m.(model.Programmed)
	if !ok {
		return nil, fmt.Errorf("cuda: %w: a model of type %T does not say what its passes do", ErrUnsupported, m)
	}
	p := described.Program()
	if err := check(p); err != nil {
		return nil, err
	}
	d, err := device(o)
	if err != nil {
		return nil, err
	}
	switch layers := p.Config.Layers; {
	case o.Layers < 0 || o.Layers > layers:
		return nil, fmt.Errorf("cuda: %d layers on the GPU, but the model has %d", o.Layers, layers)
	case o.Layers > 0 && o.Layers < layers:
		return newDivided(p, division{layers: o.Layers}, o, d)
	}
	whole, err := newModel(p, o, d)
	if err == nil {
		return whole, nil
	}
	if !errors.Is(err, driver.ErrOutOfMemory) || d.Integrated || o.Layers != 0 {
		return nil, err // memory that CPU and GPU share is no larger for one than for the other
	}
	return divide(p, o, d, err)
}

// newModel puts a whole program on a device.
func newModel(p *model.Program, o Options, d *driver.Device) (*Model, error) {
	m := &Model{program: p, options: o, device: d}
	var err error
	m.session, err = newSession(m)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Probe tells which GPU a model would run on, without loading anything.
func Probe(o Options) (Info, error) {
	d, err := device(o)
	if err != nil {
		return Info{}, err
	}
	name, _, err := kernels.Pick(d.Major, d.Minor)
	return Info{
		Device: d.Index, Name: d.Name, Capability: fmt.Sprintf("%d.%d", d.Major, d.Minor), Driver: d.Driver().Version().String(),
		Kernels: name, Memory: d.Memory, Integrated: d.Integrated,
	}, err
}

func device(o Options) (*driver.Device, error) {
	d, err := driver.Open(o.Library)
	if err != nil {
		return nil, err
	}
	all, err := d.Devices()
	if err != nil {
		return nil, err
	}
	if o.Device < 0 || o.Device >= len(all) {
		return nil, fmt.Errorf("cuda: %w: device %d, but there are %d, counted from 0", driver.ErrNoDevice, o.Device, len(all))
	}
	return all[o.Device], nil
}

// Config implements [model.Model].
func (m *Model) Config() model.Config { return m.program.Config }

// Program implements [model.Programmed].
func (m *Model) Program() *model.Program { return m.program }

// Memory implements [model.Memory]: what of the device's is free.
func (m *Model) Memory() float64 {
	s, err := m.acquire()
	if err != nil {
		return 0
	}
	defer m.mu.RUnlock()
	free, err := s.free()
	if err != nil {
		return 0
	}
	return float64(free)
}

// NewKV implements [model.Model].
func (m *Model) NewKV(pages int, kind quant.Type) (model.KV, error) { return newKV(m, pages, kind) }

// NewRunner implements [model.Model].
func (m *Model) NewRunner(store model.KV, limits model.Limits) (model.Runner, error) {
	kv, ok := store.(*KV)
	if !ok || kv.model != m {
		return nil, fmt.Errorf("cuda: the KV cache (%T) was not made by this model", store)
	}
	if limits.Context > m.program.Config.Context {
		return nil, fmt.Errorf("cuda: a context of %d, but the model's is %d", limits.Context, m.program.Config.Context)
	}
	return newRunner(kv, limits)
}

// Close releases what the model has on the device, its keys and values and
// runners included. Nothing may run.
func (m *Model) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	s := m.session
	m.session = nil
	if s == nil {
		return nil
	}
	return s.close()
}

var errClosed = errors.New("cuda: the model is closed")

// acquire takes mu for reading, unless it fails, with a session that is not lost:
// after the device was lost, with a new one.
func (m *Model) acquire() (*session, error) {
	for {
		m.mu.RLock()
		switch {
		case m.closed:
			m.mu.RUnlock()
			return nil, errClosed
		case m.session != nil && !m.session.lost.Load():
			return m.session, nil
		}
		m.mu.RUnlock()
		if err := m.renew(); err != nil {
			return nil, err
		}
	}
}

// renew replaces a session that was lost.
func (m *Model) renew() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || m.session != nil && !m.session.lost.Load() {
		return nil
	}
	if m.session != nil {
		_ = m.session.close() // of a lost context, everything may fail
		m.session = nil
	}
	s, err := newSession(m)
	if err != nil {
		return fmt.Errorf("cuda: the GPU was lost and does not come back: %w", err)
	}
	m.session = s
	return nil
}
