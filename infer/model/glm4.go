package model

// GLM-4 of 2025 (GLM-4-0414) has norms around each half of a layer, rotation of
// a part of every head, and gate and up in one matrix.
func newGLM4(s *source) (Config, decoder) {
	c := s.config()
	l := plainLook(c, s.rope(c, Beside))
	return c, s.sandwich(c, SiLU, func(int) Look { return l })
}
