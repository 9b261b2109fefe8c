// What the products of single_arm64.s and single_k_arm64.s share.
//
// They multiply 8 rows with a single vector, without a panel: 16 columns of a
// row are multiplied with the vector's, and what four rows get in their lanes
// is added up. These integer sums are those of the tiles, and the same floats
// follow, so that the results are theirs.

#define X     R1  // the vector's first step
#define XS    R6  // its step
#define HALF  R16 // bias16 of the step
#define DST   R25
#define START R26 // of integer sums

// V0-V7: codes of rows 0 to 3: columns 0-15 and 16-31 of each
// V8-V10: the vector's columns and its scale
// V12-V15: products of 16 bits
// V16-V19: integer sums of rows 0 to 3
// V21: what they start with, see BIAS in tile_arm64.h
// V22: scales
// V23: the sums
// V24-V31: other codes of rows 0 to 3

#define ARGUMENTS \
	MOVD  dst+0(FP), DST        \
	MOVD  panel+8(FP), PANEL    \
	MOVD  mins+16(FP), MIN      \
	MOVD  w+24(FP), W           \
	MOVD  stride+32(FP), STRIDE \
	MOVD  x+40(FP), X           \
	MOVD  n+56(FP), STEPS       \
	LSL   $3, STRIDE, NEXT      \
	MOVD  $2, PASSES            \
	MOVW  $0x4b400000, START    \
	VDUP  START, V21.S4         \
	VMOVI $15, FIFTEEN.B16

#define SINGLE(block) \
pass:                        \
	BEGIN                    \
	MOVD    X, XS            \
	MOVD    half+48(FP), HALF \
	MOVBU   add+64(FP), T0   \
	FMOVD   ZR, F23          \
	CBZ     T0, next         \
	FMOVQ   (DST), F23       \
next:                        \
	block                    \
	SUBS    $1, LEFT         \
	BNE     next             \
	FMOVQ.P F23, 16(DST)     \
	ADD     $16, MIN         \
	ADD     STRIDE<<2, W     \
	SUBS    $1, PASSES       \
	BNE     pass             \
	RET

// VECTOR loads the step off bytes on.
#define VECTOR(off) \
	FMOVQ (off)(XS), F8     \
	FMOVQ (off+16)(XS), F9  \
	FMOVS (off+32)(XS), F10

#define INIT(start) \
	FMOVS start, F16 \
	FMOVS start, F17 \
	FMOVS start, F18 \
	FMOVS start, F19

// SCALED adds up the integer sums of each row and adds them, times both
// scales, to the sums. It consists of steps that wait for each other; other
// work goes between them.
#define SCALED \
	SCALED1 \
	SCALED2 \
	SCALED3 \
	SCALED4
#define SCALED1 \
	VADDP V17.S4, V16.S4, V16.S4 \
	VADDP V19.S4, V18.S4, V18.S4
#define SCALED2 \
	VADDP V18.S4, V16.S4, V16.S4 \
	FMUL0(10, 22, 22)              // scale[row] * d
#define SCALED3 \
	FSUB(21, 16, 16)
#define SCALED4 \
	FMLA(22, 16, 23)

// DOT16 adds the products of V(w), V(w+2), ... and 16 columns in V(x).
#define DOT16(w, x) \
	SDOT(x, w, 16)   \
	SDOT(x, w+2, 17) \
	SDOT(x, w+4, 18) \
	SDOT(x, w+6, 19)

// DOT32 adds those of V(w), V(w+1), ... and 32 columns.
#define DOT32(w) \
	DOT16(w, 8)   \
	DOT16(w+1, 9)

// Without dot products. Two products of a code and a byte fit in 16 bits, and
// more of smaller codes: of 4 bits the four of MUL32SMALL, 4*15*127 at most.
#define LONG(instruction, w, x) \
	instruction(x, w, 12)   \
	instruction(x, w+2, 13) \
	instruction(x, w+4, 14) \
	instruction(x, w+6, 15)
#define PAIRSUMS \
	SADALP(12, 16) \
	SADALP(13, 17) \
	SADALP(14, 18) \
	SADALP(15, 19)
#define MUL16(w, x) \
	LONG(SMULL, w, x)  \
	LONG(SMLAL2, w, x) \
	PAIRSUMS
#define MUL32(w) \
	MUL16(w, 8)   \
	MUL16(w+1, 9)
#define MUL32SMALL(w) \
	LONG(SMULL, w, 8)    \
	LONG(SMLAL2, w, 8)   \
	LONG(SMLAL, w+1, 9)  \
	LONG(SMLAL2, w+1, 9) \
	PAIRSUMS

// LOAD32 loads 32 bytes of each row, off bytes from its pointer. Loads of pairs
// would gain nothing on Cortex-A76 and keep a Cortex-A55 waiting.
#define LOAD32(off, a, b, c, d, e, f, g, h) \
	FMOVQ (off)(W0), a    \
	FMOVQ (off+16)(W0), b \
	FMOVQ (off)(W1), c    \
	FMOVQ (off+16)(W1), d \
	FMOVQ (off)(W2), e    \
	FMOVQ (off+16)(W2), f \
	FMOVQ (off)(W3), g    \
	FMOVQ (off+16)(W3), h
#define CODES0(off) LOAD32(off, F0, F1, F2, F3, F4, F5, F6, F7)
#define CODES24(off) LOAD32(off, F24, F25, F26, F27, F28, F29, F30, F31)

// TO24 does f(from, to) from V0-V7 to V24-V31, HERE from V0-V7 to themselves.
#define TO24(f) \
	f(V0, V24) \
	f(V1, V25) \
	f(V2, V26) \
	f(V3, V27) \
	f(V4, V28) \
	f(V5, V29) \
	f(V6, V30) \
	f(V7, V31)
#define HERE(f) \
	f(V0, V0) \
	f(V1, V1) \
	f(V2, V2) \
	f(V3, V3) \
	f(V4, V4) \
	f(V5, V5) \
	f(V6, V6) \
	f(V7, V7)

#define LOWER(from, to) VAND FIFTEEN.B16, from.B16, to.B16
#define UPPER(from, to) VUSHR $4, from.B16, to.B16

// NIBBLES loads 16 bytes of each row and makes codes of their halves.
#define LOADNIBBLES(off) \
	FMOVQ (off)(W0), F1 \
	FMOVQ (off)(W1), F3 \
	FMOVQ (off)(W2), F5 \
	FMOVQ (off)(W3), F7
#define NIBBLES \
	LOWER(V1, V0) \
	LOWER(V3, V2) \
	LOWER(V5, V4) \
	LOWER(V7, V6) \
	UPPER(V1, V1) \
	UPPER(V3, V3) \
	UPPER(V5, V5) \
	UPPER(V7, V7)

#define LEVELS V11 // the codes of 16 halves
#define LEVEL(from, to) VTBL from.B16, [LEVELS.B16], to.B16
#define LEVELARGUMENTS(levels) \
	MOVD  $levels(SB), TABLE \
	FMOVQ (TABLE), F11
