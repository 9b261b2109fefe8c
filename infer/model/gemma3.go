package model

import "math"

// Gemma 3 (arXiv 2503.19786) is Gemma 2 with norms on the heads of queries and
// keys instead of caps. Five of six layers look back through a window and turn
// with a base of their own, which is not scaled.
func newGemma3(s *source) (Config, decoder) {
	const base, period, layersOf27B = 10000, 6, 62
	c := s.config()
	global := s.gemmaLook(c, s.rope(c, halfApart), layersOf27B)
	local := global
	local.rope = s.plainRope(c, halfApart, s.positiveOr("rope.freq_base_swa", base))
	local.window = s.countOr("attention.sliding_window", 0)
	m := s.sandwich(c, geluTanh, s.alternate(local, global, period))
	m.scale = float32(math.Sqrt(float64(c.Dim)))
	c.Window = widest(m.layers, func(l *sandwichLayer) *look { return &l.look })
	if s.f.Has(s.prefix + "final_logit_softcapping") {
		m.limit = s.positive("final_logit_softcapping")
	}
	return c, m
}
