package model

import "math"

// rope holds the rotation frequencies of a head's pairs, [RopeDim/2].
//
// Pair i of a head, the values 2i and 2i+1, is turned by the angle
// position * RopeTheta^(-2i/RopeDim) (arXiv 2104.09864, in the adjacent layout
// that GGUF files of the Llama family use).
type rope struct {
	frequencies []float64
}

// newRope takes the divisors of Llama 3's rope_freqs.weight, [RopeDim/2], or nil.
func newRope(c Config, divisors []float32) rope {
	f := make([]float64, c.RopeDim/2)
	for i := range f {
		f[i] = math.Pow(float64(c.RopeTheta), -2*float64(i)/float64(c.RopeDim)) / float64(c.RopeScale)
		if divisors != nil {
			f[i] /= float64(divisors[i])
		}
	}
	return rope{f}
}

// turns writes cosine and sine of every pair's angle at a position, [RopeDim].
func (r rope) turns(dst []float32, position int) {
	for i, f := range r.frequencies {
		sin, cos := math.Sincos(float64(position) * f)
		dst[2*i], dst[2*i+1] = float32(cos), float32(sin)
	}
}
