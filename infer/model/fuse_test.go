package model

import (
	"slices"
	"testing"

	"github.com/a472be26/cusp/infer/kernel"
	"github.com/a472be26/cusp/infer/quant"
)

func TestFuse(t *testing.T) {
	linear := func(kind quant.Type, rows int) Linear {
		return Linear{Matrix: Matrix{kernel.Weights{Kind: kind, Rows: rows, Cols: 64}}}
	}
	biased := linear(quant.Q8_0, 64)
	biased.Bias = make([]float32, 64)
	gate, dense, narrow := linear(quant.Q4_0, 64), linear(quant.F16, 64), linear(quant.Q8_0, 48)
	feedForward := func(gate *Linear, up, down Linear) func(*Program) {
		return func(p *Program) {
			p.feedForward(Normed, &FeedForward{Gate: gate, Up: up, Down: down})
		}
	}
	plain := feedForward(&gate, linear(quant.Q8_0, 64), linear(quant.Q6_K, 64))
	for _, c := range []struct {
		name  string
		write func(*Program)
		steps int
	}{
		{"gated", plain, 1},
		{"without a gate", feedForward(nil, linear(quant.Q8_0, 64), linear(quant.Q8_0, 64)), 1},
		{"biases behind it", feedForward(&gate, linear(quant.Q8_0, 64), biased), 1},
		{"two", func(p *Program) { plain(p); p.add(Projected); plain(p) }, 3},
		{"biases within", feedForward(&biased, linear(quant.Q8_0, 64), linear(quant.Q8_0, 64)), 3},
		{"dense gate", feedForward(&dense, linear(quant.Q8_0, 64), linear(quant.Q8_0, 64)), 3},
		{"dense end", feedForward(&gate, linear(quant.Q8_0, 64), dense), 3},
		{"half a block", feedForward(&narrow, narrow, linear(quant.Q8_0, 64)), 3},
		{"gates read later", func(p *Program) { plain(p); p.add(Gates) }, 4},
		{"ups read later", func(p *Program) { plain(p); p.add(Ups) }, 4},
		{"two steps", func(p *Program) { plain(p); p.Steps = p.Steps[:2] }, 2},
	} {
		var p Program
		c.write(&p)
		if got := fuse(p.Steps); len(got) != c.steps {
			t.Errorf("%s: %d steps, want %d", c.name, len(got), c.steps)
		}
	}
}

// TestUses: buffers that no step needs have no room.
func TestUses(t *testing.T) {
	var p, inner Program
	p.multiply(Normed, Product{Dst: Gates}, Product{Dst: Ups})
	p.activate(SiLU, Gates, Ups)
	inner.multiply(Chosen, Product{Dst: Values})
	for _, c := range []struct {
		name  string
		steps []Step
		want  []Buffer
	}{
		{"three steps", p.Steps, []Buffer{Normed, Gates, Ups}},
		{"one", []Step{&feed{src: Residual, last: &Multiply{Gates, []Product{{Dst: Projected}}}}}, []Buffer{Residual, Projected}},
		{"narrow", []Step{&Narrow{}}, []Buffer{Residual, Normed, Mixed}},
		{"sparse", []Step{&Sparse{steps: [][]Step{inner.Steps}}}, []Buffer{Normed, Values, Projected, Scores, Chosen}},
	} {
		for b := range Buffer(Buffers) {
			if got := uses(c.steps, b); got != slices.Contains(c.want, b) {
				t.Errorf("%s: buffer %d is needed: %v", c.name, b, got)
			}
		}
	}
}
