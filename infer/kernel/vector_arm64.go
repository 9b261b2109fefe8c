package kernel

// dotBF16EightsNEON takes n > 0, a multiple of 8.
//
//go:noescape
func dotBF16EightsNEON(w *byte, x *float32, n int) float32

// dotBF16NEON is dotBF16Generic.
func dotBF16NEON(w []byte, x []float32) float32 {
	n := len(x) &^ 7
	if n == 0 {
		return dotBF16Generic(w, x)
	}
	return dotBF16EightsNEON(&w[0], &x[0], n) + dotBF16Generic(w[2*n:], x[n:])
}
