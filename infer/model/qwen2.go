package model

// Qwen2 and Qwen2.5 (arXiv 2407.10671) are Llama with biases on queries, keys
// and values, and pairs half a head apart.
func newQwen2(s *source) (Config, decoder) {
	c := s.config()
	l := plainLook(c, s.rope(c, HalfApart))
	return s.llama(c, func(int) Look { return l })
}
