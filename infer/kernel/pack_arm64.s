#include "textflag.h"
#include "words_arm64.h"
#include "rows_arm64.h"

// Packing of 8 rows. Quads are panels of unit 4, octets of unit 8: what they
// have in a different way is a turn and where it puts.

#define ARGUMENTS \
	MOVD steps+0(FP), PANEL \
	MOVD mins+8(FP), MIN    \
	MOVD w+16(FP), W        \
	MOVD stride+24(FP), STRIDE \
	MOVD n+32(FP), STEPS    \
	ADD  $256, PANEL, SCALE \
	LSL  $3, STRIDE, NEXT   \
	MOVD $2, PASSES

#define NEXTPASS(unit) \
	ADD  $(4*unit), PANEL \
	ADD  $16, SCALE       \
	ADD  $16, MIN         \
	ADD  STRIDE<<2, W     \
	SUBS $1, PASSES

// PUTQUADS stores them at columns 0 or 16 of a step: at is 0 or 128 bytes
// behind it.
#define PUTQUADS(at, a, b, c, d) \
	FMOVQ a, (at)(CODES)      \
	FMOVQ b, (at+32)(CODES)   \
	FMOVQ c, (at+64)(CODES)   \
	FMOVQ d, (at+96)(CODES)

// OCTETS turns them to columns 0-7 of rows 0-1 and 2-3, and 8-15 of both. a to
// d are other registers.
#define OCTETS(a, b, c, d) \
	VTRN1 V1.D2, V0.D2, a.D2 \
	VTRN1 V3.D2, V2.D2, b.D2 \
	VTRN2 V1.D2, V0.D2, c.D2 \
	VTRN2 V3.D2, V2.D2, d.D2

#define PUTOCTETS(at, a, b, c, d) \
	FMOVQ a, (at)(CODES)      \
	FMOVQ b, (at+16)(CODES)   \
	FMOVQ c, (at+64)(CODES)   \
	FMOVQ d, (at+80)(CODES)

#define OFFSET  V21 // what codes are less

// NIBBLES splits V28 to V31: their low halves into V0 to V3, the high ones
// into V4 to V7.
#define NIBBLES \
	VAND  FIFTEEN.B16, V28.B16, V0.B16 \
	VAND  FIFTEEN.B16, V29.B16, V1.B16 \
	VAND  FIFTEEN.B16, V30.B16, V2.B16 \
	VAND  FIFTEEN.B16, V31.B16, V3.B16 \
	VUSHR $4, V28.B16, V4.B16          \
	VUSHR $4, V29.B16, V5.B16          \
	VUSHR $4, V30.B16, V6.B16          \
	VUSHR $4, V31.B16, V7.B16

#define LESS(a, b, c, d) \
	VSUB OFFSET.B16, a.B16, a.B16 \
	VSUB OFFSET.B16, b.B16, b.B16 \
	VSUB OFFSET.B16, c.B16, c.B16 \
	VSUB OFFSET.B16, d.B16, d.B16

#define PACK(unit, block) \
pass:              \
	BEGIN          \
next:              \
	block          \
	SUBS $1, LEFT  \
	BNE  next      \
	NEXTPASS(unit) \
	BNE  pass      \
	RET

// --- blocks of 32 ---

// Q8_0: a binary16 scale and 32 codes.
#define Q8_0(turn, put) \
	HALVES(0)                    \
	LOAD(2)                      \
	JOINED(16, F16)              \
	turn(V28, V29, V30, V31)     \
	put(0, F28, F29, F30, F31)   \
	LOAD(18)                     \
	turn(V28, V29, V30, V31)     \
	put(128, F28, F29, F30, F31) \
	FMOVQ F16, (SCALES)          \
	AHEAD(0)                     \
	ADVANCE(34)                  \
	ADD $288, CODES              \
	ADD $288, SCALES

// Q4_0: a binary16 scale and 16 bytes, whose low halves are the codes of
// columns 0-15; 8 more than they say.
#define Q4_0(turn, put) \
	HALVES(0)                \
	LOAD(2)                  \
	JOINED(16, F16)          \
	turn(V28, V29, V30, V31) \
	NIBBLES                  \
	LESS(V0, V1, V2, V3)     \
	LESS(V4, V5, V6, V7)     \
	put(0, F0, F1, F2, F3)   \
	put(128, F4, F5, F6, F7) \
	FMOVQ F16, (SCALES)      \
	AHEAD(0)                 \
	ADVANCE(18)              \
	ADD $288, CODES          \
	ADD $288, SCALES

// --- blocks of 256 ---

#define BLOCKARGUMENTS \
	ARGUMENTS                    \
	LSR  $3, STEPS               \
	MOVD $packBytes<>(SB), TABLE \
	VLD1 (TABLE), [V12.B16, V13.B16, V14.B16, V15.B16]

// Q4_K: the header, then for each two steps 32 bytes, whose low halves are the
// codes of the first.
#define Q4_K(turn, put) \
	SCALEMINS                    \
	ADVANCE(16)                  \
	MOVD $4, PAIRS               \
pair:                            \
	LOAD(0)                      \
	turn(V28, V29, V30, V31)     \
	NIBBLES                      \
	put(0, F0, F1, F2, F3)       \
	put(288, F4, F5, F6, F7)     \
	LOAD(16)                     \
	turn(V28, V29, V30, V31)     \
	NIBBLES                      \
	put(128, F0, F1, F2, F3)     \
	put(288+128, F4, F5, F6, F7) \
	AHEAD(0)                     \
	ADVANCE(32)                  \
	ADD  $(2*288), CODES         \
	SUBS $1, PAIRS               \
	BNE  pair                    \
	ADD  $(8*288), SCALES

// FIFTHS adds 16 to the bytes of w to z where those of a to d have a bit.
#define FIFTHS(bit, a, b, c, d, w, x, y, z) \
	VCMTST bit.B16, a.B16, V24.B16    \
	VCMTST bit.B16, b.B16, V25.B16    \
	VCMTST bit.B16, c.B16, V26.B16    \
	VCMTST bit.B16, d.B16, V27.B16    \
	VAND   SIXTEEN.B16, V24.B16, V24.B16 \
	VAND   SIXTEEN.B16, V25.B16, V25.B16 \
	VAND   SIXTEEN.B16, V26.B16, V26.B16 \
	VAND   SIXTEEN.B16, V27.B16, V27.B16 \
	VORR   V24.B16, w.B16, w.B16      \
	VORR   V25.B16, x.B16, x.B16      \
	VORR   V26.B16, y.B16, y.B16      \
	VORR   V27.B16, z.B16, z.B16

#define SIXTEEN V21 // in every byte
#define BIT     V22 // of the first step of a pair
#define BIT2    V23 // of the second

// Q5_K: the header, 32 bytes of fifth bits, of which step s has bit s, then as
// Q4_K.
#define Q5_K(turn, put) \
	AHEAD(0)                     \
	SCALEMINS                    \
	LOAD(16)                     \
	turn(V8, V9, V10, V11)       \
	LOAD(32)                     \
	turn(V16, V17, V18, V19)     \
	ADVANCE(48)                  \
	VMOVI $1, BIT.B16            \
	MOVD $4, PAIRS               \
pair:                            \
	VSHL $1, BIT.B16, BIT2.B16   \
	LOAD(0)                      \
	turn(V28, V29, V30, V31)     \
	NIBBLES                      \
	FIFTHS(BIT, V8, V9, V10, V11, V0, V1, V2, V3)     \
	FIFTHS(BIT2, V8, V9, V10, V11, V4, V5, V6, V7)    \
	put(0, F0, F1, F2, F3)       \
	put(288, F4, F5, F6, F7)     \
	LOAD(16)                     \
	turn(V28, V29, V30, V31)     \
	NIBBLES                      \
	FIFTHS(BIT, V16, V17, V18, V19, V0, V1, V2, V3)   \
	FIFTHS(BIT2, V16, V17, V18, V19, V4, V5, V6, V7)  \
	put(128, F0, F1, F2, F3)     \
	put(288+128, F4, F5, F6, F7) \
	VSHL $2, BIT.B16, BIT.B16    \
	AHEAD(0)                     \
	ADVANCE(32)                  \
	ADD  $(2*288), CODES         \
	SUBS $1, PAIRS               \
	BNE  pair                    \
	ADD  $(8*288), SCALES

// SIXTHS completes the codes a to d with a plane of V8 to V11.
#define SIXTHS(high, a, b, c, d) \
	high(V23, V8, V24)            \
	high(V23, V9, V25)            \
	high(V23, V10, V26)           \
	high(V23, V11, V27)           \
	VORR V24.B16, a.B16, a.B16 \
	VORR V25.B16, b.B16, b.B16 \
	VORR V26.B16, c.B16, c.B16 \
	VORR V27.B16, d.B16, d.B16 \
	LESS(a, b, c, d)

// QUARTER does 16 columns of each of the steps 4i to 4i+3, from column c.
#define QUARTER(i, c, turn, put) \
	LOAD(128+32*i+c)                           \
	turn(V8, V9, V10, V11)                     \
	LOAD(64*i+c)                               \
	turn(V28, V29, V30, V31)                   \
	NIBBLES                                    \
	SIXTHS(HIGH0, V0, V1, V2, V3)              \
	SIXTHS(HIGH2, V4, V5, V6, V7)              \
	put((4*i)*320+8*c, F0, F1, F2, F3)         \
	put((4*i+2)*320+8*c, F4, F5, F6, F7)       \
	LOAD(64*i+32+c)                            \
	turn(V28, V29, V30, V31)                   \
	NIBBLES                                    \
	SIXTHS(HIGH1, V0, V1, V2, V3)              \
	SIXTHS(HIGH3, V4, V5, V6, V7)              \
	put((4*i+1)*320+8*c, F0, F1, F2, F3)       \
	put((4*i+3)*320+8*c, F4, F5, F6, F7)

// PUTSCALES16 stores those of four groups of 16.
#define PUTSCALES16(at) \
	FMOVQ F4, (at)(SCALES)        \
	FMOVQ F5, (at+32)(SCALES)     \
	FMOVQ F6, (at+320)(SCALES)    \
	FMOVQ F7, (at+320+32)(SCALES)

// Q6_K: for each four steps 64 bytes, whose low halves are of the first two;
// for each four steps 32 bytes of the codes' upper two bits, of which step s
// has plane s%4; 16 signed scales and a binary16 for all of them. Codes are 32
// more than they say.
#define Q6_K(turn, put) \
	HALVES(208)               \
	LOAD(192)                 \
	JOINED(16, F16)           \
	QUADS(V28, V29, V30, V31) \
	FOUR(V28, 16)             \
	PUTSCALES16(0)            \
	FOUR(V29, 16)             \
	PUTSCALES16(2*320)        \
	FOUR(V30, 16)             \
	PUTSCALES16(4*320)        \
	FOUR(V31, 16)             \
	PUTSCALES16(6*320)        \
	AHEAD(0)                  \
	QUARTER(0, 0, turn, put)  \
	AHEAD(64)                 \
	QUARTER(0, 16, turn, put) \
	AHEAD(128)                \
	QUARTER(1, 0, turn, put)  \
	AHEAD(192)                \
	QUARTER(1, 16, turn, put) \
	ADVANCE(210)              \
	ADD $(8*320), CODES       \
	ADD $(8*320), SCALES

// func packQ8_0Quads(steps *byte, mins *float32, w *byte, stride, n int)
TEXT ·packQ8_0Quads(SB), NOSPLIT, $0-40
	ARGUMENTS
	PACK(4, Q8_0(QUADS, PUTQUADS))

// func packQ8_0Octets(steps *byte, mins *float32, w *byte, stride, n int)
TEXT ·packQ8_0Octets(SB), NOSPLIT, $0-40
	ARGUMENTS
	PACK(8, Q8_0(OCTETS, PUTOCTETS))

// func packQ4_0Quads(steps *byte, mins *float32, w *byte, stride, n int)
TEXT ·packQ4_0Quads(SB), NOSPLIT, $0-40
	ARGUMENTS
	VMOVI $15, FIFTEEN.B16
	VMOVI $8, OFFSET.B16
	PACK(4, Q4_0(QUADS, PUTQUADS))

// func packQ4_0Octets(steps *byte, mins *float32, w *byte, stride, n int)
TEXT ·packQ4_0Octets(SB), NOSPLIT, $0-40
	ARGUMENTS
	VMOVI $15, FIFTEEN.B16
	VMOVI $8, OFFSET.B16
	PACK(8, Q4_0(OCTETS, PUTOCTETS))

// func packQ4_KQuads(steps *byte, mins *float32, w *byte, stride, n int)
TEXT ·packQ4_KQuads(SB), NOSPLIT, $0-40
	BLOCKARGUMENTS
	VMOVI $15, FIFTEEN.B16
	PACK(4, Q4_K(QUADS, PUTQUADS))

// func packQ4_KOctets(steps *byte, mins *float32, w *byte, stride, n int)
TEXT ·packQ4_KOctets(SB), NOSPLIT, $0-40
	BLOCKARGUMENTS
	VMOVI $15, FIFTEEN.B16
	PACK(8, Q4_K(OCTETS, PUTOCTETS))

// func packQ5_KQuads(steps *byte, mins *float32, w *byte, stride, n int)
TEXT ·packQ5_KQuads(SB), NOSPLIT, $0-40
	BLOCKARGUMENTS
	VMOVI $15, FIFTEEN.B16
	VMOVI $16, SIXTEEN.B16
	PACK(4, Q5_K(QUADS, PUTQUADS))

// func packQ5_KOctets(steps *byte, mins *float32, w *byte, stride, n int)
TEXT ·packQ5_KOctets(SB), NOSPLIT, $0-40
	BLOCKARGUMENTS
	VMOVI $15, FIFTEEN.B16
	VMOVI $16, SIXTEEN.B16
	PACK(8, Q5_K(OCTETS, PUTOCTETS))

// func packQ6_KQuads(steps *byte, mins *float32, w *byte, stride, n int)
TEXT ·packQ6_KQuads(SB), NOSPLIT, $0-40
	BLOCKARGUMENTS
	VMOVI $15, FIFTEEN.B16
	VMOVI $32, OFFSET.B16
	VMOVI $0x30, V23.B16
	PACK(4, Q6_K(QUADS, PUTQUADS))

// func packQ6_KOctets(steps *byte, mins *float32, w *byte, stride, n int)
TEXT ·packQ6_KOctets(SB), NOSPLIT, $0-40
	BLOCKARGUMENTS
	VMOVI $15, FIFTEEN.B16
	VMOVI $32, OFFSET.B16
	VMOVI $0x30, V23.B16
	PACK(8, Q6_K(OCTETS, PUTOCTETS))
