#include "textflag.h"
#include "words_arm64.h"

// Packing of 8 rows, four in a pass. The rows are read side by side straight
// from the file's layout, and for each the line that the next panel needs is
// called into the second-level cache. Quads are panels of unit 4, octets of
// unit 8: what they have in a different way is a turn and where it puts.

#define PANEL  R0  // codes of the pass's first row
#define SCALE  R1  // scales
#define MIN    R2  // minima
#define W      R3  // the pass's first row
#define STRIDE R4
#define STEPS  R5
#define CODES  R6  // PANEL, SCALE, MIN and STEPS of the step or block
#define SCALES R7
#define MINS   R8
#define LEFT   R9
#define W0     R10 // the step or block of the pass's rows
#define W1     R11
#define W2     R12
#define W3     R13
#define NEXT   R14 // from a row to that of the next panel
#define PASSES R15
#define T0     R19
#define T1     R20
#define T2     R21
#define T3     R22
#define TABLE  R23
#define PAIRS  R24

#define ARGUMENTS \
	MOVD steps+0(FP), PANEL \
	MOVD mins+8(FP), MIN    \
	MOVD w+16(FP), W        \
	MOVD stride+24(FP), STRIDE \
	MOVD n+32(FP), STEPS    \
	ADD  $256, PANEL, SCALE \
	LSL  $3, STRIDE, NEXT   \
	MOVD $2, PASSES

#define BEGIN \
	MOVD PANEL, CODES   \
	MOVD SCALE, SCALES  \
	MOVD MIN, MINS      \
	MOVD STEPS, LEFT    \
	MOVD W, W0          \
	ADD  STRIDE, W0, W1 \
	ADD  STRIDE, W1, W2 \
	ADD  STRIDE, W2, W3

#define NEXTPASS(unit) \
	ADD  $(4*unit), PANEL \
	ADD  $16, SCALE       \
	ADD  $16, MIN         \
	ADD  STRIDE<<2, W     \
	SUBS $1, PASSES

#define ADVANCE(n) \
	ADD $n, W0 \
	ADD $n, W1 \
	ADD $n, W2 \
	ADD $n, W3

// AHEAD calls in the line off bytes on, eight rows later.
#define AHEAD(off) \
	ADD  NEXT, W0, T0          \
	ADD  NEXT, W1, T1          \
	ADD  NEXT, W2, T2          \
	ADD  NEXT, W3, T3          \
	PRFM (off)(T0), PLDL2KEEP  \
	PRFM (off)(T1), PLDL2KEEP  \
	PRFM (off)(T2), PLDL2KEEP  \
	PRFM (off)(T3), PLDL2KEEP

// LOAD loads 16 bytes of each row, off bytes from its pointer, into V0 to V3.
#define LOAD(off) \
	FMOVQ (off)(W0), F0 \
	FMOVQ (off)(W1), F1 \
	FMOVQ (off)(W2), F2 \
	FMOVQ (off)(W3), F3

// HALVES loads the rows' binary16 off bytes from their pointers into V16, as
// float32: a load into a lane would keep a vector unit busy for each.
#define HALVES(off) \
	MOVHU (off)(W0), T0  \
	MOVHU (off)(W1), T1  \
	MOVHU (off)(W2), T2  \
	MOVHU (off)(W3), T3  \
	ORR   T1<<16, T0, T0 \
	ORR   T3<<16, T2, T2 \
	ORR   T2<<32, T0, T0 \
	FMOVD T0, F16        \
	FCVTL(16, 16)

// QUADS turns the rows in V0 to V3: a to d get columns 0-3, 4-7, 8-11 and
// 12-15 of all of them.
#define QUADS(a, b, c, d) \
	VTRN1 V1.S4, V0.S4, V24.S4  \ // quads 0 and 2 of rows 0 and 1 in turn
	VTRN2 V1.S4, V0.S4, V25.S4  \ // quads 1 and 3
	VTRN1 V3.S4, V2.S4, V26.S4  \ // of rows 2 and 3
	VTRN2 V3.S4, V2.S4, V27.S4  \
	VTRN1 V26.D2, V24.D2, a.D2  \
	VTRN1 V27.D2, V25.D2, b.D2  \
	VTRN2 V26.D2, V24.D2, c.D2  \
	VTRN2 V27.D2, V25.D2, d.D2

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

#define FIFTEEN V20 // in every byte
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
	FMOVQ F16, (SCALES)          \
	LOAD(2)                      \
	turn(V28, V29, V30, V31)     \
	put(0, F28, F29, F30, F31)   \
	LOAD(18)                     \
	turn(V28, V29, V30, V31)     \
	put(128, F28, F29, F30, F31) \
	AHEAD(0)                     \
	ADVANCE(34)                  \
	ADD $288, CODES              \
	ADD $288, SCALES

// Q4_0: a binary16 scale and 16 bytes, whose low halves are the codes of
// columns 0-15; 8 more than they say.
#define Q4_0(turn, put) \
	HALVES(0)                \
	FMOVQ F16, (SCALES)      \
	LOAD(2)                  \
	turn(V28, V29, V30, V31) \
	NIBBLES                  \
	LESS(V0, V1, V2, V3)     \
	LESS(V4, V5, V6, V7)     \
	put(0, F0, F1, F2, F3)   \
	put(128, F4, F5, F6, F7) \
	AHEAD(0)                 \
	ADVANCE(18)                  \
	ADD $288, CODES              \
	ADD $288, SCALES

// --- blocks of 256 ---

// BYTE0 to BYTE3 are tables that move one byte of each 32 bits to their top,
// with zeros below.
#define BYTE0 V12
#define BYTE1 V13
#define BYTE2 V14
#define BYTE3 V15

DATA packBytes<>+0(SB)/8, $0x04ffffff00ffffff
DATA packBytes<>+8(SB)/8, $0x0cffffff08ffffff
DATA packBytes<>+16(SB)/8, $0x05ffffff01ffffff
DATA packBytes<>+24(SB)/8, $0x0dffffff09ffffff
DATA packBytes<>+32(SB)/8, $0x06ffffff02ffffff
DATA packBytes<>+40(SB)/8, $0x0effffff0affffff
DATA packBytes<>+48(SB)/8, $0x07ffffff03ffffff
DATA packBytes<>+56(SB)/8, $0x0fffffff0bffffff
GLOBL packBytes<>(SB), RODATA|NOPTR, $64

#define BLOCKARGUMENTS \
	ARGUMENTS                    \
	LSR  $3, STEPS               \
	MOVD $packBytes<>(SB), TABLE \
	VLD1 (TABLE), [V12.B16, V13.B16, V14.B16, V15.B16]

// FOUR multiplies the signed bytes of src, four of each row, with V(factor);
// V4 to V7 are the products with the rows' first, second, ... bytes.
#define FOUR(src, factor) \
	VTBL BYTE0.B16, [src.B16], V4.B16 \
	VTBL BYTE1.B16, [src.B16], V5.B16 \
	VTBL BYTE2.B16, [src.B16], V6.B16 \
	VTBL BYTE3.B16, [src.B16], V7.B16 \
	SCVTF24(4, 4)                     \
	SCVTF24(5, 5)                     \
	SCVTF24(6, 6)                     \
	SCVTF24(7, 7)                     \
	FMUL(factor, 4, 4)                \
	FMUL(factor, 5, 5)                \
	FMUL(factor, 6, 6)                \
	FMUL(factor, 7, 7)

#define PUTSCALES(at) \
	FMOVQ F4, (at)(SCALES)       \
	FMOVQ F5, (at+288)(SCALES)   \
	FMOVQ F6, (at+2*288)(SCALES) \
	FMOVQ F7, (at+3*288)(SCALES)

#define PUTMINS(at) \
	FMOVQ F4, (at)(MINS)    \
	FMOVQ F5, (at+32)(MINS) \
	FMOVQ F6, (at+64)(MINS) \
	FMOVQ F7, (at+96)(MINS)

// SCALEMINS unpacks the header of Q4_K and Q5_K: d and dmin in binary16, then
// 12 bytes of 6-bit scales and minima; see scaleMins in infer/quant.
#define SCALEMINS \
	LOAD(0)                            \
	QUADS(V0, V1, V2, V3)              \ // d and dmin, bytes 0-3, 4-7, 8-11
	VUZP1 V0.H8, V0.H8, V16.H8         \
	VUZP2 V0.H8, V0.H8, V17.H8         \
	FCVTL(16, 16)                      \ // d
	FCVTL(17, 17)                      \ // dmin
	VMOVI $63, V18.B16                 \
	VAND  V18.B16, V1.B16, V8.B16      \ // scales 0-3
	VAND  V18.B16, V2.B16, V9.B16      \ // minima 0-3
	VUSHR $6, V1.B16, V1.B16           \
	VUSHR $6, V2.B16, V2.B16           \
	VAND  FIFTEEN.B16, V3.B16, V10.B16 \
	VUSHR $4, V3.B16, V11.B16          \
	VSLI  $4, V1.B16, V10.B16          \ // scales 4-7
	VSLI  $4, V2.B16, V11.B16          \ // minima 4-7
	FOUR(V8, 16)                       \
	PUTSCALES(0)                       \
	FOUR(V10, 16)                      \
	PUTSCALES(4*288)                   \
	FOUR(V9, 17)                       \
	PUTMINS(0)                         \
	FOUR(V11, 17)                      \
	PUTMINS(4*32)                      \
	ADD   $(8*32), MINS

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

// HIGHn moves the two bits of plane n to where a code has its upper ones.
#define HIGH0(q, t) \
	VSHL $4, q.B16, t.B16   \
	VAND V23.B16, t.B16, t.B16
#define HIGH1(q, t) \
	VSHL $2, q.B16, t.B16   \
	VAND V23.B16, t.B16, t.B16
#define HIGH2(q, t) \
	VAND V23.B16, q.B16, t.B16
#define HIGH3(q, t) \
	VUSHR $2, q.B16, t.B16  \
	VAND V23.B16, t.B16, t.B16

// SIXTHS completes the codes a to d with a plane of V8 to V11.
#define SIXTHS(high, a, b, c, d) \
	high(V8, V24)            \
	high(V9, V25)            \
	high(V10, V26)           \
	high(V11, V27)           \
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
	LOAD(192)                 \
	QUADS(V28, V29, V30, V31) \
	HALVES(208)               \
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
