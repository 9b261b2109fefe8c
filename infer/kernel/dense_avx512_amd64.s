#include "textflag.h"
#include "dense_amd64.h"

// 16 columns of four rows times those of up to six vectors in a pass.

// Z0-Z3: the rows' columns
// Z4: a vector's
// Z8-Z31: sums, those of vector v and row r in Z(8+4v+r)

// ALL has f(at, sums of the four rows) for the vectors of a tile.
#define ALL1(f) \
	f((X), Z8, Z9, Z10, Z11)
#define ALL2(f) \
	ALL1(f)                             \
	f((X)(LDX*1), Z12, Z13, Z14, Z15)
#define ALL3(f) \
	ALL2(f)                             \
	f((X)(LDX*2), Z16, Z17, Z18, Z19)
#define ALL4(f) \
	ALL3(f)                             \
	f((X)(LDX3*1), Z20, Z21, Z22, Z23)
#define ALL5(f) \
	ALL4(f)                             \
	f((X)(LDX*4), Z24, Z25, Z26, Z27)
#define ALL6(f) \
	ALL5(f)                             \
	f((X)(LDX5*1), Z28, Z29, Z30, Z31)

#define ZERO(at, s0, s1, s2, s3) \
	VPXORQ s0, s0, s0 \
	VPXORQ s1, s1, s1 \
	VPXORQ s2, s2, s2 \
	VPXORQ s3, s3, s3

#define MULTIPLY(at, s0, s1, s2, s3) \
	VMOVUPS     at, Z4       \
	VFMADD231PS Z4, Z0, s0   \ // s += w * x
	VFMADD231PS Z4, Z1, s1   \
	VFMADD231PS Z4, Z2, s2   \
	VFMADD231PS Z4, Z3, s3

// ADDUP adds the 16 lanes of each sum, by halves, and all four to dst.
#define ADDUP(at, s0, s1, s2, s3) \
	VSHUFF64X2  $0x44, s1, s0, Z0 \
	VSHUFF64X2  $0xee, s1, s0, Z1 \
	VSHUFF64X2  $0x44, s3, s2, Z2 \
	VSHUFF64X2  $0xee, s3, s2, Z3 \
	VADDPS      Z1, Z0, Z0        \ // 8 lanes of s0, 8 of s1
	VADDPS      Z3, Z2, Z2        \
	VSHUFF64X2  $0x88, Z2, Z0, Z1 \
	VSHUFF64X2  $0xdd, Z2, Z0, Z3 \
	VADDPS      Z3, Z1, Z0        \ // 4 lanes of each
	VPERMILPS   $0x4e, Z0, Z1     \
	VADDPS      Z1, Z0, Z0        \
	VPERMILPS   $0xb1, Z0, Z1     \
	VADDPS      Z1, Z0, Z0        \
	VCOMPRESSPS Z0, K1, Z0        \
	VADDPS      (DST), X0, X0     \
	VMOVUPS     X0, (DST)         \
	ADDQ        LD, DST

#define FROMF32(from, z) \
	VMOVUPS from, z
#define FROMF16(from, z) \
	VCVTPH2PS from, z
#define FROMBF16(from, z) \
	VPMOVZXWD from, z     \
	VPSLLD    $16, z, z

// DENSE is a tile of all vectors with weights of size bytes.
#define DENSE(from, size, all) \
	ARGUMENTS                  \
	MOVL  $0x1111, AX          \
	KMOVW AX, K1               \
	all(ZERO)                  \
step:                              \
	from((W), Z0)              \
	from((W)(STRIDE*1), Z1)    \
	from((W)(STRIDE*2), Z2)    \
	from((W)(STRIDE3*1), Z3)   \
	all(MULTIPLY)              \
	CALLIN                     \
	ADDQ  $(16*size), AHEAD    \
	ADDQ  $(16*size), W        \
	ADDQ  $64, X               \
	SUBQ  $16, N               \
	JNZ   step                 \
	all(ADDUP)                 \
	VZEROUPPER                 \
	RET

// func denseF32x1AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF32x1AVX512(SB), NOSPLIT, $0-64
	DENSE(FROMF32, 4, ALL1)

// func denseF32x2AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF32x2AVX512(SB), NOSPLIT, $0-64
	DENSE(FROMF32, 4, ALL2)

// func denseF32x3AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF32x3AVX512(SB), NOSPLIT, $0-64
	DENSE(FROMF32, 4, ALL3)

// func denseF32x4AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF32x4AVX512(SB), NOSPLIT, $0-64
	DENSE(FROMF32, 4, ALL4)

// func denseF32x5AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF32x5AVX512(SB), NOSPLIT, $0-64
	DENSE(FROMF32, 4, ALL5)

// func denseF32x6AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF32x6AVX512(SB), NOSPLIT, $0-64
	DENSE(FROMF32, 4, ALL6)

// func denseF16x1AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF16x1AVX512(SB), NOSPLIT, $0-64
	DENSE(FROMF16, 2, ALL1)

// func denseF16x2AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF16x2AVX512(SB), NOSPLIT, $0-64
	DENSE(FROMF16, 2, ALL2)

// func denseF16x3AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF16x3AVX512(SB), NOSPLIT, $0-64
	DENSE(FROMF16, 2, ALL3)

// func denseF16x4AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF16x4AVX512(SB), NOSPLIT, $0-64
	DENSE(FROMF16, 2, ALL4)

// func denseF16x5AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF16x5AVX512(SB), NOSPLIT, $0-64
	DENSE(FROMF16, 2, ALL5)

// func denseF16x6AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF16x6AVX512(SB), NOSPLIT, $0-64
	DENSE(FROMF16, 2, ALL6)

// func denseBF16x1AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseBF16x1AVX512(SB), NOSPLIT, $0-64
	DENSE(FROMBF16, 2, ALL1)

// func denseBF16x2AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseBF16x2AVX512(SB), NOSPLIT, $0-64
	DENSE(FROMBF16, 2, ALL2)

// func denseBF16x3AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseBF16x3AVX512(SB), NOSPLIT, $0-64
	DENSE(FROMBF16, 2, ALL3)

// func denseBF16x4AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseBF16x4AVX512(SB), NOSPLIT, $0-64
	DENSE(FROMBF16, 2, ALL4)

// func denseBF16x5AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseBF16x5AVX512(SB), NOSPLIT, $0-64
	DENSE(FROMBF16, 2, ALL5)

// func denseBF16x6AVX512(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseBF16x6AVX512(SB), NOSPLIT, $0-64
	DENSE(FROMBF16, 2, ALL6)
