//go:build !amd64

package train

// hasBF16 is false: no kernel here multiplies bfloat16 pairs, so products stay in float32 and the functions below never run.
const hasBF16 = false

func tileBF16(k int, a, b *uint32, c *float32, ldc int, add bool) { panic("train: no bfloat16 kernel") }

func zipBF16(dst *uint32, half int, even, odd *float32, blocks int) {
	panic("train: no bfloat16 kernel")
}

func turnBF16(dst *uint32, width int, src *float32, ld, blocks int) {
	panic("train: no bfloat16 kernel")
}
