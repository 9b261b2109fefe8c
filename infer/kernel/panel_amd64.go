package kernel

// The assembly of tile_*_amd64.s and pack_*_amd64.s implements tileFunc,
// mix8Func, minusFunc and packFunc, for at least one step; that of batch_*_amd64.s
// implements batchFunc, that of stream_*_amd64.s streamFunc
// and turnedFunc.

//go:noescape
func quantizeAVX2(step *byte, half *int32, n, v int, x *float32, steps int)

//go:noescape
func tile32x1AVX512(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x2AVX512(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x4AVX512(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x8AVX512(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x16AVX512(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x1AVX512(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x2AVX512(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x4AVX512(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x8AVX512(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x16AVX512(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func minus1AVX512(dst *float32, ld int, mins, sums *float32, n int)

//go:noescape
func minus2AVX512(dst *float32, ld int, mins, sums *float32, n int)

//go:noescape
func minus4AVX512(dst *float32, ld int, mins, sums *float32, n int)

//go:noescape
func minus8AVX512(dst *float32, ld int, mins, sums *float32, n int)

//go:noescape
func minus16AVX512(dst *float32, ld int, mins, sums *float32, n int)

//go:noescape
func trio32AVX512(dst *float32, ld int, panel *byte, distance int, x *byte, half *int32, vectors, n int, add bool)

//go:noescape
func trio16AVX512(dst *float32, ld int, panel *byte, distance int, x *byte, half *int32, vectors, n int, add bool)

//go:noescape
func batch32AVX512AMX(dst *float32, ld int, panel *byte, distance, panels int, x *byte, xdistance, batches, n int, add bool)

//go:noescape
func streamQ8_0x1AVX512(dst *float32, ld int, w *byte, stride int, x *byte, rows, steps int)

//go:noescape
func streamQ8_0x2AVX512(dst *float32, ld int, w *byte, stride int, x *byte, rows, steps int)

//go:noescape
func streamQ8_0x4AVX512(dst *float32, ld int, w *byte, stride int, x *byte, rows, steps int)

//go:noescape
func streamQ4_0x1AVX512(dst *float32, ld int, w *byte, stride int, x *byte, rows, steps int)

//go:noescape
func streamQ4_0x2AVX512(dst *float32, ld int, w *byte, stride int, x *byte, rows, steps int)

//go:noescape
func streamQ4_0x4AVX512(dst *float32, ld int, w *byte, stride int, x *byte, rows, steps int)

//go:noescape
func turnedQ8_0x4AVX512AMX(dst *float32, ld, vectors int, w *byte, stride int, x *float32, rows, steps int)

//go:noescape
func turnedQ8_0x8AVX512AMX(dst *float32, ld, vectors int, w *byte, stride int, x *float32, rows, steps int)

//go:noescape
func packQ8_0AVX512(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ4_0AVX512(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ4_1AVX512(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ5_0AVX512(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ5_1AVX512(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packIQ4NLAVX512(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packMXFP4AVX512(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ2KAVX512(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ3KAVX512(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ4KAVX512(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ5KAVX512(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ6KAVX512(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packIQ4XSAVX512(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func mix8x1AVX512(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)

//go:noescape
func mix8x2AVX512(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)

//go:noescape
func mix8x4AVX512(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)

//go:noescape
func mix8x8AVX512(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)

//go:noescape
func mix8x16AVX512(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
