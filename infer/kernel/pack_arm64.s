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

#define AHEAD \
	ADD  NEXT, W0, T0     \
	ADD  NEXT, W1, T1     \
	ADD  NEXT, W2, T2     \
	ADD  NEXT, W3, T3     \
	PRFM (T0), PLDL2KEEP  \
	PRFM (T1), PLDL2KEEP  \
	PRFM (T2), PLDL2KEEP  \
	PRFM (T3), PLDL2KEEP

// LOAD loads 16 bytes of each row, off bytes from its pointer.
#define LOAD(off, a, b, c, d) \
	FMOVQ (off)(W0), a \
	FMOVQ (off)(W1), b \
	FMOVQ (off)(W2), c \
	FMOVQ (off)(W3), d

// HALVES loads the rows' binary16 off bytes from their pointers into half, as
// float32: a load into a lane would keep a vector unit busy for each.
#define HALVES(off, half, f) \
	MOVHU (off)(W0), T0  \
	MOVHU (off)(W1), T1  \
	MOVHU (off)(W2), T2  \
	MOVHU (off)(W3), T3  \
	ORR   T1<<16, T0, T0 \
	ORR   T3<<16, T2, T2 \
	ORR   T2<<32, T0, T0 \
	FMOVD T0, f          \
	FCVTL(half, half)

// QUADS turns 4 x 4 quads: from the rows a, b, c, d to quads 0, 1, 2, 3 of all
// of them in V28 to V31.
#define QUADS(a, b, c, d) \
	VTRN1 b.S4, a.S4, V24.S4     \ // a0 b0 a2 b2
	VTRN2 b.S4, a.S4, V25.S4     \ // a1 b1 a3 b3
	VTRN1 d.S4, c.S4, V26.S4     \ // c0 d0 c2 d2
	VTRN2 d.S4, c.S4, V27.S4     \ // c1 d1 c3 d3
	VTRN1 V26.D2, V24.D2, V28.D2 \
	VTRN1 V27.D2, V25.D2, V29.D2 \
	VTRN2 V26.D2, V24.D2, V30.D2 \
	VTRN2 V27.D2, V25.D2, V31.D2

// PUTQUADS stores them at columns 0 or 16 of a step: at is 0 or 128 bytes
// behind CODES.
#define PUTQUADS(at, a, b, c, d) \
	FMOVQ a, (at)(CODES)    \
	FMOVQ b, (at+32)(CODES) \
	FMOVQ c, (at+64)(CODES) \
	FMOVQ d, (at+96)(CODES)

// OCTETS turns 4 x 2 octets: octet 0 of rows a, b and of c, d, then octet 1.
#define OCTETS(a, b, c, d) \
	VTRN1 b.D2, a.D2, V28.D2 \
	VTRN1 d.D2, c.D2, V29.D2 \
	VTRN2 b.D2, a.D2, V30.D2 \
	VTRN2 d.D2, c.D2, V31.D2

#define PUTOCTETS(at, a, b, c, d) \
	FSTPQ (a, b), (at)(CODES)    \
	FSTPQ (c, d), (at+64)(CODES)

// Q8_0: a binary16 scale and 32 codes.
#define PACKQ8_0(unit, turn, put) \
	ARGUMENTS                    \
pass:                            \
	BEGIN                        \
step:                            \
	HALVES(0, 16, F16)           \
	FMOVQ F16, (SCALES)          \
	LOAD(2, F0, F1, F2, F3)      \
	LOAD(18, F4, F5, F6, F7)     \
	turn(V0, V1, V2, V3)         \
	put(0, F28, F29, F30, F31)   \
	turn(V4, V5, V6, V7)         \
	put(128, F28, F29, F30, F31) \
	AHEAD                        \
	ADVANCE(34)                  \
	ADD  $288, CODES             \
	ADD  $288, SCALES            \
	SUBS $1, LEFT                \
	BNE  step                    \
	NEXTPASS(unit)               \
	BNE  pass                    \
	RET

// func packQ8_0Quads(steps *byte, mins *float32, w *byte, stride, n int)
TEXT ·packQ8_0Quads(SB), NOSPLIT, $0-40
	PACKQ8_0(4, QUADS, PUTQUADS)

// func packQ8_0Octets(steps *byte, mins *float32, w *byte, stride, n int)
TEXT ·packQ8_0Octets(SB), NOSPLIT, $0-40
	PACKQ8_0(8, OCTETS, PUTOCTETS)
