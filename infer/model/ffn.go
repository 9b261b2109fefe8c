package model

import (
	"math"

	"github.com/a472be26/cusp/infer/kernel"
)

// activation is what a feed-forward layer does to its middle: dst becomes the
// activated gate times up, or the activated gate where up is nil. All have the
// length of gate; dst may be gate.
type activation func(dst, gate, up []float32)

// feedForward are the weights of a layer's feed-forward half. With a gate its
// activation lets through more or less of up (arXiv 2002.05202); without, up
// itself is activated.
type feedForward struct {
	gate       *linear // [FFN][Dim], nil for none
	up         linear  // [FFN][Dim]
	down       linear  // [Dim][FFN]
	activation activation
}

// gated binds ffn_gate, ffn_up and ffn_down; or ffn_up and ffn_down, where the
// gate lies before up in one tensor.
func (s *source) gated(prefix string, c Config, a activation) feedForward {
	f := feedForward{activation: a, down: s.linear(prefix+"ffn_down", c.Dim, c.FFN)}
	if s.has(prefix + "ffn_gate.weight") {
		gate := s.linear(prefix+"ffn_gate", c.FFN, c.Dim)
		f.gate, f.up = &gate, s.linear(prefix+"ffn_up", c.FFN, c.Dim)
		return f
	}
	both := s.linear(prefix+"ffn_up", 2*c.FFN, c.Dim)
	if s.err == nil {
		gate := both.part(0, c.FFN)
		f.gate, f.up = &gate, both.part(c.FFN, c.FFN)
	}
	return f
}

// plain binds ffn_up and ffn_down.
func (s *source) plain(prefix string, c Config, a activation) feedForward {
	return feedForward{
		activation: a,
		up:         s.linear(prefix+"ffn_up", c.FFN, c.Dim),
		down:       s.linear(prefix+"ffn_down", c.Dim, c.FFN),
	}
}

// feedForward sets projected to what a layer makes of x.
func (p *pass) feedForward(x *vectors, f *feedForward) {
	if f.gate == nil {
		p.multiply(x, into(p.gates, &f.up))
		p.activate(f.activation, p.gates, nil)
	} else {
		p.multiply(x, into(p.gates, f.gate), into(p.ups, &f.up))
		p.activate(f.activation, p.gates, p.ups)
	}
	p.multiply(p.gates, into(p.projected, &f.down))
}

// activate activates gates, in place.
func (p *pass) activate(a activation, gates, ups *vectors) {
	p.eachRow(gates.width, rowStep{do: activateRow, dst: gates, other: ups, activation: a})
}

func activateRow(p *pass, i int) {
	var up []float32
	if p.other != nil {
		up = p.other.each[i]
	}
	p.activation(p.dst.each[i], p.dst.each[i], up)
}

// silu is x/(1+exp(-x)).
func silu(dst, gate, up []float32) { kernel.SwiGLU(dst, gate, up) }

// gelu is x times the normal distribution's share below x (arXiv 1606.08415).
func gelu(dst, gate, up []float32) { kernel.GELU(dst, gate, up) }

// geluTanh is its usual approximation.
func geluTanh(dst, gate, up []float32) { kernel.GELUTanh(dst, gate, up) }

// relu is x where it is positive, else 0.
func relu(dst, gate, up []float32) {
	for i, x := range gate {
		dst[i] = max(x, 0)
		if up != nil {
			dst[i] *= up[i]
		}
	}
}

func tanhRow(p *pass, i int) {
	for j, x := range p.dst.each[i] {
		p.dst.each[i][j] = float32(math.Tanh(float64(x)))
	}
}
