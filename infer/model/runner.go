package model

import (
	"fmt"

	"github.com/a472be26/cusp/infer/quant"
)

// decoder is an architecture bound to its weights, which it only reads: the
// order in which a pass goes through them. The rows of the batch are laid out
// already; it ends with the logits delivered.
type decoder interface {
	forward(p *pass)
}

// network is a Model of any architecture.
type network struct {
	config Config
	ropes  []*rope
	decoder
}

var (
	_ Model  = (*network)(nil)
	_ Runner = (*runner)(nil)

	_ Progress = (*runner)(nil)
	_ Threads  = (*runner)(nil)
)

func (m *network) Config() Config { return m.config }

func (m *network) NewKV(pages int, kind quant.Type) (KV, error) {
	return newPagedKV(m.config, pages, kind)
}

func (m *network) NewRunner(store KV, limits Limits) (Runner, error) {
	kv, err := m.config.own(store)
	if err != nil {
		return nil, err
	}
	if limits.Context > m.config.Context {
		return nil, fmt.Errorf("model: a context of %d, but the model's is %d", limits.Context, m.config.Context)
	}
	return &runner{decoder: m.decoder, pass: newPass(m.config, m.ropes, limits, kv)}, nil
}

// runner runs passes through a network.
type runner struct {
	decoder
	pass *pass
}

// Forward is the seam; see Runner.
func (r *runner) Forward(sequences []Sequence) error {
	if err := r.pass.begin(sequences); err != nil {
		return fmt.Errorf("model: forward: %w", err)
	}
	r.forward(r.pass)
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
