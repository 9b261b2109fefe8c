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

// W0 to W7: the codes of columns 0-3, 4-7, ... of 16 rows.
#define W0 Z16
#define W1 Z17
#define W2 Z18
#define W3 Z19
#define W4 Z20
#define W5 Z21
#define W6 Z22
#define W7 Z23
#define SCALE  Z24 // of the step, or of its columns 0-15
#define SCALE2 Z25 // of its columns 16-31

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

#define WEIGHTS \
	VMOVDQU64 0(PANEL), W0   \
	VMOVDQU64 64(PANEL), W1  \
	VMOVDQU64 128(PANEL), W2 \
	VMOVDQU64 192(PANEL), W3 \
	VMOVDQU64 256(PANEL), W4 \
	VMOVDQU64 320(PANEL), W5 \
	VMOVDQU64 384(PANEL), W6 \
	VMOVDQU64 448(PANEL), W7 \
	VMOVUPS   512(PANEL), SCALE

// LOW and HIGH multiply vector v's columns 0-15 and 16-31.
#define LOW(v, dot) \
	VPDPBUSD.BCST ((v)*32+0)(X), W0, dot  \ // dot[row] += sum of code[row][0:4] * q[0:4]
	VPDPBUSD.BCST ((v)*32+4)(X), W1, dot  \
	VPDPBUSD.BCST ((v)*32+8)(X), W2, dot  \
	VPDPBUSD.BCST ((v)*32+12)(X), W3, dot

#define HIGH(v, dot) \
	VPDPBUSD.BCST ((v)*32+16)(X), W4, dot \
	VPDPBUSD.BCST ((v)*32+20)(X), W5, dot \
	VPDPBUSD.BCST ((v)*32+24)(X), W6, dot \
	VPDPBUSD.BCST ((v)*32+28)(X), W7, dot

#define SCALED(n, v, scale, dot, acc, tmp) \
	VCVTDQ2PS   dot, dot                        \
	VMULPS.BCST ((n)*32+(v)*4)(X), scale, tmp   \ // tmp = scale[row] * d
	VFMADD231PS tmp, dot, acc                     // acc += tmp * dot

// ONE32 is vector v of a tile of n, with a scale for the step's 32 columns.
#define ONE32(n, v, acc, dot, tmp) \
	VPBROADCASTD ((n)*36+(v)*4)(X), dot \ // bias
	LOW(v, dot)                         \
	HIGH(v, dot)                        \
	SCALED(n, v, SCALE, dot, acc, tmp)

// ONE16 has a scale for each 16 columns.
#define ONE16(n, v, acc, dot, tmp) \
	VPBROADCASTD ((v)*4)(HALF), dot       \
	LOW(v, dot)                           \
	SCALED(n, v, SCALE, dot, acc, tmp)    \
	VPBROADCASTD ((n)*4+(v)*4)(HALF), dot \
	HIGH(v, dot)                          \
	SCALED(n, v, SCALE2, dot, acc, tmp)

#define ALL1(one, n) \
	one(n, 0, Z0, Z26, Z27)
#define ALL2(one, n) \
	ALL1(one, n) \
	one(n, 1, Z1, Z28, Z29)
#define ALL4(one, n) \
	ALL2(one, n)            \
	one(n, 2, Z2, Z26, Z27) \
	one(n, 3, Z3, Z30, Z31)
#define ALL8(one, n) \
	ALL4(one, n)            \
	one(n, 4, Z4, Z28, Z29) \
	one(n, 5, Z5, Z26, Z27) \
	one(n, 6, Z6, Z30, Z31) \
	one(n, 7, Z7, Z28, Z29)
#define ALL16(one, n) \
	ALL8(one, n)              \
	one(n, 8, Z8, Z26, Z27)   \
	one(n, 9, Z9, Z30, Z31)   \
	one(n, 10, Z10, Z28, Z29) \
	one(n, 11, Z11, Z26, Z27) \
	one(n, 12, Z12, Z30, Z31) \
	one(n, 13, Z13, Z28, Z29) \
	one(n, 14, Z14, Z26, Z27) \
	one(n, 15, Z15, Z30, Z31)

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
	WEIGHTS               \
	all(ONE32, n)         \
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
	WEIGHTS               \
	VMOVUPS 576(PANEL), SCALE2 \
	all(ONE16, n)         \
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

#define MINUS1(n, v, acc, dot, tmp) \
	VFNMADD231PS.BCST ((v)*4)(SUMS), W0, acc // acc -= mins[row] * sum

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
	VMOVUPS (MINS), W0        \
	all(MINUS1, size)         \
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
	MINUS(1, EACH1, ALL1)

// func minus2AVX512(dst *float32, ld int, mins, sums *float32, n int)
TEXT ·minus2AVX512(SB), NOSPLIT, $0-40
	MINUS(2, EACH2, ALL2)

// func minus4AVX512(dst *float32, ld int, mins, sums *float32, n int)
TEXT ·minus4AVX512(SB), NOSPLIT, $0-40
	MINUS(4, EACH4, ALL4)

// func minus8AVX512(dst *float32, ld int, mins, sums *float32, n int)
TEXT ·minus8AVX512(SB), NOSPLIT, $0-40
	MINUS(8, EACH8, ALL8)

// func minus16AVX512(dst *float32, ld int, mins, sums *float32, n int)
TEXT ·minus16AVX512(SB), NOSPLIT, $0-40
	MINUS(16, EACH16, ALL16)
