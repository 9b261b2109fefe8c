#include "textflag.h"

// Three panels of 16 rows, one below the other, times four vectors at a time.
// Twelve sums that do not wait for each other keep both multipliers of a core
// busy, and what a vector brings is loaded once for 48 rows: with one panel a
// core runs out of loads, with two it waits for sums.

#define DST     DI
#define LD      R8  // between vectors in dst, in bytes
#define ROW     R9  // moves from vector to vector in dst
#define A       SI  // the three panels
#define B       BX
#define C       AX
#define Q       DX  // bytes of the first of four vectors in a step
#define D       R11 // and its scale
#define VECTORS R12 // 4*vectors of the tile, from scales to biases
#define HALF    R10 // bias16
#define STRIDE  R13 // 40*vectors, from step to step
#define STEPS   CX
#define FOURS   R15 // groups of four vectors left
#define AT      R14
#define OLD     K1  // all lanes if dst is added to, else none

// Vectors' accumulators: Z0 to Z3 for A, Z4 to Z7 for B, Z8 to Z11 for C;
// their integer sums: Z12 to Z15, Z16 to Z19, Z20 to Z23.
#define CODESA Z24 // four columns of 16 rows
#define CODESB Z25
#define CODESC Z26
#define TMPA   Z24
#define TMPB   Z25
#define TMPC   Z26

#define LOAD(a, b, c) \
	VMOVUPS.Z (ROW), OLD, a    \
	VMOVUPS.Z 64(ROW), OLD, b  \
	VMOVUPS.Z 128(ROW), OLD, c \
	ADDQ      LD, ROW

#define STORE(a, b, c) \
	VMOVUPS a, (DST)    \
	VMOVUPS b, 64(DST)  \
	VMOVUPS c, 128(DST) \
	ADDQ    LD, DST

#define EACH(f) \
	f(Z0, Z4, Z8)  \
	f(Z1, Z5, Z9)  \
	f(Z2, Z6, Z10) \
	f(Z3, Z7, Z11)

#define ONE(at, x, dota, dotb, dotc) \
	VPBROADCASTD at, x           \
	VPDPBUSD     x, CODESA, dota \ // dot[row] += sum of code[row][4q:4q+4] * x
	VPDPBUSD     x, CODESB, dotb \
	VPDPBUSD     x, CODESC, dotc

// QUAD multiplies columns 4q to 4q+3.
#define QUAD(q) \
	VMOVDQU64 ((q)*64)(A), CODESA             \
	VMOVDQU64 ((q)*64)(B), CODESB             \
	VMOVDQU64 ((q)*64)(C), CODESC             \
	ONE(((q)*4)(Q), Z27, Z12, Z16, Z20)       \
	ONE(((q)*4+32)(Q), Z28, Z13, Z17, Z21)    \
	ONE(((q)*4+64)(Q), Z29, Z14, Z18, Z22)    \
	ONE(((q)*4+96)(Q), Z30, Z15, Z19, Z23)

#define LOW \
	QUAD(0) \
	QUAD(1) \
	QUAD(2) \
	QUAD(3)

#define HIGH \
	QUAD(4) \
	QUAD(5) \
	QUAD(6) \
	QUAD(7)

#define START(at, dota, dotb, dotc) \
	VPBROADCASTD at, dota   \
	VMOVDQA64    dota, dotb \
	VMOVDQA64    dota, dotc

// BIAS starts all sums with the biases of the four vectors.
#define BIAS(at) \
	START(0(at), Z12, Z16, Z20)  \
	START(4(at), Z13, Z17, Z21)  \
	START(8(at), Z14, Z18, Z22)  \
	START(12(at), Z15, Z19, Z23)

#define SUM(at, scale, d, dota, dotb, dotc, a, b, c) \
	VBROADCASTSS at, d             \
	VCVTDQ2PS    dota, dota        \
	VCVTDQ2PS    dotb, dotb        \
	VCVTDQ2PS    dotc, dotc        \
	VMULPS       scale(A), d, TMPA \ // tmp = scale[row] * d
	VMULPS       scale(B), d, TMPB \
	VMULPS       scale(C), d, TMPC \
	VFMADD231PS  TMPA, dota, a     \ // acc += tmp * dot
	VFMADD231PS  TMPB, dotb, b     \
	VFMADD231PS  TMPC, dotc, c

#define SUMS(scale) \
	SUM(0(D), scale, Z27, Z12, Z16, Z20, Z0, Z4, Z8)   \
	SUM(4(D), scale, Z28, Z13, Z17, Z21, Z1, Z5, Z9)   \
	SUM(8(D), scale, Z29, Z14, Z18, Z22, Z2, Z6, Z10)  \
	SUM(12(D), scale, Z30, Z15, Z19, Z23, Z3, Z7, Z11)

// STEP32 has a scale for its 32 columns, STEP16 one for each 16.
#define STEP32 \
	LEAQ (D)(VECTORS*1), AT \
	BIAS(AT)             \
	LOW                  \
	HIGH                 \
	SUMS(512)            \
	ADDQ $576, A         \
	ADDQ $576, B         \
	ADDQ $576, C

#define STEP16 \
	BIAS(HALF)                   \
	LOW                          \
	SUMS(512)                    \
	LEAQ (HALF)(VECTORS*1), AT   \
	BIAS(AT)                     \
	HIGH                         \
	SUMS(576)                    \
	LEAQ (HALF)(VECTORS*2), HALF \
	ADDQ $640, A                 \
	ADDQ $640, B                 \
	ADDQ $640, C

// TRIO does all steps with four vectors, then with the next four. Group g's
// bytes are 128*g further on, its scales and biases 16*g.
#define TRIO(body) \
	MOVQ    dst+0(FP), DST         \
	MOVQ    ld+8(FP), LD           \
	MOVQ    vectors+48(FP), FOURS  \
	MOVBQZX add+64(FP), AX         \
	NEGQ    AX                     \
	KMOVW   AX, OLD                \
	SHLQ    $2, LD                 \
	LEAQ    (FOURS*4), VECTORS     \
	LEAQ    (VECTORS)(VECTORS*4), STRIDE \
	SHLQ    $1, STRIDE             \
	MOVQ    x+32(FP), Q            \
	LEAQ    (Q)(VECTORS*8), D      \
	MOVQ    half+40(FP), HALF      \
	SHRQ    $2, FOURS              \
	MOVQ    DST, ROW               \
four:                                  \
	EACH(LOAD)                     \
	MOVQ    panel+16(FP), A        \
	MOVQ    distance+24(FP), C     \
	LEAQ    (A)(C*1), B            \
	LEAQ    (A)(C*2), C            \
	MOVQ    n+56(FP), STEPS        \
step:                                  \
	body                           \
	ADDQ    STRIDE, Q              \
	ADDQ    STRIDE, D              \
	DECQ    STEPS                  \
	JNZ     step                   \
	EACH(STORE)                    \
	MOVQ    n+56(FP), AX           \
	IMULQ   STRIDE, AX             \
	SUBQ    AX, Q                  \
	SUBQ    AX, D                  \
	ADDQ    $128, Q                \
	ADDQ    $16, D                 \
	MOVQ    half+40(FP), HALF      \
	ADDQ    $16, HALF              \
	MOVQ    HALF, half+40(FP)      \
	DECQ    FOURS                  \
	JNZ     four                   \
	VZEROUPPER                     \
	RET

// func trio32AVX512(dst *float32, ld int, panel *byte, distance int, x *byte, half *int32, vectors, n int, add bool)
TEXT ·trio32AVX512(SB), NOSPLIT, $0-65
	TRIO(STEP32)

// func trio16AVX512(dst *float32, ld int, panel *byte, distance int, x *byte, half *int32, vectors, n int, add bool)
TEXT ·trio16AVX512(SB), NOSPLIT, $0-65
	TRIO(STEP16)
