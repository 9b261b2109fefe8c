#include "textflag.h"
#include "words_arm64.h"
#include "rows_arm64.h"

#include "single_arm64.h"

// Types with blocks of 32, which are one step.

// STEP multiplies with the step, whose sums begin at start, and goes to the
// next block, some bytes further on.
#define STEP(dot32, start, size) \
	VECTOR(0)       \
	INIT(start)     \
	dot32(0)        \
	SCALED1         \
	AHEAD(0)        \
	SCALED2         \
	ADVANCE(size)   \
	SCALED3         \
	ADD $40, XS     \
	SCALED4

#define MINIMUM FMOVQ.P F17, 32(MINS)

// Q8_0: a binary16 scale and 32 codes.
#define LOADQ8(w, a, b) \
	FMOVQ 2(w), a  \
	FMOVQ 18(w), b
#define Q8_0(dot32) \
	HALVES(0)          \
	LOADQ8(W0, F0, F1) \
	LOADQ8(W1, F2, F3) \
	LOADQ8(W2, F4, F5) \
	LOADQ8(W3, F6, F7) \
	JOINED(22, F22)    \
	STEP(dot32, START, 34)

// Q4_0: a binary16 scale and 16 bytes, whose low halves are the codes of
// columns 0-15; 8 more than they say: the step's bias is -128 times the sum of
// the vector's bytes.
#define Q4_0(dot32) \
	HALVES(0)              \
	LOADNIBBLES(2)         \
	JOINED(22, F22)        \
	MOVW  36(XS), T0       \
	NIBBLES                \
	ADD   T0->4, START, T0 \
	STEP(dot32, T0, 18)

// IQ4_NL: as Q4_0, with levels.
#define IQ4_NL(dot32) \
	HALVES(0)       \
	LOADNIBBLES(2)  \
	JOINED(22, F22) \
	NIBBLES         \
	HERE(LEVEL)     \
	STEP(dot32, START, 18)

// MXFP4: an exponent and 16 bytes of levels.
#define EXPONENT V24
#define FRACTION V25
#define MXFP4(dot32) \
	BYTES(0)             \
	LOADNIBBLES(1)       \
	POWERS(22, F22, V22) \
	NIBBLES              \
	HERE(LEVEL)          \
	STEP(dot32, START, 17)

// Q4_1: a scale and the negative of a minimum, both binary16, and 16 bytes.
#define Q4_1(dot32) \
	TWOHALVES(0)           \
	LOADNIBBLES(4)     \
	NEGATED            \
	TWOJOINED(22, V22) \
	NIBBLES            \
	MINIMUM            \
	STEP(dot32, START, 20)

#define FIRST16 V28
#define LAST16  V29
#define EACHBIT V30
#define FIFTHARGUMENTS \
	MOVD $fifthBits<>(SB), TABLE \
	VLD1 (TABLE), [V28.B16, V29.B16, V30.B16]

// NIBBLES5 makes codes of 16 bytes of each row and the fifth bits in V24 to
// V27, as far as keep leaves them in the upper half of a byte.
#define NIBBLES5(keep) \
	ISFIFTH(LAST16, V24, V25, V26, V27, V1, V3, V5, V7)      \
	ISFIFTH(FIRST16, V24, V25, V26, V27, V24, V25, V26, V27) \
	keep(V1, V3, V5, V7)     \
	keep(V24, V25, V26, V27) \
	VSRI $4, V0.B16, V1.B16  \
	VSRI $4, V2.B16, V3.B16  \
	VSRI $4, V4.B16, V5.B16  \
	VSRI $4, V6.B16, V7.B16  \
	VSLI $4, V24.B16, V0.B16 \
	VSLI $4, V25.B16, V2.B16 \
	VSLI $4, V26.B16, V4.B16 \
	VSLI $4, V27.B16, V6.B16
#define LOADNIBBLES5(off) \
	FMOVQ (off)(W0), F0 \
	FMOVQ (off)(W1), F2 \
	FMOVQ (off)(W2), F4 \
	FMOVQ (off)(W3), F6
#define ASIS(a, b, c, d)

// Q5_0: a binary16 scale, 32 fifth bits and 16 bytes; codes are 16 more than
// they say, which is to have the upper half of a byte where the bit is not.
#define Q5_0(dot32) \
	NOTFIFTHBITS(2, F24, F25, F26, F27) \
	LOADNIBBLES5(6)                  \
	HALVES(0)                        \
	NIBBLES5(ASIS)                   \
	JOINED(22, F22)                  \
	STEP(dot32, START, 22)

// Q5_1: a scale, the negative of a minimum, 32 fifth bits and 16 bytes.
#define SEVENTEEN V11 // in every byte: the fifth bit in both halves
#define KEEP(a, b, c, d) \
	VAND SEVENTEEN.B16, a.B16, a.B16 \
	VAND SEVENTEEN.B16, b.B16, b.B16 \
	VAND SEVENTEEN.B16, c.B16, c.B16 \
	VAND SEVENTEEN.B16, d.B16, d.B16
#define Q5_1(dot32) \
	FIFTHBITS(4, F24, F25, F26, F27) \
	LOADNIBBLES5(8)               \
	TWOHALVES(0)                      \
	NIBBLES5(KEEP)                \
	NEGATED                       \
	TWOJOINED(22, V22)            \
	MINIMUM                       \
	STEP(dot32, START, 24)

// func singleQ8_0DotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ8_0DotProd(SB), NOSPLIT, $0-65
	ARGUMENTS
	SINGLE(Q8_0(DOT32))

// func singleQ4_0DotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ4_0DotProd(SB), NOSPLIT, $0-65
	ARGUMENTS
	SINGLE(Q4_0(DOT32))

// func singleQ4_1DotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ4_1DotProd(SB), NOSPLIT, $0-65
	ARGUMENTS
	SINGLE(Q4_1(DOT32))

// func singleQ5_0DotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ5_0DotProd(SB), NOSPLIT, $0-65
	ARGUMENTS
	FIFTHARGUMENTS
	SINGLE(Q5_0(DOT32))

// func singleQ5_1DotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ5_1DotProd(SB), NOSPLIT, $0-65
	ARGUMENTS
	FIFTHARGUMENTS
	VMOVI $17, SEVENTEEN.B16
	SINGLE(Q5_1(DOT32))

// func singleIQ4_NLDotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleIQ4_NLDotProd(SB), NOSPLIT, $0-65
	ARGUMENTS
	LEVELARGUMENTS(iq4<>)
	SINGLE(IQ4_NL(DOT32))

// func singleMXFP4DotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleMXFP4DotProd(SB), NOSPLIT, $0-65
	ARGUMENTS
	LEVELARGUMENTS(mxfp4<>)
	POWERARGUMENTS
	SINGLE(MXFP4(DOT32))

// func singleQ8_0NEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ8_0NEON(SB), NOSPLIT, $0-65
	ARGUMENTS
	SINGLE(Q8_0(MUL32))

// func singleQ4_0NEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ4_0NEON(SB), NOSPLIT, $0-65
	ARGUMENTS
	SINGLE(Q4_0(MUL32SMALL))

// func singleQ4_1NEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ4_1NEON(SB), NOSPLIT, $0-65
	ARGUMENTS
	SINGLE(Q4_1(MUL32SMALL))

// func singleQ5_0NEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ5_0NEON(SB), NOSPLIT, $0-65
	ARGUMENTS
	FIFTHARGUMENTS
	SINGLE(Q5_0(MUL32SMALL))

// func singleQ5_1NEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ5_1NEON(SB), NOSPLIT, $0-65
	ARGUMENTS
	FIFTHARGUMENTS
	VMOVI $17, SEVENTEEN.B16
	SINGLE(Q5_1(MUL32SMALL))

// func singleIQ4_NLNEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleIQ4_NLNEON(SB), NOSPLIT, $0-65
	ARGUMENTS
	LEVELARGUMENTS(iq4<>)
	SINGLE(IQ4_NL(MUL32))

// func singleMXFP4NEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleMXFP4NEON(SB), NOSPLIT, $0-65
	ARGUMENTS
	LEVELARGUMENTS(mxfp4<>)
	POWERARGUMENTS
	SINGLE(MXFP4(MUL32SMALL))
