package daemon

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/a472be26/cusp/infer/assistant"
	"github.com/a472be26/cusp/infer/cuda"
	"github.com/a472be26/cusp/infer/cuda/driver"
	"github.com/a472be26/cusp/infer/model"
)

// Values of model.device.
const (
	deviceAuto = "auto" // a GPU if there is one for the model, else the CPU
	deviceCPU  = "cpu"
	deviceCUDA = "cuda" // a GPU, or the model is refused
)

// Place is where a model computes.
type Place struct {
	Device string `json:"device"`        // "cpu" or "cuda"
	GPU    string `json:"gpu,omitempty"` // its name, what it is, and how many layers if not all
	Why    string `json:"why,omitempty"` // there is no GPU for it; empty where none was asked for
	pages  string // tells keys and values from those of other places
}

// places puts models on a GPU or the CPU; nil puts them on the CPU.
type places struct {
	log     *slog.Logger
	options cuda.Options

	mu       sync.Mutex // guards the fields below
	failures int        // answers in a row that ended since the GPU was lost
	lost     error      // why the GPU is not tried any more until a restart; nil: it is
	reload   func()     // moves the serving model to the CPU; set once it may be called
}

// lostInARow is how many answers in a row may end with a lost GPU before the CPU
// takes over. A GPU that comes back is used again by itself.
const lostInARow = 3

// open makes an assistant where the configuration wants it.
func (p *places) open(m ModelConfig, c assistant.Config, open func(assistant.Config) (*assistant.Assistant, error)) (*assistant.Assistant, Place, error) {
	if p == nil || m.Device == deviceCPU || m.Device == deviceAuto && !cuda.Built {
		a, err := open(c)
		return a, Place{Device: deviceCPU}, err
	}
	a, place, err := p.openGPU(m, c, open)
	switch {
	case err == nil:
		return a, place, nil
	case m.Device == deviceCUDA:
		return nil, place, fmt.Errorf("model.device is %q: %w; or set model.device = %q", deviceCUDA, err, deviceAuto)
	case !ofGPU(err):
		return nil, place, err
	}
	p.log.Warn("the model computes on the CPU: " + err.Error())
	a, err2 := open(c)
	return a, Place{Device: deviceCPU, Why: err.Error()}, err2
}

func (p *places) openGPU(m ModelConfig, c assistant.Config, open func(assistant.Config) (*assistant.Assistant, error)) (*assistant.Assistant, Place, error) {
	if err := p.given(); err != nil {
		return nil, Place{}, unusable{err}
	}
	info, err := cuda.Probe(p.options)
	if err != nil {
		return nil, Place{}, unusable{err}
	}
	loaded, about, reason := false, info.String(), ""
	o := p.options
	o.Layers, o.Insist, o.Threads = m.GPULayers, m.Device == deviceCUDA, c.Threads
	c.Place = func(m model.Model) (model.Model, error) {
		m, err := cuda.Load(m, o)
		loaded = err == nil
		if d, ok := m.(divided); ok {
			about += fmt.Sprintf("; %d of %d layers, the others on the CPU", d.Layers(), m.Config().Layers)
			reason = d.Reason()
			p.log.Info("some layers of the model compute on the GPU, the others on the CPU", "gpu", d.Layers(), "of", m.Config().Layers, "reason", cmp.Or(reason, "model.gpu_layers"))
		}
		return m, err
	}
	a, err := open(c)
	switch {
	case err != nil && loaded: // the engine does not fit
		err = unusable{err}
	case errors.Is(err, cuda.ErrSlower):
		err = fmt.Errorf("%w; model.gpu_layers puts some on the GPU all the same", err)
	}
	place := Place{Device: deviceCUDA, GPU: about, pages: " " + about}
	if reason != "" {
		place.GPU += " (" + reason + ")"
	}
	return a, place, err
}

// divided is a model of which only some layers are on the GPU.
type divided interface {
	Layers() int
	Reason() string // why so many; empty: because of model.gpu_layers
}

// unusable is why no model can use the GPU.
type unusable struct{ error }

func (u unusable) Unwrap() error { return u.error }

// ofGPU tells whether an error is about the GPU, so that the CPU may do better.
func ofGPU(err error) bool {
	if errors.As(err, new(*driver.Error)) || errors.As(err, new(unusable)) {
		return true
	}
	for _, kind := range []error{driver.ErrNoDriver, driver.ErrDriverTooOld, driver.ErrNoDevice, driver.ErrOutOfMemory, driver.ErrDeviceLost, cuda.ErrUnsupported, cuda.ErrSlower} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// given is why the GPU was given up.
func (p *places) given() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost
}

// note looks at how an answer ended.
func (p *places) note(err error) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !errors.Is(err, driver.ErrDeviceLost) {
		if err == nil {
			p.failures = 0
		}
		return
	}
	p.failures++
	p.log.Error("the GPU was lost during an answer", "times_in_a_row", p.failures, "error", err)
	if p.failures < lostInARow || p.lost != nil || p.reload == nil {
		return
	}
	p.lost = fmt.Errorf("the GPU was lost %d times in a row, and is left alone until the daemon restarts: %w", p.failures, err)
	go p.reload()
}

// onLost says how the serving model moves to the CPU.
func (p *places) onLost(reload func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reload = reload
}

// leaveGPU moves the serving model to the CPU.
func (d *device) leaveGPU() {
	c := d.models.origin()
	if c == nil || d.ctx.Err() != nil {
		return
	}
	if err := d.models.Reconfigure(d.ctx, d.setup(d.config().Model), *c); err != nil {
		d.log.Error("the model cannot be loaded for the CPU either", "error", err)
	}
}
