#include "textflag.h"
#include "words_arm64.h"

// Rotations of pairs. The outer loop loads cosines (V2) and sines (V3) once
// for all heads.

#define X      R0 // where the block starts in the first head
#define TURNS  R1
#define COUNT  R2 // blocks' values or pairs left
#define HEADS  R3
#define STRIDE R4 // between heads, in bytes
#define HEAD   R5
#define LEFT   R6 // heads left
#define HALF   R7 // from the first of a pair to the second, in bytes
#define OTHER  R8

// TURN sets V4 and V5 to the pairs V0 and V1, turned.
#define TURN \
	FMUL(2, 0, 4)               \
	FMUL(2, 1, 5)               \
	VFMLS V1.S4, V3.S4, V4.S4   \ // a*cos - b*sin
	VFMLA V0.S4, V3.S4, V5.S4     // b*cos + a*sin

// func rotateEights(x, turns *float32, n, heads, headDim int)
TEXT ·rotateEights(SB), NOSPLIT, $0-40
	MOVD x+0(FP), X
	MOVD turns+8(FP), TURNS
	MOVD n+16(FP), COUNT
	MOVD heads+24(FP), HEADS
	MOVD headDim+32(FP), STRIDE
	LSL  $2, STRIDE

eight:
	VLD2.P 32(TURNS), [V2.S4, V3.S4]
	MOVD   X, HEAD
	MOVD   HEADS, LEFT

head:
	VLD2 (HEAD), [V0.S4, V1.S4]
	TURN
	VST2 [V4.S4, V5.S4], (HEAD)
	ADD  STRIDE, HEAD
	SUBS $1, LEFT
	BNE  head

	ADD  $32, X
	SUBS $8, COUNT
	BNE  eight
	RET

// func rotateHalvesEights(x, turns *float32, pairs, half, heads, headDim int)
TEXT ·rotateHalvesEights(SB), NOSPLIT, $0-48
	MOVD x+0(FP), X
	MOVD turns+8(FP), TURNS
	MOVD pairs+16(FP), COUNT
	MOVD half+24(FP), HALF
	MOVD heads+32(FP), HEADS
	MOVD headDim+40(FP), STRIDE
	LSL  $2, HALF
	LSL  $2, STRIDE

four:
	VLD2.P 32(TURNS), [V2.S4, V3.S4]
	MOVD   X, HEAD
	MOVD   HEADS, LEFT

head:
	ADD  HALF, HEAD, OTHER
	VLD1 (HEAD), [V0.S4]
	VLD1 (OTHER), [V1.S4]
	TURN
	VST1 [V4.S4], (HEAD)
	VST1 [V5.S4], (OTHER)
	ADD  STRIDE, HEAD
	SUBS $1, LEFT
	BNE  head

	ADD  $16, X
	SUBS $4, COUNT
	BNE  four
	RET
