package kernel

import (
	"fmt"
	"math"
	"slices"
)

// What a sampler asks of the logits of a whole vocabulary. The values are taken
// in blocks, whose sums are summed in float64.
const vocabularyBlock = 4096

// Leaders finds the largest of x, the first one among equals, and the value of
// the second largest: the same if two are the largest, -Inf if there is but
// one. x must not be empty. With a NaN in x they are unspecified, but best is
// an index.
func Leaders(x []float32) (best int, second float32) {
	first, at := float32(math.Inf(-1)), 0
	second = first
	for from := 0; from < len(x); from += vocabularyBlock {
		f, s := active.topTwo(x[from:min(from+vocabularyBlock, len(x))])
		if f > first {
			first, second, at = f, max(first, s), from
		} else {
			second = max(second, f)
		}
	}
	return at + max(0, slices.Index(x[at:], first)), second
}

// LogSumExp is the natural logarithm of the sum of exp(x[i]-shift), where shift
// should be the largest value: less would overflow, more would vanish. It is
// that of ExpSum's sum, whose error it has, but nothing is stored. For values of
// which none counts it is -Inf; a NaN or +Inf in x makes it NaN or +Inf.
func LogSumExp(x []float32, shift float32) float32 {
	var sum float64
	for from := 0; from < len(x); from += vocabularyBlock {
		sum += float64(active.expTotal(x[from:min(from+vocabularyBlock, len(x))], shift))
	}
	return float32(math.Log(float64(float32(sum))))
}

// AtLeast sets bit i%64 of bits[i/64] to whether x[i] >= floor; a NaN is not.
// The bits of the last word beyond len(x) become zero, words after it stay.
func AtLeast(bits []uint64, x []float32, floor float32) {
	if words := (len(x) + 63) / 64; len(bits) < words {
		panic(fmt.Sprintf("kernel: AtLeast of %d values needs %d words, has %d", len(x), words, len(bits)))
	}
	active.atLeast(bits, x, floor)
}
