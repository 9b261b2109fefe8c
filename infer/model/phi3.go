package model

// Phi-3 (arXiv 2404.14219) is Llama with queries, keys and values in one matrix,
// gate and up in another, a window, and in its long variants LongRoPE.
func newPhi3(s *source) (Config, decoder) {
	c := s.config()
	l := plainLook(c, s.rope(c, halfApart))
	l.window = s.countOr("attention.sliding_window", 0)
	return s.llama(c, func(int) look { return l })
}
