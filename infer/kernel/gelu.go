package kernel

import "math"

// GELU sets dst[i] to gate[i] times the share of the normal distribution below
// it (arXiv 1606.08415), and times up[i] unless up is nil. dst may be gate.
func GELU(dst, gate, up []float32) {
	for i, x := range gate {
		y := float32(float64(x) * 0.5 * (1 + math.Erf(float64(x)*math.Sqrt2/2)))
		if up != nil {
			y *= up[i]
		}
		dst[i] = y
	}
}

// GELUTanh is GELU with its usual approximation, 0.5*x*(1 + tanh(sqrt(2/pi)*(x +
// 0.044715*x^3))), with a relative error below 2^-18.
func GELUTanh(dst, gate, up []float32) {
	for len(gate) > 0 {
		n := min(len(gate), geluBlock)
		var part []float32
		if up != nil {
			part, up = up[:n], up[n:]
		}
		geluTanh(dst[:n], gate[:n], part)
		dst, gate = dst[n:], gate[n:]
	}
}

const geluBlock = 256

// geluTanh computes it as x/(1+exp(-y)) for y = 2*sqrt(2/pi)*(x + 0.044715*x^3),
// since 0.5*(1+tanh(y/2)) is 1/(1+exp(-y)).
func geluTanh(dst, gate, up []float32) {
	const slope = 1.5957691216057308 // 2*sqrt(2/pi)
	var kept [geluBlock]float32      // gate, which dst may be
	copy(kept[:], gate)
	for i, x := range gate {
		dst[i] = -slope * x * (1 + 0.044715*x*x)
	}
	ExpSum(dst, dst, 0)
	for i, e := range dst {
		y := kept[i] / (1 + e)
		if up != nil {
			y *= up[i]
		}
		dst[i] = y
	}
}

// SoftCap replaces x by limit*tanh(x/limit), with an error below limit * 2^-20.
func SoftCap(x []float32, limit float32) {
	const saturated = 20 // tanh of half of it is 1 in float32
	Scale(2/limit, x)
	for i, v := range x {
		x[i] = min(max(v, -saturated), saturated)
	}
	ExpSum(x, x, 0)
	for i, e := range x {
		x[i] = limit * (1 - 2/(e+1))
	}
}
