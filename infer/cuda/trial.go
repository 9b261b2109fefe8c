//go:build cuda

package cuda

import (
	"fmt"
	"slices"
	"time"

	"github.com/a472be26/cusp/infer/cuda/driver"
	"github.com/a472be26/cusp/infer/kernel"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/quant"
)

// trial is a model on the device that runs parts of a program, one after the
// other, to see how long they take. It is not safe for concurrent use.
type trial struct{ *Model }

// newTrial begins with a pass that goes through no layer.
func newTrial(p *model.Program, o Options, d *driver.Device) (*trial, error) {
	idle, err := extract(p, 0, 0)
	if err != nil {
		return nil, err
	}
	o.Progress = nil // hears of the model that is loaded
	m, err := newModel(idle, o, d)
	return &trial{m}, err
}

// trialWeights is how many bytes of weights are timed, if there are as many: more
// than caches hold, and soon copied.
const trialWeights = 64 << 20

// costs times layers of a program, by the sizes of sizesOf, with some room for them
// on the device.
func (t *trial) costs(p *model.Program, sizes []int64, room int64) (c Costs, err error) {
	from, to := trialLayers(sizes, room)
	layers, err := extract(p, from, to)
	if err != nil {
		return c, err
	}
	if c.Handover, err = timePass(t, 1); err != nil {
		return c, err
	}
	if err := t.turn(layers); err != nil {
		return c, err
	}
	gpu, err := timePass(t, 1)
	if err != nil {
		return c, err
	}
	threads := t.options.Threads
	if threads < 1 {
		threads = kernel.DefaultThreads()
	}
	cpu, err := timePass(model.New(layers), threads)
	share := meanLayer(sizes) / float64(sizes[to]-sizes[from])
	c.CPU, c.GPU = scale(cpu, share), scale(max(0, gpu-c.Handover), share)
	return c, err
}

func scale(d time.Duration, by float64) time.Duration { return time.Duration(by * float64(d)) }

// trialLayers are those that are timed, from one to before another. The first and
// the last are often of other types than those between.
func trialLayers(sizes []int64, room int64) (from, to int) {
	from = min(1, len(sizes)-2)
	for to = from + 1; to < len(sizes)-1 && sizes[to]-sizes[from] < trialWeights && sizes[to+1]-sizes[from] <= room; to++ {
	}
	return from, to
}

// turn turns to another program.
func (t *trial) turn(p *model.Program) (err error) {
	t.program = p
	t.session.weights, err = placeWeights(t.session.context, p, t.options)
	return err
}

// timePass is how long a pass of one token takes at least.
func timePass(m model.Model, threads int) (time.Duration, error) {
	kv, err := m.NewKV(1, quant.F16)
	if err != nil {
		return 0, err
	}
	defer kv.Close()
	r, err := m.NewRunner(kv, model.Limits{Threads: threads, Sequences: 1, Rows: 1, Context: 1})
	if err != nil {
		return 0, err
	}
	defer r.Close()
	batch := []model.Sequence{{Pages: []int32{0}, Tokens: []int32{0}, Hidden: make([]float32, m.Config().Dim)}}
	return leastTime(func() error { return r.Forward(batch) }, time.Now)
}

// extract is the layers of a program from one to before another, maybe none, as
// a program of a vocabulary of one token that gives hidden states.
func extract(p *model.Program, from, to int) (*model.Program, error) {
	embed, ok := p.Steps[0].(*model.Embed)
	if !ok {
		return nil, fmt.Errorf("cuda: %w: a program that begins with %T cannot be divided", ErrUnsupported, p.Steps[0])
	}
	part, _, err := p.Split(max(to, 1))
	if err == nil && from > 0 {
		_, part, err = part.Split(from)
	}
	if err != nil {
		return nil, err
	}
	out := &model.Program{Config: part.Config, Ropes: part.Ropes, Steps: slices.Clone(part.Steps)}
	out.Config.Vocab, out.Config.Gives, out.Config.Takes = 1, true, false
	if to == from {
		out.Steps = []model.Step{nil, &model.DeliverHidden{}}
	}
	out.Steps[0] = &model.Embed{Table: firstRow(embed.Table)}
	return out, nil
}

func firstRow(m *model.Matrix) *model.Matrix {
	w := m.Weights
	w.Data = w.Data[:len(w.Data)/w.Rows]
	w.Rows = 1
	return &model.Matrix{Weights: w}
}
