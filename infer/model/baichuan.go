package model

import "math"

// Baichuan (arXiv 2309.10305) is Llama; its 13B variant has no rotation, but
// scores that fall with the distance (ALiBi, arXiv 2108.12409).
func newBaichuan(s *source) (Config, decoder) {
	c := s.config()
	if !s.alibi(c) {
		l := plainLook(c, s.rope(c, Beside))
		return s.llama(c, func(int) Look { return l })
	}
	c.RopeDim = 0
	l := plainLook(c, nil)
	l.Slopes = alibiSlopes(c.Heads, float64(s.positiveOr("attention.max_alibi_bias", alibiBias)))
	return s.llama(c, func(int) Look { return l })
}

const alibiBias = 8

// alibi reports whether the file is of the variant without rotation. It says so
// with attention.max_alibi_bias, or else, as llama.cpp's files do not, by having
// the 13B variant's 40 layers.
func (s *source) alibi(c Config) bool {
	const layers = 40
	return s.f.Has(s.prefix+"attention.max_alibi_bias") || c.Layers == layers
}

// alibiSlopes are 2^(-bias*i/n) for n heads counted from 1. Where n is no power
// of two, the heads beyond the largest below it take every other slope of twice
// as many.
func alibiSlopes(heads int, bias float64) []float32 {
	whole := 1
	for 2*whole <= heads {
		whole *= 2
	}
	slopes := make([]float32, heads)
	for i := range slopes {
		power := float64(i+1) / float64(whole)
		if i >= whole {
			power = float64(2*(i-whole)+1) / float64(2*whole)
		}
		slopes[i] = float32(math.Exp2(-bias * power))
	}
	return slopes
}
