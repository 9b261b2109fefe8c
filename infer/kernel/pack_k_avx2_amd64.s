#include "textflag.h"
#include "pack_avx2_amd64.h"

// Types with blocks of 256 columns, 8 steps. What a block has for all of them
// is taken apart once and waits in the frame.

#define PAIRS DX

// EACHQUAD does f for the quads of 32 bytes of each row.
#define EACHQUAD(f, at) \
	f(at+0, 0, Y0)     \
	f(at+32, 32, Y1)   \
	f(at+64, 64, Y2)   \
	f(at+96, 96, Y3)   \
	f(at+128, 128, Y4) \
	f(at+160, 160, Y5) \
	f(at+192, 192, Y6) \
	f(at+224, 224, Y7)

// KEEP saves a quad to the frame.
#define KEEP(at, frame, y) \
	VMOVDQU y, frame(SP)

// SCALE stores d times byte k of the dwords of y; shift brings it down, with
// or without its sign.
#define SCALE(d, shift, y, k, to) \
	VPSLLD    $(24-8*(k)), y, Y8 \
	shift     $24, Y8, Y8        \
	VCVTDQ2PS Y8, Y8             \
	VMULPS    d, Y8, Y8          \
	VMOVUPS   Y8, to

// SCALES32 stores the scales of four steps, SCALES16 those of two halves each
// of two steps.
#define SCALES32(shift, y, at) \
	SCALE(D, shift, y, 0, (at)(PANEL))     \
	SCALE(D, shift, y, 1, (at+288)(PANEL)) \
	SCALE(D, shift, y, 2, (at+576)(PANEL)) \
	SCALE(D, shift, y, 3, (at+864)(PANEL))

#define SCALES16(shift, y, at) \
	SCALE(D, shift, y, 0, (at)(PANEL))     \
	SCALE(D, shift, y, 1, (at+32)(PANEL))  \
	SCALE(D, shift, y, 2, (at+320)(PANEL)) \
	SCALE(D, shift, y, 3, (at+352)(PANEL))

#define MINIMA(y, at) \
	SCALE(DMIN, VPSRLD, y, 0, (at)(MINS))    \
	SCALE(DMIN, VPSRLD, y, 1, (at+32)(MINS)) \
	SCALE(DMIN, VPSRLD, y, 2, (at+64)(MINS)) \
	SCALE(DMIN, VPSRLD, y, 3, (at+96)(MINS))

// Q4_K and Q5_K: d, dmin, 12 bytes s with eight scales and minima of six bits,
// with Q5_K the fifth bits, then nibbles of two steps at a time.

#define HEADER \
	TURN16(0, X0, Y0, X1, Y1, X2, Y2, X3, Y3) \
	FLOATS(Y0)                     \
	CONSTANT(0x30303030, X10, Y10) \
	VPSRLD $2, Y1, Y4              \ // s[0:4]
	VPAND  Y10, Y4, Y4             \
	VPSRLD $2, Y2, Y5              \ // s[4:8]
	VPAND  Y10, Y5, Y5             \
	LOWER(Y3, Y6)                  \ // s[8:12]
	UPPER(Y3, Y7)                  \
	VPOR   Y6, Y4, Y4              \
	VPOR   Y7, Y5, Y5              \
	CONSTANT(0x3f3f3f3f, X10, Y10) \
	VPAND  Y10, Y1, Y1             \
	VPAND  Y10, Y2, Y2             \
	SCALES32(VPSRLD, Y1, 256)      \
	SCALES32(VPSRLD, Y4, 1408)     \
	MINIMA(Y2, 0)                  \
	MINIMA(Y5, 128)

#define PACKNIBBLES(offset, fifths, nibbles) \
	ARGUMENTS                       \
	CONSTANT(offset, X15, OFFSET)   \
	CONSTANT(0x0f0f0f0f, X14, MASK) \
	CONSTANT(0x10101010, X13, FIFTH) \
block:                                  \
	HEADER                          \
	fifths                          \
	MOVL $4, PAIRS                  \
pair:                                   \
	TURN32(16)                      \
	EACHQUAD(nibbles, 0)            \
	AHEAD(0)                        \
	ADVANCE(32)                     \
	ADDQ $576, PANEL                \
	DECL PAIRS                      \
	JNZ  pair                       \
	ADVANCE(16)                     \
	ADDQ $256, MINS                 \
	SUBQ $8, STEPS                  \
	JNZ  block                      \
	VZEROUPPER                      \
	RET

#define NOFIFTHS

#define FOURBITS(at, frame, y) \
	LOWER(y, Y8)       \
	LIFTED(at, Y8)     \
	UPPER(y, y)        \
	LIFTED(at+288, y)

#define FIFTH Y13 // 16 in every byte

#define FIFTHS \
	TURN32(16)        \
	EACHQUAD(KEEP, 0) \
	AHEAD(0)          \
	ADVANCE(32)

// FIVEBITS moves the fifth bits on by two steps.
#define FIVEBITS(at, frame, y) \
	VMOVDQU frame(SP), Y9   \
	VPSLLW  $4, Y9, Y10     \
	VPAND   FIFTH, Y10, Y10 \
	LOWER(y, Y8)            \
	VPOR    Y10, Y8, Y8     \
	LIFTED(at, Y8)          \
	VPSLLW  $3, Y9, Y10     \
	VPAND   FIFTH, Y10, Y10 \
	UPPER(y, y)             \
	VPOR    Y10, y, y       \
	LIFTED(at+288, y)       \
	VPSRLW  $2, Y9, Y9      \
	VMOVDQU Y9, frame(SP)

// Q6_K: nibbles of steps 0 and 2, of 1 and 3, of 4 and 6, of 5 and 7, then for
// four steps their upper two bits, 16 signed scales, d.

#define UPPERS Y13 // 0x30 in every byte

// SIXBITS makes the codes of two steps, 640 apart in the panel; the moves
// bring the upper bits to their place.
#define SIXBITS(at, frame, y, move, move2) \
	VMOVDQU frame(SP), Y9    \
	move(Y9, Y10)            \
	VPAND   UPPERS, Y10, Y10 \
	LOWER(y, Y8)             \
	VPOR    Y10, Y8, Y8      \
	LIFTED(at, Y8)           \
	move2(Y9, Y10)           \
	VPAND   UPPERS, Y10, Y10 \
	UPPER(y, y)              \
	VPOR    Y10, y, y        \
	LIFTED(at+640, y)

#define LEFT4(y, z) VPSLLW $4, y, z
#define LEFT2(y, z) VPSLLW $2, y, z
#define LEFT1(y, z) VPSLLW $1, y, z
#define STAY(y, z) VMOVDQA y, z
#define RIGHT1(y, z) VPSRLW $1, y, z
#define RIGHT2(y, z) VPSRLW $2, y, z

#define EVENSTEPS(at, frame, y) SIXBITS(at, frame, y, LEFT4, STAY)
#define ODDSTEPS(at, frame, y) SIXBITS(at, frame, y, LEFT2, RIGHT2)

#define FOURSTEPS(nibbles, uppers, at) \
	TURN32(uppers)              \
	EACHQUAD(KEEP, 0)           \
	TURN32(nibbles)             \
	EACHQUAD(EVENSTEPS, at)     \
	TURN32(nibbles+32)          \
	EACHQUAD(ODDSTEPS, at+320)

#define PACKQ6K(offset) \
	ARGUMENTS                         \
	CONSTANT(offset, X15, OFFSET)     \
	CONSTANT(0x0f0f0f0f, X14, MASK)   \
	CONSTANT(0x30303030, X13, UPPERS) \
block:                                    \
	HALVES(208, 256, SP)              \
	AHEAD(0)                          \
	AHEAD(64)                         \
	FOURSTEPS(0, 128, 0)              \
	AHEAD(128)                        \
	AHEAD(192)                        \
	FOURSTEPS(64, 160, 1280)          \
	TURN16(192, X0, Y0, X1, Y1, X2, Y2, X3, Y3) \
	VCVTPH2PS 256(SP), D              \
	SCALES16(VPSRAD, Y0, 256)         \
	SCALES16(VPSRAD, Y1, 896)         \
	SCALES16(VPSRAD, Y2, 1536)        \
	SCALES16(VPSRAD, Y3, 2176)        \
	ADVANCE(210)                      \
	ADDQ $2560, PANEL                 \
	SUBQ $8, STEPS                    \
	JNZ  block                        \
	VZEROUPPER                        \
	RET

// Q2_K: 16 pairs of scale and minimum of four bits, 32 bytes of two bits for
// each four steps, d, dmin.

#define LOWEST Y13 // 3 in every byte

#define TWOBITS(at, frame, y) \
	VPAND  LOWEST, y, Y8  \
	LIFTED(at, Y8)        \
	VPSRLW $2, y, y       \
	VPAND  LOWEST, y, Y8  \
	LIFTED(at+320, Y8)    \
	VPSRLW $2, y, y       \
	VPAND  LOWEST, y, Y8  \
	LIFTED(at+640, Y8)    \
	VPSRLW $2, y, y       \
	VPAND  LOWEST, y, Y8  \
	LIFTED(at+960, Y8)

// FOURGROUPS has the scales at in the panel, the minima atMin in theirs.
#define FOURGROUPS(y, at, atMin) \
	LOWER(y, Y9)                  \
	SCALES16(VPSRLD, Y9, at)      \
	UPPER(y, Y9)                  \
	MINIMA(Y9, atMin)

#define PACKQ2K(offset) \
	ARGUMENTS                         \
	CONSTANT(offset, X15, OFFSET)     \
	CONSTANT(0x0f0f0f0f, X14, MASK)   \
	CONSTANT(0x03030303, X13, LOWEST) \
block:                                    \
	TURN16(0, X4, Y4, X5, Y5, X6, Y6, X7, Y7)  \
	TURN16(68, X0, Y0, X1, Y1, X2, Y2, X3, Y3) \
	FLOATS(Y3)                        \ // bytes 80-83
	FOURGROUPS(Y4, 256, 0)            \
	FOURGROUPS(Y5, 896, 128)          \
	FOURGROUPS(Y6, 1536, 256)         \
	FOURGROUPS(Y7, 2176, 384)         \
	AHEAD(0)                          \
	TURN32(16)                        \
	EACHQUAD(TWOBITS, 0)              \
	AHEAD(64)                         \
	TURN32(48)                        \
	EACHQUAD(TWOBITS, 1280)           \
	ADVANCE(84)                       \
	ADDQ $2560, PANEL                 \
	ADDQ $512, MINS                   \
	SUBQ $8, STEPS                    \
	JNZ  block                        \
	VZEROUPPER                        \
	RET

// Q3_K: 32 bytes of third bits, two bits as Q2_K's, 12 bytes s with 16 scales
// of six bits, 32 more than they are, d.

#define THIRD Y12 // 4 in every byte

#define THREE(at, y, move) \
	VPAND LOWEST, y, Y8   \
	move(Y9, Y10)         \
	VPAND THIRD, Y10, Y10 \
	VPOR  Y10, Y8, Y8     \
	LIFTED(at, Y8)

// THREEBITS moves the third bits on by four steps.
#define THREEBITS(at, frame, y) \
	VMOVDQU frame(SP), Y9    \
	THREE(at, y, LEFT2)      \
	VPSRLW  $2, y, y         \
	THREE(at+320, y, LEFT1)  \
	VPSRLW  $2, y, y         \
	THREE(at+640, y, STAY)   \
	VPSRLW  $2, y, y         \
	THREE(at+960, y, RIGHT1) \
	VPSRLW  $4, Y9, Y9       \
	VMOVDQU Y9, frame(SP)

// SIXSCALES stores those whose lower bits are y; move brings the upper ones in
// Y2 to their place, Y6 is 0x30 in every byte, Y7 32.
#define SIXSCALES(y, move, at) \
	move(Y2, Y10)             \
	VPAND  Y6, Y10, Y10       \
	VPOR   Y10, y, y          \
	VPSUBB Y7, y, y           \
	SCALES16(VPSRAD, y, at)

// HEADERQ3K reads bytes 94-109 of the block and drops two: s and d remain.
#define HEADERQ3K \
	PAIR(94(W), 94(W4), X0, Y0)                     \
	PAIR(94(W)(STRIDE*1), 94(W4)(STRIDE*1), X1, Y1) \
	PAIR(94(W)(STRIDE*2), 94(W4)(STRIDE*2), X2, Y2) \
	PAIR(94(W)(S3*1), 94(W4)(S3*1), X3, Y3)         \
	VPSRLDQ $2, Y0, Y0           \
	VPSRLDQ $2, Y1, Y1           \
	VPSRLDQ $2, Y2, Y2           \
	VPSRLDQ $2, Y3, Y3           \
	QUADS(Y0, Y1, Y2, Y3)        \
	FLOATS(Y3)                   \
	CONSTANT(0x30303030, X6, Y6) \
	CONSTANT(0x20202020, X7, Y7) \
	LOWER(Y0, Y4)                \
	SIXSCALES(Y4, LEFT4, 256)    \
	LOWER(Y1, Y5)                \
	SIXSCALES(Y5, LEFT2, 896)    \
	UPPER(Y0, Y0)                \
	SIXSCALES(Y0, STAY, 1536)    \
	UPPER(Y1, Y1)                \
	SIXSCALES(Y1, RIGHT2, 2176)

#define PACKQ3K(offset) \
	ARGUMENTS                         \
	CONSTANT(offset, X15, OFFSET)     \
	CONSTANT(0x0f0f0f0f, X14, MASK)   \
	CONSTANT(0x03030303, X13, LOWEST) \
block:                                    \
	HEADERQ3K                         \
	CONSTANT(0x04040404, X12, THIRD)  \
	TURN32(0)                         \
	EACHQUAD(KEEP, 0)                 \
	AHEAD(0)                          \
	TURN32(32)                        \
	EACHQUAD(THREEBITS, 0)            \
	AHEAD(64)                         \
	TURN32(64)                        \
	EACHQUAD(THREEBITS, 1280)         \
	ADVANCE(110)                      \
	ADDQ $2560, PANEL                 \
	SUBQ $8, STEPS                    \
	JNZ  block                        \
	VZEROUPPER                        \
	RET

// IQ4_XS: d, eight scales of six bits, 32 more than they are: the upper two in
// a word, the lower four in a dword; then blocks as Q4_0's.

// SCALEXS stores the scale of step j. In every dword Y0 has the upper bits, Y1
// the lower, Y4 15, Y5 0x30, Y6 32.
#define SCALEXS(j, shift, by) \
	VPSRLD    $(4*(j)), Y1, Y8       \
	VPAND     Y4, Y8, Y8             \
	shift     $(by), Y0, Y9          \
	VPAND     Y5, Y9, Y9             \
	VPOR      Y9, Y8, Y8             \
	VPSUBD    Y6, Y8, Y8             \
	VCVTDQ2PS Y8, Y8                 \
	VMULPS    D, Y8, Y8              \
	VMOVUPS   Y8, (256+288*(j))(PANEL)

#define PACKIQ4XS(offset) \
	ARGUMENTS                       \
	CONSTANT(offset, X15, OFFSET)   \
	CONSTANT(0x0f0f0f0f, X14, MASK) \
	LOADTABLE(levelsIQ4)             \
block:                                  \
	TURN16(0, X0, Y0, X1, Y1, X2, Y2, X3, Y3) \
	FLOATS(Y0)                      \
	VPSRLD $16, Y0, Y0              \
	CONSTANT(15, X4, Y4)            \
	CONSTANT(0x30, X5, Y5)          \
	CONSTANT(32, X6, Y6)            \
	SCALEXS(0, VPSLLD, 4)           \
	SCALEXS(1, VPSLLD, 2)           \
	SCALEXS(2, VPSLLD, 0)           \
	SCALEXS(3, VPSRLD, 2)           \
	SCALEXS(4, VPSRLD, 4)           \
	SCALEXS(5, VPSRLD, 6)           \
	SCALEXS(6, VPSRLD, 8)           \
	SCALEXS(7, VPSRLD, 10)          \
	MOVL $4, PAIRS                  \
pair:                                   \
	LEVELS16(8)                     \
	ADDQ $288, PANEL                \
	ADVANCE(16)                     \
	AHEAD(0)                        \
	LEVELS16(8)                     \
	ADDQ $288, PANEL                \
	ADVANCE(16)                     \
	DECL PAIRS                      \
	JNZ  pair                       \
	ADVANCE(8)                      \
	SUBQ $8, STEPS                  \
	JNZ  block                      \
	VZEROUPPER                      \
	RET

// func packQ4KAVX2(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ4KAVX2(SB), NOSPLIT, $0-48
	PACKNIBBLES(0x20202020, NOFIFTHS, FOURBITS)

// func packQ4KAVXVNNI(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ4KAVXVNNI(SB), NOSPLIT, $0-48
	PACKNIBBLES(0x80808080, NOFIFTHS, FOURBITS)

// func packQ5KAVX2(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ5KAVX2(SB), NOSPLIT, $256-48
	PACKNIBBLES(0x20202020, FIFTHS, FIVEBITS)

// func packQ5KAVXVNNI(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ5KAVXVNNI(SB), NOSPLIT, $256-48
	PACKNIBBLES(0x80808080, FIFTHS, FIVEBITS)

// func packQ6KAVX2(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ6KAVX2(SB), NOSPLIT, $272-48
	PACKQ6K(0)

// func packQ6KAVXVNNI(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ6KAVXVNNI(SB), NOSPLIT, $272-48
	PACKQ6K(0x60606060)

// func packQ2KAVX2(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ2KAVX2(SB), NOSPLIT, $0-48
	PACKQ2K(0x20202020)

// func packQ2KAVXVNNI(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ2KAVXVNNI(SB), NOSPLIT, $0-48
	PACKQ2K(0x80808080)

// func packQ3KAVX2(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ3KAVX2(SB), NOSPLIT, $256-48
	PACKQ3K(0x1c1c1c1c)

// func packQ3KAVXVNNI(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ3KAVXVNNI(SB), NOSPLIT, $256-48
	PACKQ3K(0x7c7c7c7c)

// func packIQ4XSAVX2(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packIQ4XSAVX2(SB), NOSPLIT, $0-48
	PACKIQ4XS(0)

// func packIQ4XSAVXVNNI(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packIQ4XSAVXVNNI(SB), NOSPLIT, $0-48
	PACKIQ4XS(0x80808080)
