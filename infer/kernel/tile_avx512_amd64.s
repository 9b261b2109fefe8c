#include "textflag.h"

// Panels of 16 rows times tiles of vectors, with VPDPBUSD: a lane is a row, a
// code is 128 more than it says, and sums start at the vector's bias, -128
// times the sum of its bytes.

#define DST   DI
#define LD    R8  // between vectors in dst, in bytes
#define ROW   R9  // moves from vector to vector in dst
#define PANEL SI
#define X     DX
#define HALF  R10 // bias16
#define STEPS CX
#define OLD   K1  // all lanes if dst is added to, else none

// CODES and CODES2 take turns: the codes of four columns of 16 rows.
#define CODES  Z16
#define CODES2 Z17
#define SCALE  Z18 // of the step, or of its columns 0-15
#define SCALE2 Z19 // of its columns 16-31
#define TMP    Z20
#define TMP2   Z21

#define ENTER(add) \
	SHLQ    $2, LD     \
	MOVBQZX add, AX    \
	NEGQ    AX         \
	KMOVW   AX, OLD    \
	MOVQ    DST, ROW

#define LOAD(acc) \
	VMOVUPS.Z (ROW), OLD, acc \
	ADDQ      LD, ROW

#define STORE(acc) \
	VMOVUPS acc, (DST) \
	ADDQ    LD, DST

// A tile is worked on in groups of up to eight vectors, whose integer sums
// dot are Z24 to Z31. What follows another instruction here belongs to another
// sum: one alone would wait for each VPDPBUSD before the next.

#define QUAD1(q, codes, v) \
	VPDPBUSD.BCST ((v)*32+(q)*4)(X), codes, Z24 // dot[row] += sum of code[row][4q:4q+4] * q[4q:4q+4]
#define QUAD2(q, codes, v) \
	QUAD1(q, codes, v) \
	VPDPBUSD.BCST ((v)*32+(q)*4+32)(X), codes, Z25
#define QUAD4(q, codes, v) \
	QUAD2(q, codes, v) \
	VPDPBUSD.BCST ((v)*32+(q)*4+64)(X), codes, Z26 \
	VPDPBUSD.BCST ((v)*32+(q)*4+96)(X), codes, Z27
#define QUAD8(q, codes, v) \
	QUAD4(q, codes, v) \
	VPDPBUSD.BCST ((v)*32+(q)*4+128)(X), codes, Z28 \
	VPDPBUSD.BCST ((v)*32+(q)*4+160)(X), codes, Z29 \
	VPDPBUSD.BCST ((v)*32+(q)*4+192)(X), codes, Z30 \
	VPDPBUSD.BCST ((v)*32+(q)*4+224)(X), codes, Z31

// LOW and HIGH multiply columns 0-15 and 16-31 of a group from vector v.
#define LOW(quad, v) \
	VMOVDQU64 0(PANEL), CODES    \
	VMOVDQU64 64(PANEL), CODES2  \
	quad(0, CODES, v)            \
	quad(1, CODES2, v)           \
	VMOVDQU64 128(PANEL), CODES  \
	VMOVDQU64 192(PANEL), CODES2 \
	quad(2, CODES, v)            \
	quad(3, CODES2, v)

#define HIGH(quad, v) \
	VMOVDQU64 256(PANEL), CODES  \
	VMOVDQU64 320(PANEL), CODES2 \
	quad(4, CODES, v)            \
	quad(5, CODES2, v)           \
	VMOVDQU64 384(PANEL), CODES  \
	VMOVDQU64 448(PANEL), CODES2 \
	quad(6, CODES, v)            \
	quad(7, CODES2, v)

// BIAS starts the sums with the biases at a vector's place.
#define BIAS1(at) \
	VPBROADCASTD at, Z24
#define BIAS2(at) \
	BIAS1(at) \
	VPBROADCASTD 4+at, Z25
#define BIAS4(at) \
	BIAS2(at) \
	VPBROADCASTD 8+at, Z26 \
	VPBROADCASTD 12+at, Z27
#define BIAS8(at) \
	BIAS4(at) \
	VPBROADCASTD 16+at, Z28 \
	VPBROADCASTD 20+at, Z29 \
	VPBROADCASTD 24+at, Z30 \
	VPBROADCASTD 28+at, Z31

// SUM adds a scaled dot to a vector's accumulator.
#define SUM(d, scale, dot, acc, tmp) \
	VCVTDQ2PS   dot, dot      \
	VMULPS.BCST d, scale, tmp \ // tmp = scale[row] * d
	VFMADD231PS tmp, dot, acc   // acc += tmp * dot
#define SUM1(d, scale, a0) \
	SUM(d, scale, Z24, a0, TMP)
#define SUM2(d, scale, a0, a1) \
	SUM1(d, scale, a0) \
	SUM(4+d, scale, Z25, a1, TMP2)
#define SUM4(d, scale, a0, a1, a2, a3) \
	SUM2(d, scale, a0, a1)         \
	SUM(8+d, scale, Z26, a2, TMP)  \
	SUM(12+d, scale, Z27, a3, TMP2)
#define SUM8(d, scale, a0, a1, a2, a3, a4, a5, a6, a7) \
	SUM4(d, scale, a0, a1, a2, a3)  \
	SUM(16+d, scale, Z28, a4, TMP)  \
	SUM(20+d, scale, Z29, a5, TMP2) \
	SUM(24+d, scale, Z30, a6, TMP)  \
	SUM(28+d, scale, Z31, a7, TMP2)

#define FIRST1(sum, d, scale) sum(d, scale, Z0)
#define FIRST2(sum, d, scale) sum(d, scale, Z0, Z1)
#define FIRST4(sum, d, scale) sum(d, scale, Z0, Z1, Z2, Z3)
#define FIRST8(sum, d, scale) sum(d, scale, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
#define NEXT8(sum, d, scale) sum(d, scale, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)

// GROUP32 is a group of a tile of n from vector v, with a scale for the
// step's 32 columns; GROUP16 has one for each 16.
#define GROUP32(n, v, bias, quad, accs, sum) \
	bias(((n)*36+(v)*4)(X)) \
	LOW(quad, v)            \
	HIGH(quad, v)           \
	accs(sum, ((n)*32+(v)*4)(X), SCALE)

#define GROUP16(n, v, bias, quad, accs, sum) \
	bias(((v)*4)(HALF))                 \
	LOW(quad, v)                        \
	accs(sum, ((n)*32+(v)*4)(X), SCALE) \
	bias(((n)*4+(v)*4)(HALF))           \
	HIGH(quad, v)                       \
	accs(sum, ((n)*32+(v)*4)(X), SCALE2)

#define ALL1(group) \
	group(1, 0, BIAS1, QUAD1, FIRST1, SUM1)
#define ALL2(group) \
	group(2, 0, BIAS2, QUAD2, FIRST2, SUM2)
#define ALL4(group) \
	group(4, 0, BIAS4, QUAD4, FIRST4, SUM4)
#define ALL8(group) \
	group(8, 0, BIAS8, QUAD8, FIRST8, SUM8)
#define ALL16(group) \
	group(16, 0, BIAS8, QUAD8, FIRST8, SUM8) \
	group(16, 8, BIAS8, QUAD8, NEXT8, SUM8)

// EACH does f for the accumulators of a tile.
#define EACH1(f) f(Z0)
#define EACH2(f) \
	EACH1(f) \
	f(Z1)
#define EACH4(f) \
	EACH2(f) \
	f(Z2)    \
	f(Z3)
#define EACH8(f) \
	EACH4(f) \
	f(Z4)    \
	f(Z5)    \
	f(Z6)    \
	f(Z7)
#define EACH16(f) \
	EACH8(f) \
	f(Z8)    \
	f(Z9)    \
	f(Z10)   \
	f(Z11)   \
	f(Z12)   \
	f(Z13)   \
	f(Z14)   \
	f(Z15)

#define ARGUMENTS \
	MOVQ dst+0(FP), DST     \
	MOVQ ld+8(FP), LD       \
	MOVQ panel+16(FP), PANEL \
	MOVQ x+24(FP), X        \
	MOVQ half+32(FP), HALF  \
	MOVQ n+40(FP), STEPS    \
	ENTER(add+48(FP))

#define TILE32(n, each, all) \
	ARGUMENTS             \
	each(LOAD)            \
step:                     \
	VMOVUPS 512(PANEL), SCALE \
	all(GROUP32)          \
	ADDQ $((n)*40), X     \
	ADDQ $576, PANEL      \
	DECQ STEPS            \
	JNZ  step             \
	each(STORE)           \
	VZEROUPPER            \
	RET

#define TILE16(n, each, all) \
	ARGUMENTS             \
	each(LOAD)            \
step:                     \
	VMOVUPS 512(PANEL), SCALE  \
	VMOVUPS 576(PANEL), SCALE2 \
	all(GROUP16)          \
	ADDQ $((n)*40), X     \
	ADDQ $((n)*8), HALF   \
	ADDQ $640, PANEL      \
	DECQ STEPS            \
	JNZ  step             \
	each(STORE)           \
	VZEROUPPER            \
	RET

// Minima.

#define MINS PANEL
#define SUMS X

#define MINUS1 \
	VFNMADD231PS.BCST 0(SUMS), CODES, Z0 // acc -= mins[row] * sum
#define MINUS2 \
	MINUS1 \
	VFNMADD231PS.BCST 4(SUMS), CODES, Z1
#define MINUS4 \
	MINUS2 \
	VFNMADD231PS.BCST 8(SUMS), CODES, Z2 \
	VFNMADD231PS.BCST 12(SUMS), CODES, Z3
#define MINUS8 \
	MINUS4 \
	VFNMADD231PS.BCST 16(SUMS), CODES, Z4 \
	VFNMADD231PS.BCST 20(SUMS), CODES, Z5 \
	VFNMADD231PS.BCST 24(SUMS), CODES, Z6 \
	VFNMADD231PS.BCST 28(SUMS), CODES, Z7
#define MINUS16 \
	MINUS8 \
	VFNMADD231PS.BCST 32(SUMS), CODES, Z8  \
	VFNMADD231PS.BCST 36(SUMS), CODES, Z9  \
	VFNMADD231PS.BCST 40(SUMS), CODES, Z10 \
	VFNMADD231PS.BCST 44(SUMS), CODES, Z11 \
	VFNMADD231PS.BCST 48(SUMS), CODES, Z12 \
	VFNMADD231PS.BCST 52(SUMS), CODES, Z13 \
	VFNMADD231PS.BCST 56(SUMS), CODES, Z14 \
	VFNMADD231PS.BCST 60(SUMS), CODES, Z15

#define MINUS(size, each, all) \
	MOVQ    dst+0(FP), DST    \
	MOVQ    ld+8(FP), LD      \
	MOVQ    mins+16(FP), MINS \
	MOVQ    sums+24(FP), SUMS \
	MOVQ    n+32(FP), STEPS   \
	SHLQ    $2, LD            \
	MOVQ    DST, ROW          \
	KXNORW  OLD, OLD, OLD     \
	each(LOAD)                \
group:                        \
	VMOVUPS (MINS), CODES     \
	all                       \
	ADDQ    $64, MINS         \
	ADDQ    $((size)*4), SUMS \
	DECQ    STEPS             \
	JNZ     group             \
	each(STORE)               \
	VZEROUPPER                \
	RET

// func tile32x1AVX512(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x1AVX512(SB), NOSPLIT, $0-49
	TILE32(1, EACH1, ALL1)

// func tile32x2AVX512(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x2AVX512(SB), NOSPLIT, $0-49
	TILE32(2, EACH2, ALL2)

// func tile32x4AVX512(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x4AVX512(SB), NOSPLIT, $0-49
	TILE32(4, EACH4, ALL4)

// func tile32x8AVX512(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x8AVX512(SB), NOSPLIT, $0-49
	TILE32(8, EACH8, ALL8)

// func tile32x16AVX512(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x16AVX512(SB), NOSPLIT, $0-49
	TILE32(16, EACH16, ALL16)

// func tile16x1AVX512(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x1AVX512(SB), NOSPLIT, $0-49
	TILE16(1, EACH1, ALL1)

// func tile16x2AVX512(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x2AVX512(SB), NOSPLIT, $0-49
	TILE16(2, EACH2, ALL2)

// func tile16x4AVX512(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x4AVX512(SB), NOSPLIT, $0-49
	TILE16(4, EACH4, ALL4)

// func tile16x8AVX512(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x8AVX512(SB), NOSPLIT, $0-49
	TILE16(8, EACH8, ALL8)

// func tile16x16AVX512(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x16AVX512(SB), NOSPLIT, $0-49
	TILE16(16, EACH16, ALL16)

// func minus1AVX512(dst *float32, ld int, mins, sums *float32, n int)
TEXT ·minus1AVX512(SB), NOSPLIT, $0-40
	MINUS(1, EACH1, MINUS1)

// func minus2AVX512(dst *float32, ld int, mins, sums *float32, n int)
TEXT ·minus2AVX512(SB), NOSPLIT, $0-40
	MINUS(2, EACH2, MINUS2)

// func minus4AVX512(dst *float32, ld int, mins, sums *float32, n int)
TEXT ·minus4AVX512(SB), NOSPLIT, $0-40
	MINUS(4, EACH4, MINUS4)

// func minus8AVX512(dst *float32, ld int, mins, sums *float32, n int)
TEXT ·minus8AVX512(SB), NOSPLIT, $0-40
	MINUS(8, EACH8, MINUS8)

// func minus16AVX512(dst *float32, ld int, mins, sums *float32, n int)
TEXT ·minus16AVX512(SB), NOSPLIT, $0-40
	MINUS(16, EACH16, MINUS16)
