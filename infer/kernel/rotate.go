package kernel

import "fmt"

// Rotate turns the pairs of neighbours of every head of x, [heads][headDim]:
// with cosine turns[2*i] and sine turns[2*i+1] the values a and b at 2*i and
// 2*i+1 become
//
//	a*cosine - b*sine
//	a*sine + b*cosine
//
// Values of a head beyond len(turns) stay as they are (rotary positions, arXiv
// 2104.09864, as GGUF files of the Llama family lay them out). Each result is
// within 2^-22 times the sum of its products' magnitudes.
func Rotate(x, turns []float32, headDim int) {
	if heads := checkRotate("Rotate", len(x), len(turns), headDim); heads > 0 {
		active.rotate(x, turns, heads, headDim)
	}
}

// RotateHalves is Rotate for pairs that lie half of len(turns) apart: i and
// i + len(turns)/2 (GPT-NeoX's layout). turns is as for Rotate.
func RotateHalves(x, turns []float32, headDim int) {
	if heads := checkRotate("RotateHalves", len(x), len(turns), headDim); heads > 0 {
		active.rotateHalves(x, turns, heads, headDim)
	}
}

// checkRotate is the number of heads to turn.
func checkRotate(caller string, x, turns, headDim int) int {
	if headDim < 1 || x%headDim != 0 || turns%2 != 0 || turns > headDim {
		panic(fmt.Sprintf("kernel: %s of %d values in heads of %d by %d cosines and sines", caller, x, headDim, turns))
	}
	if turns == 0 {
		return 0
	}
	return x / headDim
}
