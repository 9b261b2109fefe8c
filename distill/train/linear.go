package train

import "gorgonia.org/tensor"

// linear computes y = x × weightᵀ without a bias.
type linear struct {
	weight  *tensor.Dense // [out, in]
	weightT *tensor.Dense // [in, out], the same elements
	grad    *tensor.Dense // [out, in]; nil in a model that only scores
}

// newLinear names the matrix [out, in] inside value and, where grad is not nil, its gradient.
func newLinear(value, grad []float32, out, in int) linear {
	l := linear{weight: newMatrix(value, out, in)}
	l.weightT = transposed(l.weight)
	if grad != nil {
		l.grad = newMatrix(grad, out, in)
	}
	return l
}

// forward writes y [n, out] from x [n, in].
func (l linear) forward(y, x *tensor.Dense) { multiply(y, x, l.weightT) }

// backward writes dx [n, in] and the weight's gradient from dy [n, out] and the x of forward.
func (l linear) backward(dx, dy, x *tensor.Dense) {
	multiply(l.grad, transposed(dy), x)
	multiply(dx, dy, l.weight)
}
