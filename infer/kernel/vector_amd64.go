package kernel

// The assembly below takes any n > 0.

//go:noescape
func expSum512(dst, x *float32, shift float32, n int) float32

//go:noescape
func expTotal512(x *float32, shift float32, n int) float32

func expSumAVX512(dst, x []float32, shift float32) float32 {
	if len(x) == 0 {
		return 0
	}
	return expSum512(&dst[0], &x[0], shift, len(x))
}

func expTotalAVX512(x []float32, shift float32) float32 {
	if len(x) == 0 {
		return 0
	}
	return expTotal512(&x[0], shift, len(x))
}

// dotBF16Eights takes n > 0, a multiple of 8.
//
//go:noescape
func dotBF16Eights(w *byte, x *float32, n int) float32

func dotBF16Vector(w []byte, x []float32) float32 {
	n := len(x) &^ 7
	if n == 0 {
		return dotBF16Generic(w, x)
	}
	return dotBF16Eights(&w[0], &x[0], n) + dotBF16Generic(w[2*n:], x[n:])
}
