package kernel

// The tiles of dense weights are denseFuncs; a pair of a row and a vector has the
// same order of sums in all of them.

//go:noescape
func denseF32x1NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseF32x2NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseF32x3NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseF32x4NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseF16x1NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseF16x2NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseF16x3NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseF16x4NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseBF16x1NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseBF16x2NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseBF16x3NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

//go:noescape
func denseBF16x4NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
