package model

import (
	"math"

	"github.com/a472be26/cusp/infer/quant"
)

// Biases are added to scores by the distance between the position that is seen
// and the one that looks (T5, arXiv 1910.10683).
type Biases struct {
	Buckets int
	Values  []float32 // [Heads][buckets]
	Reach   int       // distance from which on all have the same bucket
	Bucket  []uint8   // of the distances from -reach to reach
}

// Sizes of biases.
const (
	relativeReach    = 128 // where a file says nothing, as llama.cpp's never do
	maxRelativeReach = 1 << 16
	maxBuckets       = 256 // of which a byte holds the number
)

// add adds those of a head to the scores of consecutive positions, the first of
// which is at some distance.
func (b *Biases) add(scores []float32, head, distance int) {
	values := b.Values[head*b.Buckets:][:b.Buckets]
	for i := range scores {
		scores[i] += values[b.Bucket[min(max(distance+i, -b.Reach), b.Reach)+b.Reach]]
	}
}

// biases takes the tensor that has one bias for every head and bucket of
// distances. An encoder's have a half for each direction.
func (s *source) biases(name string, c Config, both bool) *Biases {
	n := s.size("attention.relative_buckets_count")
	reach := s.sizeOr("attention.relative_max_distance", relativeReach)
	switch {
	case s.err != nil:
	case n < 4 || n > maxBuckets || n%4 != 0:
		s.fail("%sattention.relative_buckets_count is %d, not a multiple of 4 up to %d", s.prefix, n, maxBuckets)
	case reach <= n/2 || reach > maxRelativeReach:
		s.fail("%sattention.relative_max_distance is %d, not more than half of the %d buckets and at most %d", s.prefix, reach, n, maxRelativeReach)
	}
	t := s.tensor(name, c.Heads, n)
	if s.err != nil {
		return nil
	}
	rows := make([]float32, n*c.Heads) // [buckets][Heads]
	if err := quant.Decode(t.Type, rows, t.Data); err != nil {
		s.fail("tensor %q: %w", name, err)
		return nil
	}
	b := &Biases{Buckets: n, Values: make([]float32, len(rows)), Reach: reach, Bucket: make([]uint8, 2*reach+1)}
	for i, v := range rows {
		b.Values[i%c.Heads*n+i/c.Heads] = v
	}
	for i := range b.Bucket {
		b.Bucket[i] = uint8(relativeBucket(i-reach, n, reach, both))
	}
	return b
}

// biasesOr is biases for a layer that may have none of its own: then it uses the
// first layer's.
func (s *source) biasesOr(name string, c Config, both bool, first *Biases) *Biases {
	if first != nil && !s.has(name) {
		return first
	}
	return s.biases(name, c, both)
}

// relativeBucket is the bucket of a distance, in the float32 arithmetic of the
// original: half of the buckets are for one distance each, the others grow with
// the logarithm. A decoder sees nothing ahead of it.
func relativeBucket(distance, buckets, reach int, both bool) int {
	base := 0
	if both {
		buckets /= 2
		if distance > 0 {
			base = buckets
		}
	} else {
		distance = min(distance, 0)
	}
	far, exact := max(distance, -distance), buckets/2
	if far < exact {
		return base + far
	}
	share := float32(math.Log(float64(float32(far)/float32(exact)))) / float32(math.Log(float64(reach)/float64(exact)))
	return base + min(exact+int(share*float32(buckets-exact)), buckets-1)
}
