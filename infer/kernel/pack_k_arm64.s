#include "textflag.h"
#include "words_arm64.h"
#include "rows_arm64.h"
#include "pack_arm64.h"

// Packers of types with blocks of 256, which are eight steps.

#define BLOCKARGUMENTS \
	ARGUMENTS                    \
	LSR  $3, STEPS               \
	MOVD $packBytes<>(SB), TABLE \
	VLD1 (TABLE), [V12.B16, V13.B16, V14.B16, V15.B16]

// PUT32 stores the scales of steps 4i to 4i+3.
#define PUT32(i) \
	FMOVQ F4, (4*288*(i))(SCALES)       \
	FMOVQ F5, (4*288*(i)+288)(SCALES)   \
	FMOVQ F6, (4*288*(i)+2*288)(SCALES) \
	FMOVQ F7, (4*288*(i)+3*288)(SCALES)

// Q4_K: the header, then for each two steps 32 bytes, whose low halves are the
// codes of the first.
#define Q4_K(turn, put) \
	SCALEMINS(PUT32)             \
	ADVANCE(16)                  \
	MOVD $4, PAIRS               \
pair:                         \
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
	VCMTST bit.B16, a.B16, V24.B16       \
	VCMTST bit.B16, b.B16, V25.B16       \
	VCMTST bit.B16, c.B16, V26.B16       \
	VCMTST bit.B16, d.B16, V27.B16       \
	VAND   SIXTEEN.B16, V24.B16, V24.B16 \
	VAND   SIXTEEN.B16, V25.B16, V25.B16 \
	VAND   SIXTEEN.B16, V26.B16, V26.B16 \
	VAND   SIXTEEN.B16, V27.B16, V27.B16 \
	VORR   V24.B16, w.B16, w.B16         \
	VORR   V25.B16, x.B16, x.B16         \
	VORR   V26.B16, y.B16, y.B16         \
	VORR   V27.B16, z.B16, z.B16

#define SIXTEEN V21 // in every byte
#define BIT     V22 // of the first step of a pair
#define BIT2    V23 // of the second

// Q5_K: the header, 32 bytes of fifth bits, of which step s has bit s, then as
// Q4_K.
#define Q5_K(turn, put) \
	AHEAD(0)                                         \
	SCALEMINS(PUT32)                                 \
	LOAD(16)                                         \
	turn(V8, V9, V10, V11)                           \
	LOAD(32)                                         \
	turn(V16, V17, V18, V19)                         \
	ADVANCE(48)                                      \
	VMOVI $1, BIT.B16                                \
	MOVD $4, PAIRS                                   \
pair:                                             \
	VSHL $1, BIT.B16, BIT2.B16                       \
	LOAD(0)                                          \
	turn(V28, V29, V30, V31)                         \
	NIBBLES                                          \
	FIFTHS(BIT, V8, V9, V10, V11, V0, V1, V2, V3)    \
	FIFTHS(BIT2, V8, V9, V10, V11, V4, V5, V6, V7)   \
	put(0, F0, F1, F2, F3)                           \
	put(288, F4, F5, F6, F7)                         \
	LOAD(16)                                         \
	turn(V28, V29, V30, V31)                         \
	NIBBLES                                          \
	FIFTHS(BIT, V16, V17, V18, V19, V0, V1, V2, V3)  \
	FIFTHS(BIT2, V16, V17, V18, V19, V4, V5, V6, V7) \
	put(128, F0, F1, F2, F3)                         \
	put(288+128, F4, F5, F6, F7)                     \
	VSHL $2, BIT.B16, BIT.B16                        \
	AHEAD(0)                                         \
	ADVANCE(32)                                      \
	ADD  $(2*288), CODES                             \
	SUBS $1, PAIRS                                   \
	BNE  pair                                        \
	ADD  $(8*288), SCALES

#define NEXTBLOCK16(size) \
	ADVANCE(size)         \
	ADD $(8*320), CODES   \
	ADD $(8*320), SCALES

// SIXTHS completes the codes a to d with a plane of V8 to V11.
#define SIXTHS(high, a, b, c, d) \
	high(V23, V8, V24)         \
	high(V23, V9, V25)         \
	high(V23, V10, V26)        \
	high(V23, V11, V27)        \
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

// PUT16 stores the scales of groups 4i to 4i+3, of 16 columns.
#define PUT16(i) \
	FMOVQ F4, (640*(i))(SCALES)        \
	FMOVQ F5, (640*(i)+32)(SCALES)     \
	FMOVQ F6, (640*(i)+320)(SCALES)    \
	FMOVQ F7, (640*(i)+320+32)(SCALES)

// Q6_K: for each four steps 64 bytes, whose low halves are of the first two;
// for each four steps 32 bytes of the codes' upper two bits, of which step s
// has plane s%4; 16 signed scales and a binary16 for all of them. Codes are 32
// more than they say.
#define Q6_K(turn, put) \
	SCALES6(PUT16)            \
	AHEAD(0)                  \
	QUARTER(0, 0, turn, put)  \
	AHEAD(64)                 \
	QUARTER(0, 16, turn, put) \
	AHEAD(128)                \
	QUARTER(1, 0, turn, put)  \
	AHEAD(192)                \
	QUARTER(1, 16, turn, put) \
	NEXTBLOCK16(210)

// PUTPLANE stores 16 columns of step s, from column c.
#define PUTPLANE(s, c, put) put(((s)*320+8*(c)), F0, F1, F2, F3)

// EACHPLANE does f(from, to) for a plane of V28 to V31, to V0 to V3.
#define EACHPLANE(f) \
	f(V28, V0) \
	f(V29, V1) \
	f(V30, V2) \
	f(V31, V3)

// PLANES does 16 columns of each of the steps 4i to 4i+3, from column c, whose
// codes' lower two bits lie 16 bytes at. plane0 to plane3 make codes of step s.
#define PLANES(i, c, at, turn, put, plane0, plane1, plane2, plane3) \
	LOAD(at+32*i+c)          \
	turn(V28, V29, V30, V31) \
	plane0(4*i)              \
	PUTPLANE(4*i, c, put)    \
	plane1(4*i+1)            \
	PUTPLANE(4*i+1, c, put)  \
	plane2(4*i+2)            \
	PUTPLANE(4*i+2, c, put)  \
	plane3(4*i+3)            \
	PUTPLANE(4*i+3, c, put)

// Q2_K: 16 bytes of scales and minima, for each four steps 32 bytes of codes, of
// which step s has plane s%4, and two binary16 for all scales and minima.
#define THREE V23 // in every byte
#define PLANE2_0(s) EACHPLANE(MASK)
#define PLANE2_1(s) \
	EACHPLANE(SHIFT2)   \
	EACHPLANE(MASKHERE)
#define PLANE2_2(s) \
	EACHPLANE(SHIFT4)   \
	EACHPLANE(MASKHERE)
#define PLANE2_3(s) EACHPLANE(SHIFT6)

#define PLANES2(i, c, turn, put) PLANES(i, c, 16, turn, put, PLANE2_0, PLANE2_1, PLANE2_2, PLANE2_3)

#define Q2_K(turn, put) \
	SCALES2(PUT16)            \
	PLANES2(0, 0, turn, put)  \
	AHEAD(0)                  \
	PLANES2(0, 16, turn, put) \
	PLANES2(1, 0, turn, put)  \
	AHEAD(64)                 \
	PLANES2(1, 16, turn, put) \
	NEXTBLOCK16(84)

// Q3_K: 32 bytes of third bits, of which step s has bit s; codes as those of
// Q2_K; then scales. Codes are 4 more than they say, which is to have all upper
// bits where the third is not: V8 to V11 have what they are not.
#define NOTTHIRD(s) \
	VMOVI  $(1<<(s)), BIT.B16       \
	VCMTST BIT.B16, V8.B16, V0.B16  \
	VCMTST BIT.B16, V9.B16, V1.B16  \
	VCMTST BIT.B16, V10.B16, V2.B16 \
	VCMTST BIT.B16, V11.B16, V3.B16
#define THIRD(s, shift) \
	shift(V28, V24)  \
	shift(V29, V25)  \
	shift(V30, V26)  \
	shift(V31, V27)  \
	NOTTHIRD(s)      \
	LOWTWO(V24, V0)  \
	LOWTWO(V25, V1)  \
	LOWTWO(V26, V2)  \
	LOWTWO(V27, V3)
#define PLANE3_0(s) \
	NOTTHIRD(s)       \
	EACHPLANE(LOWTWO)
#define PLANE3_1(s) THIRD(s, SHIFT2)
#define PLANE3_2(s) THIRD(s, SHIFT4)
#define PLANE3_3(s) \
	NOTTHIRD(s)       \
	EACHPLANE(TOPTWO)

#define NOT(v) VEOR ONES.B16, v.B16, v.B16
#define ONES   V21 // in every bit
#define PLANES3(c, turn, put) \
	LOAD(c)                                                             \
	turn(V8, V9, V10, V11)                                              \
	NOT(V8)                                                             \
	NOT(V9)                                                             \
	NOT(V10)                                                            \
	NOT(V11)                                                            \
	AHEAD(4*c)                                                          \
	PLANES(0, c, 32, turn, put, PLANE3_0, PLANE3_1, PLANE3_2, PLANE3_3) \
	PLANES(1, c, 32, turn, put, PLANE3_0, PLANE3_1, PLANE3_2, PLANE3_3)

#define Q3_K(turn, put) \
	SCALES3(PUT16)         \
	PLANES3(0, turn, put)  \
	PLANES3(16, turn, put) \
	NEXTBLOCK16(110)

// IQ4_XS: scales, then for each step 16 bytes of levels.
#define PUT4(i) \
	FMOVQ F4, (288*(i))(SCALES)       \
	FMOVQ F5, (288*(i)+2*288)(SCALES) \
	FMOVQ F6, (288*(i)+4*288)(SCALES) \
	FMOVQ F7, (288*(i)+6*288)(SCALES)
#define IQ4_XS(turn, put) \
	SCALES4(PUT4)                  \
	ADVANCE(8)                     \
	MOVD $8, PAIRS                 \
step:                           \
	NIBBLES16(0, turn, put, LEVEL) \
	AHEAD(0)                       \
	ADVANCE(16)                    \
	ADD  $288, CODES               \
	SUBS $1, PAIRS                 \
	BNE  step                      \
	ADD  $(8*288), SCALES

// func packQ4_KQuads(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ4_KQuads(SB), NOSPLIT, $0-48
	BLOCKARGUMENTS
	VMOVI $15, FIFTEEN.B16
	PACK(4, Q4_K(QUADS, PUTQUADS))

// func packQ4_KOctets(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ4_KOctets(SB), NOSPLIT, $0-48
	BLOCKARGUMENTS
	VMOVI $15, FIFTEEN.B16
	PACK(8, Q4_K(OCTETS, PUTOCTETS))

// func packQ5_KQuads(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ5_KQuads(SB), NOSPLIT, $0-48
	BLOCKARGUMENTS
	VMOVI $15, FIFTEEN.B16
	VMOVI $16, SIXTEEN.B16
	PACK(4, Q5_K(QUADS, PUTQUADS))

// func packQ5_KOctets(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ5_KOctets(SB), NOSPLIT, $0-48
	BLOCKARGUMENTS
	VMOVI $15, FIFTEEN.B16
	VMOVI $16, SIXTEEN.B16
	PACK(8, Q5_K(OCTETS, PUTOCTETS))

// func packQ6_KQuads(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ6_KQuads(SB), NOSPLIT, $0-48
	BLOCKARGUMENTS
	VMOVI $15, FIFTEEN.B16
	VMOVI $32, OFFSET.B16
	VMOVI $0x30, V23.B16
	PACK(4, Q6_K(QUADS, PUTQUADS))

// func packQ6_KOctets(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ6_KOctets(SB), NOSPLIT, $0-48
	BLOCKARGUMENTS
	VMOVI $15, FIFTEEN.B16
	VMOVI $32, OFFSET.B16
	VMOVI $0x30, V23.B16
	PACK(8, Q6_K(OCTETS, PUTOCTETS))

// func packQ2_KQuads(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ2_KQuads(SB), NOSPLIT, $0-48
	BLOCKARGUMENTS
	VMOVI $15, FIFTEEN.B16
	VMOVI $3, THREE.B16
	PACK(4, Q2_K(QUADS, PUTQUADS))

// func packQ2_KOctets(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ2_KOctets(SB), NOSPLIT, $0-48
	BLOCKARGUMENTS
	VMOVI $15, FIFTEEN.B16
	VMOVI $3, THREE.B16
	PACK(8, Q2_K(OCTETS, PUTOCTETS))

// func packQ3_KQuads(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ3_KQuads(SB), NOSPLIT, $0-48
	BLOCKARGUMENTS
	VMOVI $15, FIFTEEN.B16
	VMOVI $3, THREE.B16
	VMOVI $255, ONES.B16
	PACK(4, Q3_K(QUADS, PUTQUADS))

// func packQ3_KOctets(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ3_KOctets(SB), NOSPLIT, $0-48
	BLOCKARGUMENTS
	VMOVI $15, FIFTEEN.B16
	VMOVI $3, THREE.B16
	VMOVI $255, ONES.B16
	PACK(8, Q3_K(OCTETS, PUTOCTETS))

// func packIQ4_XSQuads(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packIQ4_XSQuads(SB), NOSPLIT, $0-48
	BLOCKARGUMENTS
	VMOVI $15, FIFTEEN.B16
	LEVELARGUMENTS(iq4<>)
	PACK(4, IQ4_XS(QUADS, PUTQUADS))

// func packIQ4_XSOctets(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packIQ4_XSOctets(SB), NOSPLIT, $0-48
	BLOCKARGUMENTS
	VMOVI $15, FIFTEEN.B16
	LEVELARGUMENTS(iq4<>)
	PACK(8, IQ4_XS(OCTETS, PUTOCTETS))
