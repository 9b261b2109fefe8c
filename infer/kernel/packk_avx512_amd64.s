#include "textflag.h"
#include "pack_avx512_amd64.h"

// Packers of types with blocks of 256, which are 8 steps.

#define D     Z4
#define DMIN  Z5
#define SIX   Z30 // 63 in each dword
#define TOP   Z29 // 0x80 in each byte

// TIMES stores the products of the numbers in the lowest byte of src, as far
// as mask goes, with d.
#define TIMES(src, mask, d, at, tmp) \
	VPANDD    mask, src, tmp \
	VCVTDQ2PS tmp, tmp       \
	VMULPS    d, tmp, tmp    \
	VMOVUPS   tmp, at

// TIMES4 does so for all four bytes of src.
#define TIMES4(src, mask, d, at0, at1, at2, at3) \
	TIMES(src, mask, d, at0, Z24) \
	VPSRLD $8, src, src           \
	TIMES(src, mask, d, at1, Z25) \
	VPSRLD $8, src, src           \
	TIMES(src, mask, d, at2, Z26) \
	VPSRLD $8, src, src           \
	TIMES(src, mask, d, at3, Z27)

// WIDE makes floats of the binary16 in src's lower halves.
#define WIDE(src, y, dst) \
	VPMOVDW   src, y \
	VCVTPH2PS y, dst

// SCALEMINS writes the scales and minima of eight steps from the header of
// Q4_K and Q5_K: d, dmin, and three quads s, t and u of 6-bit numbers.
// Scales 0-3 are in s, minima 0-3 in t, the others' lower halves in u, and
// their upper bits on top of s and t.
#define SCALEMINS \
	TURN16(0)                                                                  \
	WIDE(Z0, Y4, D)                                                            \
	VPSRLD     $16, Z0, Z0                                                     \
	WIDE(Z0, Y5, DMIN)                                                         \
	VPSRLD     $2, Z1, Z6                                                      \
	VPTERNLOGD $0xd8, LOW, Z3, Z6                                              \ // LOW ? u : s>>2
	VPSRLD     $4, Z3, Z3                                                      \
	VPSRLD     $2, Z2, Z7                                                      \
	VPTERNLOGD $0xd8, LOW, Z3, Z7                                              \ // LOW ? u>>4 : t>>2
	TIMES4(Z1, SIX, D, 512(PANEL), 1088(PANEL), 1664(PANEL), 2240(PANEL))      \
	TIMES4(Z6, SIX, D, 2816(PANEL), 3392(PANEL), 3968(PANEL), 4544(PANEL))     \
	TIMES4(Z2, SIX, DMIN, 0(MINS), 64(MINS), 128(MINS), 192(MINS))             \
	TIMES4(Z7, SIX, DMIN, 256(MINS), 320(MINS), 384(MINS), 448(MINS))          \
	ADDQ       $512, MINS

// NIBBLES stores the lower halves of a quad, and in the next step the upper
// ones.
#define NIBBLES(z, at, tmp) \
	VPSRLW     $4, z, tmp           \
	VPTERNLOGD $0xea, TOP, LOW, z   \ // z & LOW | TOP
	VPTERNLOGD $0xea, TOP, LOW, tmp \
	VMOVDQU64  z, at(PANEL)         \
	VMOVDQU64  tmp, (at+576)(PANEL)

// func packQ4KAVX512(steps *byte, mins *float32, w *byte, stride, n int)
TEXT ·packQ4KAVX512(SB), NOSPLIT, $0-40
	ARGUMENTS
	CONSTANT(0x0f0f0f0f, LOW)
	CONSTANT(63, SIX)
	CONSTANT(0x80808080, TOP)

block:
	SCALEMINS
	MOVL $4, DX

pair:
	TURN32(16)
	NIBBLES(Z16, 0, Z24)
	NIBBLES(Z17, 64, Z25)
	NIBBLES(Z18, 128, Z26)
	NIBBLES(Z19, 192, Z27)
	NIBBLES(Z20, 256, Z24)
	NIBBLES(Z21, 320, Z25)
	NIBBLES(Z22, 384, Z26)
	NIBBLES(Z23, 448, Z27)
	AHEAD(LINES5)
	AHEAD(LINES5)
	ADVANCE(32)
	ADDQ $1152, PANEL
	DECL DX
	JNZ  pair

	ADVANCE(16)
	SUBQ $8, STEPS
	JNZ  block

	REST(LINES5)
	VZEROUPPER
	RET
