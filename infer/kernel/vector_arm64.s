#include "textflag.h"
#include "words_arm64.h"

// Every function here takes a number of values that is a multiple of 8 and
// not zero; the Go side does the rest.

#define N     R0 // values left
#define IN    R1 // first input
#define IN2   R2 // second input
#define DST   R3

// ADDLANES sums the four lanes of register v into its first.
#define ADDLANES(v) \
	FADDP(v, v, v) \
	FADDP(v, v, v)

// func dotEights(a, b *float32, n int) float32
TEXT ·dotEights(SB), NOSPLIT, $0-28
	MOVD a+0(FP), IN
	MOVD b+8(FP), IN2
	MOVD n+16(FP), N
	VEOR V0.B16, V0.B16, V0.B16
	VEOR V1.B16, V1.B16, V1.B16

eight:
	VLD1.P 32(IN), [V2.S4, V3.S4]
	VLD1.P 32(IN2), [V4.S4, V5.S4]
	VFMLA  V2.S4, V4.S4, V0.S4   // s0 += a * b
	VFMLA  V3.S4, V5.S4, V1.S4
	SUBS   $8, N
	BNE    eight

	FADD(1, 0, 0)
	ADDLANES(0)
	FMOVS F0, ret+24(FP)
	RET

// func dotF16Eights(w *byte, x *float32, n int) float32
TEXT ·dotF16Eights(SB), NOSPLIT, $0-28
	MOVD w+0(FP), IN
	MOVD x+8(FP), IN2
	MOVD n+16(FP), N
	VEOR V0.B16, V0.B16, V0.B16
	VEOR V1.B16, V1.B16, V1.B16

eight:
	VLD1.P 16(IN), [V2.H8]
	VLD1.P 32(IN2), [V4.S4, V5.S4]
	FCVTL2(2, 3)
	FCVTL(2, 2)
	VFMLA  V2.S4, V4.S4, V0.S4   // s0 += w * x
	VFMLA  V3.S4, V5.S4, V1.S4
	SUBS   $8, N
	BNE    eight

	FADD(1, 0, 0)
	ADDLANES(0)
	FMOVS F0, ret+24(FP)
	RET

// func dotBF16EightsNEON(w *byte, x *float32, n int) float32
TEXT ·dotBF16EightsNEON(SB), NOSPLIT, $0-28
	MOVD w+0(FP), IN
	MOVD x+8(FP), IN2
	MOVD n+16(FP), N
	VEOR V0.B16, V0.B16, V0.B16
	VEOR V1.B16, V1.B16, V1.B16
	VEOR V6.B16, V6.B16, V6.B16

eight:
	VLD1.P 16(IN), [V2.H8]
	VLD1.P 32(IN2), [V4.S4, V5.S4]
	VZIP2  V2.H8, V6.H8, V3.H8   // the upper halves of float32
	VZIP1  V2.H8, V6.H8, V2.H8
	VFMLA  V2.S4, V4.S4, V0.S4   // s0 += w * x
	VFMLA  V3.S4, V5.S4, V1.S4
	SUBS   $8, N
	BNE    eight

	FADD(1, 0, 0)
	ADDLANES(0)
	FMOVS F0, ret+24(FP)
	RET

// func axpyEights(alpha float32, x, y *float32, n int)
TEXT ·axpyEights(SB), NOSPLIT, $0-32
	FMOVS alpha+0(FP), F0
	MOVD  x+8(FP), IN
	MOVD  y+16(FP), DST
	MOVD  n+24(FP), N

eight:
	VLD1.P 32(IN), [V2.S4, V3.S4]
	VLD1   (DST), [V4.S4, V5.S4]
	FMLA0(0, 2, 4)               // y += alpha * x
	FMLA0(0, 3, 5)
	VST1.P [V4.S4, V5.S4], 32(DST)
	SUBS   $8, N
	BNE    eight
	RET

// func mulAllEights(dst, x, weight *float32, scale float32, n int)
TEXT ·mulAllEights(SB), NOSPLIT, $0-40
	MOVD  dst+0(FP), DST
	MOVD  x+8(FP), IN
	MOVD  weight+16(FP), IN2
	FMOVS scale+24(FP), F0
	VDUP  V0.S[0], V0.S4
	MOVD  n+32(FP), N

eight:
	VLD1.P 32(IN), [V2.S4, V3.S4]
	VLD1.P 32(IN2), [V4.S4, V5.S4]
	FMUL(0, 2, 2)                // x * scale
	FMUL(0, 3, 3)
	FMUL(4, 2, 2)                // * weight
	FMUL(5, 3, 3)
	VST1.P [V2.S4, V3.S4], 32(DST)
	SUBS   $8, N
	BNE    eight
	RET

// func largestEights(x *float32, n int) float32
TEXT ·largestEights(SB), NOSPLIT, $0-20
	MOVD x+0(FP), IN
	MOVD n+8(FP), N
	VLD1 (IN), [V0.S4]

eight:
	VLD1.P 32(IN), [V2.S4, V3.S4]
	FMAX(2, 0, 0)
	FMAX(3, 0, 0)
	SUBS   $8, N
	BNE    eight

	FMAXV(0, 0)
	FMOVS F0, ret+16(FP)
	RET

// --- the exponential, as exp in vector_generic.go ---

DATA expTable<>+0(SB)/4, $1.0
DATA expTable<>+4(SB)/4, $1.44269504088896341
DATA expTable<>+8(SB)/4, $0.693359375
DATA expTable<>+12(SB)/4, $-2.12194440054690583e-4
DATA expTable<>+16(SB)/4, $0.00138888888888888889
DATA expTable<>+20(SB)/4, $0.00833333333333333333
DATA expTable<>+24(SB)/4, $0.0416666666666666667
DATA expTable<>+28(SB)/4, $0.166666666666666667
DATA expTable<>+32(SB)/4, $0.5
DATA expTable<>+36(SB)/4, $-88.0
DATA expTable<>+40(SB)/4, $89.0
GLOBL expTable<>(SB), RODATA|NOPTR, $44

// Register numbers for the words; the vectors' names for the assembler.
#define ONE      V16
#define one      16
#define log2e    17
#define LN2HIGH  V18
#define LN2LOW   V19
#define C6       V20
#define C5       V21
#define C4       V22
#define C3       V23
#define C2       V24
#define lowest   25
#define highest  26

#define LOADEXP \
	MOVD    $expTable<>(SB), R4 \
	VLD1R.P 4(R4), [V16.S4]     \
	VLD1R.P 4(R4), [V17.S4]     \
	VLD1R.P 4(R4), [V18.S4]     \
	VLD1R.P 4(R4), [V19.S4]     \
	VLD1R.P 4(R4), [V20.S4]     \
	VLD1R.P 4(R4), [V21.S4]     \
	VLD1R.P 4(R4), [V22.S4]     \
	VLD1R.P 4(R4), [V23.S4]     \
	VLD1R.P 4(R4), [V24.S4]     \
	VLD1R.P 4(R4), [V25.S4]     \
	VLD1R   (R4), [V26.S4]

// HORNER sets e = e * V0 + c, through V3.
#define HORNER(c, e, t) \
	VMOV  c.B16, t.B16         \
	VFMLA e.S4, V0.S4, t.S4

// EXP sets V2 = exp(V0). It destroys V0, V1 and V3.
#define EXP \
	FMAX(lowest, 0, 0)            \
	FMIN(highest, 0, 0)           \
	FMUL(log2e, 0, 1)             \
	FRINTN(1, 1)                  \ // n = nearest(x * log2e)
	VFMLS LN2HIGH.S4, V1.S4, V0.S4 \
	VFMLS LN2LOW.S4, V1.S4, V0.S4 \ // r = x - n * ln2
	FCVTNS(1, 1)                  \
	VSHL  $23, V1.S4, V1.S4       \
	VADD  ONE.S4, V1.S4, V1.S4    \ // 2^n: 0 for -127, +Inf for 128
	HORNER(C5, C6, V2)            \
	HORNER(C4, V2, V3)            \
	HORNER(C3, V3, V2)            \
	HORNER(C2, V2, V3)            \
	HORNER(ONE, V3, V2)           \
	HORNER(ONE, V2, V3)           \
	FMUL(1, 3, 2)

// func expSumEights(dst, x *float32, shift float32, n int) float32
TEXT ·expSumEights(SB), NOSPLIT, $0-36
	MOVD  dst+0(FP), DST
	MOVD  x+8(FP), IN
	FMOVS shift+16(FP), F4
	VDUP  V4.S[0], V4.S4
	MOVD  n+24(FP), N
	VEOR  V5.B16, V5.B16, V5.B16
	LOADEXP

four:
	VLD1.P 16(IN), [V0.S4]
	FSUB(4, 0, 0)          // x - shift
	EXP
	FADD(2, 5, 5)
	VST1.P [V2.S4], 16(DST)
	SUBS   $4, N
	BNE    four

	ADDLANES(5)
	FMOVS F5, ret+32(FP)
	RET

// func swigluEights(dst, gate, up *float32, n int)
TEXT ·swigluEights(SB), NOSPLIT, $0-32
	MOVD dst+0(FP), DST
	MOVD gate+8(FP), IN
	MOVD up+16(FP), IN2
	MOVD n+24(FP), N
	VEOR V4.B16, V4.B16, V4.B16
	LOADEXP

four:
	VLD1.P 16(IN), [V5.S4]
	VLD1.P 16(IN2), [V6.S4]
	FSUB(5, 4, 0)          // -gate
	EXP
	FADD(one, 2, 2)
	FDIV(2, 5, 5)          // gate / (1 + exp(-gate))
	FMUL(6, 5, 5)          // * up
	VST1.P [V5.S4], 16(DST)
	SUBS   $4, N
	BNE    four
	RET
