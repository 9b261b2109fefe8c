package model

// GLM-4 9B and ChatGLM 3 (arXiv 2406.12793) are Llama with biases on queries,
// keys and values, rotation of half of every head, and gate and up in one
// matrix.
func newChatGLM(s *source) (Config, decoder) {
	c := s.config()
	l := plainLook(c, s.rope(c, Beside))
	return s.llama(c, func(int) Look { return l })
}
