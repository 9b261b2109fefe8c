package model

// Qwen3 (arXiv 2505.09388) is Llama with a norm on every head of queries and
// keys, and pairs half a head apart. Qwen3-MoE has experts.
func newQwen3(s *source) (Config, decoder) {
	c := s.config()
	l := plainLook(c, s.rope(c, HalfApart))
	return s.llama(c, func(int) Look { return l })
}
