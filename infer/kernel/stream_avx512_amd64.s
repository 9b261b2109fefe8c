#include "textflag.h"
#include "pack_avx512_amd64.h"

// 16 streams of rows times a single vector. A row's codes are multiplied where they
// are and only then turned, as sums: half the work of turning the codes for a panel.
// The integer sums are the same, and so is all that follows.

#define DST DI
#define X   BX // the vector's step
#define ACC Z31
#define SIGN  Z30 // 0x80 in each byte
#define NIBBLE Z29 // 0x0f in each byte
#define INDEX Z28 // of the rows, in bytes from W
#define SCALE Z27
#define TMP   Z26
#define Q     Z24 // the vector's bytes, as often as a register holds them
#define Q16   Z25 // columns 16 to 31
#define PLACES Z23 // of the rows' results, in bytes from DST
#define AHEADBYTES 1024

DATA rows16<>+0(SB)/8, $0x0000000100000000
DATA rows16<>+8(SB)/8, $0x0000000300000002
DATA rows16<>+16(SB)/8, $0x0000000500000004
DATA rows16<>+24(SB)/8, $0x0000000700000006
DATA rows16<>+32(SB)/8, $0x0000000900000008
DATA rows16<>+40(SB)/8, $0x0000000b0000000a
DATA rows16<>+48(SB)/8, $0x0000000d0000000c
DATA rows16<>+56(SB)/8, $0x0000000f0000000e
GLOBL rows16<>(SB), RODATA|NOPTR, $64

// JOINED sums pairs of what two rows have, within 16 bytes: of a and b become a0+a2,
// b0+b2, a1+a3, b1+b3 for dwords, a0+a1, b0+b1 for quads of bytes.
#define JOINED(lower, upper, a, b) \
	lower  b, a, TMP    \
	upper  b, a, b      \
	VPADDD b, TMP, a

// TURNED leaves in each 16 bytes of a the sums of those of a, b, c and d.
#define TURNED(a, b, c, d) \
	JOINED(VPUNPCKLDQ, VPUNPCKHDQ, a, b)   \
	JOINED(VPUNPCKLDQ, VPUNPCKHDQ, c, d)   \
	JOINED(VPUNPCKLQDQ, VPUNPCKHQDQ, a, c)

// HALVES16 sets SCALE to the binary16 at each row's pointer.
#define HALVES16 \
	KXNORW     K2, K2, K2              \
	VPGATHERDD (W)(INDEX*1), K2, SCALE \
	WIDE(SCALE, Y27, SCALE)

// DOTS32 starts sum with the products of two rows' 32 codes, 8 sums of 4 of each.
#define DOTS32(sum, y, low, high) \
	VPXORQ   sum, sum, sum     \
	PAIR(Z8, Y8, low, high)  \
	VPXORQ   SIGN, Z8, Z8    \
	VPDPBUSD Q, Z8, sum

// STEPQ8_0 leaves the sums of all rows in Z0.
#define STEPQ8_0 \
	VBROADCASTI64X4 (X), Q                                    \
	DOTS32(Z0, Y8, 2(W), 2(W4))                              \
	DOTS32(Z1, Y8, 2(W)(STRIDE*1), 2(W4)(STRIDE*1))          \
	DOTS32(Z2, Y8, 2(W)(STRIDE*2), 2(W4)(STRIDE*2))          \
	DOTS32(Z3, Y8, 2(W)(S3*1), 2(W4)(S3*1))                  \
	DOTS32(Z4, Y8, 2(W8), 2(W12))                            \
	DOTS32(Z5, Y8, 2(W8)(STRIDE*1), 2(W12)(STRIDE*1))        \
	DOTS32(Z6, Y8, 2(W8)(STRIDE*2), 2(W12)(STRIDE*2))        \
	DOTS32(Z7, Y8, 2(W8)(S3*1), 2(W12)(S3*1))                \
	TURNED(Z0, Z1, Z2, Z3)                                    \
	TURNED(Z4, Z5, Z6, Z7)                                    \
	VSHUFI32X4      $0x88, Z4, Z0, Z1                         \
	VSHUFI32X4      $0xdd, Z4, Z0, Z2                         \
	VPADDD          Z2, Z1, Z0                                \
	VPADDD.BCST     36(X), Z0, Z0

// DOTSNIBBLES starts sum with the products of four rows' 32 nibbles.
#define DOTSNIBBLES(sum, r0, r4, r8, r12) \
	VPXORQ   sum, sum, sum             \
	FOUR(Z8, X8, r0, r4, r8, r12)    \
	VPSRLW   $4, Z8, Z9              \
	VPANDQ   NIBBLE, Z8, Z8          \
	VPANDQ   NIBBLE, Z9, Z9          \
	VPDPBUSD Q, Z8, sum               \
	VPDPBUSD Q16, Z9, sum

// STEPQ4_0: a nibble is 8 more than it says, and a sixteenth of the bias goes with
// that.
#define STEPQ4_0 \
	VBROADCASTI32X4 (X), Q                                                                       \
	VBROADCASTI32X4 16(X), Q16                                                                   \
	DOTSNIBBLES(Z0, 2(W), 2(W4), 2(W8), 2(W12))                                                  \
	DOTSNIBBLES(Z1, 2(W)(STRIDE*1), 2(W4)(STRIDE*1), 2(W8)(STRIDE*1), 2(W12)(STRIDE*1))          \
	DOTSNIBBLES(Z2, 2(W)(STRIDE*2), 2(W4)(STRIDE*2), 2(W8)(STRIDE*2), 2(W12)(STRIDE*2))          \
	DOTSNIBBLES(Z3, 2(W)(S3*1), 2(W4)(S3*1), 2(W8)(S3*1), 2(W12)(S3*1))                          \
	TURNED(Z0, Z1, Z2, Z3)                                                                       \
	VPBROADCASTD    36(X), TMP                                                                   \
	VPSRAD          $4, TMP, TMP                                                                 \
	VPADDD          TMP, Z0, Z0

// STREAM multiplies blocks of size bytes. Where a row ends, the stream's next begins.
#define STREAM(size, lines, step) \
	MOVQ         dst+0(FP), DST             \
	MOVQ         w+16(FP), W                \
	MOVQ         stride+24(FP), STRIDE      \
	MOVQ         $AHEADBYTES, FIRST         \
	ROWS                                    \
	VPBROADCASTD STRIDE, INDEX              \
	VPMULLD      rows16<>(SB), INDEX, INDEX \
	MOVQ         ld+8(FP), AX               \
	SHLQ         $2, AX                     \
	VPBROADCASTD AX, PLACES                 \
	VPMULLD      rows16<>(SB), PLACES, PLACES \
	CONSTANT(0x80808080, SIGN)              \
	CONSTANT(0x0f0f0f0f, NIBBLE)            \
row:                                        \
	MOVQ         x+32(FP), X                \
	MOVQ         n+48(FP), STEPS            \
	VPXORQ       ACC, ACC, ACC              \
next:                                       \
	HALVES16                                \
	step                                    \
	VCVTDQ2PS    Z0, Z0                     \
	VMULPS.BCST  32(X), SCALE, SCALE        \ // scale[row] * d
	VFMADD231PS  SCALE, Z0, ACC             \
	AHEAD(lines)                            \
	ADVANCE(size)                           \
	ADDQ         $40, X                     \
	DECQ         STEPS                      \
	JNZ          next                       \
	KXNORW       K2, K2, K2                 \
	VSCATTERDPS  ACC, K2, (DST)(PLACES*1)   \
	ADDQ         $4, DST                    \
	DECQ         rows+40(FP)                \
	JNZ          row                        \
	VZEROUPPER                              \
	RET

// func streamQ8_0AVX512(dst *float32, ld int, w *byte, stride int, x *byte, rows, n int)
TEXT ·streamQ8_0AVX512(SB), NOSPLIT, $0-56
	STREAM(34, LINES3, STEPQ8_0)

// func streamQ4_0AVX512(dst *float32, ld int, w *byte, stride int, x *byte, rows, n int)
TEXT ·streamQ4_0AVX512(SB), NOSPLIT, $0-56
	STREAM(18, LINES2, STEPQ4_0)
