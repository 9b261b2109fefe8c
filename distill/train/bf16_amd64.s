#include "textflag.h"

// The assembler does not know AVX512_BF16, so its three instructions are spelled out as EVEX bytes:
// 0x62, then P0 (register extensions and opcode map), P1 (first source and prefix), P2 (length), opcode, ModRM.

// DPBF16 is VDPBF16PS x, b, acc: each float32 of acc += the two products of the bfloat16 pairs in its place of b and x.
// half is 0xB2 for acc = Z0..Z7 and 0x32 for Z8..Z15, n is the accumulator's number in its half, b is 0x7E for Z16 and
// 0x76 for Z17, x is 2 for Z18 and 3 for Z19.
#define DPBF16(x, b, half, n) BYTE $0x62; BYTE $half; BYTE $b; BYTE $0x40; BYTE $0x52; BYTE $(0xC0+8*n+x)

// ROUND is VCVTNEPS2BF16 Zn, Yn.
#define ROUND(n) BYTE $0x62; BYTE $0xF2; BYTE $0x7E; BYTE $0x48; BYTE $0x72; BYTE $(0xC0+9*n)

// ROUND2 is VCVTNE2PS2BF16 Z0, Z1, Z2: the lower half of Z2 from Z0, the upper from Z1.
#define ROUND2 BYTE $0x62; BYTE $0xF2; BYTE $0x77; BYTE $0x48; BYTE $0x72; BYTE $0xD0

#define K     CX  // steps of two left
#define A     SI  // packed A: 8 pairs a step
#define B     DI  // packed B: 32 pairs a step
#define C     DX
#define LDC   R8  // row stride of C in bytes
#define C3    R9  // 3*LDC
#define CMID  R10 // row 4 of C

#define STEP(r, reg, x, half, n) \
	VPBROADCASTD (4*r)(A), reg \ // reg = pair of row r
	DPBF16(x, 0x7E, half, n)   \ // columns 0..15 += B[0:16]*reg
	DPBF16(x, 0x76, half, (n+1)) // columns 16..31 += B[16:32]*reg

#define STORE(at, lo, hi) \
	VADDPS  0 at, lo, K1, lo  \ // lo += C, if add
	VADDPS  64 at, hi, K1, hi \
	VMOVUPS lo, 0 at          \
	VMOVUPS hi, 64 at

// func tileBF16(k int, a, b *uint32, c *float32, ldc int, add bool)
TEXT ·tileBF16(SB), NOSPLIT, $0-41
	MOVQ k+0(FP), K
	MOVQ a+8(FP), A
	MOVQ b+16(FP), B
	MOVQ c+24(FP), C
	MOVQ ldc+32(FP), LDC
	SHLQ $2, LDC
	LEAQ (LDC)(LDC*2), C3
	LEAQ (C)(LDC*4), CMID

	// All lanes of K1 if add, else none: C is not even read then.
	MOVBQZX add+40(FP), AX
	NEGQ    AX
	KMOVW   AX, K1

	PREFETCHT0 (C)
	PREFETCHT0 64(C)
	PREFETCHT0 (C)(LDC*1)
	PREFETCHT0 64(C)(LDC*1)
	PREFETCHT0 (C)(LDC*2)
	PREFETCHT0 64(C)(LDC*2)
	PREFETCHT0 (C)(C3*1)
	PREFETCHT0 64(C)(C3*1)
	PREFETCHT0 (CMID)
	PREFETCHT0 64(CMID)
	PREFETCHT0 (CMID)(LDC*1)
	PREFETCHT0 64(CMID)(LDC*1)
	PREFETCHT0 (CMID)(LDC*2)
	PREFETCHT0 64(CMID)(LDC*2)
	PREFETCHT0 (CMID)(C3*1)
	PREFETCHT0 64(CMID)(C3*1)

	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z2, Z2, Z2
	VPXORQ Z3, Z3, Z3
	VPXORQ Z4, Z4, Z4
	VPXORQ Z5, Z5, Z5
	VPXORQ Z6, Z6, Z6
	VPXORQ Z7, Z7, Z7
	VPXORQ Z8, Z8, Z8
	VPXORQ Z9, Z9, Z9
	VPXORQ Z10, Z10, Z10
	VPXORQ Z11, Z11, Z11
	VPXORQ Z12, Z12, Z12
	VPXORQ Z13, Z13, Z13
	VPXORQ Z14, Z14, Z14
	VPXORQ Z15, Z15, Z15

step:
	VMOVDQU32 (B), Z16
	VMOVDQU32 64(B), Z17
	STEP(0, Z18, 2, 0xB2, 0)
	STEP(1, Z19, 3, 0xB2, 2)
	STEP(2, Z18, 2, 0xB2, 4)
	STEP(3, Z19, 3, 0xB2, 6)
	STEP(4, Z18, 2, 0x32, 0)
	STEP(5, Z19, 3, 0x32, 2)
	STEP(6, Z18, 2, 0x32, 4)
	STEP(7, Z19, 3, 0x32, 6)
	ADDQ $32, A
	ADDQ $128, B
	DECQ K
	JNZ  step

	STORE((C), Z0, Z1)
	STORE((C)(LDC*1), Z2, Z3)
	STORE((C)(LDC*2), Z4, Z5)
	STORE((C)(C3*1), Z6, Z7)
	STORE((CMID), Z8, Z9)
	STORE((CMID)(LDC*1), Z10, Z11)
	STORE((CMID)(LDC*2), Z12, Z13)
	STORE((CMID)(C3*1), Z14, Z15)
	VZEROUPPER
	RET

DATA interleave<>+0(SB)/8, $0x0011000100100000
DATA interleave<>+8(SB)/8, $0x0013000300120002
DATA interleave<>+16(SB)/8, $0x0015000500140004
DATA interleave<>+24(SB)/8, $0x0017000700160006
DATA interleave<>+32(SB)/8, $0x0019000900180008
DATA interleave<>+40(SB)/8, $0x001B000B001A000A
DATA interleave<>+48(SB)/8, $0x001D000D001C000C
DATA interleave<>+56(SB)/8, $0x001F000F001E000E
GLOBL interleave<>(SB), RODATA|NOPTR, $64

// func zipBF16(dst *uint32, half int, even, odd *float32, blocks int)
TEXT ·zipBF16(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ half+8(FP), R8 // bytes from one eight pairs to the next
	MOVQ even+16(FP), SI
	MOVQ odd+24(FP), DX
	MOVQ blocks+32(FP), CX
	SHLQ $2, R8
	VMOVDQU32 interleave<>(SB), Z3

zip:
	VMOVUPS (SI), Z0
	VMOVUPS (DX), Z1
	ROUND2
	VPERMW  Z2, Z3, Z2       // pair i = even[i], odd[i]
	VMOVDQU Y2, (DI)
	VEXTRACTI64X4 $1, Z2, Y2
	VMOVDQU Y2, (DI)(R8*1)
	LEAQ (DI)(R8*2), DI
	ADDQ $64, SI
	ADDQ $64, DX
	DECQ CX
	JNZ  zip
	VZEROUPPER
	RET

// func turnBF16(dst *uint32, width int, src *float32, ld, blocks int)
TEXT ·turnBF16(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ width+8(FP), R8
	MOVQ src+16(FP), SI
	MOVQ ld+24(FP), R9
	MOVQ blocks+32(FP), CX
	SHLQ $2, R8
	SHLQ $2, R9
	LEAQ (R8)(R8*2), R10 // 3*width
	LEAQ (R9)(R9*2), R11 // 3*ld
	LEAQ (SI)(R9*4), DX  // line 4

turn:
	// Line n rounded into Yn: 8 pairs each.
	VMOVUPS (SI), Z0
	VMOVUPS (SI)(R9*1), Z1
	VMOVUPS (SI)(R9*2), Z2
	VMOVUPS (SI)(R11*1), Z3
	VMOVUPS (DX), Z4
	VMOVUPS (DX)(R9*1), Z5
	VMOVUPS (DX)(R9*2), Z6
	VMOVUPS (DX)(R11*1), Z7
	ROUND(0)
	ROUND(1)
	ROUND(2)
	ROUND(3)
	ROUND(4)
	ROUND(5)
	ROUND(6)
	ROUND(7)

	// Transpose the 8x8 pairs, within halves first.
	VPUNPCKLDQ Y1, Y0, Y8
	VPUNPCKHDQ Y1, Y0, Y9
	VPUNPCKLDQ Y3, Y2, Y10
	VPUNPCKHDQ Y3, Y2, Y11
	VPUNPCKLDQ Y5, Y4, Y12
	VPUNPCKHDQ Y5, Y4, Y13
	VPUNPCKLDQ Y7, Y6, Y14
	VPUNPCKHDQ Y7, Y6, Y15
	VPUNPCKLQDQ Y10, Y8, Y0  // pairs 0 and 4 of lines 0..3
	VPUNPCKHQDQ Y10, Y8, Y1  // 1 and 5
	VPUNPCKLQDQ Y11, Y9, Y2  // 2 and 6
	VPUNPCKHQDQ Y11, Y9, Y3  // 3 and 7
	VPUNPCKLQDQ Y14, Y12, Y4 // the same of lines 4..7
	VPUNPCKHQDQ Y14, Y12, Y5
	VPUNPCKLQDQ Y15, Y13, Y6
	VPUNPCKHQDQ Y15, Y13, Y7
	VPERM2I128 $0x20, Y4, Y0, Y8
	VPERM2I128 $0x20, Y5, Y1, Y9
	VPERM2I128 $0x20, Y6, Y2, Y10
	VPERM2I128 $0x20, Y7, Y3, Y11
	VPERM2I128 $0x31, Y4, Y0, Y12
	VPERM2I128 $0x31, Y5, Y1, Y13
	VPERM2I128 $0x31, Y6, Y2, Y14
	VPERM2I128 $0x31, Y7, Y3, Y15
	VMOVDQU Y8, (DI)
	VMOVDQU Y9, (DI)(R8*1)
	VMOVDQU Y10, (DI)(R8*2)
	VMOVDQU Y11, (DI)(R10*1)
	LEAQ (DI)(R8*4), DI
	VMOVDQU Y12, (DI)
	VMOVDQU Y13, (DI)(R8*1)
	VMOVDQU Y14, (DI)(R8*2)
	VMOVDQU Y15, (DI)(R10*1)
	LEAQ (DI)(R8*4), DI
	ADDQ $64, SI
	ADDQ $64, DX
	DECQ CX
	JNZ  turn
	VZEROUPPER
	RET
