#include "textflag.h"
#include "dense_amd64.h"

// 8 columns of four rows times those of up to three vectors, twice in a pass.

// Y0: a row's columns
// Y1-Y3: the vectors'
// Y4-Y15: sums, those of vector v and row r in Y(4+4v+r)

// ALL has f(off, at, x, sums of the four rows) for the vectors of a tile, whose
// columns are off bytes from at.
#define ALL1(f, off) \
	f(off, (X), Y1, Y4, Y5, Y6, Y7)
#define ALL2(f, off) \
	ALL1(f, off)                                 \
	f(off, (X)(LDX*1), Y2, Y8, Y9, Y10, Y11)
#define ALL3(f, off) \
	ALL2(f, off)                                 \
	f(off, (X)(LDX*2), Y3, Y12, Y13, Y14, Y15)

#define ZERO(off, at, x, s0, s1, s2, s3) \
	VXORPS s0, s0, s0 \
	VXORPS s1, s1, s1 \
	VXORPS s2, s2, s2 \
	VXORPS s3, s3, s3

#define LOAD(off, at, x, s0, s1, s2, s3) VMOVUPS off at, x

#define MULTIPLY0(off, at, x, s0, s1, s2, s3) VFMADD231PS x, Y0, s0 // s += w * x
#define MULTIPLY1(off, at, x, s0, s1, s2, s3) VFMADD231PS x, Y0, s1
#define MULTIPLY2(off, at, x, s0, s1, s2, s3) VFMADD231PS x, Y0, s2
#define MULTIPLY3(off, at, x, s0, s1, s2, s3) VFMADD231PS x, Y0, s3

// ADDUP adds the 8 lanes of each sum, neighbours first, and all four to dst.
#define ADDUP(off, at, x, s0, s1, s2, s3) \
	VHADDPS      s1, s0, Y0    \
	VHADDPS      s3, s2, Y1    \
	VHADDPS      Y1, Y0, Y0    \
	VEXTRACTF128 $1, Y0, X1    \
	VADDPS       X1, X0, X0    \
	VADDPS       (DST), X0, X0 \
	VMOVUPS      X0, (DST)     \
	ADDQ         LD, DST

#define FROMF32(from, y) \
	VMOVUPS from, y
#define FROMF16(from, y) \
	VCVTPH2PS from, y
#define FROMBF16(from, y) \
	VPMOVZXWD from, y     \
	VPSLLD    $16, y, y

// EIGHT multiplies columns [c, c+8).
#define EIGHT(from, size, c, all) \
	all(LOAD, (4*(c)))                      \
	from(((c)*size)(W), Y0)                 \
	all(MULTIPLY0, 0)                       \
	from(((c)*size)(W)(STRIDE*1), Y0)       \
	all(MULTIPLY1, 0)                       \
	from(((c)*size)(W)(STRIDE*2), Y0)       \
	all(MULTIPLY2, 0)                       \
	from(((c)*size)(W)(STRIDE3*1), Y0)      \
	all(MULTIPLY3, 0)

// DENSE is a tile of all vectors with weights of size bytes.
#define DENSE(from, size, all) \
	ARGUMENTS                  \
	all(ZERO, 0)               \
step:                              \
	EIGHT(from, size, 0, all)  \
	EIGHT(from, size, 8, all)  \
	CALLIN                     \
	ADDQ  $(16*size), AHEAD    \
	ADDQ  $(16*size), W        \
	ADDQ  $64, X               \
	SUBQ  $16, N               \
	JNZ   step                 \
	all(ADDUP, 0)              \
	VZEROUPPER                 \
	RET

// func denseF32x1AVX2(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF32x1AVX2(SB), NOSPLIT, $0-64
	DENSE(FROMF32, 4, ALL1)

// func denseF32x2AVX2(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF32x2AVX2(SB), NOSPLIT, $0-64
	DENSE(FROMF32, 4, ALL2)

// func denseF32x3AVX2(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF32x3AVX2(SB), NOSPLIT, $0-64
	DENSE(FROMF32, 4, ALL3)

// func denseF16x1AVX2(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF16x1AVX2(SB), NOSPLIT, $0-64
	DENSE(FROMF16, 2, ALL1)

// func denseF16x2AVX2(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF16x2AVX2(SB), NOSPLIT, $0-64
	DENSE(FROMF16, 2, ALL2)

// func denseF16x3AVX2(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF16x3AVX2(SB), NOSPLIT, $0-64
	DENSE(FROMF16, 2, ALL3)

// func denseBF16x1AVX2(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseBF16x1AVX2(SB), NOSPLIT, $0-64
	DENSE(FROMBF16, 2, ALL1)

// func denseBF16x2AVX2(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseBF16x2AVX2(SB), NOSPLIT, $0-64
	DENSE(FROMBF16, 2, ALL2)

// func denseBF16x3AVX2(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseBF16x3AVX2(SB), NOSPLIT, $0-64
	DENSE(FROMBF16, 2, ALL3)
