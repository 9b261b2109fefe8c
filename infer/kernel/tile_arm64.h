// What the tiles of all arm64 tiers have in common. A panel has 8 rows: two
// registers hold a value of each. A tile is done in passes of some of its
// vectors; a pass goes over the whole panel, which lies in the first-level
// cache.

#define DST    R0  // of the pass's first vector
#define LD     R1  // between vectors in dst, in bytes
#define PANEL  R2
#define Q      R3  // bytes of the pass's first vector
#define DX     R4  // and its scale
#define STEPS  R5
#define ADDED  R6  // to what is in dst?
#define STRIDE R7  // between steps of the tile, in bytes
#define PASSES R8
#define ROW    R9  // moves from vector to vector in dst
#define W      R10 // PANEL, Q, DX and STEPS of the step
#define QS     R11
#define DS     R12
#define LEFT   R13
#define TABLE  R14
#define SCALES R15

// ARGUMENTS of a tileFunc of so many vectors, some of which a pass does.
#define ARGUMENTS(vectors, some) \
	MOVD  dst+0(FP), DST           \
	MOVD  ld+8(FP), LD             \
	MOVD  panel+16(FP), PANEL      \
	MOVD  x+24(FP), Q              \
	MOVD  n+40(FP), STEPS          \
	MOVBU add+48(FP), ADDED        \
	LSL   $2, LD                   \
	ADD   $(32*vectors), Q, DX      \
	MOVD  $(40*vectors), STRIDE    \
	MOVD  $(vectors/some), PASSES

#define BEGIN \
	MOVD PANEL, W    \
	MOVD Q, QS       \
	MOVD DX, DS      \
	MOVD STEPS, LEFT \
	MOVD DST, ROW

#define NEXTSTEP(size) \
	ADD  $size, W    \
	ADD  STRIDE, QS  \
	ADD  STRIDE, DS  \
	SUBS $1, LEFT

#define NEXTPASS(some) \
	ADD  $(32*some), Q \
	ADD  $(4*some), DX \
	SUBS $1, PASSES

// Values of a page of INT8; a pass goes over all panels of the page.

#define PAGE  R17 // DST of the panel
#define START R19 // and of the pass

// PAGEARGUMENTS of a mix8Func of so many vectors, some of which a pass does. The
// biases are for the others.
#define PAGEARGUMENTS(vectors, some) \
	MOVD dst+0(FP), START       \
	MOVD ld+8(FP), LD           \
	MOVD values+16(FP), PANEL   \
	MOVD q+24(FP), QS           \
	MOVD d+32(FP), DX           \
	MOVD panels+48(FP), STEPS   \
	LSL  $2, LD                 \
	MOVD $(vectors/some), PASSES

#define PAGEBEGIN \
	MOVD START, PAGE \
	MOVD PANEL, W    \
	MOVD STEPS, LEFT

#define NEXTPANEL \
	ADD  $32, PAGE \
	ADD  $128, W   \
	SUBS $1, LEFT

#define PAGEPASS(some) \
	ADD  $(32*some), QS \
	ADD  $(4*some), DX  \
	MOVD $some, ROW      \
	MADD ROW, START, LD, START \
	SUBS $1, PASSES

// WEIGHTS loads the codes of 16 columns into V0 to V7, two registers at a time
// in the includer's way.
#define WEIGHTS(at) \
	TWO(at, F0, F1)    \
	TWO(at+32, F2, F3) \
	TWO(at+64, F4, F5) \
	TWO(at+96, F6, F7)

// An integer below 2^22 in magnitude, added to the bits of 1.5*2^23, gives the
// float32 1.5*2^23 more than it. Sums that start there become floats with one
// subtraction; SCVTF takes four times as long on Cortex-A76 and its like.
#define BIAS  $0x4b400000         // in every second lane
#define BIAS2 $0x4b4000004b400000 // in every lane
