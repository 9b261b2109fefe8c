//go:build amd64 || arm64

package kernel

// The assembly below takes n > 0, a multiple of 8. The functions after it
// have the contracts of their generic namesakes.

//go:noescape
func dotEights(a, b *float32, n int) float32

//go:noescape
func axpyEights(alpha float32, x, y *float32, n int)

//go:noescape
func mulAllEights(dst, x, weight *float32, scale float32, n int)

//go:noescape
func scaleEights(alpha float32, x *float32, n int)

//go:noescape
func largestEights(x *float32, n int) float32

//go:noescape
func expSumEights(dst, x *float32, shift float32, n int) float32

//go:noescape
func expTotalEights(x *float32, shift float32, n int) float32

//go:noescape
func topTwoEights(x *float32, n int) (first, second float32)

//go:noescape
func swigluEights(dst, gate, up *float32, n int)

// atLeast64s takes words > 0, of 64 values each.
//
//go:noescape
func atLeast64s(bits *uint64, x *float32, floor float32, words int)

func dotVector(a, b []float32) float32 {
	n := len(a) &^ 7
	if n == 0 {
		return dotGeneric(a, b)
	}
	return dotEights(&a[0], &b[0], n) + dotGeneric(a[n:], b[n:])
}

func axpyVector(alpha float32, x, y []float32) {
	n := len(x) &^ 7
	if n > 0 {
		axpyEights(alpha, &x[0], &y[0], n)
	}
	axpyGeneric(alpha, x[n:], y[n:])
}

func mulAllVector(dst, x, weight []float32, scale float32) {
	n := len(x) &^ 7
	if n > 0 {
		mulAllEights(&dst[0], &x[0], &weight[0], scale, n)
	}
	mulAllGeneric(dst[n:], x[n:], weight[n:], scale)
}

func scaleVector(alpha float32, x []float32) {
	n := len(x) &^ 7
	if n > 0 {
		scaleEights(alpha, &x[0], n)
	}
	scaleGeneric(alpha, x[n:])
}

func largestVector(x []float32) float32 {
	n := len(x) &^ 7
	switch n {
	case 0:
		return largestGeneric(x)
	case len(x):
		return largestEights(&x[0], n)
	}
	return max(largestEights(&x[0], n), largestGeneric(x[n:]))
}

func expSumVector(dst, x []float32, shift float32) float32 {
	n := len(x) &^ 7
	var sum float32
	if n > 0 {
		sum = expSumEights(&dst[0], &x[0], shift, n)
	}
	return sum + expSumGeneric(dst[n:], x[n:], shift)
}

func expTotalVector(x []float32, shift float32) float32 {
	n := len(x) &^ 7
	var sum float32
	if n > 0 {
		sum = expTotalEights(&x[0], shift, n)
	}
	return sum + expTotalGeneric(x[n:], shift)
}

func topTwoVector(x []float32) (first, second float32) {
	n := len(x) &^ 7
	first, second = topTwoGeneric(x[n:])
	if n > 0 {
		f, s := topTwoEights(&x[0], n)
		first, second = max(first, f), max(min(first, f), second, s)
	}
	return first, second
}

func atLeastVector(bits []uint64, x []float32, floor float32) {
	words := len(x) / 64
	if words > 0 {
		atLeast64s(&bits[0], &x[0], floor, words)
	}
	atLeastGeneric(bits[words:], x[words*64:], floor)
}

func swigluVector(dst, gate, up []float32) {
	n := len(gate) &^ 7
	if n > 0 {
		swigluEights(&dst[0], &gate[0], &up[0], n)
	}
	swigluGeneric(dst[n:], gate[n:], up[n:])
}
