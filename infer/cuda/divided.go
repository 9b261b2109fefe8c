//go:build cuda

package cuda

import (
	"errors"
	"fmt"

	"github.com/a472be26/cusp/infer/cuda/driver"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/quant"
)

// Divided is a model whose first layers run on the GPU and whose others run on the
// CPU, because not all fit.
type Divided struct {
	config model.Config
	first  *Model
	rest   model.Model
	reason string // see Reason
}

var (
	_ model.Model  = (*Divided)(nil)
	_ model.Memory = (*Divided)(nil)
)

// newDivided puts some layers of a program on the device.
func newDivided(p *model.Program, n division, o Options, d *driver.Device) (model.Model, error) {
	first, rest, err := p.Split(n.layers)
	if err != nil {
		return nil, fmt.Errorf("cuda: %w: %w", ErrUnsupported, err)
	}
	m, err := newModel(first, o, d)
	if err != nil {
		return nil, err
	}
	return &Divided{config: p.Config, first: m, rest: model.New(rest), reason: n.reason}, nil
}

// Layers is how many layers run on the GPU.
func (m *Divided) Layers() int { return m.first.program.Config.Layers }

// Reason is why there are so many, for people: what was measured. Empty where they
// were chosen by Options.Layers.
func (m *Divided) Reason() string { return m.reason }

// Config implements [model.Model].
func (m *Divided) Config() model.Config { return m.config }

// Memory implements [model.Memory]: how many bytes of pages and vectors there are,
// until the GPU's layers or the others run short of them.
func (m *Divided) Memory() float64 {
	all, first := float64(m.config.Layers), float64(m.Layers())
	n := m.first.Memory() * all / first
	if available := availableMemory("/proc/meminfo"); available > 0 {
		n = min(n, float64(available)*all/(all-first))
	}
	return n
}

// NewKV implements [model.Model].
func (m *Divided) NewKV(pages int, kind quant.Type) (model.KV, error) {
	first, err := m.first.NewKV(pages, kind)
	if err != nil {
		return nil, err
	}
	rest, err := m.rest.NewKV(pages, kind)
	if err != nil {
		return nil, errors.Join(err, first.Close())
	}
	return &dividedKV{m, first, rest}, nil
}

// NewRunner implements [model.Model].
func (m *Divided) NewRunner(store model.KV, limits model.Limits) (model.Runner, error) {
	kv, ok := store.(*dividedKV)
	if !ok || kv.model != m {
		return nil, fmt.Errorf("cuda: the KV cache (%T) was not made by this model", store)
	}
	sampling := limits
	sampling.Threads = 1 // of those that compute the rest
	first, err := m.first.NewRunner(kv.first, sampling)
	if err != nil {
		return nil, err
	}
	rest, err := m.rest.NewRunner(kv.rest, limits)
	if err != nil {
		first.Close()
		return nil, err
	}
	return &dividedRunner{first: first, rest: rest, hidden: make([]float32, limits.Rows*m.config.Dim), config: m.config}, nil
}

// Close releases what the model has on the device.
func (m *Divided) Close() error { return m.first.Close() }

// dividedKV is the pages of both parts.
type dividedKV struct {
	model       *Divided
	first, rest model.KV
}

var _ model.KV = (*dividedKV)(nil)

func (k *dividedKV) Pages() int { return k.first.Pages() }

func (k *dividedKV) PageBytes() int { return k.first.PageBytes() + k.rest.PageBytes() }

func (k *dividedKV) Read(dst []byte, page int32) error {
	n := k.first.PageBytes()
	return errors.Join(k.first.Read(dst[:n], page), k.rest.Read(dst[n:], page))
}

func (k *dividedKV) Write(page int32, src []byte) {
	n := k.first.PageBytes()
	k.first.Write(page, src[:n])
	k.rest.Write(page, src[n:])
}

func (k *dividedKV) Copy(dst, src int32) {
	k.first.Copy(dst, src)
	k.rest.Copy(dst, src)
}

func (k *dividedKV) Close() error { return errors.Join(k.first.Close(), k.rest.Close()) }

// dividedRunner runs one part after the other.
type dividedRunner struct {
	first, rest model.Runner
	config      model.Config
	hidden      []float32 // [Rows][Dim] between the two
	batch       []model.Sequence
}

var (
	_ model.Runner   = (*dividedRunner)(nil)
	_ model.Progress = (*dividedRunner)(nil)
	_ model.Threads  = (*dividedRunner)(nil)
)

// Forward implements [model.Runner].
func (r *dividedRunner) Forward(sequences []model.Sequence) error {
	r.batch = r.batch[:0]
	from := r.hidden
	for _, s := range sequences {
		n := len(s.Tokens) * r.config.Dim
		if n > len(from) {
			return fmt.Errorf("cuda: forward: the tokens do not fit into the %d rows of the runner", len(r.hidden)/r.config.Dim)
		}
		s.Hidden, s.Logits = from[:n], nil
		r.batch, from = append(r.batch, s), from[n:]
	}
	if err := r.first.Forward(r.batch); err != nil {
		return err
	}
	for i := range r.batch {
		s := &r.batch[i]
		s.Input, s.Hidden, s.Logits = s.Hidden, nil, sequences[i].Logits
	}
	return r.rest.Forward(r.batch)
}

func (r *dividedRunner) Progress() uint64 {
	return r.first.(model.Progress).Progress() + r.rest.(model.Progress).Progress()
}

func (r *dividedRunner) Threads() int { return r.rest.(model.Threads).Threads() }

func (r *dividedRunner) SetThreads(n int) { r.rest.(model.Threads).SetThreads(n) }

func (r *dividedRunner) Spread(n int, f func(int)) { r.rest.Spread(n, f) }

func (r *dividedRunner) Close() {
	r.first.Close()
	r.rest.Close()
}
