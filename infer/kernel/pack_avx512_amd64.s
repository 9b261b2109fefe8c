#include "textflag.h"

// Packing of 16 rows into panels whose codes are 128 more than they say. Rows
// are read side by side straight from the file's layout, and for each the
// line that the next panel needs is called into the second-level cache: with
// 16 streams a core's own prefetchers give up.

#define PANEL  DI
#define W      SI  // rows 0 to 3
#define W4     R8  // rows 4 to 7
#define W8     R9
#define W12    R10
#define STRIDE R11
#define S3     R12 // 3*STRIDE
#define N0     R13 // rows 16 to 19
#define N4     BX
#define N8     DX
#define N12    R15
#define STEPS  CX
#define SIGN   Z31

#define ROWS \
	LEAQ (STRIDE)(STRIDE*2), S3 \
	LEAQ (W)(STRIDE*4), W4      \
	LEAQ (W4)(STRIDE*4), W8     \
	LEAQ (W8)(STRIDE*4), W12    \
	LEAQ (W12)(STRIDE*4), N0    \
	LEAQ (N0)(STRIDE*4), N4     \
	LEAQ (N4)(STRIDE*4), N8     \
	LEAQ (N8)(STRIDE*4), N12

#define ADVANCE(n) \
	ADDQ $(n), W   \
	ADDQ $(n), W4  \
	ADDQ $(n), W8  \
	ADDQ $(n), W12 \
	ADDQ $(n), N0  \
	ADDQ $(n), N4  \
	ADDQ $(n), N8  \
	ADDQ $(n), N12

#define AHEAD4(n) \
	PREFETCHT1 (n)            \
	PREFETCHT1 (n)(STRIDE*1)  \
	PREFETCHT1 (n)(STRIDE*2)  \
	PREFETCHT1 (n)(S3*1)

#define AHEAD \
	AHEAD4(N0) \
	AHEAD4(N4) \
	AHEAD4(N8) \
	AHEAD4(N12)

// PAIR loads 32 bytes at of two rows, 4 apart, into the halves of z.
#define PAIR(z, y, low, high) \
	VMOVDQU      low, y         \
	VINSERTI64X4 $1, high, z, z

// QUADS transposes 4 x 4 quads in each 16 bytes: a, b, c, d are four rows,
// then their quads 0, 1, 2, 3.
#define QUADS(a, b, c, d) \
	VPUNPCKLDQ  b, a, Z24   \ // a0 b0 a1 b1
	VPUNPCKHDQ  b, a, Z25   \ // a2 b2 a3 b3
	VPUNPCKLDQ  d, c, Z26   \ // c0 d0 c1 d1
	VPUNPCKHDQ  d, c, Z27   \ // c2 d2 c3 d3
	VPUNPCKLQDQ Z26, Z24, a \
	VPUNPCKHQDQ Z26, Z24, b \
	VPUNPCKLQDQ Z27, Z25, c \
	VPUNPCKHQDQ Z27, Z25, d

// JOIN makes quad i and quad i+4 of 16 rows from those of rows 0-7 and 8-15.
#define JOIN(rows0, rows8, low, high) \
	VSHUFI32X4 $0x88, rows8, rows0, low \
	VSHUFI32X4 $0xdd, rows8, rows0, high

// TURN32 loads 32 bytes of each row, off bytes from its pointer, and leaves
// quads 0 to 7 of all rows in Z16 to Z23.
#define TURN32(off) \
	PAIR(Z0, Y0, off(W), off(W4))                       \
	PAIR(Z1, Y1, off(W)(STRIDE*1), off(W4)(STRIDE*1))   \
	PAIR(Z2, Y2, off(W)(STRIDE*2), off(W4)(STRIDE*2))   \
	PAIR(Z3, Y3, off(W)(S3*1), off(W4)(S3*1))           \
	PAIR(Z4, Y4, off(W8), off(W12))                     \
	PAIR(Z5, Y5, off(W8)(STRIDE*1), off(W12)(STRIDE*1)) \
	PAIR(Z6, Y6, off(W8)(STRIDE*2), off(W12)(STRIDE*2)) \
	PAIR(Z7, Y7, off(W8)(S3*1), off(W12)(S3*1))         \
	QUADS(Z0, Z1, Z2, Z3)                               \
	QUADS(Z4, Z5, Z6, Z7)                               \
	JOIN(Z0, Z4, Z16, Z20)                              \
	JOIN(Z1, Z5, Z17, Z21)                              \
	JOIN(Z2, Z6, Z18, Z22)                              \
	JOIN(Z3, Z7, Z19, Z23)

// HALVES copies the binary16 at the beginning of each row's block behind the
// step's codes; WIDEN makes scales of them later, since a load right after so
// many narrow stores would wait for them.
#define HALVES4(w, at) \
	MOVWLZX (w), AX           \
	MOVW    AX, (at+0)(PANEL) \
	MOVWLZX (w)(STRIDE*1), AX \
	MOVW    AX, (at+2)(PANEL) \
	MOVWLZX (w)(STRIDE*2), AX \
	MOVW    AX, (at+4)(PANEL) \
	MOVWLZX (w)(S3*1), AX     \
	MOVW    AX, (at+6)(PANEL)

#define HALVES \
	HALVES4(W, 512)   \
	HALVES4(W4, 520)  \
	HALVES4(W8, 528)  \
	HALVES4(W12, 536)

#define WIDEN(panel, steps) \
widen:                        \
	VCVTPH2PS 512(panel), Z0  \
	VMOVUPS   Z0, 512(panel)  \
	ADDQ      $576, panel     \
	DECQ      steps           \
	JNZ       widen

#define CONSTANT(x, z) \
	MOVL         $x, AX \
	VPBROADCASTD AX, z

#define STORED(z, at) \
	VPXORQ    SIGN, z, z   \ // + 128
	VMOVDQU64 z, at(PANEL)

// func packQ8AVX512(steps *byte, mins *float32, w *byte, stride, n int)
TEXT ·packQ8AVX512(SB), NOSPLIT, $0-40
	MOVQ steps+0(FP), PANEL
	MOVQ w+16(FP), W
	MOVQ stride+24(FP), STRIDE
	MOVQ n+32(FP), STEPS
	ROWS
	CONSTANT(0x80808080, SIGN)

step:
	TURN32(2)
	STORED(Z16, 0)
	STORED(Z17, 64)
	STORED(Z18, 128)
	STORED(Z19, 192)
	STORED(Z20, 256)
	STORED(Z21, 320)
	STORED(Z22, 384)
	STORED(Z23, 448)
	HALVES
	AHEAD
	ADVANCE(34)
	ADDQ $576, PANEL
	DECQ STEPS
	JNZ  step

	MOVQ steps+0(FP), PANEL
	MOVQ n+32(FP), STEPS
	WIDEN(PANEL, STEPS)
	VZEROUPPER
	RET
