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
