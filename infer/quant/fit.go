package quant

import "math"

// The searches for the scale of a group of elements, as ggml makes them: try a
// few ways of rounding to codes, compute for each the scale that fits the codes
// best, and keep the one with the least weighted squared error.
//
// All sums are float32, in the order of the elements, so that the same scales
// come out as from ggml. Where a product is added, its conversion to float32
// forbids the fused multiply-add that would make arm64 differ.

// tiny is a magnitude below which a group counts as zero.
const tiny = 1e-15

// sums are, over a group of elements x with weights and codes q, those of
// weight*x*q and weight*q*q. Their quotient is the scale of least error.
type sums struct{ xq, qq float32 }

// bestScale tries factors that take elements to codes. The gain of a scale is
// how much it lowers the weighted squared error: (Σwxq)²/Σwqq.
func bestScale(factors []float32, sum func(factor float32) sums) float32 {
	var scale, gain float32
	for i, f := range factors {
		s := sum(f)
		if s.qq > 0 && (i == 0 || s.xq*s.xq > gain*s.qq) {
			scale = s.xq / s.qq
			gain = scale * s.xq
		}
	}
	return scale
}

// fitSigned is the scale of a group with codes from -top to top-1, weighted by
// the squares of the elements (ggml's make_qx_quants).
func fitSigned(x []float32, top int) float32 {
	most, _ := peak(x)
	if abs(most) < tiny {
		return 0
	}
	factors := []float32{float32(-top) / most}
	for i := -9; i <= 9; i++ {
		if i != 0 {
			factors = append(factors, -(float32(top)+float32(0.1*float32(i)))/most)
		}
	}
	return bestScale(factors, func(factor float32) sums { return signedSums(x, factor, top) })
}

func signedSums(x []float32, factor float32, top int) (s sums) {
	for _, v := range x {
		s = s.with(v, float32(nearest(factor*v, -top, top-1)))
	}
	return s
}

// with adds an element, weighted by its square.
func (s sums) with(x, q float32) sums {
	w := x * x
	return sums{s.xq + float32(w*x*q), s.qq + float32(w*q*q)}
}

// without takes one away.
func (s sums) without(x, q float32) sums {
	w := x * x
	return sums{s.xq - float32(w*x*q), s.qq - float32(w*q*q)}
}

// fitCodes is fitSigned for few codes: instead of trying factors it moves one
// code after another while that lowers the error (ggml's make_q3_quants).
func fitCodes(x []float32, top int) float32 {
	most, _ := peak(x)
	if abs(most) < tiny {
		return 0
	}
	var (
		q      [16]float32
		s      sums
		factor = float32(-top) / most
	)
	for i, v := range x {
		q[i] = float32(nearest(factor*v, -top, top-1))
		s = s.with(v, q[i])
	}
	for range 5 {
		before := q
		if s = moveCodes(x, q[:], top, s); q == before {
			break
		}
	}
	if s.qq <= 0 {
		return 0
	}
	return s.xq / s.qq
}

// moveCodes visits each code once: the code that fits best the scale of the
// others takes its place if the gain is larger.
func moveCodes(x, q []float32, top int, s sums) sums {
	for i, v := range x {
		others := s.without(v, q[i])
		if others.xq <= 0 {
			continue
		}
		code := float32(nearest(v*others.qq/others.xq, -top, top-1))
		moved := others.with(v, code)
		if code != q[i] && moved.qq > 0 && moved.xq*moved.xq*s.qq > s.xq*s.xq*moved.qq {
			q[i], s = code, moved
		}
	}
	return s
}

// line is what codes stand for: scale*code + offset.
type line struct{ scale, offset float32 }

// lineSearch looks for the line of a group with codes from 0 to top (ggml's
// make_qkx2_quants). Elements are taken to codes that spread over top + first,
// then in steps of 0.1 more, and a line is laid through the result.
type lineSearch struct {
	top      int
	first    float32
	steps    int
	absolute bool // errors count by their magnitude, not by its square
}

// fit finds a line whose offset is at most 0. x has at most 32 elements.
func (s lineSearch) fit(x, w []float32) line {
	low, high := bounds(x)
	low = min(low, 0)
	if low == high {
		return line{0, low}
	}
	var codes [32]uint8
	q := codes[:len(x)]
	factor := float32(s.top) / (high - low)
	best := line{1 / factor, low}
	toCodes(q, x, low, factor, s.top)
	least := s.misfit(best, q, x, w)
	for i := range s.steps + 1 {
		spread := s.first + float32(0.1*float32(i)) + float32(s.top)
		toCodes(q, x, best.offset, spread/(high-best.offset), s.top)
		l, ok := regress(q, x, w)
		if !ok {
			continue
		}
		if e := s.misfit(l, q, x, w); e < least {
			best, least = l, e
		}
	}
	return best
}

func toCodes(q []uint8, x []float32, offset, factor float32, top int) {
	for i, v := range x {
		q[i] = uint8(nearest(factor*(v-offset), 0, top))
	}
}

// misfit is the weighted error of a line.
func (s lineSearch) misfit(l line, q []uint8, x, w []float32) float32 {
	var sum float32
	for i, v := range x {
		e := float32(l.scale*float32(q[i])) + l.offset - v
		if s.absolute {
			e = abs(e)
		} else {
			e *= e
		}
		sum += float32(w[i] * e)
	}
	return sum
}

// regress lays the line of the least weighted squared error, through 0 if its
// offset would be positive. ok is false if all codes are equal.
func regress(q []uint8, x, w []float32) (l line, ok bool) {
	var sw, sx, sq, sqq, sxq float32
	for i, v := range x {
		c := float32(q[i])
		sw += w[i]
		sx += float32(w[i] * v)
		sq += float32(w[i] * c)
		sqq += float32(w[i] * c * c)
		sxq += float32(w[i] * c * v)
	}
	det := float32(sw*sqq) - float32(sq*sq)
	if !(det > 0) {
		return line{}, false
	}
	offset := (float32(sqq*sx) - float32(sq*sxq)) / det
	if offset > 0 {
		return line{sxq / sqq, 0}, true
	}
	return line{(float32(sw*sxq) - float32(sx*sq)) / det, offset}, true
}

// rootMeanSquare of x.
func rootMeanSquare(x []float32) float32 {
	var sum float32
	for _, v := range x {
		sum += float32(v * v)
	}
	return float32(math.Sqrt(float64(sum / float32(len(x)))))
}
