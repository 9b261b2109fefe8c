package model

import (
	"fmt"
	"math"

	"github.com/a472be26/cusp/infer/kernel"
)

// Pooling is how the hidden states of a text's tokens become one vector.
type Pooling uint8

// The numbers are those of llama.cpp's pooling_type.
const (
	PoolDefault Pooling = iota // what the model was trained with; if that is unknown, PoolMean
	PoolMean
	PoolCLS  // the first token's
	PoolLast // the last token's
)

// pooling reads what a model was trained with. Rankers (4) pool for their
// classes only, and as PoolCLS does.
func (s *source) pooling() Pooling {
	const rank = 4
	switch n := s.countOr("pooling_type", 0); {
	case n == 0:
		return PoolMean
	case n == rank:
		return PoolCLS
	case n < rank:
		return Pooling(n)
	default:
		s.fail("%spooling_type is %d: 0 (none), 1 (mean), 2 (first), 3 (last) and 4 (rank) are supported", s.prefix, n)
		return 0
	}
}

// Pool is the vector, [dim], of a text with some hidden states, [tokens][dim].
func (c Config) Pool(hidden []float32, how Pooling) ([]float32, error) {
	if how == PoolDefault {
		how = c.Pooling
	}
	if len(hidden) == 0 || len(hidden)%c.Dim != 0 {
		return nil, fmt.Errorf("model: %d values are no hidden states of width %d", len(hidden), c.Dim)
	}
	out := make([]float32, c.Dim)
	switch how {
	case PoolMean:
		tokens := len(hidden) / c.Dim
		for ; len(hidden) > 0; hidden = hidden[c.Dim:] {
			kernel.Axpy(1/float32(tokens), hidden[:c.Dim], out)
		}
	case PoolCLS:
		copy(out, hidden)
	case PoolLast:
		copy(out, hidden[len(hidden)-c.Dim:])
	default:
		return nil, fmt.Errorf("model: pooling %d is not known", how)
	}
	return out, nil
}

// Normalize gives a vector the length 1, so that the dot product of two is their
// cosine. One of zeros stays as it is.
func Normalize(x []float32) {
	var squares float64
	for _, v := range x {
		squares += float64(v) * float64(v)
	}
	if squares > 0 {
		kernel.Scale(float32(1/math.Sqrt(squares)), x)
	}
}
