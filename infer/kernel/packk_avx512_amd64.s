#include "textflag.h"
#include "pack_avx512_amd64.h"

// Packers of types with blocks of 256, which are eight steps.

#define D     Z4 // the block's scale
#define DMIN  Z5 // and what its minima are multiples of

// TIMES stores the products of the numbers in tmp with d.
#define TIMES(tmp, d, at) \
	VCVTDQ2PS tmp, tmp    \
	VMULPS    d, tmp, tmp \
	VMOVUPS   tmp, at

// UNSIGNED4 does so for the four bytes of src, as far as mask goes in each.
#define UNSIGNED4(src, mask, d, at0, at1, at2, at3) \
	VPANDD mask, src, Z24 \
	TIMES(Z24, d, at0)    \
	VPSRLD $8, src, src   \
	VPANDD mask, src, Z25 \
	TIMES(Z25, d, at1)    \
	VPSRLD $8, src, src   \
	VPANDD mask, src, Z26 \
	TIMES(Z26, d, at2)    \
	VPSRLD $8, src, src   \
	VPANDD mask, src, Z27 \
	TIMES(Z27, d, at3)

// SIGNED4 stores the scales of four groups of 16 from the bytes of src.
#define SIGNED4(src, at) \
	VPSLLD $24, src, Z24                \
	VPSLLD $16, src, Z25                \
	VPSLLD $8, src, Z26                 \
	VPSRAD $24, Z24, Z24                \
	VPSRAD $24, Z25, Z25                \
	VPSRAD $24, Z26, Z26                \
	VPSRAD $24, src, Z27                \
	TIMES(Z24, D, (at+512)(PANEL))      \
	TIMES(Z25, D, (at+576)(PANEL))      \
	TIMES(Z26, D, (at+640+512)(PANEL))  \
	TIMES(Z27, D, (at+640+576)(PANEL))

// KEEP puts what TURN32 has made where the next one leaves it alone.
#define KEEP \
	VMOVDQA64 Z16, Z8  \
	VMOVDQA64 Z17, Z9  \
	VMOVDQA64 Z18, Z10 \
	VMOVDQA64 Z19, Z11 \
	VMOVDQA64 Z20, Z12 \
	VMOVDQA64 Z21, Z13 \
	VMOVDQA64 Z22, Z14 \
	VMOVDQA64 Z23, Z15

// Q4_K and Q5_K.

#define TOP BASE // 0x80
#define SIX Z29  // 63 in each dword

// SCALEMINS writes the scales and minima of a block from its header: d, dmin,
// and three quads s, t and u of 6-bit numbers. Scales 0-3 are in s, minima 0-3
// in t, the others' lower halves in u, and their upper bits on top of s and t.
#define SCALEMINS \
	TURN16(0)                                                                    \
	WIDE(Z0, Y4, D)                                                              \
	VPSRLD     $16, Z0, Z0                                                       \
	WIDE(Z0, Y5, DMIN)                                                           \
	VPSRLD     $2, Z1, Z6                                                        \
	VPTERNLOGD $0xd8, LOW, Z3, Z6                                                \ // LOW ? u : s>>2
	VPSRLD     $4, Z3, Z3                                                        \
	VPSRLD     $2, Z2, Z7                                                        \
	VPTERNLOGD $0xd8, LOW, Z3, Z7                                                \ // LOW ? u>>4 : t>>2
	UNSIGNED4(Z1, SIX, D, 512(PANEL), 1088(PANEL), 1664(PANEL), 2240(PANEL))     \
	UNSIGNED4(Z6, SIX, D, 2816(PANEL), 3392(PANEL), 3968(PANEL), 4544(PANEL))    \
	UNSIGNED4(Z2, SIX, DMIN, 0(MINS), 64(MINS), 128(MINS), 192(MINS))            \
	UNSIGNED4(Z7, SIX, DMIN, 256(MINS), 320(MINS), 384(MINS), 448(MINS))         \
	ADDQ       $512, MINS

// func packQ4KAVX512(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ4KAVX512(SB), NOSPLIT, $0-48
	ARGUMENTS
	CONSTANT(0x0f0f0f0f, LOW)
	CONSTANT(0x80808080, TOP)
	CONSTANT(63, SIX)

block:
	SCALEMINS
	MOVL $4, AX

pair:
	TURN32(16)
	NIBBLES(Z16, Z24, 0, 576)
	NIBBLES(Z17, Z25, 64, 640)
	NIBBLES(Z18, Z26, 128, 704)
	NIBBLES(Z19, Z27, 192, 768)
	NIBBLES(Z20, Z24, 256, 832)
	NIBBLES(Z21, Z25, 320, 896)
	NIBBLES(Z22, Z26, 384, 960)
	NIBBLES(Z23, Z27, 448, 1024)
	AHEAD(LINES3)
	ADVANCE(32)
	ADDQ $1152, PANEL
	DECL AX
	JNZ  pair

	ADVANCE(16)
	SUBQ $8, STEPS
	JNZ  block

	VZEROUPPER
	RET

// FIVE stores the codes of a quad's lower and upper nibbles z with the fifth
// bits 4 and 5 of f, and brings f's next two bits there.
#define FIFTH Z28 // 31 in each byte
#define FIVE(z, f, tmp, bit, at) \
	VPSRLW     $4, z, tmp            \
	VPSRLW     $1, f, bit            \
	VPTERNLOGD $0xe4, LOW, f, z      \ // LOW ? z : f
	VPTERNLOGD $0xe4, LOW, bit, tmp  \
	VPRORD     $2, f, f              \
	VPTERNLOGD $0xea, TOP, FIFTH, z  \ // z & FIFTH | TOP
	VPTERNLOGD $0xea, TOP, FIFTH, tmp \
	VMOVDQU64  z, (at)(PANEL)        \
	VMOVDQU64  tmp, (at+576)(PANEL)

// func packQ5KAVX512(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ5KAVX512(SB), NOSPLIT, $0-48
	ARGUMENTS
	CONSTANT(0x0f0f0f0f, LOW)
	CONSTANT(0x80808080, TOP)
	CONSTANT(0x1f1f1f1f, FIFTH)
	CONSTANT(63, SIX)

block:
	SCALEMINS
	TURN32(16)
	VPROLD $4, Z16, Z8
	VPROLD $4, Z17, Z9
	VPROLD $4, Z18, Z10
	VPROLD $4, Z19, Z11
	VPROLD $4, Z20, Z12
	VPROLD $4, Z21, Z13
	VPROLD $4, Z22, Z14
	VPROLD $4, Z23, Z15
	MOVL   $4, AX

pair:
	TURN32(48)
	FIVE(Z16, Z8, Z24, Z0, 0)
	FIVE(Z17, Z9, Z25, Z1, 64)
	FIVE(Z18, Z10, Z26, Z2, 128)
	FIVE(Z19, Z11, Z27, Z3, 192)
	FIVE(Z20, Z12, Z24, Z0, 256)
	FIVE(Z21, Z13, Z25, Z1, 320)
	FIVE(Z22, Z14, Z26, Z2, 384)
	FIVE(Z23, Z15, Z27, Z3, 448)
	AHEAD(LINES3)
	ADVANCE(32)
	ADDQ $1152, PANEL
	DECL AX
	JNZ  pair

	ADVANCE(48)
	SUBQ $8, STEPS
	JNZ  block

	VZEROUPPER
	RET

// Q6_K: a code is 128 + nibble + 16*bits - 32, so its upper half is bits + 6.

#define PAIRS  Z30 // 0x33 in each byte
#define SIXES  Z29 // 0x66 in each byte

// SIXTH stores the codes of a quad's lower nibbles z with the bits 0 and 1 of
// f, and two steps further those of the upper ones with the bits 4 and 5.
#define SIXTH(z, f, tmp, high, at) \
	VPANDD     PAIRS, f, high         \
	VPADDB     SIXES, high, high      \
	VPSLLW     $4, high, tmp          \
	VPTERNLOGD $0xd8, LOW, z, tmp     \ // LOW ? z : tmp
	VPSRLW     $4, z, z               \
	VPTERNLOGD $0xd8, LOW, z, high    \
	VMOVDQU64  tmp, (at)(PANEL)       \
	VMOVDQU64  high, (at+1280)(PANEL)

#define SIXTHS(at) \
	SIXTH(Z16, Z8, Z24, Z0, at)        \
	SIXTH(Z17, Z9, Z25, Z1, at+64)     \
	SIXTH(Z18, Z10, Z26, Z2, at+128)   \
	SIXTH(Z19, Z11, Z27, Z3, at+192)   \
	SIXTH(Z20, Z12, Z24, Z0, at+256)   \
	SIXTH(Z21, Z13, Z25, Z1, at+320)   \
	SIXTH(Z22, Z14, Z26, Z2, at+384)   \
	SIXTH(Z23, Z15, Z27, Z3, at+448)

#define EACHKEPT(f) \
	f(Z8)  \
	f(Z9)  \
	f(Z10) \
	f(Z11) \
	f(Z12) \
	f(Z13) \
	f(Z14) \
	f(Z15)

#define PLANE(z) VPSRLW $2, z, z

// HALF6 packs 128 columns: 64 bytes of nibbles at low, 32 of bits at high.
#define HALF6(low, high, at) \
	TURN32(high)      \
	KEEP              \
	TURN32(low)       \
	SIXTHS(at)        \
	AHEAD(LINES4)     \
	EACHKEPT(PLANE)   \
	TURN32(low+32)    \
	SIXTHS(at+640)    \
	AHEAD(LINES4)

// func packQ6KAVX512(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ6KAVX512(SB), NOSPLIT, $0-48
	ARGUMENTS
	CONSTANT(0x0f0f0f0f, LOW)
	CONSTANT(0x33333333, PAIRS)
	CONSTANT(0x66666666, SIXES)

block:
	HALVES(208, 512)
	HALF6(0, 128, 0)
	HALF6(64, 160, 2560)
	TURN16(192)
	VCVTPH2PS 512(PANEL), D
	SIGNED4(Z0, 0)
	SIGNED4(Z1, 1280)
	SIGNED4(Z2, 2560)
	SIGNED4(Z3, 3840)
	ADVANCE(210)
	ADDQ $5120, PANEL
	SUBQ $8, STEPS
	JNZ  block

	VZEROUPPER
	RET

// IQ4_XS.

// XS stores the scales of a step: the lowest nibble of l, bits 4 and 5 of h,
// less 32. Then it brings the next ones there.
#define LEAST Z28 // 32 in each dword
#define XS(l, h, tmp, at) \
	VMOVDQA64  h, tmp               \
	VPTERNLOGD $0xd8, LOW, l, tmp   \ // LOW ? l : h
	VPANDD     SIX, tmp, tmp        \
	VPSUBD     LEAST, tmp, tmp      \
	TIMES(tmp, D, (at+512)(PANEL))  \
	VPSRLD     $4, l, l             \
	VPSRLD     $2, h, h

// func packIQ4XSAVX512(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packIQ4XSAVX512(SB), NOSPLIT, $0-48
	ARGUMENTS
	CONSTANT(0x0f0f0f0f, LOW)
	CONSTANT(63, SIX)
	CONSTANT(32, LEAST)
	VBROADCASTI32X4 iq4<>(SB), TABLE

block:
	TURN16(0)              // d and the upper bits, the lower ones
	WIDE(Z0, Y4, D)
	VPSRLD $12, Z0, Z0
	XS(Z1, Z0, Z24, 0)
	XS(Z1, Z0, Z25, 576)
	XS(Z1, Z0, Z26, 1152)
	XS(Z1, Z0, Z27, 1728)
	XS(Z1, Z0, Z24, 2304)
	XS(Z1, Z0, Z25, 2880)
	XS(Z1, Z0, Z26, 3456)
	XS(Z1, Z0, Z27, 4032)
	MOVL $4, AX

pair:
	TURN32(8)              // 16 bytes for each of two steps
	LEVELS(Z16, Z24, 0)
	LEVELS(Z17, Z25, 64)
	LEVELS(Z18, Z26, 128)
	LEVELS(Z19, Z27, 192)
	LEVELS(Z20, Z24, 576)
	LEVELS(Z21, Z25, 640)
	LEVELS(Z22, Z26, 704)
	LEVELS(Z23, Z27, 768)
	AHEAD(LINES3)
	ADVANCE(32)
	ADDQ $1152, PANEL
	DECL AX
	JNZ  pair

	ADVANCE(8)
	SUBQ $8, STEPS
	JNZ  block

	VZEROUPPER
	RET

// Q2_K.

#define THREE   Z29 // 3 in each byte
#define FIFTEEN Z28 // 15 in each dword

// PLANES2 stores the four 2-bit codes of each byte of a quad, a step each.
#define PLANES2(z, at) \
	VPSRLW     $2, z, Z24             \
	VPSRLW     $4, z, Z25             \
	VPSRLW     $6, z, Z26             \
	VPTERNLOGD $0xea, TOP, THREE, z   \ // z & THREE | TOP
	VPTERNLOGD $0xea, TOP, THREE, Z24 \
	VPTERNLOGD $0xea, TOP, THREE, Z25 \
	VPTERNLOGD $0xea, TOP, THREE, Z26 \
	VMOVDQU64  z, (at)(PANEL)         \
	VMOVDQU64  Z24, (at+640)(PANEL)   \
	VMOVDQU64  Z25, (at+1280)(PANEL)  \
	VMOVDQU64  Z26, (at+1920)(PANEL)

#define HALF2(off, at) \
	TURN32(off)          \
	PLANES2(Z16, at)     \
	PLANES2(Z17, at+64)  \
	PLANES2(Z18, at+128) \
	PLANES2(Z19, at+192) \
	PLANES2(Z20, at+256) \
	PLANES2(Z21, at+320) \
	PLANES2(Z22, at+384) \
	PLANES2(Z23, at+448) \
	AHEAD(LINES2)        \
	AHEAD(LINES2)

// SCALEMIN2 stores four scales from the lower nibbles of src and four minima
// from the upper ones.
#define SCALEMIN2(src, at, min) \
	VPSRLD $4, src, Z6                                                                            \
	UNSIGNED4(src, FIFTEEN, D, (at+512)(PANEL), (at+576)(PANEL), (at+1152)(PANEL), (at+1216)(PANEL)) \
	UNSIGNED4(Z6, FIFTEEN, DMIN, (min)(MINS), (min+64)(MINS), (min+128)(MINS), (min+192)(MINS))

// func packQ2KAVX512(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ2KAVX512(SB), NOSPLIT, $0-48
	ARGUMENTS
	CONSTANT(0x80808080, TOP)
	CONSTANT(0x03030303, THREE)
	CONSTANT(15, FIFTEEN)

block:
	WORDS(80, 512)
	HALF2(16, 0)
	HALF2(48, 2560)
	TURN16(0)
	VMOVDQU64 512(PANEL), Z6
	WIDE(Z6, Y4, D)
	VPSRLD    $16, Z6, Z6
	WIDE(Z6, Y5, DMIN)
	SCALEMIN2(Z0, 0, 0)
	SCALEMIN2(Z1, 1280, 256)
	SCALEMIN2(Z2, 2560, 512)
	SCALEMIN2(Z3, 3840, 768)
	ADDQ $1024, MINS
	ADVANCE(84)
	ADDQ $5120, PANEL
	SUBQ $8, STEPS
	JNZ  block

	VZEROUPPER
	RET

// Q3_K: bytes with two nibbles are made, of a plane from the first half of the
// block and the same from the second, where the third bits lie 4 apart, too.

#define THREES  Z29 // 0x33 in each byte
#define FOURS   Z28 // 0x44 in each byte
#define LOW6    Z14 // 63 in each byte
#define MINUS32 Z15 // 32 in each byte

// LEAVE stores what TURN32 has made.
#define LEAVE(at) \
	VMOVDQU64 Z16, (at)(PANEL)     \
	VMOVDQU64 Z17, (at+64)(PANEL)  \
	VMOVDQU64 Z18, (at+128)(PANEL) \
	VMOVDQU64 Z19, (at+192)(PANEL) \
	VMOVDQU64 Z20, (at+256)(PANEL) \
	VMOVDQU64 Z21, (at+320)(PANEL) \
	VMOVDQU64 Z22, (at+384)(PANEL) \
	VMOVDQU64 Z23, (at+448)(PANEL)

// THIRD stores the codes of plane pairs z with the bits 2 and 6 of f, four
// steps apart. The bits 3 and 7 are clear then, which is all that VPSHUFB asks
// of an index.
#define THIRD(z, f, at) \
	VPANDD     THREES, z, z          \
	VPTERNLOGD $0xf8, FOURS, f, z    \ // z | f & FOURS
	VPSRLW     $4, z, Z24            \
	VPSHUFB    z, TABLE, z           \
	VPSHUFB    Z24, TABLE, Z24       \
	VMOVDQU64  z, (at)(PANEL)        \
	VMOVDQU64  Z24, (at+2560)(PANEL)

#define SIXBITS(z) \
	VPANDD LOW6, z, z    \
	VPSUBB MINUS32, z, z

// SCALES3 writes the scales of a block: from quads s, t and u the lower halves
// of 0-3 and 8-11, of 4-7 and 12-15, and the upper bits of all; less 32.
#define SCALES3 \
	TURN16(92)                    \ // two bytes before the scales
	VCVTPH2PS  512(PANEL), D      \
	VPSLLW     $4, Z3, Z6         \
	VPSLLW     $2, Z3, Z7         \
	VPTERNLOGD $0xd8, LOW, Z1, Z6 \ // LOW ? s : u<<4
	VPTERNLOGD $0xd8, LOW, Z2, Z7 \ // LOW ? t : u<<2
	VPSRLW     $4, Z1, Z1         \
	VPSRLW     $4, Z2, Z2         \
	VPTERNLOGD $0xe4, LOW, Z3, Z1 \ // LOW ? s>>4 : u
	VPSRLW     $2, Z3, Z3         \
	VPTERNLOGD $0xe4, LOW, Z3, Z2 \ // LOW ? t>>4 : u>>2
	SIXBITS(Z6)                   \
	SIXBITS(Z7)                   \
	SIXBITS(Z1)                   \
	SIXBITS(Z2)                   \
	SIGNED4(Z6, 0)                \
	SIGNED4(Z7, 1280)             \
	SIGNED4(Z1, 2560)             \
	SIGNED4(Z2, 3840)

// func packQ3KAVX512(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ3KAVX512(SB), NOSPLIT, $0-48
	ARGUMENTS
	CONSTANT(0x0f0f0f0f, LOW)
	CONSTANT(0x33333333, THREES)
	CONSTANT(0x44444444, FOURS)
	CONSTANT(0x3f3f3f3f, LOW6)
	CONSTANT(0x20202020, MINUS32)
	MOVQ         $0x838281807f7e7d7c, AX // 128 + 3 bits - 4
	VPBROADCASTQ AX, TABLE

block:
	HALVES(108, 512)
	TURN32(32)
	LEAVE(0)
	AHEAD(LINES2)
	TURN32(64)
	LEAVE(640)
	AHEAD(LINES2)
	TURN32(0)
	LEAVE(1280)
	AHEAD(LINES2)
	MOVL $8, AX

quad:
	VMOVDQU64  0(PANEL), Z0       // first half
	VMOVDQU64  640(PANEL), Z1     // second half
	VMOVDQU64  1280(PANEL), Z2    // third bits
	VPSLLW     $4, Z1, Z3
	VPTERNLOGD $0xd8, LOW, Z0, Z3 // LOW ? first : second<<4
	VPSRLW     $4, Z0, Z0
	VPTERNLOGD $0xe4, LOW, Z1, Z0 // LOW ? first>>4 : second
	VPSRLW     $2, Z3, Z4
	VPSRLW     $2, Z0, Z1
	VPSLLW     $2, Z2, Z5
	VPSLLW     $1, Z2, Z6
	VPSRLW     $1, Z2, Z7
	THIRD(Z3, Z5, 0)
	THIRD(Z4, Z6, 640)
	THIRD(Z0, Z2, 1280)
	THIRD(Z1, Z7, 1920)
	ADDQ $64, PANEL
	DECL AX
	JNZ  quad

	SUBQ $512, PANEL
	SCALES3
	AHEAD(LINES2)
	ADVANCE(110)
	ADDQ $5120, PANEL
	SUBQ $8, STEPS
	JNZ  block

	VZEROUPPER
	RET
