package model

import (
	"fmt"
	"slices"

	"github.com/a472be26/cusp/infer/quant"
)

// decoder is an architecture bound to its weights: it writes down the order in
// which a pass goes through them, which ends with the logits delivered.
type decoder interface {
	write(p *Program)
}

// network is a Model of any architecture that runs on the CPU.
type network struct{ program *Program }

var (
	_ Model  = (*network)(nil)
	_ Runner = (*runner)(nil)

	_ Programmed = (*network)(nil)

	_ Progress = (*runner)(nil)
	_ Threads  = (*runner)(nil)
)

// New is the model that runs a program on the CPU.
func New(p *Program) Model { return &network{p} }

func newNetwork(c Config, ropes []*Rope, d decoder) *network {
	m := &network{&Program{Config: c, Ropes: ropes}}
	d.write(m.program)
	m.program.Config.Window = m.program.window()
	return m
}

func (m *network) Config() Config { return m.program.Config }

// Program implements [Programmed].
func (m *network) Program() *Program { return m.program }

func (m *network) NewKV(pages int, kind quant.Type) (KV, error) {
	return newPagedKV(m.program.Config, pages, kind)
}

func (m *network) NewRunner(store KV, limits Limits) (Runner, error) {
	kv, err := m.program.Config.own(store)
	if err != nil {
		return nil, err
	}
	if limits.Context > m.program.Config.Context {
		return nil, fmt.Errorf("model: a context of %d, but the model's is %d", limits.Context, m.program.Config.Context)
	}
	reads, steps := fuse(m.program.Reads), fuse(m.program.Steps)
	return &runner{newPass(m.program.Config, m.program.Ropes, limits, kv, slices.Concat(reads, steps)), reads, steps}, nil
}

// runner runs passes through a network.
type runner struct {
	pass         *pass
	reads, steps []Step // of the program
}

// Forward is the seam; see Runner.
func (r *runner) Forward(sequences []Sequence) error {
	if err := r.pass.begin(sequences); err != nil {
		return fmt.Errorf("model: forward: %w", err)
	}
	if r.pass.sources != nil && len(r.pass.sources.Rows) > 0 {
		r.pass.run(r.pass.sources, r.reads)
	}
	r.pass.run(r.pass.texts, r.steps)
	return nil
}

// Progress implements [Progress].
func (r *runner) Progress() uint64 { return r.pass.pool.Runs() }

// Threads implements [Threads].
func (r *runner) Threads() int { return r.pass.pool.Threads() }

// SetThreads implements [Threads].
func (r *runner) SetThreads(n int) { r.pass.pool.SetThreads(n) }

func (r *runner) Spread(n int, f func(int)) { r.pass.pool.Run(n, f) }

func (r *runner) Close() { r.pass.pool.Close() }
