package kernel

import "math"

func dotGeneric(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(a); i += 4 {
		x, y := a[i:i+4:i+4], b[i:i+4:i+4]
		s0 += x[0] * y[0]
		s1 += x[1] * y[1]
		s2 += x[2] * y[2]
		s3 += x[3] * y[3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return (s0 + s1) + (s2 + s3)
}

func axpyGeneric(alpha float32, x, y []float32) {
	for i, v := range x {
		y[i] += alpha * v
	}
}

// mulAllGeneric sets dst[i] = x[i] * scale * weight[i].
func mulAllGeneric(dst, x, weight []float32, scale float32) {
	for i, v := range x {
		dst[i] = v * scale * weight[i]
	}
}

func scaleGeneric(alpha float32, x []float32) {
	for i := range x {
		x[i] *= alpha
	}
}

func largestGeneric(x []float32) float32 {
	m := x[0]
	for _, v := range x[1:] {
		if v > m {
			m = v
		}
	}
	return m
}

// topTwoGeneric is the largest and the second largest of x, -Inf where there is
// none.
func topTwoGeneric(x []float32) (first, second float32) {
	first, second = float32(math.Inf(-1)), float32(math.Inf(-1))
	for _, v := range x {
		switch {
		case v > first:
			first, second = v, first
		case v > second:
			second = v
		}
	}
	return first, second
}

// atLeastGeneric sets bit i%64 of bits[i/64] if x[i] >= floor, and clears the
// rest of the words that it touches.
func atLeastGeneric(bits []uint64, x []float32, floor float32) {
	for w := 0; len(x) > 0; w++ {
		part := x[:min(64, len(x))]
		x = x[len(part):]
		bits[w] = 0
		for i, v := range part {
			if v >= floor {
				bits[w] |= 1 << i
			}
		}
	}
}

func expTotalGeneric(x []float32, shift float32) float32 {
	var sum float32
	for _, v := range x {
		sum += exp(v - shift)
	}
	return sum
}

func expSumGeneric(dst, x []float32, shift float32) float32 {
	var sum float32
	for i, v := range x {
		e := exp(v - shift)
		dst[i] = e
		sum += e
	}
	return sum
}

func swigluGeneric(dst, gate, up []float32) {
	for i, g := range gate {
		dst[i] = g / (1 + exp(-g)) * up[i]
	}
}

// The exponential of all tiers: x = n*ln2 + r with |r| <= ln2/2, then 2^n times
// the Taylor polynomial of degree 6 in r, whose error is below |r|^7/5040 <
// 2^-22. ln2 is split so that n*ln2High is exact. The bounds are so wide that n
// reaches -127, whose power of two is stored as 0, and 128, stored as +Inf.
const (
	expLowest  = -88
	expHighest = 89
	log2e      = 1.44269504088896341
	ln2High    = 0.693359375
	ln2Low     = -2.12194440054690583e-4
)

func exp(x float32) float32 {
	if x != x {
		return x
	}
	x = min(max(x, expLowest), expHighest)
	n := float32(math.RoundToEven(float64(x * log2e)))
	r := x - n*ln2High
	r -= n * ln2Low
	p := float32(1.0 / 720)
	p = p*r + 1.0/120
	p = p*r + 1.0/24
	p = p*r + 1.0/6
	p = p*r + 0.5
	p = p*r + 1
	p = p*r + 1
	return p * math.Float32frombits(uint32(int32(n)+127)<<23)
}
