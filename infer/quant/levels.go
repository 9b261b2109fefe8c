package quant

import (
	"encoding/binary"
	"math"
)

// IQ4_NL, IQ4_XS and MXFP4: codes are places in a table of levels.

// nearestLevel is the place of the level of IQ4_NL nearest to x, the higher one
// of two. The middle of two levels is exact in float32.
func nearestLevel(x float32) uint8 {
	i := 0
	for i < 15 && x >= (float32(iq4Values[i])+float32(iq4Values[i+1]))/2 {
		i++
	}
	return uint8(i)
}

func packLevels(dst []byte, src []float32, inv float32) {
	var q [32]uint8
	for i, x := range src {
		q[i] = nearestLevel(inv * x)
	}
	packNibbles(dst, q[:])
}

// fitLevels is the scale of a group, weighted by the squares of the elements
// (ggml's quantize_row_iq4_nl_impl with 7 tries to each side): the element of
// the largest magnitude goes to places near the end of the table.
func fitLevels(x []float32) float32 {
	most, _ := peak(x)
	if abs(most) < tiny {
		return 0
	}
	end := float32(iq4Values[0])
	factors := []float32{1 / (-most / end)}
	for i := -7; i <= 7; i++ {
		factors = append(factors, (float32(i)+end)/most)
	}
	return bestScale(factors, func(factor float32) sums { return levelSums(x, factor) })
}

// levelSums multiplies in another order than sums.with: ggml's.
func levelSums(x []float32, factor float32) (s sums) {
	for _, v := range x {
		w, q := v*v, float32(iq4Values[nearestLevel(factor*v)])
		s.xq += float32(w * q * v)
		s.qq += float32(w * q * q)
	}
	return s
}

func encodeIQ4NL(dst []byte, src []float32) error {
	d := fitLevels(src)
	packLevels(dst[2:18], src, inverse(d))
	return putScale(dst, d)
}

// encodeIQ4XS takes codes with the float32 scale, as ggml does.
func encodeIQ4XS(dst []byte, src []float32) error {
	var scales [8]float32
	for g := range scales {
		scales[g] = fitLevels(src[g*32:][:32])
	}
	most, _ := peak(scales[:])
	d, high := -most/32, uint16(0)
	for g, s := range scales {
		n := nearest(inverse(d)*s, -32, 31)
		packLevels(dst[8+g*16:][:16], src[g*32:][:32], inverse(d*float32(n)))
		high |= uint16(n+32) >> 4 << (2 * g)
		dst[4+g/2] |= byte(n+32) & 15 << (g % 2 * 4)
	}
	binary.LittleEndian.PutUint16(dst[2:], high)
	return putScale(dst, d)
}

// encodeMXFP4 chooses the exponent that brings the largest magnitude between 4
// and 8, of which 6 is the largest there is (OCP Microscaling
// Formats 1.0).
func encodeMXFP4(dst []byte, src []float32) error {
	most, _ := peak(src)
	e := 0
	if most != 0 {
		_, exp := math.Frexp(float64(most)) // exp-1 is the floor of the logarithm
		e = max(0, exp-1-2+127)
	}
	dst[0] = byte(e)
	var q [32]uint8
	for i, x := range src {
		q[i] = nearestE2M1(math.Ldexp(float64(x), 128-e))
	}
	packNibbles(dst[1:17], q[:])
	return nil
}

// nearestE2M1 is the place of the value nearest to x in mxfp4Values, the one
// nearer to 0 of two. Nothing becomes -0.
func nearestE2M1(x float64) uint8 {
	i := 0
	for i < 7 && 2*math.Abs(x) > float64(mxfp4Values[i])+float64(mxfp4Values[i+1]) {
		i++
	}
	if x < 0 && i > 0 {
		i += 8
	}
	return uint8(i)
}
