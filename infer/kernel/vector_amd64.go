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

// These two take n > 0 rows and width > 0, a multiple of 16.

//go:noescape
func maxima512(dst, x *float32, ld, n, width int)

//go:noescape
func expAdd512(sum, x *float32, ld, n, width int, largest *float32)

func maximaAVX512(dst, x []float32, ld, n, width int) {
	maxima512(&dst[0], &x[0], ld, n, width)
}

func expAddAVX512(sum, x []float32, ld, n, width int, largest []float32) {
	expAdd512(&sum[0], &x[0], ld, n, width, &largest[0])
}
