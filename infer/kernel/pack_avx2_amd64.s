#include "textflag.h"
#include "pack_avx2_amd64.h"

// Types with blocks of 32 columns.

DATA levelsQ4_0<>+0(SB)/8, $0xfffefdfcfbfaf9f8
DATA levelsQ4_0<>+8(SB)/8, $0x0706050403020100
GLOBL levelsQ4_0<>(SB), RODATA|NOPTR, $16

DATA levelsQ4_1<>+0(SB)/8, $0x0706050403020100
DATA levelsQ4_1<>+8(SB)/8, $0x0f0e0d0c0b0a0908
GLOBL levelsQ4_1<>(SB), RODATA|NOPTR, $16

DATA levelsMXFP4<>+0(SB)/8, $0x0c08060403020100
DATA levelsMXFP4<>+8(SB)/8, $0xf4f8fafcfdfeff00
GLOBL levelsMXFP4<>(SB), RODATA|NOPTR, $16

// first8 is the shuffle that copies the first byte of each dword into all four.
DATA first8<>+0(SB)/8, $0x0404040400000000
DATA first8<>+8(SB)/8, $0x0c0c0c0c08080808
GLOBL first8<>(SB), RODATA|NOPTR, $16

#define PACK(block, size, ahead) \
step:                    \
	block            \
	ahead            \
	ADVANCE(size)    \
	ADDQ $288, PANEL \
	ADDQ $32, MINS   \
	DECQ STEPS       \
	JNZ  step

#define AGAIN \
	MOVQ steps+0(FP), PANEL \
	MOVQ n+40(FP), STEPS

// WIDEN ends the packer of a type whose scales are binary16 behind the codes.
#define WIDEN \
	AGAIN                    \
widen:                           \
	VCVTPH2PS 256(PANEL), Y0 \
	VMOVUPS   Y0, 256(PANEL) \
	ADDQ      $288, PANEL    \
	DECQ      STEPS          \
	JNZ       widen          \
	VZEROUPPER               \
	RET

#define BLOCKQ8 \
	TURN32(2)       \
	LIFTED(0, Y0)   \
	LIFTED(32, Y1)  \
	LIFTED(64, Y2)  \
	LIFTED(96, Y3)  \
	LIFTED(128, Y4) \
	LIFTED(160, Y5) \
	LIFTED(192, Y6) \
	LIFTED(224, Y7) \
	HALVES(0, 256, PANEL)

// AHEADROWS calls in three lines of two rows, and of the next two the next
// time: four steps later it is 136 bytes further on in the first ones.
#define NEXT  R9  // 0 to 3 strides
#define FOUR  R15 // strides
#define FIRST DX  // 0

#define LINES3(w) \
	PREFETCHT1 0(w)(NEXT*1)   \
	PREFETCHT1 64(w)(NEXT*1)  \
	PREFETCHT1 128(w)(NEXT*1)

#define AHEADROWS \
	LINES3(N0)           \
	LINES3(N4)           \
	ADDQ    STRIDE, NEXT \
	CMPQ    NEXT, FOUR   \
	CMOVQEQ FIRST, NEXT

#define PACKQ8(offset) \
	ARGUMENTS                     \
	CONSTANT(offset, X15, OFFSET) \
	XORL FIRST, FIRST             \
	XORL NEXT, NEXT               \
	LEAQ (NEXT)(STRIDE*4), FOUR   \
	PACK(BLOCKQ8, 34, AHEADROWS)  \
	WIDEN

// Four bits, looked up.

#define NIBBLES(offset, table) \
	ARGUMENTS                         \
	CONSTANT(offset, X15, OFFSET)     \
	CONSTANT(0x0f0f0f0f, X14, MASK)   \
	LOADTABLE(table)

#define BLOCKQ4_0 \
	LEVELS16(2) \
	HALVES(0, 256, PANEL)

#define PACKQ4_0(offset, table) \
	NIBBLES(offset, table)         \
	PACK(BLOCKQ4_0, 18, AHEADHALF) \
	WIDEN

// HEAD sets y to the dwords off bytes from the rows' pointers; the 12 bytes
// behind them must be there.
#define HEAD(off, y) \
	PAIR(off(W), off(W4), X0, Y0)                       \
	PAIR(off(W)(STRIDE*1), off(W4)(STRIDE*1), X1, Y1)   \
	PAIR(off(W)(STRIDE*2), off(W4)(STRIDE*2), X2, Y2)   \
	PAIR(off(W)(S3*1), off(W4)(S3*1), X3, Y3)           \
	VPUNPCKLDQ  Y1, Y0, Y0                              \
	VPUNPCKLDQ  Y3, Y2, Y2                              \
	VPUNPCKLQDQ Y2, Y0, y

// SCALEMIN is for blocks that begin with d and m: d*q + m.
#define SCALEMIN \
	HEAD(0, Y0)                \
	FLOATS(Y0)                 \
	VMOVUPS  D, 256(PANEL)     \
	VPCMPEQD Y8, Y8, Y8        \
	VPSLLD   $31, Y8, Y8       \
	VXORPS   Y8, DMIN, DMIN    \ // -m
	VMOVUPS  DMIN, (MINS)

#define BLOCKQ4_1 \
	SCALEMIN    \
	LEVELS16(4)

#define PACKQ4_1(offset) \
	NIBBLES(offset, levelsQ4_1)    \
	PACK(BLOCKQ4_1, 20, AHEADHALF) \
	VZEROUPPER                     \
	RET

// EXPONENTS copies the first byte of each row's block behind the codes.
#define EXPONENTS4(w, at) \
	MOVBLZX (w), AX           \
	MOVB    AX, (at+0)(PANEL) \
	MOVBLZX (w)(STRIDE*1), AX \
	MOVB    AX, (at+1)(PANEL) \
	MOVBLZX (w)(STRIDE*2), AX \
	MOVB    AX, (at+2)(PANEL) \
	MOVBLZX (w)(S3*1), AX     \
	MOVB    AX, (at+3)(PANEL)

#define BLOCKMXFP4 \
	LEVELS16(1)         \
	EXPONENTS4(W, 256)  \
	EXPONENTS4(W4, 260)

// The scale of an exponent e is 2^(e-128), which is not normal for 0 and 1.
#define PACKMXFP4(offset) \
	NIBBLES(offset, levelsMXFP4)      \
	PACK(BLOCKMXFP4, 17, AHEADHALF)   \
	AGAIN                             \
	CONSTANT(1, X1, Y1)               \
	CONSTANT(0x00200000, X2, Y2)      \ // 2^-128
widen:                                    \
	VPMOVZXBD 256(PANEL), Y0          \
	VPSUBD    Y1, Y0, Y3              \
	VPSLLD    $23, Y3, Y3             \ // 2^(e-128)
	VPSLLVD   Y0, Y2, Y4              \ // 2^-128 << e
	VPCMPGTD  Y1, Y0, Y5              \
	VPBLENDVB Y5, Y3, Y4, Y3          \ // e > 1 ? Y3 : Y4
	VMOVUPS   Y3, 256(PANEL)          \
	ADDQ      $288, PANEL             \
	DECQ      STEPS                   \
	JNZ       widen                   \
	VZEROUPPER                        \
	RET

// Four bits, and a fifth from a word.

#define BITS    Y4 // the fifth bits of the 32 columns
#define SPREAD  Y5 // first8
#define EACHBIT Y6 // 1, 2, 4, 8
#define FIFTH   Y7 // 16
#define CODE    Y10

// WITHFIFTH stores the codes of quad k.
#define WITHFIFTH(k, nibbles, y) \
	VPSRLD   $((k)*4), BITS, Y8 \
	VPSHUFB  SPREAD, Y8, Y8      \
	VPAND    EACHBIT, Y8, Y8    \
	VPCMPEQB EACHBIT, Y8, Y8    \
	VPAND    FIFTH, Y8, Y8      \
	nibbles(y, CODE)            \
	VPOR     Y8, CODE, CODE     \
	LIFTED((k)*32, CODE)

#define BOTHFIFTHS(k, y) \
	WITHFIFTH(k, LOWER, y)   \
	WITHFIFTH(k+4, UPPER, y)

#define FIFTHS16(off) \
	TURN16(off, X0, Y0, X1, Y1, X2, Y2, X3, Y3) \
	BOTHFIFTHS(0, Y0) \
	BOTHFIFTHS(1, Y1) \
	BOTHFIFTHS(2, Y2) \
	BOTHFIFTHS(3, Y3)

#define FIVEBITS(offset) \
	ARGUMENTS                          \
	CONSTANT(offset, X15, OFFSET)      \
	CONSTANT(0x0f0f0f0f, X14, MASK)    \
	CONSTANT(0x08040201, X6, EACHBIT)  \
	CONSTANT(0x10101010, X7, FIFTH)    \
	VBROADCASTI128 first8<>(SB), SPREAD

#define BLOCKQ5_0 \
	HEAD(2, BITS)         \
	FIFTHS16(6)           \
	HALVES(0, 256, PANEL)

#define PACKQ5_0(offset) \
	FIVEBITS(offset)               \
	PACK(BLOCKQ5_0, 22, AHEADHALF) \
	WIDEN

#define BLOCKQ5_1 \
	SCALEMIN      \
	HEAD(4, BITS) \
	FIFTHS16(8)

#define PACKQ5_1(offset) \
	FIVEBITS(offset)               \
	PACK(BLOCKQ5_1, 24, AHEADHALF) \
	VZEROUPPER                     \
	RET

// func packQ8AVX2(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ8AVX2(SB), NOSPLIT, $0-48
	PACKQ8(0)

// func packQ8AVXVNNI(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ8AVXVNNI(SB), NOSPLIT, $0-48
	PACKQ8(0x80808080)

// func packQ4_0AVX2(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ4_0AVX2(SB), NOSPLIT, $0-48
	PACKQ4_0(0x20202020, levelsQ4_0)

// func packQ4_0AVXVNNI(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ4_0AVXVNNI(SB), NOSPLIT, $0-48
	PACKQ4_0(0x80808080, levelsQ4_0)

// func packIQ4NLAVX2(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packIQ4NLAVX2(SB), NOSPLIT, $0-48
	PACKQ4_0(0, levelsIQ4)

// func packIQ4NLAVXVNNI(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packIQ4NLAVXVNNI(SB), NOSPLIT, $0-48
	PACKQ4_0(0x80808080, levelsIQ4)

// func packQ4_1AVX2(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ4_1AVX2(SB), NOSPLIT, $0-48
	PACKQ4_1(0x20202020)

// func packQ4_1AVXVNNI(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ4_1AVXVNNI(SB), NOSPLIT, $0-48
	PACKQ4_1(0x80808080)

// func packMXFP4AVX2(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packMXFP4AVX2(SB), NOSPLIT, $0-48
	PACKMXFP4(0x20202020)

// func packMXFP4AVXVNNI(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packMXFP4AVXVNNI(SB), NOSPLIT, $0-48
	PACKMXFP4(0x80808080)

// func packQ5_0AVX2(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ5_0AVX2(SB), NOSPLIT, $0-48
	PACKQ5_0(0x10101010)

// func packQ5_0AVXVNNI(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ5_0AVXVNNI(SB), NOSPLIT, $0-48
	PACKQ5_0(0x70707070)

// func packQ5_1AVX2(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ5_1AVX2(SB), NOSPLIT, $0-48
	PACKQ5_1(0x20202020)

// func packQ5_1AVXVNNI(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ5_1AVXVNNI(SB), NOSPLIT, $0-48
	PACKQ5_1(0x80808080)
