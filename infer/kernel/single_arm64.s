#include "textflag.h"
#include "words_arm64.h"
#include "rows_arm64.h"

// Products of 8 rows with a single vector, without a panel: 16 columns of a
// row are multiplied with the vector's, and what four rows get in their lanes
// is added up. These integer sums are those of the tiles, and the same floats
// follow, so that the results are theirs.

#define X     R1  // the vector's first step
#define XS    R6  // its step
#define HALF  R16 // bias16 of the step
#define DST   R25
#define START R26 // of integer sums

// V0-V7: codes of rows 0 to 3: columns 0-15 and 16-31 of each
// V8-V10: the vector's columns and its scale
// V12-V15: products of 16 bits
// V16-V19: integer sums of rows 0 to 3
// V21: what they start with, see BIAS in tile_arm64.h
// V22: scales
// V23: the sums
// V24-V31: other codes of rows 0 to 3

#define ARGUMENTS \
	MOVD  dst+0(FP), DST        \
	MOVD  panel+8(FP), PANEL    \
	MOVD  mins+16(FP), MIN      \
	MOVD  w+24(FP), W           \
	MOVD  stride+32(FP), STRIDE \
	MOVD  x+40(FP), X           \
	MOVD  n+56(FP), STEPS       \
	LSL   $3, STRIDE, NEXT      \
	MOVD  $2, PASSES            \
	MOVW  $0x4b400000, START    \
	VDUP  START, V21.S4         \
	VMOVI $15, FIFTEEN.B16

#define BLOCKARGUMENTS \
	ARGUMENTS                    \
	LSR  $3, STEPS               \
	MOVD $packBytes<>(SB), TABLE

#define SINGLE(block) \
pass:                        \
	BEGIN                    \
	MOVD    X, XS            \
	MOVD    half+48(FP), HALF \
	MOVBU   add+64(FP), T0   \
	FMOVD   ZR, F23          \
	CBZ     T0, next         \
	FMOVQ   (DST), F23       \
next:                        \
	block                    \
	SUBS    $1, LEFT         \
	BNE     next             \
	FMOVQ.P F23, 16(DST)     \
	ADD     $16, MIN         \
	ADD     STRIDE<<2, W     \
	SUBS    $1, PASSES       \
	BNE     pass             \
	RET

// VECTOR loads the step off bytes on.
#define VECTOR(off) \
	FLDPQ (off)(XS), (F8, F9) \
	FMOVS (off+32)(XS), F10

#define INIT(start) \
	FMOVS start, F16 \
	FMOVS start, F17 \
	FMOVS start, F18 \
	FMOVS start, F19

// SCALED adds up the integer sums of each row and adds them, times both
// scales, to the sums. It consists of steps that wait for each other; other
// work goes between them.
#define SCALED \
	SCALED1 \
	SCALED2 \
	SCALED3 \
	SCALED4
#define SCALED1 \
	VADDP V17.S4, V16.S4, V16.S4 \
	VADDP V19.S4, V18.S4, V18.S4 \
	FMUL0(10, 22, 22)              // scale[row] * d
#define SCALED2 \
	VADDP V18.S4, V16.S4, V16.S4
#define SCALED3 \
	FSUB(21, 16, 16)
#define SCALED4 \
	FMLA(22, 16, 23)

// DOT16 adds the products of V(w), V(w+2), ... and 16 columns in V(x).
#define DOT16(w, x) \
	SDOT(x, w, 16)   \
	SDOT(x, w+2, 17) \
	SDOT(x, w+4, 18) \
	SDOT(x, w+6, 19)

// DOT32 adds those of V(w), V(w+1), ... and 32 columns.
#define DOT32(w) \
	DOT16(w, 8)   \
	DOT16(w+1, 9)

// Without dot products. Two products of a code and a byte fit in 16 bits, and
// more of smaller codes: of 4 bits the four of MUL32SMALL, 4*15*127 at most.
#define LONG(instruction, w, x) \
	instruction(x, w, 12)   \
	instruction(x, w+2, 13) \
	instruction(x, w+4, 14) \
	instruction(x, w+6, 15)
#define PAIRSUMS \
	SADALP(12, 16) \
	SADALP(13, 17) \
	SADALP(14, 18) \
	SADALP(15, 19)
#define MUL16(w, x) \
	LONG(SMULL, w, x)  \
	LONG(SMLAL2, w, x) \
	PAIRSUMS
#define MUL32(w) \
	MUL16(w, 8)   \
	MUL16(w+1, 9)
#define MUL32SMALL(w) \
	LONG(SMULL, w, 8)    \
	LONG(SMLAL2, w, 8)   \
	LONG(SMLAL, w+1, 9)  \
	LONG(SMLAL2, w+1, 9) \
	PAIRSUMS

// LOAD32 loads 32 bytes of each row, off bytes from its pointer.
#define LOAD32(off, a, b, c, d, e, f, g, h) \
	FLDPQ (off)(W0), (a, b) \
	FLDPQ (off)(W1), (c, d) \
	FLDPQ (off)(W2), (e, f) \
	FLDPQ (off)(W3), (g, h)
#define CODES0(off) LOAD32(off, F0, F1, F2, F3, F4, F5, F6, F7)
#define CODES24(off) LOAD32(off, F24, F25, F26, F27, F28, F29, F30, F31)

// TO24 does f(from, to) from V0-V7 to V24-V31, HERE from V0-V7 to themselves.
#define TO24(f) \
	f(V0, V24) \
	f(V1, V25) \
	f(V2, V26) \
	f(V3, V27) \
	f(V4, V28) \
	f(V5, V29) \
	f(V6, V30) \
	f(V7, V31)
#define HERE(f) \
	f(V0, V0) \
	f(V1, V1) \
	f(V2, V2) \
	f(V3, V3) \
	f(V4, V4) \
	f(V5, V5) \
	f(V6, V6) \
	f(V7, V7)

#define LOWER(from, to) VAND FIFTEEN.B16, from.B16, to.B16
#define UPPER(from, to) VUSHR $4, from.B16, to.B16

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
	VECTOR(0)          \
	INIT(START)        \
	JOINED(22, F22)    \
	dot32(0)           \
	SCALED1            \
	AHEAD(0)           \
	SCALED2            \
	ADVANCE(34)        \
	SCALED3            \
	ADD $40, XS        \
	SCALED4

// Q4_0: a binary16 scale and 16 bytes, whose low halves are the codes of
// columns 0-15; 8 more than they say: the step's bias is -128 times the sum of
// the vector's bytes.
#define Q4_0(dot32) \
	HALVES(0)              \
	FMOVQ 2(W0), F1        \
	FMOVQ 2(W1), F3        \
	FMOVQ 2(W2), F5        \
	FMOVQ 2(W3), F7        \
	JOINED(22, F22)        \
	MOVW  36(XS), T0       \
	VECTOR(0)              \
	LOWER(V1, V0)          \
	LOWER(V3, V2)          \
	LOWER(V5, V4)          \
	LOWER(V7, V6)          \
	ADD   T0->4, START, T0 \
	INIT(T0)               \
	UPPER(V1, V1)          \
	UPPER(V3, V3)          \
	UPPER(V5, V5)          \
	UPPER(V7, V7)          \
	dot32(0)               \
	SCALED1                \
	AHEAD(0)               \
	SCALED2                \
	ADVANCE(18)            \
	SCALED3                \
	ADD   $40, XS          \
	SCALED4

// HEADER leaves the scales of a block of Q4_K or Q5_K in the panel's room.
#define HEADER \
	MOVD PANEL, SCALES \
	VLD1 (TABLE), [V12.B16, V13.B16, V14.B16, V15.B16] \
	SCALEMINS

// STEPK multiplies the codes in V(w) with the step off bytes on; its scales lie
// at.
#define STEPK(dot32, w, off, at) \
	VECTOR(off)           \
	INIT(START)           \
	FMOVQ at(SCALES), F22 \
	dot32(w)              \
	SCALED

// Q4_K: the header, then for each two steps 32 bytes, whose low halves are the
// codes of the first.
#define Q4_K(dot32) \
	HEADER                   \
	ADVANCE(16)              \
	MOVD $4, PAIRS           \
pair:                        \
	CODES0(0)                \
	VECTOR(0)                \
	INIT(START)              \
	FMOVQ (SCALES), F22      \
	TO24(LOWER)              \
	dot32(24)                \
	SCALED1                  \
	VECTOR(40)               \
	HERE(UPPER)              \
	SCALED2                  \
	AHEAD(0)                 \
	SCALED3                  \
	ADVANCE(32)              \
	SCALED4                  \
	INIT(START)              \
	FMOVQ 288(SCALES), F22   \
	dot32(0)                 \
	SCALED1                  \
	ADD  $(2*40), XS         \
	ADD  $(2*288), SCALES    \
	SCALED2                  \
	SUB  $1, PAIRS           \
	SCALED3                  \
	SCALED4                  \
	CBNZ PAIRS, pair

// Q5_K: the header, 32 bytes of fifth bits, of which step s has bit s, then as
// Q4_K.
#define BIT     V11
#define SIXTEEN V12
#define FIFTH(code, bits) \
	VCMTST BIT.B16, bits.B16, bits.B16     \
	VAND   SIXTEEN.B16, bits.B16, bits.B16 \
	VBIT   FIFTEEN.B16, code.B16, bits.B16

#define STEP5(dot32, off, at) \
	CODES24(16)                \
	VMOVI $16, SIXTEEN.B16     \
	TO24(FIFTH)                \
	VSHL  $1, BIT.B16, BIT.B16 \
	STEPK(dot32, 24, off, at)

#define PAIR5(j, dot32) \
	CODES0(48+32*j)                         \
	STEP5(dot32, 80*j, (2*288*j))           \
	HERE(UPPER)                             \
	STEP5(dot32, (80*j+40), (2*288*j+288))

#define Q5_K(dot32) \
	HEADER            \
	VMOVI $1, BIT.B16 \
	AHEAD(0)          \
	PAIR5(0, dot32)   \
	AHEAD(64)         \
	PAIR5(1, dot32)   \
	AHEAD(128)        \
	PAIR5(2, dot32)   \
	PAIR5(3, dot32)   \
	ADVANCE(176)      \
	ADD $(8*40), XS

// Q6_K: for each four steps 64 bytes, whose low halves are of the first two;
// for each four steps 32 bytes of the codes' upper two bits, of which step s
// has plane s%4; 16 signed scales and a binary16 for all of them. Codes are 32
// more than they say: bias16 is -128 times the sum of the vector's bytes.
#define UPPERTWO V11
#define PLANE(high) \
	high(UPPERTWO, V24, V24)        \
	high(UPPERTWO, V25, V25)        \
	high(UPPERTWO, V26, V26)        \
	high(UPPERTWO, V27, V27)        \
	high(UPPERTWO, V28, V28)        \
	high(UPPERTWO, V29, V29)        \
	high(UPPERTWO, V30, V30)        \
	high(UPPERTWO, V31, V31)
#define UNITE(a, b) VORR b.B16, a.B16, b.B16

#define HALF6(dot16, w, x) \
	MOVW.P  4(HALF), T0       \
	ADD     T0->2, START, T0  \
	INIT(T0)                  \
	dot16(w, x)               \
	FMOVQ.P 16(SCALES), F22   \
	SCALED

// STEP6 multiplies step 4i+s, whose codes' lower bits are half of what lies at.
#define STEP6(i, s, at, half, high, dot16) \
	CODES0(at)           \
	HERE(half)           \
	CODES24(128+32*i)    \
	PLANE(high)          \
	TO24(UNITE)          \
	VECTOR(40*(4*i+s))   \
	HALF6(dot16, 24, 8)  \
	HALF6(dot16, 25, 9)

#define STEPS6(i, dot16) \
	STEP6(i, 0, (64*i), LOWER, HIGH0, dot16)    \
	STEP6(i, 1, (64*i+32), LOWER, HIGH1, dot16) \
	AHEAD(128*i)                                \
	STEP6(i, 2, (64*i), UPPER, HIGH2, dot16)    \
	STEP6(i, 3, (64*i+32), UPPER, HIGH3, dot16) \
	AHEAD(128*i+64)

#define PUT6(at) \
	FMOVQ F4, (at)(SCALES)    \
	FMOVQ F5, (at+16)(SCALES) \
	FMOVQ F6, (at+32)(SCALES) \
	FMOVQ F7, (at+48)(SCALES)

#define Q6_K(dot16) \
	MOVD  PANEL, SCALES       \
	VLD1  (TABLE), [V12.B16, V13.B16, V14.B16, V15.B16] \
	HALVES(208)               \
	LOAD(192)                 \
	JOINED(16, F16)           \
	QUADS(V28, V29, V30, V31) \
	FOUR(V28, 16)             \
	PUT6(0)                   \
	FOUR(V29, 16)             \
	PUT6(64)                  \
	FOUR(V30, 16)             \
	PUT6(128)                 \
	FOUR(V31, 16)             \
	PUT6(192)                 \
	VMOVI $0x30, UPPERTWO.B16 \
	STEPS6(0, dot16)          \
	STEPS6(1, dot16)          \
	ADVANCE(210)              \
	ADD   $(8*40), XS

// func singleQ8_0DotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ8_0DotProd(SB), NOSPLIT, $0-65
	ARGUMENTS
	SINGLE(Q8_0(DOT32))

// func singleQ4_0DotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ4_0DotProd(SB), NOSPLIT, $0-65
	ARGUMENTS
	SINGLE(Q4_0(DOT32))

// func singleQ4_KDotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ4_KDotProd(SB), NOSPLIT, $0-65
	BLOCKARGUMENTS
	SINGLE(Q4_K(DOT32))

// func singleQ5_KDotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ5_KDotProd(SB), NOSPLIT, $0-65
	BLOCKARGUMENTS
	SINGLE(Q5_K(DOT32))

// func singleQ6_KDotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ6_KDotProd(SB), NOSPLIT, $0-65
	BLOCKARGUMENTS
	SINGLE(Q6_K(DOT16))

// func singleQ8_0NEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ8_0NEON(SB), NOSPLIT, $0-65
	ARGUMENTS
	SINGLE(Q8_0(MUL32))

// func singleQ4_0NEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ4_0NEON(SB), NOSPLIT, $0-65
	ARGUMENTS
	SINGLE(Q4_0(MUL32SMALL))

// func singleQ4_KNEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ4_KNEON(SB), NOSPLIT, $0-65
	BLOCKARGUMENTS
	SINGLE(Q4_K(MUL32SMALL))

// func singleQ5_KNEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ5_KNEON(SB), NOSPLIT, $0-65
	BLOCKARGUMENTS
	SINGLE(Q5_K(MUL32SMALL))

// func singleQ6_KNEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ6_KNEON(SB), NOSPLIT, $0-65
	BLOCKARGUMENTS
	SINGLE(Q6_K(MUL16))
