#include "textflag.h"
#include "words_arm64.h"
#include "rows_arm64.h"
#include "single_arm64.h"
#include "single_k_arm64.h"

// Products of single vectors without dot products. Two products of a code and a
// byte fit in 16 bits, and more of smaller codes: four with those within -64 to
// 64.

// V12-V15: products of 16 bits
// V21: the bias of integer sums

// INIT lets the integer sums begin, BIASED(n) at BIAS16>>n.
#define INIT
#define BIASED(n) \
	ASR  $n, BIAS16, BIAS16 \
	VDUP BIAS16, V21.S4
#define FLOATS SCVTF(16, 16)
#define BIASEDFLOATS \
	VADD V21.S4, V16.S4, V16.S4 \
	SCVTF(16, 16)

#define LONG(instruction, w, x) \
	instruction(x, w, 12)   \
	instruction(x, w+2, 13) \
	instruction(x, w+4, 14) \
	instruction(x, w+6, 15)
#define PAIRSUMS(instruction) \
	instruction(12, 16) \
	instruction(13, 17) \
	instruction(14, 18) \
	instruction(15, 19)

// DOT16 has the products of V(w), V(w+2), ... and 16 columns in V(x).
#define DOT16(w, x) \
	LONG(SMULL, w, x)  \
	LONG(SMLAL2, w, x) \
	PAIRSUMS(SADDLPH)

// DOT32 has those of V(w), V(w+1), ... and 32 columns, DOT32SMALL of small
// codes.
#define DOT32(w) \
	DOT16(w, 8)           \
	LONG(SMULL, w+1, 9)   \
	LONG(SMLAL2, w+1, 9)  \
	PAIRSUMS(SADALP)
#define DOT32SMALL(w) \
	LONG(SMULL, w, 8)    \
	LONG(SMLAL2, w, 8)   \
	LONG(SMLAL, w+1, 9)  \
	LONG(SMLAL2, w+1, 9) \
	PAIRSUMS(SADDLPH)

// func singleQ8_0NEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ8_0NEON(SB), NOSPLIT, $0-65
	ARGUMENTS
	SINGLE(Q8_0)

// func singleQ4_0NEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ4_0NEON(SB), NOSPLIT, $0-65
	ARGUMENTS
	SINGLE(Q4_0)

// func singleQ4_1NEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ4_1NEON(SB), NOSPLIT, $0-65
	ARGUMENTS
	SINGLE(Q4_1)

// func singleQ5_0NEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ5_0NEON(SB), NOSPLIT, $0-65
	ARGUMENTS
	FIFTHARGUMENTS
	SINGLE(Q5_0)

// func singleQ5_1NEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ5_1NEON(SB), NOSPLIT, $0-65
	ARGUMENTS
	FIFTHARGUMENTS
	VMOVI $17, SEVENTEEN.B16
	SINGLE(Q5_1)

// func singleIQ4_NLNEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleIQ4_NLNEON(SB), NOSPLIT, $0-65
	ARGUMENTS
	LEVELARGUMENTS(iq4<>)
	SINGLE(IQ4_NL)

// func singleMXFP4NEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleMXFP4NEON(SB), NOSPLIT, $0-65
	ARGUMENTS
	LEVELARGUMENTS(mxfp4<>)
	POWERARGUMENTS
	SINGLE(MXFP4)

// func singleQ2_KNEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ2_KNEON(SB), NOSPLIT, $0-65
	ARGUMENTS
	BLOCKARGUMENTS
	SINGLE(Q2_K)

// func singleQ3_KNEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ3_KNEON(SB), NOSPLIT, $0-65
	ARGUMENTS
	BLOCKARGUMENTS
	SINGLE(Q3_K)

// func singleQ4_KNEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ4_KNEON(SB), NOSPLIT, $0-65
	ARGUMENTS
	BLOCKARGUMENTS
	SINGLE(Q4_K)

// func singleQ5_KNEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ5_KNEON(SB), NOSPLIT, $0-65
	ARGUMENTS
	BLOCKARGUMENTS
	SINGLE(Q5_K)

// func singleQ6_KNEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ6_KNEON(SB), NOSPLIT, $0-65
	ARGUMENTS
	BLOCKARGUMENTS
	SINGLE(Q6_K)

// func singleIQ4_XSNEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleIQ4_XSNEON(SB), NOSPLIT, $0-65
	LEVELARGUMENTS(iq4<>)
	ARGUMENTS
	BLOCKARGUMENTS
	SINGLE(IQ4_XS)
