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

// func scaleEights(alpha float32, x *float32, n int)
TEXT ·scaleEights(SB), NOSPLIT, $0-24
	FMOVS alpha+0(FP), F0
	VDUP  V0.S[0], V0.S4
	MOVD  x+8(FP), IN
	MOVD  n+16(FP), N

eight:
	VLD1   (IN), [V2.S4, V3.S4]
	FMUL(0, 2, 2)
	FMUL(0, 3, 3)
	VST1.P [V2.S4, V3.S4], 32(IN)
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

// LEAD takes values into the first and second of their lanes, through V7.
#define LEAD(values, first, second) \
	FMIN(values, first, 7)         \
	FMAX(7, second, second)        \ // second = max(second, min(first, value))
	FMAX(values, first, first)       // first = max(first, value)

// MERGE takes a first and second from elsewhere into V0 and V1.
#define MERGE(otherFirst, otherSecond) \
	LEAD(otherFirst, 0, 1)   \
	FMAX(otherSecond, 1, 1)

// func topTwoEights(x *float32, n int) (first, second float32)
TEXT ·topTwoEights(SB), NOSPLIT, $0-24
	MOVD x+0(FP), IN
	MOVD n+8(FP), N
	MOVW $0xff800000, R4 // -Inf
	VDUP R4, V0.S4       // first
	VDUP R4, V1.S4       // second
	VDUP R4, V2.S4       // first of every other four
	VDUP R4, V3.S4

eight:
	VLD1.P 32(IN), [V4.S4, V5.S4]
	LEAD(4, 0, 1)
	LEAD(5, 2, 3)
	SUBS   $8, N
	BNE    eight

	MERGE(2, 3)
	VEXT   $8, V0.B16, V0.B16, V2.B16 // upper pair down
	VEXT   $8, V1.B16, V1.B16, V3.B16
	MERGE(2, 3)
	VREV64 V0.S4, V2.S4               // neighbours
	VREV64 V1.S4, V3.S4
	MERGE(2, 3)
	FMOVS  F0, first+16(FP)
	FMOVS  F1, second+20(FP)
	RET

DATA laneBits<>+0(SB)/8, $0x0000000200000001
DATA laneBits<>+8(SB)/8, $0x0000000800000004
DATA laneBits<>+16(SB)/8, $0x0000002000000010
DATA laneBits<>+24(SB)/8, $0x0000008000000040
DATA laneBits<>+32(SB)/8, $0x0000020000000100
DATA laneBits<>+40(SB)/8, $0x0000080000000400
DATA laneBits<>+48(SB)/8, $0x0000200000001000
DATA laneBits<>+56(SB)/8, $0x0000800000004000
GLOBL laneBits<>(SB), RODATA|NOPTR, $64

// func atLeast64s(bits *uint64, x *float32, floor float32, words int)
TEXT ·atLeast64s(SB), NOSPLIT, $0-32
	MOVD  bits+0(FP), DST
	MOVD  x+8(FP), IN
	FMOVS floor+16(FP), F16
	VDUP  V16.S[0], V16.S4
	MOVD  words+24(FP), N
	MOVD  $laneBits<>(SB), R4
	VLD1  (R4), [V20.S4, V21.S4, V22.S4, V23.S4]

word:
	MOVD $4, R4

sixteen:
	VLD1.P 64(IN), [V0.S4, V1.S4, V2.S4, V3.S4]
	FCMGE(16, 0, 0)              // x >= floor, false for NaN
	FCMGE(16, 1, 1)
	FCMGE(16, 2, 2)
	FCMGE(16, 3, 3)
	VAND   V20.B16, V0.B16, V0.B16
	VAND   V21.B16, V1.B16, V1.B16
	VAND   V22.B16, V2.B16, V2.B16
	VAND   V23.B16, V3.B16, V3.B16
	VORR   V1.B16, V0.B16, V0.B16
	VORR   V3.B16, V2.B16, V2.B16
	VORR   V2.B16, V0.B16, V0.B16
	VADDV  V0.S4, V0
	FMOVS  F0, R5
	LSR    $16, R6
	ORR    R5<<48, R6            // the fourth one has pushed the first to the low end
	SUBS   $1, R4
	BNE    sixteen

	MOVD.P R6, 8(DST)
	SUBS   $1, N
	BNE    word
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

// func expTotalEights(x *float32, shift float32, n int) float32
TEXT ·expTotalEights(SB), NOSPLIT, $0-28
	MOVD  x+0(FP), IN
	FMOVS shift+8(FP), F4
	VDUP  V4.S[0], V4.S4
	MOVD  n+16(FP), N
	VEOR  V5.B16, V5.B16, V5.B16
	LOADEXP

four:
	VLD1.P 16(IN), [V0.S4]
	FSUB(4, 0, 0)          // x - shift
	EXP
	FADD(2, 5, 5)
	SUBS   $4, N
	BNE    four

	ADDLANES(5)
	FMOVS F5, ret+24(FP)
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
