package model

import (
	"math"

	"github.com/a472be26/cusp/infer/kernel"
)

// Experts are the weights of a sparse feed-forward layer: every row goes through
// the few experts that a router gives the most weight (arXiv 2101.03961; as in
// Mixtral, arXiv 2401.04088, the weights of those that are used add up to 1).
type Experts struct {
	Router Linear        // [Experts][Dim]
	Each   []FeedForward // [Experts]
	SumTo1 bool          // the weights of the used ones
}

// experts reads the sizes of sparse layers into c: FFN becomes the width of one
// expert.
func (s *source) experts(c *Config) {
	c.Experts = s.countOr("expert_count", 0)
	if c.Experts == 0 {
		return
	}
	c.ExpertsUsed = s.size("expert_used_count")
	if c.ExpertsUsed > c.Experts {
		s.fail("%sexpert_used_count is %d, but expert_count only %d", s.prefix, c.ExpertsUsed, c.Experts)
	}
	c.FFN = s.sizeOr("expert_feed_forward_length", c.FFN)
}

// sparse binds the router and the experts of a layer, whose matrices lie in one
// tensor of each kind.
func (s *source) sparse(prefix string, c Config) *Experts {
	e := &Experts{Router: s.linear(prefix+"ffn_gate_inp", c.Experts, c.Dim), SumTo1: s.flagOr("expert_weights_norm", true)}
	gate := s.stack(prefix+"ffn_gate_exps.weight", c.Experts, c.FFN, c.Dim)
	up := s.stack(prefix+"ffn_up_exps.weight", c.Experts, c.FFN, c.Dim)
	down := s.stack(prefix+"ffn_down_exps.weight", c.Experts, c.Dim, c.FFN)
	if s.err != nil {
		return e
	}
	for i := range c.Experts {
		e.Each = append(e.Each, FeedForward{
			Activation: SiLU, Gate: &Linear{Matrix: gate[i]}, Up: Linear{Matrix: up[i]}, Down: Linear{Matrix: down[i]},
		})
	}
	return e
}

// routing is the run state of sparse layers.
type routing struct {
	used    int
	sums    *vectors  // [Dim] of every row, over its experts
	rows    [][]int   // of every expert, those that use it
	weights []float32 // [Rows][Experts]: what a row gives an expert, 0 for none
}

func newRouting(c Config, rows int) *routing {
	r := &routing{
		used: c.ExpertsUsed, sums: newVectors(rows, c.Dim),
		weights: make([]float32, rows*c.Experts),
	}
	for range c.Experts {
		r.rows = append(r.rows, make([]int, 0, rows))
	}
	return r
}

// sparse sets projected to what a sparse layer makes of normed.
func (p *Program) sparse(e *Experts) {
	p.multiply(Normed, into(Scores, &e.Router))
	s := &Sparse{Experts: e}
	for i := range e.Each {
		part := Program{Config: p.Config}
		part.feedForward(Chosen, &e.Each[i])
		s.steps = append(s.steps, fuse(part.Steps))
	}
	p.do(s)
}

// run sets Projected to what the experts make of Normed.
func (r *routing) run(p *pass, s *Sparse) {
	// 1. Which row goes where.
	for i := range r.rows {
		r.rows[i] = r.rows[i][:0]
	}
	all := p.n
	for i := range all {
		r.route(i, p.buffers[Scores].each[i], s.SumTo1)
		clear(r.sums.each[i])
	}
	// 2. The rows of one expert after the other, in the same order for every
	// batch, so that a row's sum does not depend on who else is in it.
	for i, rows := range r.rows {
		if len(rows) > 0 {
			r.expert(p, i, s.steps[i], rows)
		}
	}
	p.n = all
	p.buffers[Projected], r.sums = r.sums, p.buffers[Projected]
}

// expert adds to the sums of some rows what an expert makes of them.
func (r *routing) expert(p *pass, index int, steps []Step, rows []int) {
	for i, row := range rows {
		copy(p.buffers[Chosen].each[i], p.buffers[Normed].each[row])
	}
	p.n = len(rows)
	for _, s := range steps {
		s.run(p)
	}
	for i, row := range rows {
		kernel.Axpy(r.weights[row*len(r.rows)+index], p.buffers[Projected].each[i], r.sums.each[row])
	}
}

// route chooses the experts of a row with some scores.
func (r *routing) route(row int, scores []float32, sumTo1 bool) {
	weights := r.weights[row*len(scores):][:len(scores)]
	clear(weights)
	kernel.Softmax(scores)
	var sum float32
	for range r.used {
		best := largest(scores)
		weights[best], scores[best] = scores[best], float32(math.Inf(-1))
		sum += weights[best]
		r.rows[best] = append(r.rows[best], row)
	}
	if sumTo1 {
		kernel.Scale(1/sum, weights)
	}
}

// largest is the index of the first of the largest values.
func largest(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}
