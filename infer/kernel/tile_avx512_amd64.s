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

// D0 to D3: the integer sums of one vector, or of four side by side; a chain of
// eight VPDPBUSD alone would fill the scheduler with work that has to wait.
#define D0 Z26
#define D1 Z27
#define D2 Z28
#define D3 Z29

// QUAD1 and QUAD4 multiply quad i of the vectors from v.
#define QUAD1(v, i, w) \
	VPDPBUSD.BCST ((v)*32+(i)*4)(X), w, D0 // D0[row] += sum of code[row][0:4] * q[0:4]

#define QUAD4(v, i, w) \
	VPDPBUSD.BCST ((v)*32+(i)*4)(X), w, D0    \
	VPDPBUSD.BCST ((v)*32+(i)*4+32)(X), w, D1 \
	VPDPBUSD.BCST ((v)*32+(i)*4+64)(X), w, D2 \
	VPDPBUSD.BCST ((v)*32+(i)*4+96)(X), w, D3

#define LOW(quad, v) \
	quad(v, 0, W0) \
	quad(v, 1, W1) \
	quad(v, 2, W2) \
	quad(v, 3, W3)

#define HIGH(quad, v) \
	quad(v, 4, W4) \
	quad(v, 5, W5) \
	quad(v, 6, W6) \
	quad(v, 7, W7)

// BIAS4 starts the sums of four vectors.
#define BIAS4(at, v, base) \
	VPBROADCASTD (at+(v)*4)(base), D0    \
	VPBROADCASTD (at+(v)*4+4)(base), D1  \
	VPBROADCASTD (at+(v)*4+8)(base), D2  \
	VPBROADCASTD (at+(v)*4+12)(base), D3

#define SCALED(n, v, scale, dot, acc, tmp) \
	VCVTDQ2PS   dot, dot                        \
	VMULPS.BCST ((n)*32+(v)*4)(X), scale, tmp   \ // tmp = scale[row] * d
	VFMADD231PS tmp, dot, acc                     // acc += tmp * dot

#define SCALED4(n, v, scale, a0, a1, a2, a3) \
	SCALED(n, v+0, scale, D0, a0, Z30) \
	SCALED(n, v+1, scale, D1, a1, Z31) \
	SCALED(n, v+2, scale, D2, a2, Z30) \
	SCALED(n, v+3, scale, D3, a3, Z31)

// ONE32 is vector v of a tile of n, with a scale for the step's 32 columns.
#define ONE32(n, v, acc) \
	VPBROADCASTD ((n)*36+(v)*4)(X), D0   \ // bias
	LOW(QUAD1, v)                        \
	HIGH(QUAD1, v)                       \
	SCALED(n, v, SCALE, D0, acc, Z30)

#define FOUR32(n, v, a0, a1, a2, a3) \
	BIAS4((n)*36, v, X)                  \
	LOW(QUAD4, v)                        \
	HIGH(QUAD4, v)                       \
	SCALED4(n, v, SCALE, a0, a1, a2, a3)

// ONE16 has a scale for each 16 columns.
#define ONE16(n, v, acc) \
	VPBROADCASTD ((v)*4)(HALF), D0        \
	LOW(QUAD1, v)                         \
	SCALED(n, v, SCALE, D0, acc, Z30)     \
	VPBROADCASTD ((n)*4+(v)*4)(HALF), D0  \
	HIGH(QUAD1, v)                        \
	SCALED(n, v, SCALE2, D0, acc, Z30)

#define FOUR16(n, v, a0, a1, a2, a3) \
	BIAS4(0, v, HALF)                     \
	LOW(QUAD4, v)                         \
	SCALED4(n, v, SCALE, a0, a1, a2, a3)  \
	BIAS4((n)*4, v, HALF)                 \
	HIGH(QUAD4, v)                        \
	SCALED4(n, v, SCALE2, a0, a1, a2, a3)

// ALL does one or four for the vectors of a tile and their accumulators.
#define ALL1(one, four) \
	one(1, 0, Z0)
#define ALL2(one, four) \
	one(2, 0, Z0) \
	one(2, 1, Z1)
#define ALL4(one, four) \
	four(4, 0, Z0, Z1, Z2, Z3)
#define ALL8(one, four) \
	four(8, 0, Z0, Z1, Z2, Z3) \
	four(8, 4, Z4, Z5, Z6, Z7)
#define ALL16(one, four) \
	four(16, 0, Z0, Z1, Z2, Z3)   \
	four(16, 4, Z4, Z5, Z6, Z7)   \
	four(16, 8, Z8, Z9, Z10, Z11) \
	four(16, 12, Z12, Z13, Z14, Z15)

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
	all(ONE32, FOUR32)    \
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
	all(ONE16, FOUR16)    \
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

#define MINUS1(n, v, acc) \
	VFNMADD231PS.BCST ((v)*4)(SUMS), W0, acc // acc -= mins[row] * sum

#define MINUS4(n, v, a0, a1, a2, a3) \
	MINUS1(n, v+0, a0) \
	MINUS1(n, v+1, a1) \
	MINUS1(n, v+2, a2) \
	MINUS1(n, v+3, a3)

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
	all(MINUS1, MINUS4)       \
	ADDQ    $64, MINS         \
	ADDQ    $((size)*4), SUMS \
	DECQ    STEPS             \
	JNZ     group             \
	each(STORE)               \
	VZEROUPPER                \
	RET

// Values of a page of INT8: 16 columns, whose scales are in the vectors.

#define VALUES PANEL
#define PANELS STEPS
#define SCALES BX
#define PAGE   R11 // DST of the panel

#define CODES16 \
	VMOVDQU64 0(VALUES), W0   \
	VMOVDQU64 64(VALUES), W1  \
	VMOVDQU64 128(VALUES), W2 \
	VMOVDQU64 192(VALUES), W3

#define MIXED(v, dot, acc) \
	VCVTDQ2PS        dot, dot                 \
	VFMADD231PS.BCST ((v)*4)(SCALES), dot, acc // acc += d * dot

#define MIX1(n, v, acc) \
	VPBROADCASTD ((v)*4)(HALF), D0 \
	LOW(QUAD1, v)                  \
	MIXED(v, D0, acc)

#define MIX4(n, v, a0, a1, a2, a3) \
	BIAS4(0, v, HALF)   \
	LOW(QUAD4, v)       \
	MIXED(v+0, D0, a0)  \
	MIXED(v+1, D1, a1)  \
	MIXED(v+2, D2, a2)  \
	MIXED(v+3, D3, a3)

#define MIX(each, all) \
	MOVQ   dst+0(FP), DST       \
	MOVQ   ld+8(FP), LD         \
	MOVQ   values+16(FP), VALUES \
	MOVQ   q+24(FP), X          \
	MOVQ   d+32(FP), SCALES     \
	MOVQ   bias+40(FP), HALF    \
	MOVQ   panels+48(FP), PANELS \
	SHLQ   $2, LD               \
	MOVQ   DST, PAGE            \
	KXNORW OLD, OLD, OLD        \
panel:                          \
	MOVQ PAGE, ROW              \
	MOVQ PAGE, DST              \
	each(LOAD)                  \
	CODES16                     \
	all(MIX1, MIX4)             \
	each(STORE)                 \
	ADDQ $64, PAGE              \
	ADDQ $256, VALUES           \
	DECQ PANELS                 \
	JNZ  panel                  \
	VZEROUPPER                  \
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

// func mix8x1AVX512(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x1AVX512(SB), NOSPLIT, $0-56
	MIX(EACH1, ALL1)

// func mix8x2AVX512(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x2AVX512(SB), NOSPLIT, $0-56
	MIX(EACH2, ALL2)

// func mix8x4AVX512(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x4AVX512(SB), NOSPLIT, $0-56
	MIX(EACH4, ALL4)

// func mix8x8AVX512(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x8AVX512(SB), NOSPLIT, $0-56
	MIX(EACH8, ALL8)

// func mix8x16AVX512(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x16AVX512(SB), NOSPLIT, $0-56
	MIX(EACH16, ALL16)
