package model

// Phi-3 (arXiv 2404.14219) is Llama with queries, keys and values in one matrix,
// gate and up in another, a window, and in its long variants LongRoPE.
func newPhi3(s *source) (Config, decoder) {
	c := s.config()
	l := plainLook(c, s.rope(c, HalfApart))
	l.Window = s.countOr("attention.sliding_window", 0)
	return s.llama(c, func(int) Look { return l })
}
