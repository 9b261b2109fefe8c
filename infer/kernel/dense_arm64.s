#include "textflag.h"
#include "words_arm64.h"

// 8 columns of four rows times those of up to four vectors, twice in a pass: see
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
#define AHEAD  R11 // from the rows' columns to what is called in
#define STRIDE R12
#define LDX    R13
#define T0     R14
#define T1     R15
#define T2     R16
#define T3     R17

// V0-V7: columns 0-3 and 4-7 of row r in V(2r) and V(2r+1)
// V8-V15: those of vector v in V(8+2v) and V(9+2v)
// V16-V31: sums, those of vector v and row r in V(16+4v+r)

#define ARGUMENTS \
	MOVD dst+0(FP), DST        \
	MOVD ld+8(FP), LD          \
	MOVD w+16(FP), W0          \
	MOVD stride+24(FP), STRIDE \
	MOVD x+32(FP), X0          \
	MOVD ldx+40(FP), LDX       \
	MOVD n+48(FP), N           \
	MOVD ahead+56(FP), AHEAD   \
	LSL  $2, LD                \
	LSL  $2, LDX               \
	ADD  STRIDE, W0, W1        \
	ADD  STRIDE, W1, W2        \
	ADD  STRIDE, W2, W3        \
	ADD  LDX, X0, X1           \
	ADD  LDX, X1, X2           \
	ADD  LDX, X2, X3

// ALL has f(at, load, load of the next, columns 0-3, columns 4-7, sums of the
// four rows, number of the first of them) for the vectors of a tile.
#define ALL1(f) \
	f(X0, F8, F9, V8, V9, V16, V17, V18, V19, 16)
#define ALL2(f) \
	ALL1(f)                                  \
	f(X1, F10, F11, V10, V11, V20, V21, V22, V23, 20)
#define ALL3(f) \
	ALL2(f)                                  \
	f(X2, F12, F13, V12, V13, V24, V25, V26, V27, 24)
#define ALL4(f) \
	ALL3(f)                                  \
	f(X3, F14, F15, V14, V15, V28, V29, V30, V31, 28)

#define ZERO(at, load, load2, low, high, s0, s1, s2, s3, s) \
	VEOR s0.B16, s0.B16, s0.B16 \
	VEOR s1.B16, s1.B16, s1.B16 \
	VEOR s2.B16, s2.B16, s2.B16 \
	VEOR s3.B16, s3.B16, s3.B16

#define LOAD(at, load, load2, low, high, s0, s1, s2, s3, s) FLDPQ.P 32(at), (load, load2)

#define MULTIPLYLOW(at, load, load2, low, high, s0, s1, s2, s3, s) \
	VFMLA low.S4, V0.S4, s0.S4 \ // s += w * x
	VFMLA low.S4, V2.S4, s1.S4 \
	VFMLA low.S4, V4.S4, s2.S4 \
	VFMLA low.S4, V6.S4, s3.S4

#define MULTIPLYHIGH(at, load, load2, low, high, s0, s1, s2, s3, s) \
	VFMLA high.S4, V1.S4, s0.S4 \
	VFMLA high.S4, V3.S4, s1.S4 \
	VFMLA high.S4, V5.S4, s2.S4 \
	VFMLA high.S4, V7.S4, s3.S4

// ADDUP adds the four lanes of each sum, neighbours first, and all four to dst.
#define ADDUP(at, load, load2, low, high, s0, s1, s2, s3, s) \
	FADDP(s+1, s, 0)           \
	FADDP(s+3, s+2, 1)         \
	VLD1   (DST), [V2.S4]      \
	FADDP(1, 0, 0)             \
	FADD(2, 0, 0)              \
	VST1   [V0.S4], (DST)      \
	ADD    LD, DST

// SINGLES and HALVES load a row's 8 columns, WIDEN makes V(l) and V(l+1) of them.
#define SINGLES(at, load, load2) FLDPQ.P 32(at), (load, load2)
#define HALVES(at, load, load2) FMOVQ.P 16(at), load

#define WIDENF32(l)
#define WIDENF16(l) \
	FCVTL2(l, l+1) \
	FCVTL(l, l)
#define WIDENBF16(l) \
	SHLL2(l, l+1) \
	SHLL(l, l)

// CALLIN calls in a line of each of four later rows.
#define CALLIN \
	ADD  AHEAD, W0, T0      \
	ADD  AHEAD, W1, T1      \
	ADD  AHEAD, W2, T2      \
	ADD  AHEAD, W3, T3      \
	PRFM (T0), PLDL2KEEP    \
	PRFM (T1), PLDL2KEEP    \
	PRFM (T2), PLDL2KEEP    \
	PRFM (T3), PLDL2KEEP

// EIGHT loads everything before it is needed: many of these cores execute in
// order.
#define EIGHT(load, widen, all) \
	load(W0, F0, F1)  \
	load(W1, F2, F3)  \
	load(W2, F4, F5)  \
	load(W3, F6, F7)  \
	all(LOAD)         \
	widen(0)          \
	widen(2)          \
	widen(4)          \
	widen(6)          \
	all(MULTIPLYLOW)  \
	all(MULTIPLYHIGH)

// DENSE is a tile of all vectors.
#define DENSE(load, widen, all) \
	ARGUMENTS               \
	all(ZERO)               \
step:                           \
	CALLIN                  \
	EIGHT(load, widen, all) \
	EIGHT(load, widen, all) \
	SUBS $16, N             \
	BNE  step               \
	all(ADDUP)              \
	RET

// func denseF32x1NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF32x1NEON(SB), NOSPLIT, $0-64
	DENSE(SINGLES, WIDENF32, ALL1)

// func denseF32x2NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF32x2NEON(SB), NOSPLIT, $0-64
	DENSE(SINGLES, WIDENF32, ALL2)

// func denseF32x3NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF32x3NEON(SB), NOSPLIT, $0-64
	DENSE(SINGLES, WIDENF32, ALL3)

// func denseF32x4NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF32x4NEON(SB), NOSPLIT, $0-64
	DENSE(SINGLES, WIDENF32, ALL4)

// func denseF16x1NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF16x1NEON(SB), NOSPLIT, $0-64
	DENSE(HALVES, WIDENF16, ALL1)

// func denseF16x2NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF16x2NEON(SB), NOSPLIT, $0-64
	DENSE(HALVES, WIDENF16, ALL2)

// func denseF16x3NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF16x3NEON(SB), NOSPLIT, $0-64
	DENSE(HALVES, WIDENF16, ALL3)

// func denseF16x4NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseF16x4NEON(SB), NOSPLIT, $0-64
	DENSE(HALVES, WIDENF16, ALL4)

// func denseBF16x1NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseBF16x1NEON(SB), NOSPLIT, $0-64
	DENSE(HALVES, WIDENBF16, ALL1)

// func denseBF16x2NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseBF16x2NEON(SB), NOSPLIT, $0-64
	DENSE(HALVES, WIDENBF16, ALL2)

// func denseBF16x3NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseBF16x3NEON(SB), NOSPLIT, $0-64
	DENSE(HALVES, WIDENBF16, ALL3)

// func denseBF16x4NEON(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)
TEXT ·denseBF16x4NEON(SB), NOSPLIT, $0-64
	DENSE(HALVES, WIDENBF16, ALL4)
