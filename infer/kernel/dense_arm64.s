#include "textflag.h"
#include "words_arm64.h"

// 8 columns of four rows times those of up to four vectors in a pass: see
// denseFunc.

#define DST    R0
#define LD     R1
#define W0     R2  // 8 columns of each row
#define W1     R3
#define W2     R4
#define W3     R5
#define X0     R6  // 8 columns of each vector
#define X1     R7
#define X2     R8
#define X3     R9
#define N      R10 // columns left
#define AHEAD  R11 // what is called in
#define STRIDE R12
#define LDX    R13

// V0-V7: columns 0-3 and 4-7 of row r in V(2r) and V(2r+1)
// V8-V15: those of vector v in V(8+2v) and V(9+2v)
// V16-V31: sums, those of vector v and row r in V(16+4v+r)

#define ARGUMENTS \
	MOVD dst+0(FP), DST       \
	MOVD ld+8(FP), LD         \
	MOVD w+16(FP), W0         \
	MOVD stride+24(FP), STRIDE \
	MOVD x+32(FP), X0         \
	MOVD ldx+40(FP), LDX      \
	MOVD n+48(FP), N          \
	MOVD ahead+56(FP), AHEAD  \
	ADD  W0, AHEAD            \
	LSL  $2, LD               \
	LSL  $2, LDX              \
	ADD  STRIDE, W0, W1       \
	ADD  STRIDE, W1, W2       \
	ADD  STRIDE, W2, W3       \
	ADD  LDX, X0, X1          \
	ADD  LDX, X1, X2          \
	ADD  LDX, X2, X3

// ALL has f(at, a vector's columns 0-3 and 4-7, sums of the four rows, number
// of the first of them) for the vectors of a tile.
#define ALL1(f) \
	f(X0, V8, V9, V16, V17, V18, V19, 16)
#define ALL2(f) \
	ALL1(f)                                  \
	f(X1, V10, V11, V20, V21, V22, V23, 20)
#define ALL3(f) \
	ALL2(f)                                  \
	f(X2, V12, V13, V24, V25, V26, V27, 24)
#define ALL4(f) \
	ALL3(f)                                  \
	f(X3, V14, V15, V28, V29, V30, V31, 28)

#define ZERO(at, low, high, s0, s1, s2, s3, s) \
	VEOR s0.B16, s0.B16, s0.B16 \
	VEOR s1.B16, s1.B16, s1.B16 \
	VEOR s2.B16, s2.B16, s2.B16 \
	VEOR s3.B16, s3.B16, s3.B16

#define LOAD(at, low, high, s0, s1, s2, s3, s) VLD1.P 32(at), [low.S4, high.S4]

#define MULTIPLYLOW(at, low, high, s0, s1, s2, s3, s) \
	VFMLA low.S4, V0.S4, s0.S4 \ // s += w * x
	VFMLA low.S4, V2.S4, s1.S4 \
	VFMLA low.S4, V4.S4, s2.S4 \
	VFMLA low.S4, V6.S4, s3.S4

#define MULTIPLYHIGH(at, low, high, s0, s1, s2, s3, s) \
	VFMLA high.S4, V1.S4, s0.S4 \
	VFMLA high.S4, V3.S4, s1.S4 \
	VFMLA high.S4, V5.S4, s2.S4 \
	VFMLA high.S4, V7.S4, s3.S4

// ADDUP adds the four lanes of each sum, neighbours first, and all four to dst.
#define ADDUP(at, low, high, s0, s1, s2, s3, s) \
	FADDP(s+1, s, 0)           \
	FADDP(s+3, s+2, 1)         \
	VLD1   (DST), [V2.S4]      \
	FADDP(1, 0, 0)             \
	FADD(2, 0, 0)              \
	VST1   [V0.S4], (DST)      \
	ADD    LD, DST

#define FROMF32(at, low, high, l, h) VLD1.P 32(at), [low.S4, high.S4]
#define FROMF16(at, low, high, l, h) \
	VLD1.P 16(at), [low.H8] \
	FCVTL2(l, h)            \
	FCVTL(l, l)
#define FROMBF16(at, low, high, l, h) \
	VLD1.P 16(at), [low.H8] \
	SHLL2(l, h)             \
	SHLL(l, l)

// CALL1 and CALL2 call in as many bytes as 8 columns of the rows have.
#define CALL1 \
	PRFM (AHEAD), PLDL2KEEP \
	ADD  $64, AHEAD
#define CALL2 \
	PRFM 64(AHEAD), PLDL2KEEP \
	PRFM (AHEAD), PLDL2KEEP   \
	ADD  $128, AHEAD

// DENSE is a tile of all vectors.
#define DENSE(from, call, all) \
	ARGUMENTS               \
	all(ZERO)               \
step:                           \
	from(W0, V0, V1, 0, 1)  \
	from(W1, V2, V3, 2, 3)  \
	from(W2, V4, V5, 4, 5)  \
	from(W3, V6, V7, 6, 7)  \
	all(LOAD)               \
	call                    \
	all(MULTIPLYLOW)        \
	all(MULTIPLYHIGH)       \
	SUBS $8, N              \
	BNE  step               \
	all(ADDUP)              \
	RET

// func denseF32x1NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF32x1NEON(SB), NOSPLIT, $0-64
	DENSE(FROMF32, CALL2, ALL1)

// func denseF32x2NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF32x2NEON(SB), NOSPLIT, $0-64
	DENSE(FROMF32, CALL2, ALL2)

// func denseF32x3NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF32x3NEON(SB), NOSPLIT, $0-64
	DENSE(FROMF32, CALL2, ALL3)

// func denseF32x4NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF32x4NEON(SB), NOSPLIT, $0-64
	DENSE(FROMF32, CALL2, ALL4)

// func denseF16x1NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF16x1NEON(SB), NOSPLIT, $0-64
	DENSE(FROMF16, CALL1, ALL1)

// func denseF16x2NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF16x2NEON(SB), NOSPLIT, $0-64
	DENSE(FROMF16, CALL1, ALL2)

// func denseF16x3NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF16x3NEON(SB), NOSPLIT, $0-64
	DENSE(FROMF16, CALL1, ALL3)

// func denseF16x4NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF16x4NEON(SB), NOSPLIT, $0-64
	DENSE(FROMF16, CALL1, ALL4)

// func denseBF16x1NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseBF16x1NEON(SB), NOSPLIT, $0-64
	DENSE(FROMBF16, CALL1, ALL1)

// func denseBF16x2NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseBF16x2NEON(SB), NOSPLIT, $0-64
	DENSE(FROMBF16, CALL1, ALL2)

// func denseBF16x3NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseBF16x3NEON(SB), NOSPLIT, $0-64
	DENSE(FROMBF16, CALL1, ALL3)

// func denseBF16x4NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseBF16x4NEON(SB), NOSPLIT, $0-64
	DENSE(FROMBF16, CALL1, ALL4)
