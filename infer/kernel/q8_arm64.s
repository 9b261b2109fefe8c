#include "textflag.h"
#include "words_arm64.h"

// Products of Q8_0 rows with Q8 activations, one block a step, straight from
// the file's layout: a binary16 scale, then 32 bytes.

#define DST    R0
#define W      R1
#define ROWS   R2
#define BLOCKS R3
#define SCALES R4 // from the byte after a block's activations to its scale
#define LEFT   R5 // blocks of this row left
#define T0     R6 // activations of four tokens
#define T1     R7
#define T2     R8
#define T3     R9
#define LD     R10 // between tokens in dst, in bytes
#define TMP    R11
#define X      R12 // the four tokens' start

// The planes of a Q8 are R4 bytes long on entry.
#define PLANES \
	LSL $1, SCALES     \
	SUB $32, SCALES

// BLOCK loads the weights into V0, V1 and their scale into F2.
#define BLOCK \
	MOVHU.P 2(W), TMP                 \
	FMOVS   TMP, F2                   \
	FCVTHS  F2, F2                    \
	VLD1.P  32(W), [V0.B16, V1.B16]

// LOADQ loads a token's bytes into V4, V5 and both scales' product into F6.
#define LOADQ(t) \
	VLD1.P  32(t), [V4.B16, V5.B16]   \
	FMOVS   (t)(SCALES), F6           \
	FMULS   F2, F6, F6

// DOTPROD sets V7 to the four sums of eight products of weights and bytes.
#define DOTPROD \
	VEOR V7.B16, V7.B16, V7.B16 \
	SDOT(4, 0, 7)               \
	SDOT(5, 1, 7)

// MULTIPLY does so on a CPU without dot products. Two products of a weight
// and a byte, 2*128*127 at most, fit in 16 bits.
#define MULTIPLY \
	VEOR V7.B16, V7.B16, V7.B16 \
	SMULL(4, 0, 16)             \
	SMLAL2(4, 0, 16)            \
	SADALP(16, 7)               \
	SMULL(5, 1, 17)             \
	SMLAL2(5, 1, 17)            \
	SADALP(17, 7)

// SCALE adds V7 times the scale to a token's sum.
#define SCALE(sum) \
	SCVTF(7, 7)      \
	FMLA0(6, 7, sum)

// FOLD sums the lanes of a token's sum and stores it.
#define FOLD(sum, f, at) \
	FADDP(sum, sum, sum) \
	FADDP(sum, sum, sum) \
	FMOVS f, at

#define ROW1 \
	MOVD X, T0                     \
	MOVD BLOCKS, LEFT              \
	VEOR V24.B16, V24.B16, V24.B16

#define STORE1 \
	FOLD(24, F24, (DST)) \
	ADD  $4, DST

#define ROW4 \
	LDP  (X), (T0, T1)             \
	LDP  16(X), (T2, T3)           \
	MOVD BLOCKS, LEFT              \
	VEOR V24.B16, V24.B16, V24.B16 \
	VEOR V25.B16, V25.B16, V25.B16 \
	VEOR V26.B16, V26.B16, V26.B16 \
	VEOR V27.B16, V27.B16, V27.B16

#define STORE4 \
	MOVD DST, TMP        \
	FOLD(24, F24, (TMP)) \
	ADD  LD, TMP         \
	FOLD(25, F25, (TMP)) \
	ADD  LD, TMP         \
	FOLD(26, F26, (TMP)) \
	ADD  LD, TMP         \
	FOLD(27, F27, (TMP)) \
	ADD  $4, DST

// func q8RowsDotProd(dst *float32, w *byte, rows, blocks int, x *int8, plane int)
TEXT ·q8RowsDotProd(SB), NOSPLIT, $0-48
	MOVD dst+0(FP), DST
	MOVD w+8(FP), W
	MOVD rows+16(FP), ROWS
	MOVD blocks+24(FP), BLOCKS
	MOVD x+32(FP), X
	MOVD plane+40(FP), SCALES
	PLANES

row:
	ROW1

block:
	BLOCK
	LOADQ(T0)
	DOTPROD
	SCALE(24)
	SUBS $1, LEFT
	BNE  block

	STORE1
	SUBS $1, ROWS
	BNE  row
	RET

// func q8RowsNEON(dst *float32, w *byte, rows, blocks int, x *int8, plane int)
TEXT ·q8RowsNEON(SB), NOSPLIT, $0-48
	MOVD dst+0(FP), DST
	MOVD w+8(FP), W
	MOVD rows+16(FP), ROWS
	MOVD blocks+24(FP), BLOCKS
	MOVD x+32(FP), X
	MOVD plane+40(FP), SCALES
	PLANES

row:
	ROW1

block:
	BLOCK
	LOADQ(T0)
	MULTIPLY
	SCALE(24)
	SUBS $1, LEFT
	BNE  block

	STORE1
	SUBS $1, ROWS
	BNE  row
	RET

// func q8Rows4DotProd(dst *float32, ld int, w *byte, rows, blocks int, x *[4]*int8, plane int)
TEXT ·q8Rows4DotProd(SB), NOSPLIT, $0-56
	MOVD dst+0(FP), DST
	MOVD ld+8(FP), LD
	MOVD w+16(FP), W
	MOVD rows+24(FP), ROWS
	MOVD blocks+32(FP), BLOCKS
	MOVD x+40(FP), X
	MOVD plane+48(FP), SCALES
	LSL  $2, LD
	PLANES

row:
	ROW4

block:
	BLOCK
	LOADQ(T0)
	DOTPROD
	SCALE(24)
	LOADQ(T1)
	DOTPROD
	SCALE(25)
	LOADQ(T2)
	DOTPROD
	SCALE(26)
	LOADQ(T3)
	DOTPROD
	SCALE(27)
	SUBS $1, LEFT
	BNE  block

	STORE4
	SUBS $1, ROWS
	BNE  row
	RET

// func q8Rows4NEON(dst *float32, ld int, w *byte, rows, blocks int, x *[4]*int8, plane int)
TEXT ·q8Rows4NEON(SB), NOSPLIT, $0-56
	MOVD dst+0(FP), DST
	MOVD ld+8(FP), LD
	MOVD w+16(FP), W
	MOVD rows+24(FP), ROWS
	MOVD blocks+32(FP), BLOCKS
	MOVD x+40(FP), X
	MOVD plane+48(FP), SCALES
	LSL  $2, LD
	PLANES

row:
	ROW4

block:
	BLOCK
	LOADQ(T0)
	MULTIPLY
	SCALE(24)
	LOADQ(T1)
	MULTIPLY
	SCALE(25)
	LOADQ(T2)
	MULTIPLY
	SCALE(26)
	LOADQ(T3)
	MULTIPLY
	SCALE(27)
	SUBS $1, LEFT
	BNE  block

	STORE4
	SUBS $1, ROWS
	BNE  row
	RET
