//go:build cuda

package cuda

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/a472be26/cusp/infer/kernel"
	"github.com/a472be26/cusp/infer/model"
)

// Runner runs passes on the device.
type Runner struct {
	kv      *KV
	limits  model.Limits
	texts   *model.Batch
	sources *model.Batch // nil unless the model is an EncoderDecoder
	state   *state       // of the session that the last pass ran in
	pool    *kernel.Pool // for Spread
	launch  launcher
	done    atomic.Uint64 // launches and passes
}

var (
	_ model.Runner   = (*Runner)(nil)
	_ model.Progress = (*Runner)(nil)
	_ model.Threads  = (*Runner)(nil)
	_ model.Leading  = (*Runner)(nil)
)

func newRunner(kv *KV, limits model.Limits) (model.Runner, error) {
	c := kv.model.program.Config
	r := &Runner{kv: kv, limits: limits, texts: model.NewBatch(c, limits, kv.pages)}
	r.texts.MostLeaders = r.MostLeaders()
	if c.Kind == model.EncoderDecoder {
		r.sources = model.NewSources(c, limits, kv.pages)
	}
	s, err := kv.model.acquire()
	if err != nil {
		return nil, err
	}
	defer kv.model.mu.RUnlock()
	if err := r.enter(s); err != nil {
		return nil, err
	}
	r.pool = kernel.NewPool(limits.Threads)
	return r, nil
}

// enter makes sure that there is memory for passes in a session.
func (r *Runner) enter(s *session) error {
	if err := r.kv.enter(s); err != nil {
		return err
	}
	if r.state != nil && r.state.session == s {
		return nil
	}
	st, err := newState(s, r.kv.model.program, r.kv, r.limits)
	r.state = st
	return err
}

// Forward is the seam; see [model.Runner]. An error that is driver.ErrDeviceLost
// is model.ErrLost as well; the next pass makes a new session.
func (r *Runner) Forward(sequences []model.Sequence) error {
	// 1. Refuse what cannot be computed.
	if err := r.fill(sequences); err != nil {
		return fmt.Errorf("cuda: forward: %w", err)
	}
	// 2. Find the device, or what is there after it was lost.
	s, err := r.kv.model.acquire()
	if err != nil {
		return err
	}
	defer r.kv.model.mu.RUnlock()
	if err := r.enter(s); err != nil {
		return r.failed(s, err)
	}
	if r.kv.tell() {
		return fmt.Errorf("cuda: the GPU was lost: %w", model.ErrLost)
	}
	// 3. Compute.
	if err := r.compute(sequences); err != nil {
		return r.failed(s, err)
	}
	// 4. Hand out.
	r.deliver(sequences)
	return nil
}

func (r *Runner) fill(sequences []model.Sequence) error {
	if err := r.texts.Fill(sequences); err != nil {
		return err
	}
	if r.sources == nil {
		return nil
	}
	return r.sources.FillSources(sequences)
}

// failed says what an error means for the pages.
func (r *Runner) failed(s *session, err error) error {
	if s.note(err); !s.lost.Load() {
		return err
	}
	r.state = nil
	r.kv.forget()
	return fmt.Errorf("%w: %w", model.ErrLost, err)
}

// compute runs a pass and waits for it.
func (r *Runner) compute(sequences []model.Sequence) error {
	st := r.state
	r.launch.count = 0
	st.texts.fill(r.texts, sequences, st.splitTiles(), false)
	reads := r.sources != nil && len(r.sources.Rows) > 0
	if reads {
		st.sources.fill(r.sources, sequences, 0, true)
	}
	err := r.enqueue(reads)
	r.done.Add(r.launch.count)
	// Whatever was put into the stream must be over before anything is reused.
	err = errors.Join(err, st.stream.Synchronize())
	r.done.Add(1)
	return err
}

// enqueue puts the pass into the stream: as a graph if its shape comes again and
// again, which is so where every sequence has one token.
func (r *Runner) enqueue(reads bool) error {
	st := r.state
	s := st.texts.shape
	if reads || s.rows != s.sequences || !st.session.context.Device().Driver().Graphs() {
		return r.put(reads)
	}
	g, ok := st.graphs[s]
	if !ok {
		st.forgetGraphs(mostGraphs)
		var err error
		if g, err = st.stream.Capture(func() error { return r.put(false) }); err != nil {
			return err
		}
		st.graphs[s] = g
	}
	return g.Launch(st.stream)
}

// mostGraphs is how many shapes are remembered: sequences come and go one by one.
const mostGraphs = 64

// put puts the copies and launches of the pass into the stream.
func (r *Runner) put(reads bool) error {
	l, st := &r.launch, r.state
	l.state, l.err, l.count = st, nil, 0
	if reads {
		l.upload(st.sources)
		l.run(st.sources, st.reads)
	}
	l.upload(st.texts)
	l.run(st.texts, st.steps)
	return l.err
}

func (l *launcher) upload(d *description) {
	if l.err == nil {
		l.err = l.state.stream.Upload(d.device, d.host.Bytes[:d.layout.size])
	}
}

// deliver copies results from pinned memory to where they are wanted.
func (r *Runner) deliver(sequences []model.Sequence) {
	st := r.state
	outputs, logits, led, where := st.config.Outputs(), 0, 0, st.texts.shape.leaders()
	for i := range sequences {
		switch s := &sequences[i]; {
		case len(s.Logits) > 0:
			copy(s.Logits, floats(st.answers, st.limits.Sequences*outputs)[logits:])
			logits += outputs
		case s.Leaders != nil:
			where.give(st.led, led, s.Leaders)
			led++
		}
	}
	if st.hidden == nil {
		return
	}
	from := floats(st.hidden, st.limits.Rows*st.config.Dim)
	for i := range sequences {
		n := len(sequences[i].Tokens) * st.config.Dim
		copy(sequences[i].Hidden, from[:n])
		from = from[n:]
	}
}

// MostLeaders implements [model.Leading].
func (r *Runner) MostLeaders() int { return mostLeaders(r.kv.model.program.Config) }

// Progress implements [model.Progress].
func (r *Runner) Progress() uint64 { return r.done.Load() }

// Threads implements [model.Threads]: they sample, the device computes.
func (r *Runner) Threads() int { return r.pool.Threads() }

// SetThreads implements [model.Threads].
func (r *Runner) SetThreads(n int) { r.pool.SetThreads(n) }

// Spread implements [model.Runner].
func (r *Runner) Spread(n int, f func(int)) { r.pool.Run(n, f) }

// Close implements [model.Runner].
func (r *Runner) Close() {
	r.pool.Close()
	m := r.kv.model
	m.mu.RLock()
	defer m.mu.RUnlock()
	if r.state != nil && r.state.session == m.session {
		r.state.close()
	}
	r.state = nil
}
