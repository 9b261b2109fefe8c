#include "textflag.h"
#include "words_arm64.h"

// 8 rows x 8 columns; row r in V(16+2r), V(17+2r). A's eight values are V0 and
// V1, B's V2 and V3.

#define K     R0 // steps left
#define A     R1
#define B     R2
#define C     R3
#define LDC   R4 // in bytes
#define MASK  V4 // all ones if add, else zero

// STORE writes a row; C is loaded in any case but counts only with add.
#define STORE(lo, hi, low, high) \
	VLD1 (C), [V0.S4, V1.S4]     \
	VAND MASK.B16, V0.B16, V0.B16 \
	VAND MASK.B16, V1.B16, V1.B16 \
	FADD(0, lo, lo)              \
	FADD(1, hi, hi)              \
	VST1 [low.S4, high.S4], (C)  \
	ADD  LDC, C

// func tileNEON(k int, a, b, c *float32, ldc int, add bool)
TEXT ·tileNEON(SB), NOSPLIT, $0-41
	MOVD  k+0(FP), K
	MOVD  a+8(FP), A
	MOVD  b+16(FP), B
	MOVD  c+24(FP), C
	MOVD  ldc+32(FP), LDC
	MOVBU add+40(FP), R5
	LSL   $2, LDC
	NEG   R5, R5
	VDUP  R5, MASK.D2
	VEOR  V16.B16, V16.B16, V16.B16
	VEOR  V17.B16, V17.B16, V17.B16
	VEOR  V18.B16, V18.B16, V18.B16
	VEOR  V19.B16, V19.B16, V19.B16
	VEOR  V20.B16, V20.B16, V20.B16
	VEOR  V21.B16, V21.B16, V21.B16
	VEOR  V22.B16, V22.B16, V22.B16
	VEOR  V23.B16, V23.B16, V23.B16
	VEOR  V24.B16, V24.B16, V24.B16
	VEOR  V25.B16, V25.B16, V25.B16
	VEOR  V26.B16, V26.B16, V26.B16
	VEOR  V27.B16, V27.B16, V27.B16
	VEOR  V28.B16, V28.B16, V28.B16
	VEOR  V29.B16, V29.B16, V29.B16
	VEOR  V30.B16, V30.B16, V30.B16
	VEOR  V31.B16, V31.B16, V31.B16

step:
	VLD1.P 32(A), [V0.S4, V1.S4]
	VLD1.P 32(B), [V2.S4, V3.S4]
	FMLA0(0, 2, 16)              // row 0 += A[0] * B
	FMLA0(0, 3, 17)
	FMLA1(0, 2, 18)
	FMLA1(0, 3, 19)
	FMLA2(0, 2, 20)
	FMLA2(0, 3, 21)
	FMLA3(0, 2, 22)
	FMLA3(0, 3, 23)
	FMLA0(1, 2, 24)              // row 4 += A[4] * B
	FMLA0(1, 3, 25)
	FMLA1(1, 2, 26)
	FMLA1(1, 3, 27)
	FMLA2(1, 2, 28)
	FMLA2(1, 3, 29)
	FMLA3(1, 2, 30)
	FMLA3(1, 3, 31)
	SUBS   $1, K
	BNE    step

	STORE(16, 17, V16, V17)
	STORE(18, 19, V18, V19)
	STORE(20, 21, V20, V21)
	STORE(22, 23, V22, V23)
	STORE(24, 25, V24, V25)
	STORE(26, 27, V26, V27)
	STORE(28, 29, V28, V29)
	STORE(30, 31, V30, V31)
	RET
