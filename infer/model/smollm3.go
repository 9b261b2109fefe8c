package model

// SmolLM3 is Llama without positions in every fourth layer (NoPE, arXiv
// 2501.18795).
func newSmolLM3(s *source) (Config, decoder) {
	const unrotated = 4 // every such layer; its key in GGUF does not exist
	c := s.config()
	l := plainLook(c, s.rope(c, Beside))
	return s.llama(c, func(layer int) Look {
		own := l
		if (layer+1)%unrotated == 0 {
			own.Rope = nil
		}
		return own
	})
}
