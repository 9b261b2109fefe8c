package model

import "github.com/a472be26/cusp/infer/kernel"

// norm brings a vector to a common size: by its root mean square (arXiv
// 1910.07467), or by mean and variance (layer norm, arXiv 1607.06450).
type norm struct {
	weight, bias []float32 // bias: nil for none
	eps          float32
	centred      bool // a layer norm
}

// rmsNorm takes NAME.weight.
func (s *source) rmsNorm(name string, n int) norm {
	return norm{weight: s.vector(name+".weight", n), eps: s.positive("attention.layer_norm_rms_epsilon")}
}

// rmsNormIf is rmsNorm for one that may be absent: nil then.
func (s *source) rmsNormIf(name string, n int) *norm {
	if !s.has(name + ".weight") {
		return nil
	}
	out := s.rmsNorm(name, n)
	return &out
}

// layerNorm takes NAME.weight, and NAME.bias if there is one.
func (s *source) layerNorm(name string, n int) norm {
	return norm{
		weight: s.vector(name+".weight", n), bias: s.vectorIf(name+".bias", n),
		eps: s.positive("attention.layer_norm_epsilon"), centred: true,
	}
}

// apply sets dst to the normalized x, which it may be. Vectors longer than the
// weight are normalized piece by piece, as the heads of queries are.
func (n *norm) apply(dst, x []float32) {
	for width := len(n.weight); len(x) > 0; dst, x = dst[width:], x[width:] {
		n.applyOne(dst[:width], x[:width])
	}
}

func (n *norm) applyOne(dst, x []float32) {
	if n.centred {
		kernel.LayerNorm(dst, x, n.weight, n.eps)
	} else {
		kernel.RMSNorm(dst, x, n.weight, n.eps)
	}
	if n.bias != nil {
		kernel.Axpy(1, n.bias, dst)
	}
}
