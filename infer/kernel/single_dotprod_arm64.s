#include "textflag.h"
#include "words_arm64.h"
#include "rows_arm64.h"
#include "single_arm64.h"
#include "single_k_arm64.h"

// Products of single vectors with SDOT.

#define START R26 // of integer sums

// V21: what they start with, see BIAS in tile_arm64.h

#define ARGUMENTSDOT \
	ARGUMENTS                \
	MOVW $0x4b400000, START  \
	VDUP START, V21.S4

// INIT lets the integer sums begin, BIASED(n) at BIAS16>>n.
#define BEGINAT(start) \
	FMOVS start, F16 \
	FMOVS start, F17 \
	FMOVS start, F18 \
	FMOVS start, F19
#define INIT BEGINAT(START)
#define BIASED(n) \
	ADD BIAS16->n, START, BIAS16 \
	BEGINAT(BIAS16)
#define FLOATS       FSUB(21, 16, 16)
#define BIASEDFLOATS FLOATS

// DOT16 adds the products of V(w), V(w+2), ... and 16 columns in V(x).
#define DOT16(w, x) \
	SDOT(x, w, 16)   \
	SDOT(x, w+2, 17) \
	SDOT(x, w+4, 18) \
	SDOT(x, w+6, 19)

// DOT32 adds those of V(w), V(w+1), ... and 32 columns, DOT32SMALL of codes
// within -64 to 64.
#define DOT32(w) \
	DOT16(w, 8)   \
	DOT16(w+1, 9)
#define DOT32SMALL(w) DOT32(w)

// func singleQ8_0DotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ8_0DotProd(SB), NOSPLIT, $0-65
	ARGUMENTSDOT
	SINGLE(Q8_0)

// func singleQ4_0DotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ4_0DotProd(SB), NOSPLIT, $0-65
	ARGUMENTSDOT
	SINGLE(Q4_0)

// func singleQ4_1DotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ4_1DotProd(SB), NOSPLIT, $0-65
	ARGUMENTSDOT
	SINGLE(Q4_1)

// func singleQ5_0DotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ5_0DotProd(SB), NOSPLIT, $0-65
	ARGUMENTSDOT
	FIFTHARGUMENTS
	SINGLE(Q5_0)

// func singleQ5_1DotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ5_1DotProd(SB), NOSPLIT, $0-65
	ARGUMENTSDOT
	FIFTHARGUMENTS
	VMOVI $17, SEVENTEEN.B16
	SINGLE(Q5_1)

// func singleIQ4_NLDotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleIQ4_NLDotProd(SB), NOSPLIT, $0-65
	ARGUMENTSDOT
	LEVELARGUMENTS(iq4<>)
	SINGLE(IQ4_NL)

// func singleMXFP4DotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleMXFP4DotProd(SB), NOSPLIT, $0-65
	ARGUMENTSDOT
	LEVELARGUMENTS(mxfp4<>)
	POWERARGUMENTS
	SINGLE(MXFP4)

// func singleQ2_KDotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ2_KDotProd(SB), NOSPLIT, $0-65
	ARGUMENTSDOT
	BLOCKARGUMENTS
	SINGLE(Q2_K)

// func singleQ3_KDotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ3_KDotProd(SB), NOSPLIT, $0-65
	ARGUMENTSDOT
	BLOCKARGUMENTS
	SINGLE(Q3_K)

// func singleQ4_KDotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ4_KDotProd(SB), NOSPLIT, $0-65
	ARGUMENTSDOT
	BLOCKARGUMENTS
	SINGLE(Q4_K)

// func singleQ5_KDotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ5_KDotProd(SB), NOSPLIT, $0-65
	ARGUMENTSDOT
	BLOCKARGUMENTS
	SINGLE(Q5_K)

// func singleQ6_KDotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ6_KDotProd(SB), NOSPLIT, $0-65
	ARGUMENTSDOT
	BLOCKARGUMENTS
	SINGLE(Q6_K)

// func singleIQ4_XSDotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleIQ4_XSDotProd(SB), NOSPLIT, $0-65
	LEVELARGUMENTS(iq4<>)
	ARGUMENTSDOT
	BLOCKARGUMENTS
	SINGLE(IQ4_XS)
