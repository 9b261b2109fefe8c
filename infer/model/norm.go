package model

import "github.com/a472be26/cusp/infer/kernel"

// Norm brings a vector to a common size: by its root mean square (arXiv
// 1910.07467), or by mean and variance (layer norm, arXiv 1607.06450).
type Norm struct {
	Weight, Bias []float32 // bias: nil for none
	Eps          float32
	Centred      bool // a layer norm
}

// rmsNorm takes NAME.weight.
func (s *source) rmsNorm(name string, n int) Norm {
	return Norm{Weight: s.vector(name+".weight", n), Eps: s.positive("attention.layer_norm_rms_epsilon")}
}

// rmsNormIf is rmsNorm for one that may be absent: nil then.
func (s *source) rmsNormIf(name string, n int) *Norm {
	if !s.has(name + ".weight") {
		return nil
	}
	out := s.rmsNorm(name, n)
	return &out
}

// layerNorm takes NAME.weight, and NAME.bias if there is one.
func (s *source) layerNorm(name string, n int) Norm {
	return Norm{
		Weight: s.vector(name+".weight", n), Bias: s.vectorIf(name+".bias", n),
		Eps: s.positive("attention.layer_norm_epsilon"), Centred: true,
	}
}

// apply sets dst to the normalized x, which it may be. Vectors longer than the
// weight are normalized piece by piece, as the heads of queries are.
func (n *Norm) apply(dst, x []float32) {
	for width := len(n.Weight); len(x) > 0; dst, x = dst[width:], x[width:] {
		n.applyOne(dst[:width], x[:width])
	}
}

func (n *Norm) applyOne(dst, x []float32) {
	if n.Centred {
		kernel.LayerNorm(dst, x, n.Weight, n.Eps)
	} else {
		kernel.RMSNorm(dst, x, n.Weight, n.Eps)
	}
	if n.Bias != nil {
		kernel.Axpy(1, n.Bias, dst)
	}
}
