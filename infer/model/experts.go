package model

import (
	"math"

	"github.com/a472be26/cusp/infer/kernel"
)

// experts are the weights of a sparse feed-forward layer: every row goes through
// the few experts that a router gives the most weight (arXiv 2101.03961; as in
// Mixtral, arXiv 2401.04088, the weights of those that are used add up to 1).
type experts struct {
	router linear        // [Experts][Dim]
	each   []feedForward // [Experts]
	sumTo1 bool          // the weights of the used ones
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
func (s *source) sparse(prefix string, c Config) *experts {
	e := &experts{router: s.linear(prefix+"ffn_gate_inp", c.Experts, c.Dim), sumTo1: s.flagOr("expert_weights_norm", true)}
	gate := s.stack(prefix+"ffn_gate_exps.weight", c.Experts, c.FFN, c.Dim)
	up := s.stack(prefix+"ffn_up_exps.weight", c.Experts, c.FFN, c.Dim)
	down := s.stack(prefix+"ffn_down_exps.weight", c.Experts, c.Dim, c.FFN)
	if s.err != nil {
		return e
	}
	for i := range c.Experts {
		e.each = append(e.each, feedForward{
			activation: silu, gate: &linear{matrix: gate[i]}, up: linear{matrix: up[i]}, down: linear{matrix: down[i]},
		})
	}
	return e
}

// routing is the run state of sparse layers.
type routing struct {
	used    int
	scores  *vectors  // [Experts] of every row
	inputs  *vectors  // [Dim] of the rows of one expert
	sums    *vectors  // [Dim] of every row, over its experts
	rows    [][]int   // of every expert, those that use it
	weights []float32 // [Rows][Experts]: what a row gives an expert, 0 for none
}

func newRouting(c Config, rows int) *routing {
	r := &routing{
		used: c.ExpertsUsed, scores: newVectors(rows, c.Experts), inputs: newVectors(rows, c.Dim), sums: newVectors(rows, c.Dim),
		weights: make([]float32, rows*c.Experts),
	}
	for range c.Experts {
		r.rows = append(r.rows, make([]int, 0, rows))
	}
	return r
}

// sparse sets projected to what a sparse layer makes of normed.
func (p *pass) sparse(e *experts) {
	r, all := p.routing, p.n
	// 1. Which row goes where.
	p.multiply(p.normed, into(r.scores, &e.router))
	for i := range r.rows {
		r.rows[i] = r.rows[i][:0]
	}
	for i := range all {
		r.route(i, e.sumTo1)
		clear(r.sums.each[i])
	}
	// 2. The rows of one expert after the other, in the same order for every
	// batch, so that a row's sum does not depend on who else is in it.
	for i, rows := range r.rows {
		if len(rows) > 0 {
			p.expert(i, &e.each[i], rows)
		}
	}
	p.n = all
	p.projected, r.sums = r.sums, p.projected
}

// expert adds to the sums of some rows what an expert makes of them.
func (p *pass) expert(index int, f *feedForward, rows []int) {
	r := p.routing
	for i, row := range rows {
		copy(r.inputs.each[i], p.normed.each[row])
	}
	p.n = len(rows)
	p.feedForward(r.inputs, f)
	for i, row := range rows {
		kernel.Axpy(r.weights[row*len(r.rows)+index], p.projected.each[i], r.sums.each[row])
	}
}

// route chooses the experts of a row.
func (r *routing) route(row int, sumTo1 bool) {
	scores := r.scores.each[row]
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
