#include "textflag.h"
#include "pack_avx512_amd64.h"

// Packers of types with blocks of 32, which are one step.

// SCALES goes through the steps once more and makes scales of what they have
// in their place.
#define SCALES(scale) \
	MOVQ  steps+0(FP), PANEL \
	MOVQ  n+40(FP), STEPS    \
scales:                      \
	scale                    \
	ADDQ  $576, PANEL        \
	DECQ  STEPS              \
	JNZ   scales

// HALF is for a binary16.
#define HALF \
	VCVTPH2PS 512(PANEL), Z0 \
	VMOVUPS   Z0, 512(PANEL)

// HALFMIN is for a scale and the negative of a minimum.
#define MINUS Z12 // a sign in each dword
#define HALFMIN \
	VMOVDQU64 512(PANEL), Z0 \
	VPSRLD    $16, Z0, Z1    \
	WIDE(Z0, Y0, Z0)         \
	WIDE(Z1, Y1, Z1)         \
	VPXORD    MINUS, Z1, Z1  \
	VMOVUPS   Z0, 512(PANEL) \
	VMOVUPS   Z1, (MINS)     \
	ADDQ      $64, MINS

// EXPONENT is for a byte e that says 2^(e-128); two of them are subnormal.
#define TWO   Z13 // the number
#define ONE   Z14 // the lowest bit of an exponent
#define SMALL Z15 // 2^-128
#define EXPONENT \
	VPMOVZXBD 512(PANEL), Z0     \
	VPSLLD    $23, Z0, Z1        \
	VPSUBD    ONE, Z1, Z1        \
	VPCMPUD   $1, TWO, Z0, K1    \ // e < 2
	VPSLLVD   Z0, SMALL, K1, Z1  \
	VMOVDQU32 Z1, 512(PANEL)

// SIGNED stores codes that are whole bytes.
#define SIGN Z30
#define SIGNED(z, at) \
	VPXORQ    SIGN, z, z   \ // + 128
	VMOVDQU64 z, at(PANEL)

// FIFTHS adds 16 to two quads' codes where their byte of FIFTH is set in BITS:
// its lower half is for quad a, the upper one for b.
#define FIFTH   Z8  // 32 bits of each row
#define BITSA   Z9  // 1, 2, 4, 8
#define BITSB   Z10 // 16, 32, 64, 128
#define SIXTEEN Z11
#define FIFTHS(spread, a, b) \
	VPSHUFB  spread, FIFTH, Z25     \ // the byte to all of its row
	VPTESTMB BITSA, Z25, K1         \
	VPTESTMB BITSB, Z25, K2         \
	VPADDB   SIXTEEN, a, K1, a      \
	VPADDB   SIXTEEN, b, K2, b

// spread<> has the indices that copy byte 0, 1, 2 or 3 of each dword.
DATA spread<>+0(SB)/8, $0x0404040400000000
DATA spread<>+8(SB)/8, $0x0c0c0c0c08080808
DATA spread<>+16(SB)/8, $0x0505050501010101
DATA spread<>+24(SB)/8, $0x0d0d0d0d09090909
DATA spread<>+32(SB)/8, $0x0606060602020202
DATA spread<>+40(SB)/8, $0x0e0e0e0e0a0a0a0a
DATA spread<>+48(SB)/8, $0x0707070703030303
DATA spread<>+56(SB)/8, $0x0f0f0f0f0b0b0b0b
GLOBL spread<>(SB), RODATA|NOPTR, $64

// Codes of nibbles. Q4_0: 128 + nibble - 8.
DATA q4_0<>+0(SB)/8, $0x7f7e7d7c7b7a7978
DATA q4_0<>+8(SB)/8, $0x8786858483828180
GLOBL q4_0<>(SB), RODATA|NOPTR, $16

// MXFP4: 128 + twice the values of E2M1.
DATA mxfp4<>+0(SB)/8, $0x8c88868483828180
DATA mxfp4<>+8(SB)/8, $0x74787a7c7d7e7f80
GLOBL mxfp4<>(SB), RODATA|NOPTR, $16

// PACK is a packer: step packs the size bytes of a row's block, lines is for
// four blocks, scale for SCALES.
#define PACK(size, lines, step, scale) \
next:                 \
	step              \
	AHEAD(lines)      \
	ADVANCE(size)     \
	ADDQ $576, PANEL  \
	DECQ STEPS        \
	JNZ  next         \
	SCALES(scale)     \
	VZEROUPPER        \
	RET

// NIBBLES16 and LEVELS16 pack 16 bytes of nibbles.
#define NIBBLES16(off) \
	TURN16(off)                 \
	NIBBLES(Z0, Z24, 0, 256)    \
	NIBBLES(Z1, Z25, 64, 320)   \
	NIBBLES(Z2, Z26, 128, 384)  \
	NIBBLES(Z3, Z27, 192, 448)

#define LEVELS16(off) \
	TURN16(off)          \
	LEVELS(Z0, Z24, 0)   \
	LEVELS(Z1, Z25, 64)  \
	LEVELS(Z2, Z26, 128) \
	LEVELS(Z3, Z27, 192)

// BITS5 goes through the steps beforehand and does copy, which leaves the 32
// fifth bits in the last quad's place.
#define BITS5(size, copy) \
bits:                     \
	copy              \
	ADVANCE(size)     \
	ADDQ $576, PANEL  \
	DECQ STEPS        \
	JNZ  bits         \
	ARGUMENTS

// NIBBLES5 packs 16 bytes of nibbles after that.
#define NIBBLES5(off) \
	TURN16(off)                 \
	SPLIT(Z0, Z4)               \
	SPLIT(Z1, Z5)               \
	SPLIT(Z2, Z6)               \
	SPLIT(Z3, Z7)               \
	VMOVDQU64 448(PANEL), FIFTH \
	FIFTHS(Z16, Z0, Z1)         \
	FIFTHS(Z17, Z2, Z3)         \
	FIFTHS(Z18, Z4, Z5)         \
	FIFTHS(Z19, Z6, Z7)         \
	VMOVDQU64 Z0, 0(PANEL)      \
	VMOVDQU64 Z1, 64(PANEL)     \
	VMOVDQU64 Z2, 128(PANEL)    \
	VMOVDQU64 Z3, 192(PANEL)    \
	VMOVDQU64 Z4, 256(PANEL)    \
	VMOVDQU64 Z5, 320(PANEL)    \
	VMOVDQU64 Z6, 384(PANEL)    \
	VMOVDQU64 Z7, 448(PANEL)

#define FIVES(base) \
	CONSTANT(0x0f0f0f0f, LOW)            \
	CONSTANT(base, BASE)                 \
	CONSTANT(0x08040201, BITSA)          \
	CONSTANT(0x80402010, BITSB)          \
	CONSTANT(0x10101010, SIXTEEN)        \
	VBROADCASTI32X4 spread<>+0(SB), Z16  \
	VBROADCASTI32X4 spread<>+16(SB), Z17 \
	VBROADCASTI32X4 spread<>+32(SB), Z18 \
	VBROADCASTI32X4 spread<>+48(SB), Z19

#define STEPQ8_0 \
	HALVES(0, 512)   \
	TURN32(2)        \
	SIGNED(Z16, 0)   \
	SIGNED(Z17, 64)  \
	SIGNED(Z18, 128) \
	SIGNED(Z19, 192) \
	SIGNED(Z20, 256) \
	SIGNED(Z21, 320) \
	SIGNED(Z22, 384) \
	SIGNED(Z23, 448)

// func packQ8_0AVX512(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ8_0AVX512(SB), NOSPLIT, $0-48
	ARGUMENTS
	CONSTANT(0x80808080, SIGN)
	PACK(34, LINES3, STEPQ8_0, HALF)

#define STEPQ4_0 \
	HALVES(0, 512) \
	LEVELS16(2)

// func packQ4_0AVX512(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ4_0AVX512(SB), NOSPLIT, $0-48
	ARGUMENTS
	CONSTANT(0x0f0f0f0f, LOW)
	VBROADCASTI32X4 q4_0<>(SB), TABLE
	PACK(18, LINES2, STEPQ4_0, HALF)

// func packIQ4NLAVX512(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packIQ4NLAVX512(SB), NOSPLIT, $0-48
	ARGUMENTS
	CONSTANT(0x0f0f0f0f, LOW)
	VBROADCASTI32X4 iq4<>(SB), TABLE
	PACK(18, LINES2, STEPQ4_0, HALF)

#define STEPMXFP4 \
	BYTES(0, 512) \
	LEVELS16(1)

// func packMXFP4AVX512(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packMXFP4AVX512(SB), NOSPLIT, $0-48
	ARGUMENTS
	CONSTANT(0x0f0f0f0f, LOW)
	CONSTANT(2, TWO)
	CONSTANT(1<<23, ONE)
	CONSTANT(1<<21, SMALL)
	VBROADCASTI32X4 mxfp4<>(SB), TABLE
	PACK(17, LINES2, STEPMXFP4, EXPONENT)

#define STEPQ4_1 \
	WORDS(0, 512) \
	NIBBLES16(4)

// func packQ4_1AVX512(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ4_1AVX512(SB), NOSPLIT, $0-48
	ARGUMENTS
	CONSTANT(0x0f0f0f0f, LOW)
	CONSTANT(0x80808080, BASE)
	CONSTANT(1<<31, MINUS)
	PACK(20, LINES2, STEPQ4_1, HALFMIN)

#define COPYQ5_0 \
	HALVES(0, 512) \
	WORDS(2, 448)

#define STEPQ5_0 NIBBLES5(6)

// func packQ5_0AVX512(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ5_0AVX512(SB), NOSPLIT, $0-48
	ARGUMENTS
	FIVES(0x70707070) // 128 - 16
	BITS5(22, COPYQ5_0)
	PACK(22, LINES2, STEPQ5_0, HALF)

#define COPYQ5_1 \
	WORDS(0, 512) \
	WORDS(4, 448)

#define STEPQ5_1 NIBBLES5(8)

// func packQ5_1AVX512(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ5_1AVX512(SB), NOSPLIT, $0-48
	ARGUMENTS
	FIVES(0x80808080)
	CONSTANT(1<<31, MINUS)
	BITS5(24, COPYQ5_1)
	PACK(24, LINES2, STEPQ5_1, HALFMIN)
