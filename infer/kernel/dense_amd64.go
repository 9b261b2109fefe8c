package kernel

// The tiles of dense weights are denseFuncs. Those of a tier have the same number
// of lanes, and a pair of a row and a vector the same order of sums in all of them.

//go:noescape
func denseF32x1AVX2(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseF32x2AVX2(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseF32x3AVX2(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseF16x1AVX2(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseF16x2AVX2(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseF16x3AVX2(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseBF16x1AVX2(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseBF16x2AVX2(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseBF16x3AVX2(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseF32x1AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseF32x2AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseF32x3AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseF32x4AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseF32x5AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseF32x6AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseF16x1AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseF16x2AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseF16x3AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseF16x4AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseF16x5AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseF16x6AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseBF16x1AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseBF16x2AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseBF16x3AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseBF16x4AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseBF16x5AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseBF16x6AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
