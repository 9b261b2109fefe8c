#include "textflag.h"
#include "words_arm64.h"
#include "rows_arm64.h"

#include "single_arm64.h"

// Types with blocks of 256, which are eight steps.

#define BLOCKARGUMENTS \
	ARGUMENTS                    \
	LSR  $3, STEPS               \
	MOVD $packBytes<>(SB), TABLE

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

// PUT16 leaves the scales of groups 4i to 4i+3 in the panel's room.
#define PUT16(i) PUTSCALES((64*(i)), 16)

#define Q6_K(dot16) \
	MOVD  PANEL, SCALES       \
	VLD1  (TABLE), [V12.B16, V13.B16, V14.B16, V15.B16] \
	HALVES(208)               \
	LOAD(192)                 \
	JOINED(16, F16)           \
	QUADS(V28, V29, V30, V31) \
	FOUR(V28, 16)             \
	PUT16(0)                  \
	FOUR(V29, 16)             \
	PUT16(1)                  \
	FOUR(V30, 16)             \
	PUT16(2)                  \
	FOUR(V31, 16)             \
	PUT16(3)                  \
	VMOVI $0x30, UPPERTWO.B16 \
	STEPS6(0, dot16)          \
	STEPS6(1, dot16)          \
	ADVANCE(210)              \
	ADD   $(8*40), XS

// GROUP multiplies 16 columns, whose codes are V(w), V(w+2), ..., the vector's
// V(x).
#define GROUP(dot16, w, x) \
	INIT(START)             \
	dot16(w, x)             \
	FMOVQ.P 16(SCALES), F22 \
	SCALED

// Q2_K: 16 bytes of scales and minima, for each four steps 32 bytes of codes, of
// which step s has plane s%4, and two binary16 for all scales and minima.
#define THREE V11 // in every byte
#define TWO0(from, to) VAND THREE.B16, from.B16, to.B16
#define TWO1(from, to) \
	VUSHR $2, from.B16, to.B16     \
	VAND  THREE.B16, to.B16, to.B16
#define TWO2(from, to) \
	VUSHR $4, from.B16, to.B16     \
	VAND  THREE.B16, to.B16, to.B16
#define TWO3(from, to) VUSHR $6, from.B16, to.B16
#define FROM24(f) \
	f(V24, V0) \
	f(V25, V1) \
	f(V26, V2) \
	f(V27, V3) \
	f(V28, V4) \
	f(V29, V5) \
	f(V30, V6) \
	f(V31, V7)

#define STEP2(s, plane, dot16) \
	FROM24(plane)      \
	VECTOR(40*(s))     \
	GROUP(dot16, 0, 8) \
	GROUP(dot16, 1, 9)

#define STEPS2(i, dot16) \
	CODES24(16+32*i)        \
	STEP2(4*i, TWO0, dot16)   \
	STEP2(4*i+1, TWO1, dot16) \
	AHEAD(64*i)             \
	STEP2(4*i+2, TWO2, dot16) \
	STEP2(4*i+3, TWO3, dot16)

#define Q2_K(dot16) \
	MOVD  PANEL, SCALES   \
	VLD1  (TABLE), [V12.B16, V13.B16, V14.B16, V15.B16] \
	SCALES2(PUT16)        \
	VMOVI $3, THREE.B16   \
	STEPS2(0, dot16)      \
	STEPS2(1, dot16)      \
	ADVANCE(84)           \
	ADD   $(8*40), XS

// Q3_K: 32 bytes of third bits, of which step s has bit s; codes as those of
// Q2_K; then scales. Codes are 4 more than they say, which is to have all upper
// bits where the third is not: what they are not is left in the panel's room,
// behind the scales.
#define ONES(from, to) VEOR V24.B16, from.B16, to.B16
#define TESTED(from, to) VCMTST V10.B16, from.B16, to.B16
#define LOW2(from, to) VBIT THREE.B16, from.B16, to.B16
#define THREE1(from, to) \
	VUSHR $2, from.B16, V10.B16 \
	LOW2(V10, to)
#define THREE2(from, to) \
	VUSHR $4, from.B16, V10.B16 \
	LOW2(V10, to)
#define THREE3(from, to) VSRI $6, from.B16, to.B16

#define LEAVE(at) \
	FSTPQ (F0, F1), (at)(PANEL)    \
	FSTPQ (F2, F3), (at+32)(PANEL) \
	FSTPQ (F4, F5), (at+64)(PANEL) \
	FSTPQ (F6, F7), (at+96)(PANEL)
#define LEFT0(at) \
	FLDPQ (at)(PANEL), (F0, F1)    \
	FLDPQ (at+32)(PANEL), (F2, F3) \
	FLDPQ (at+64)(PANEL), (F4, F5) \
	FLDPQ (at+96)(PANEL), (F6, F7)

#define STEP3(s, plane, dot16) \
	LEFT0(256)              \
	VMOVI $(1<<(s)), V10.B16 \
	HERE(TESTED)            \
	FROM24(plane)           \
	VECTOR(40*(s))          \
	GROUP(dot16, 0, 8)      \
	GROUP(dot16, 1, 9)

#define STEPS3(i, dot16) \
	CODES24(32+32*i)            \
	STEP3(4*i, LOW2, dot16)     \
	STEP3(4*i+1, THREE1, dot16) \
	AHEAD(64*i)                 \
	STEP3(4*i+2, THREE2, dot16) \
	STEP3(4*i+3, THREE3, dot16)

#define Q3_K(dot16) \
	MOVD  PANEL, SCALES   \
	VLD1  (TABLE), [V12.B16, V13.B16, V14.B16, V15.B16] \
	SCALES3(PUT16)        \
	CODES0(0)             \
	VMOVI $255, V24.B16   \
	HERE(ONES)            \
	LEAVE(256)            \
	VMOVI $3, THREE.B16   \
	STEPS3(0, dot16)      \
	STEPS3(1, dot16)      \
	ADVANCE(110)          \
	ADD   $(8*40), XS

// IQ4_XS: scales, then for each step 16 bytes of levels.
#define PUT4(i) PUTSCALES((16*(i)), 32)
#define STEP4(dot32) \
	LOADNIBBLES(0)          \
	VECTOR(0)               \
	NIBBLES                 \
	INIT(START)             \
	FMOVQ.P 16(SCALES), F22 \
	HERE(LEVEL)             \
	dot32(0)                \
	SCALED1                 \
	AHEAD(0)                \
	SCALED2                 \
	ADVANCE(16)             \
	SCALED3                 \
	ADD $40, XS             \
	SCALED4

#define IQ4_XS(dot32) \
	MOVD  PANEL, SCALES     \
	VLD1  (TABLE), [V12.B16, V13.B16, V14.B16, V15.B16] \
	SCALES4(PUT4)           \
	ADVANCE(8)              \
	MOVD  $8, PAIRS         \
step:                       \
	STEP4(dot32)            \
	SUB  $1, PAIRS          \
	CBNZ PAIRS, step

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

// func singleQ2_KDotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ2_KDotProd(SB), NOSPLIT, $0-65
	BLOCKARGUMENTS
	SINGLE(Q2_K(DOT16))

// func singleQ3_KDotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ3_KDotProd(SB), NOSPLIT, $0-65
	BLOCKARGUMENTS
	SINGLE(Q3_K(DOT16))

// func singleIQ4_XSDotProd(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleIQ4_XSDotProd(SB), NOSPLIT, $0-65
	LEVELARGUMENTS(iq4<>)
	BLOCKARGUMENTS
	SINGLE(IQ4_XS(DOT32))

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

// func singleQ2_KNEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ2_KNEON(SB), NOSPLIT, $0-65
	BLOCKARGUMENTS
	SINGLE(Q2_K(MUL16))

// func singleQ3_KNEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleQ3_KNEON(SB), NOSPLIT, $0-65
	BLOCKARGUMENTS
	SINGLE(Q3_K(MUL16))

// func singleIQ4_XSNEON(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)
TEXT ·singleIQ4_XSNEON(SB), NOSPLIT, $0-65
	LEVELARGUMENTS(iq4<>)
	BLOCKARGUMENTS
	SINGLE(IQ4_XS(MUL32))
