package kernel

// The assembly of tile_avx2_amd64.s and pack_avx2_amd64.s implements tileFunc,
// mix8Func, minusFunc and packFunc for panels of 8 rows, for at least one step.

//go:noescape
func tile32x1AVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x2AVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x4AVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x8AVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x16AVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x1AVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x2AVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x4AVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x8AVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x16AVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x1SmallAVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x2SmallAVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x4SmallAVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x8SmallAVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x16SmallAVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x1SmallAVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x2SmallAVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x4SmallAVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x8SmallAVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x16SmallAVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x1AVXVNNI(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x2AVXVNNI(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x4AVXVNNI(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x8AVXVNNI(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x16AVXVNNI(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x1AVXVNNI(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x2AVXVNNI(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x4AVXVNNI(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x8AVXVNNI(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x16AVXVNNI(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func minus1AVX2(dst *float32, ld int, mins, sums *float32, n int)

//go:noescape
func minus2AVX2(dst *float32, ld int, mins, sums *float32, n int)

//go:noescape
func minus4AVX2(dst *float32, ld int, mins, sums *float32, n int)

//go:noescape
func minus8AVX2(dst *float32, ld int, mins, sums *float32, n int)

//go:noescape
func minus16AVX2(dst *float32, ld int, mins, sums *float32, n int)

//go:noescape
func packQ8AVX2(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ8AVXVNNI(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ4_0AVX2(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ4_0AVXVNNI(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packIQ4NLAVX2(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packIQ4NLAVXVNNI(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ4_1AVX2(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ4_1AVXVNNI(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packMXFP4AVX2(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packMXFP4AVXVNNI(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ5_0AVX2(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ5_0AVXVNNI(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ5_1AVX2(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ5_1AVXVNNI(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ4KAVX2(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ4KAVXVNNI(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ5KAVX2(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ5KAVXVNNI(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ6KAVX2(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ6KAVXVNNI(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ2KAVX2(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ2KAVXVNNI(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ3KAVX2(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ3KAVXVNNI(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packIQ4XSAVX2(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packIQ4XSAVXVNNI(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func mix8x1AVX2(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)

//go:noescape
func mix8x2AVX2(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)

//go:noescape
func mix8x4AVX2(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)

//go:noescape
func mix8x8AVX2(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)

//go:noescape
func mix8x16AVX2(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)

//go:noescape
func mix8x1AVXVNNI(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)

//go:noescape
func mix8x2AVXVNNI(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)

//go:noescape
func mix8x4AVXVNNI(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)

//go:noescape
func mix8x8AVXVNNI(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)

//go:noescape
func mix8x16AVXVNNI(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
