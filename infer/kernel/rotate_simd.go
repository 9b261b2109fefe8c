//go:build amd64 || arm64

package kernel

// The assembly below takes at least one head. rotateEights turns the first n
// values of each, a multiple of 8; rotateHalvesEights the first pairs, a
// multiple of 8, of a head whose pairs lie half apart. None of these is zero.

//go:noescape
func rotateEights(x, turns *float32, n, heads, headDim int)

//go:noescape
func rotateHalvesEights(x, turns *float32, pairs, half, heads, headDim int)

func rotateVector(x, turns []float32, heads, headDim int) {
	n := len(turns) &^ 7
	if n > 0 {
		rotateEights(&x[0], &turns[0], n, heads, headDim)
	}
	rotateFrom(n/2, x, turns, heads, headDim)
}

func rotateHalvesVector(x, turns []float32, heads, headDim int) {
	half := len(turns) / 2
	pairs := half &^ 7
	if pairs > 0 {
		rotateHalvesEights(&x[0], &turns[0], pairs, half, heads, headDim)
	}
	rotateHalvesFrom(pairs, x, turns, heads, headDim)
}
