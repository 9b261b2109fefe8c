package model

import (
	"math"

	"github.com/a472be26/cusp/infer/kernel"
)

// Activation is what a feed-forward layer does to its middle.
type Activation uint8

const (
	SiLU     Activation = iota // x/(1+exp(-x))
	GELU                       // x times the normal distribution's share below x (arXiv 1606.08415)
	GELUTanh                   // its usual approximation
	ReLU                       // x where it is positive, else 0
	Tanh                       // of a pooler
)

// FeedForward are the weights of a layer's feed-forward half. With a gate its
// activation lets through more or less of up (arXiv 2002.05202); without, up
// itself is activated.
type FeedForward struct {
	Gate       *Linear // [FFN][Dim], nil for none
	Up         Linear  // [FFN][Dim]
	Down       Linear  // [Dim][FFN]
	Activation Activation
}

// gated binds ffn_gate, ffn_up and ffn_down; or ffn_up and ffn_down, where the
// gate lies before up in one tensor.
func (s *source) gated(prefix string, c Config, a Activation) FeedForward {
	f := FeedForward{Activation: a, Down: s.linear(prefix+"ffn_down", c.Dim, c.FFN)}
	if s.has(prefix + "ffn_gate.weight") {
		gate := s.linear(prefix+"ffn_gate", c.FFN, c.Dim)
		f.Gate, f.Up = &gate, s.linear(prefix+"ffn_up", c.FFN, c.Dim)
		return f
	}
	both := s.linear(prefix+"ffn_up", 2*c.FFN, c.Dim)
	if s.err == nil {
		gate := both.part(0, c.FFN)
		f.Gate, f.Up = &gate, both.part(c.FFN, c.FFN)
	}
	return f
}

// plain binds ffn_up and ffn_down.
func (s *source) plain(prefix string, c Config, a Activation) FeedForward {
	return FeedForward{
		Activation: a,
		Up:         s.linear(prefix+"ffn_up", c.FFN, c.Dim),
		Down:       s.linear(prefix+"ffn_down", c.Dim, c.FFN),
	}
}

// feedForward sets projected to what a layer makes of x.
func (p *Program) feedForward(x Buffer, f *FeedForward) {
	if f.Gate == nil {
		p.multiply(x, into(Gates, &f.Up))
		p.activate(f.Activation, Gates, None)
	} else {
		p.multiply(x, into(Gates, f.Gate), into(Ups, &f.Up))
		p.activate(f.Activation, Gates, Ups)
	}
	p.multiply(Gates, into(Projected, &f.Down))
}

// apply sets dst to the activated gate times up, or to the activated gate where
// up is nil. All have the length of gate; dst may be gate.
func (a Activation) apply(dst, gate, up []float32) { a.function()(dst, gate, up) }

// function is apply of one activation.
func (a Activation) function() func(dst, gate, up []float32) {
	switch a {
	case GELU:
		return kernel.GELU
	case GELUTanh:
		return kernel.GELUTanh
	case ReLU:
		return relu
	case Tanh:
		return tanh
	}
	return kernel.SwiGLU
}

func relu(dst, gate, up []float32) {
	for i, x := range gate {
		dst[i] = max(x, 0)
		if up != nil {
			dst[i] *= up[i]
		}
	}
}

// tanh has no gates.
func tanh(dst, gate, _ []float32) {
	for i, x := range gate {
		dst[i] = float32(math.Tanh(float64(x)))
	}
}
