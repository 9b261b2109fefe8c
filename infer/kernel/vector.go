package kernel

import "math"

// Dot is the sum of a[i]*b[i] over len(a) values, in float32 and in any order:
// its error is below len(a) * 2^-23 * sum|a*b|.
func Dot(a, b []float32) float32 { return active.dot(a, b[:len(a)]) }

// Axpy sets y[i] += alpha*x[i] over len(x) values.
func Axpy(alpha float32, x, y []float32) { active.axpy(alpha, x, y[:len(x)]) }

// RMSNorm sets dst[i] = x[i] * weight[i] / sqrt(mean(x*x) + eps) over len(x)
// values. dst may be x.
func RMSNorm(dst, x, weight []float32, eps float32) {
	n := len(x)
	mean := active.dot(x, x) / float32(n)
	scale := float32(1 / math.Sqrt(float64(mean+eps)))
	active.mulAll(dst[:n], x, weight[:n], scale)
}

// SwiGLU sets dst[i] = gate[i] / (1 + exp(-gate[i])) * up[i] over len(gate)
// values, with a relative error below 2^-20. dst may be gate or up.
func SwiGLU(dst, gate, up []float32) {
	n := len(gate)
	active.swiglu(dst[:n], gate, up[:n])
}

// Softmax replaces x by exp(x) / sum(exp(x)), each within a relative error of
// 2^-20 plus len(x) * 2^-23; values below e^-87 times the largest become zero. A row of
// all -Inf, or one with a NaN or +Inf, gives NaN.
func Softmax(x []float32) {
	if len(x) == 0 {
		return
	}
	Scale(1/ExpSum(x, x, Max(x)), x)
}

// Max is the largest of x, which must not be empty; unspecified if a value is
// NaN.
func Max(x []float32) float32 { return active.largest(x) }

// ExpSum sets dst[i] = exp(x[i]-shift) over len(x) values and returns the sum
// of them. Each is within a relative error of 2^-21 of the exponential of the
// rounded difference; below -87.7 it is zero, above 88.4 it is +Inf. The sum adds
// a relative error of min(len(x), 4096) * 2^-23. dst may be x.
func ExpSum(dst, x []float32, shift float32) float32 {
	dst = dst[:len(x)]
	var sum float64
	for from := 0; from < len(x); from += vocabularyBlock {
		to := min(from+vocabularyBlock, len(x))
		sum += float64(active.expSum(dst[from:to], x[from:to], shift))
	}
	return float32(sum)
}

// Scale multiplies x by alpha.
func Scale(alpha float32, x []float32) { active.scale(alpha, x) }

// LayerNorm sets dst[i] = (x[i]-mean) / sqrt(variance + eps) * weight[i] over
// len(x) values. dst may be x.
func LayerNorm(dst, x, weight []float32, eps float32) {
	var sum float64
	for _, v := range x {
		sum += float64(v)
	}
	mean := float32(sum / float64(len(x)))
	dst = dst[:len(x)]
	for i, v := range x {
		dst[i] = v - mean
	}
	RMSNorm(dst, dst, weight, eps)
}
