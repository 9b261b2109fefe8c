#include "textflag.h"

// Products of Q8_0 rows with Q8 activations. A step takes one block of weights
// (AVX2) or two (AVX-512) straight from the file's layout: a binary16 scale,
// then 32 bytes. PLANE leads from the bytes of the activations to their biases
// and, twice, to their scales.

#define DST    DI
#define W      SI
#define ROWS   CX
#define BLOCKS R9
#define PLANE  R10
#define LEFT   AX  // blocks of this row left
#define T0     R8  // activations of four tokens
#define T1     R11
#define T2     R12
#define T3     R13
#define LD     DX  // between tokens in dst, in bytes
#define LD3    BX

// How far ahead of W the weights are called into the second-level cache: from
// memory, one core then reads at 80-93% of the speed of a plain read, without
// it at 70%. A prefetch beyond the end of the file does nothing.
#define AHEAD  8192

// LANES sums the four lanes of x.
#define LANES(x) \
	VHADDPS x, x, x \
	VHADDPS x, x, x

// FOLD sums the eight lanes of y, whose lower half is x, and stores the sum.
#define FOLD(y, x, tmp, at) \
	VEXTRACTF128 $1, y, tmp \
	VADDPS       tmp, x, x  \
	LANES(x)                \
	VMOVSS       x, at

// FOLD16 does so for the sixteen lanes of z, whose lower half is y.
#define FOLD16(z, y, x, ytmp, xtmp, at) \
	VEXTRACTF64X4 $1, z, ytmp \
	VADDPS        ytmp, y, y  \
	FOLD(y, x, xtmp, at)

// --- AVX-512 VNNI ---
// VPDPBUSD multiplies unsigned by signed bytes: w is made unsigned by adding
// 128, and the sum starts at the bias, -128 times the activations.

#define WEIGHTS Z16
#define WLOW    Y16
#define WSCALE  Z17
#define WHALVES Y17
#define WHALF   X17
#define DOTS    Z18
#define SCALE   Z19
#define SIGN    Z31
#define SECOND  K1  // lanes of the second block's scale

#define CONSTANTS512 \
	MOVL         $0x80808080, AX \
	VPBROADCASTD AX, SIGN        \
	MOVL         $0xff00, AX     \
	KMOVW        AX, SECOND

#define PAIR512 \
	VMOVDQU64     2(W), WLOW                   \
	VINSERTI64X4  $1, 36(W), WEIGHTS, WEIGHTS  \
	VPXORQ        SIGN, WEIGHTS, WEIGHTS       \ // w + 128
	VPBROADCASTW  (W), WHALVES                 \
	VPBROADCASTW  34(W), SECOND, WHALVES       \
	VCVTPH2PS     WHALVES, WSCALE              \
	PREFETCHT1    AHEAD(W)                     \
	PREFETCHT1    AHEAD+34(W)                  \
	ADDQ          $68, W

// The last of an odd number of blocks: the other half multiplies zeros.
#define SINGLE512 \
	VMOVDQU64     2(W), WLOW                   \
	VPXORQ        SIGN, WEIGHTS, WEIGHTS       \
	VPBROADCASTW  (W), WHALF                   \
	VCVTPH2PS     WHALVES, WSCALE              \
	ADDQ          $34, W

#define TOKEN512(t, sum) \
	VMOVDQU32   (t)(PLANE*1), DOTS             \ // bias
	VPDPBUSD    (t), WEIGHTS, DOTS             \ // + (w + 128) * q
	VCVTDQ2PS   DOTS, DOTS                     \
	VMULPS      (t)(PLANE*2), WSCALE, SCALE    \
	VFMADD231PS SCALE, DOTS, sum               \
	ADDQ        $64, t

// func q8RowsAVX512(dst *float32, w *byte, rows, blocks int, x *int8, plane int)
TEXT ·q8RowsAVX512(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DST
	MOVQ w+8(FP), W
	MOVQ rows+16(FP), ROWS
	MOVQ blocks+24(FP), BLOCKS
	MOVQ plane+40(FP), PLANE
	CONSTANTS512

row:
	MOVQ   x+32(FP), T0
	VPXORQ Z0, Z0, Z0
	MOVQ   BLOCKS, LEFT
	SUBQ   $2, LEFT
	JB     odd

pair:
	PAIR512
	TOKEN512(T0, Z0)
	SUBQ $2, LEFT
	JAE  pair

odd:
	TESTQ $1, BLOCKS
	JZ    store
	SINGLE512
	TOKEN512(T0, Z0)

store:
	FOLD16(Z0, Y0, X0, Y1, X1, (DST))
	ADDQ $4, DST
	DECQ ROWS
	JNZ  row
	VZEROUPPER
	RET

// func q8Rows4AVX512(dst *float32, ld int, w *byte, rows, blocks int, x *[4]*int8, plane int)
TEXT ·q8Rows4AVX512(SB), NOSPLIT, $0-56
	MOVQ dst+0(FP), DST
	MOVQ ld+8(FP), LD
	MOVQ w+16(FP), W
	MOVQ rows+24(FP), ROWS
	MOVQ blocks+32(FP), BLOCKS
	MOVQ plane+48(FP), PLANE
	SHLQ $2, LD
	LEAQ (LD)(LD*2), LD3
	CONSTANTS512

row:
	MOVQ   x+40(FP), AX
	MOVQ   0(AX), T0
	MOVQ   8(AX), T1
	MOVQ   16(AX), T2
	MOVQ   24(AX), T3
	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z2, Z2, Z2
	VPXORQ Z3, Z3, Z3
	MOVQ   BLOCKS, LEFT
	SUBQ   $2, LEFT
	JB     odd

pair:
	PAIR512
	TOKEN512(T0, Z0)
	TOKEN512(T1, Z1)
	TOKEN512(T2, Z2)
	TOKEN512(T3, Z3)
	SUBQ $2, LEFT
	JAE  pair

odd:
	TESTQ $1, BLOCKS
	JZ    store
	SINGLE512
	TOKEN512(T0, Z0)
	TOKEN512(T1, Z1)
	TOKEN512(T2, Z2)
	TOKEN512(T3, Z3)

store:
	FOLD16(Z0, Y0, X0, Y4, X4, (DST))
	FOLD16(Z1, Y1, X1, Y4, X4, (DST)(LD*1))
	FOLD16(Z2, Y2, X2, Y4, X4, (DST)(LD*2))
	FOLD16(Z3, Y3, X3, Y4, X4, (DST)(LD3*1))
	ADDQ $4, DST
	DECQ ROWS
	JNZ  row
	VZEROUPPER
	RET

// --- AVX2 ---
// VPMADDUBSW multiplies unsigned by signed bytes and saturates the sum of two
// products: |w| times q with the sign of w stays within 2*128*127.

#define W256      Y8
#define ABS256    Y9
#define WSCALE256 Y10
#define WHALF256  X10
#define DOTS256   Y11
#define SCALE256  Y12
#define ONES16    Y15

#define CONSTANTS256 \
	VPCMPEQW ONES16, ONES16, ONES16 \
	VPSRLW   $15, ONES16, ONES16

#define BLOCK256 \
	VMOVDQU      2(W), W256           \
	VPABSB       W256, ABS256         \
	VPBROADCASTW (W), WHALF256        \
	VCVTPH2PS    WHALF256, WSCALE256  \
	PREFETCHT1   AHEAD(W)             \
	ADDQ         $34, W

#define TOKEN256(t, sum) \
	VMOVDQU     (t), DOTS256                    \
	VPSIGNB     W256, DOTS256, DOTS256          \ // q * sign(w)
	VPMADDUBSW  DOTS256, ABS256, DOTS256        \ // |w| * that, in pairs
	VPMADDWD    ONES16, DOTS256, DOTS256        \ // in fours
	VCVTDQ2PS   DOTS256, DOTS256                \
	VMULPS      (t)(PLANE*2), WSCALE256, SCALE256 \
	VFMADD231PS SCALE256, DOTS256, sum          \
	ADDQ        $32, t

// func q8RowsAVX2(dst *float32, w *byte, rows, blocks int, x *int8, plane int)
TEXT ·q8RowsAVX2(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DST
	MOVQ w+8(FP), W
	MOVQ rows+16(FP), ROWS
	MOVQ blocks+24(FP), BLOCKS
	MOVQ plane+40(FP), PLANE
	CONSTANTS256

row:
	MOVQ   x+32(FP), T0
	VXORPS Y0, Y0, Y0
	MOVQ   BLOCKS, LEFT

block:
	BLOCK256
	TOKEN256(T0, Y0)
	DECQ LEFT
	JNZ  block

	FOLD(Y0, X0, X1, (DST))
	ADDQ $4, DST
	DECQ ROWS
	JNZ  row
	VZEROUPPER
	RET

// func q8Rows4AVX2(dst *float32, ld int, w *byte, rows, blocks int, x *[4]*int8, plane int)
TEXT ·q8Rows4AVX2(SB), NOSPLIT, $0-56
	MOVQ dst+0(FP), DST
	MOVQ ld+8(FP), LD
	MOVQ w+16(FP), W
	MOVQ rows+24(FP), ROWS
	MOVQ blocks+32(FP), BLOCKS
	MOVQ plane+48(FP), PLANE
	SHLQ $2, LD
	LEAQ (LD)(LD*2), LD3
	CONSTANTS256

row:
	MOVQ   x+40(FP), AX
	MOVQ   0(AX), T0
	MOVQ   8(AX), T1
	MOVQ   16(AX), T2
	MOVQ   24(AX), T3
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	MOVQ   BLOCKS, LEFT

block:
	BLOCK256
	TOKEN256(T0, Y0)
	TOKEN256(T1, Y1)
	TOKEN256(T2, Y2)
	TOKEN256(T3, Y3)
	DECQ LEFT
	JNZ  block

	FOLD(Y0, X0, X4, (DST))
	FOLD(Y1, X1, X4, (DST)(LD*1))
	FOLD(Y2, X2, X4, (DST)(LD*2))
	FOLD(Y3, X3, X4, (DST)(LD3*1))
	ADDQ $4, DST
	DECQ ROWS
	JNZ  row
	VZEROUPPER
	RET
