package train

import (
	"gorgonia.org/tensor"

	"github.com/a472be26/cusp/infer/kernel"
)

// swiglu computes y = silu(gate) * up with silu(g) = g*sigmoid(g), on rows that hold the gate first and then the up part.
type swiglu struct{}

// forward writes y [n, ffn] from gateUp [n, 2*ffn].
func (swiglu) forward(w workers, y, gateUp *tensor.Dense) {
	n, ffn := y.Shape()[0], y.Shape()[1]
	ys, gus := values(y), values(gateUp)
	w.run(n, rowGrain, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			row := gus[i*2*ffn:][:2*ffn]
			kernel.SwiGLU(ys[i*ffn:(i+1)*ffn], row[:ffn], row[ffn:])
		}
	})
}

// backward writes dGateUp [n, 2*ffn] from dy [n, ffn] and the gateUp of forward; dGateUp may be gateUp.
func (s swiglu) backward(w workers, dGateUp, dy, gateUp *tensor.Dense) {
	n, ffn := dy.Shape()[0], dy.Shape()[1]
	dgus, dys, gus := values(dGateUp), values(dy), values(gateUp)
	w.run(n, rowGrain, func(lo, hi int) {
		decay := make([]float32, ffn)
		for i := lo; i < hi; i++ {
			s.backwardRow(dgus[i*2*ffn:(i+1)*2*ffn], dys[i*ffn:(i+1)*ffn], gus[i*2*ffn:(i+1)*2*ffn], decay)
		}
	})
}

// backwardRow uses decay [ffn] for e^-gate.
func (swiglu) backwardRow(dGateUp, dy, gateUp, decay []float32) {
	ffn := len(dy)
	gate, up := gateUp[:ffn], gateUp[ffn:][:ffn]
	dgate, dup := dGateUp[:ffn], dGateUp[ffn:][:ffn]
	decay = decay[:ffn]
	for j, g := range gate {
		decay[j] = -g
	}
	kernel.ExpSum(decay, decay, 0)
	for j, d := range dy {
		g, u := gate[j], up[j]
		sigmoid := 1 / (1 + decay[j])
		silu := g * sigmoid
		dup[j] = d * silu
		dgate[j] = d * u * (sigmoid + silu*(1-sigmoid))
	}
}
