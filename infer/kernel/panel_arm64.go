package kernel

// The assembly of tile_*_arm64.s, minus_arm64.s, pack_*arm64.s and
// single_*_arm64.s implements tileFunc, mix8Func, minusFunc, packFunc and singleFunc, for
// at least one step and panels of 8 rows.

//go:noescape
func tile32x1DotProd(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x2DotProd(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x4DotProd(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x8DotProd(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x16DotProd(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x1DotProd(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x2DotProd(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x4DotProd(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x8DotProd(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x16DotProd(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x1NEON(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x2NEON(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x4NEON(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x8NEON(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x16NEON(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x1NEON(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x2NEON(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x4NEON(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x8NEON(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x16NEON(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x1I8MM(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x2I8MM(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x4I8MM(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x8I8MM(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile32x16I8MM(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x1I8MM(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x2I8MM(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x4I8MM(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x8I8MM(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func tile16x16I8MM(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

//go:noescape
func minus1NEON(dst *float32, ld int, mins, sums *float32, n int)

//go:noescape
func minus2NEON(dst *float32, ld int, mins, sums *float32, n int)

//go:noescape
func minus4NEON(dst *float32, ld int, mins, sums *float32, n int)

//go:noescape
func minus8NEON(dst *float32, ld int, mins, sums *float32, n int)

//go:noescape
func minus16NEON(dst *float32, ld int, mins, sums *float32, n int)

//go:noescape
func quantizeNEON(step *byte, half *int32, n, v int, x *float32, steps int)

//go:noescape
func singleQ8_0DotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)

//go:noescape
func singleQ4_0DotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)

//go:noescape
func singleQ4_1DotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)

//go:noescape
func singleQ5_0DotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)

//go:noescape
func singleQ5_1DotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)

//go:noescape
func singleIQ4_NLDotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)

//go:noescape
func singleMXFP4DotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)

//go:noescape
func singleQ2_KDotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)

//go:noescape
func singleQ3_KDotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)

//go:noescape
func singleQ4_KDotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)

//go:noescape
func singleQ5_KDotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)

//go:noescape
func singleQ6_KDotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)

//go:noescape
func singleIQ4_XSDotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)

//go:noescape
func singleQ8_0NEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)

//go:noescape
func singleQ4_0NEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)

//go:noescape
func singleQ4_1NEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)

//go:noescape
func singleQ5_0NEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)

//go:noescape
func singleQ5_1NEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)

//go:noescape
func singleIQ4_NLNEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)

//go:noescape
func singleMXFP4NEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)

//go:noescape
func singleQ2_KNEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)

//go:noescape
func singleQ3_KNEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)

//go:noescape
func singleQ4_KNEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)

//go:noescape
func singleQ5_KNEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)

//go:noescape
func singleQ6_KNEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)

//go:noescape
func singleIQ4_XSNEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)

//go:noescape
func packQ8_0Quads(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ8_0Octets(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ4_0Quads(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ4_0Octets(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packIQ4_NLQuads(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packIQ4_NLOctets(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packMXFP4Quads(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packMXFP4Octets(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ4_1Quads(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ4_1Octets(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ5_0Quads(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ5_0Octets(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ5_1Quads(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ5_1Octets(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ4_KQuads(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ4_KOctets(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ5_KQuads(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ5_KOctets(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ6_KQuads(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ6_KOctets(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ2_KQuads(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ2_KOctets(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ3_KQuads(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packQ3_KOctets(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packIQ4_XSQuads(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func packIQ4_XSOctets(steps *byte, mins *float32, w *byte, stride, next, n int)

//go:noescape
func mix8x1DotProd(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)

//go:noescape
func mix8x2DotProd(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)

//go:noescape
func mix8x4DotProd(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)

//go:noescape
func mix8x8DotProd(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)

//go:noescape
func mix8x16DotProd(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)

//go:noescape
func mix8x1NEON(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)

//go:noescape
func mix8x2NEON(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)

//go:noescape
func mix8x4NEON(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)

//go:noescape
func mix8x8NEON(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)

//go:noescape
func mix8x16NEON(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)

//go:noescape
func mix8x1I8MM(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)

//go:noescape
func mix8x2I8MM(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)

//go:noescape
func mix8x4I8MM(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)

//go:noescape
func mix8x8I8MM(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)

//go:noescape
func mix8x16I8MM(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
