// What the products of single_dotprod_arm64.s and single_neon_arm64.s share. The
// includer has the integer products and what turns their sums into floats.
//
// They multiply 8 rows with a single vector, without a panel: 16 columns of a
// row are multiplied with the vector's, and what four rows get in their lanes
// is added up. These integer sums are those of the tiles, and the same floats
// follow, so that the results are theirs.

#define X     R1  // the vector's first step
#define XS    R6  // its step
#define HALF  R16 // bias16 of the step
#define BIAS16 R17 // HALF's or the vector's, see BIASED
#define DST   R25

// V0-V7: codes of rows 0 to 3: columns 0-15 and 16-31 of each
// V8-V10: the vector's columns and its scale
// V16-V19: integer sums of rows 0 to 3
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
	VMOVI $15, FIFTEEN.B16

#define SINGLE(block) \
pass:                      \
	BEGIN                     \
	MOVD    X, XS             \
	MOVD    half+48(FP), HALF \
	MOVBU   add+64(FP), T0    \
	FMOVD   ZR, F23           \
	CBZ     T0, next          \
	FMOVQ   (DST), F23        \
next:                      \
	block                     \
	SUBS    $1, LEFT          \
	BNE     next              \
	FMOVQ.P F23, 16(DST)      \
	ADD     $16, MIN          \
	ADD     STRIDE<<2, W      \
	SUBS    $1, PASSES        \
	BNE     pass              \
	RET

// VECTOR loads the step off bytes on.
#define VECTOR(off) \
	FMOVQ (off)(XS), F8     \
	FMOVQ (off+16)(XS), F9  \
	FMOVS (off+32)(XS), F10

// SCALED adds up the integer sums of each row and adds them, times both
// scales, to the sums. It consists of steps that wait for each other; other
// work goes between them. The includer has the third: FLOATS, or where INIT was
// BIASED, BIASEDFLOATS.
#define SCALED1 \
	VADDP V17.S4, V16.S4, V16.S4 \
	VADDP V19.S4, V18.S4, V18.S4
#define SCALED2 \
	VADDP V18.S4, V16.S4, V16.S4 \
	FMUL0(10, 22, 22)              // scale[row] * d
#define SCALED4 \
	FMLA(22, 16, 23)

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

// LOADNIBBLES loads 16 bytes of each row, NIBBLES makes codes of their halves.
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

// --- types with blocks of 32, which are one step ---

// STEP multiplies with the step and goes to the next block, some bytes further
// on. scale is what is left to do for the scales in V22.
#define STEP(dot32, floats, scale, size) \
	VECTOR(0)       \
	dot32(0)        \
	scale           \
	SCALED1         \
	AHEAD(0)        \
	SCALED2         \
	ADVANCE(size)   \
	floats          \
	ADD $40, XS     \
	SCALED4

#define HALFSCALE FCVTL(22, 22)
#define NOTHING

#define MINIMUM FMOVQ.P F17, 32(MINS)

// Q8_0: a binary16 scale and 32 codes.
#define LOADQ8(w, a, b) \
	FMOVQ 2(w), a  \
	FMOVQ 18(w), b
#define Q8_0 \
	HALVES(0)          \
	LOADQ8(W0, F0, F1) \
	LOADQ8(W1, F2, F3) \
	LOADQ8(W2, F4, F5) \
	LOADQ8(W3, F6, F7) \
	INIT               \
	JOIN(F22)          \
	STEP(DOT32, FLOATS, HALFSCALE, 34)

// Q4_0: a binary16 scale and 16 bytes, whose low halves are the codes of
// columns 0-15; 8 more than they say: the step's bias is -128 times the sum of
// the vector's bytes.
#define Q4_0 \
	HALVES(0)            \
	LOADNIBBLES(2)       \
	MOVW 36(XS), BIAS16  \
	JOIN(F22)            \
	BIASED(4)            \
	NIBBLES              \
	STEP(DOT32SMALL, BIASEDFLOATS, HALFSCALE, 18)

// IQ4_NL: as Q4_0, with levels.
#define IQ4_NL \
	HALVES(0)      \
	LOADNIBBLES(2) \
	INIT           \
	JOIN(F22)      \
	NIBBLES        \
	HERE(LEVEL)    \
	STEP(DOT32, FLOATS, HALFSCALE, 18)

// MXFP4: an exponent and 16 bytes of levels.
#define EXPONENT V24
#define FRACTION V25
#define MXFP4 \
	BYTES(0)             \
	LOADNIBBLES(1)       \
	POWERS(22, F22, V22) \
	NIBBLES              \
	HERE(LEVEL)          \
	INIT                 \
	STEP(DOT32SMALL, FLOATS, NOTHING, 17)

// Q4_1: a scale and the negative of a minimum, both binary16, and 16 bytes.
#define Q4_1 \
	TWOHALVES(0)       \
	LOADNIBBLES(4)     \
	NEGATED            \
	TWOJOINED(22, V22) \
	NIBBLES            \
	MINIMUM            \
	INIT               \
	STEP(DOT32SMALL, FLOATS, NOTHING, 20)

#define FIRST16 V28
#define LAST16  V29
#define EACHBIT V30
#define FIFTHARGUMENTS \
	MOVD $fifthBits<>(SB), TABLE \
	VLD1 (TABLE), [V28.B16, V29.B16, V30.B16]

// NIBBLES5 makes codes of 16 bytes of each row and the fifth bits in V24 to
// V27, as far as keep leaves them in the upper half of a byte.
#define NIBBLES5(keep) \
	ISFIFTH(LAST16, V24, V25, V26, V27, V1, V3, V5, V7)      \
	ISFIFTH(FIRST16, V24, V25, V26, V27, V24, V25, V26, V27) \
	keep(V1, V3, V5, V7)                                     \
	keep(V24, V25, V26, V27)                                 \
	VSRI $4, V0.B16, V1.B16                                  \
	VSRI $4, V2.B16, V3.B16                                  \
	VSRI $4, V4.B16, V5.B16                                  \
	VSRI $4, V6.B16, V7.B16                                  \
	VSLI $4, V24.B16, V0.B16                                 \
	VSLI $4, V25.B16, V2.B16                                 \
	VSLI $4, V26.B16, V4.B16                                 \
	VSLI $4, V27.B16, V6.B16
#define LOADNIBBLES5(off) \
	FMOVQ (off)(W0), F0 \
	FMOVQ (off)(W1), F2 \
	FMOVQ (off)(W2), F4 \
	FMOVQ (off)(W3), F6

// Q5_0: a binary16 scale, 32 fifth bits and 16 bytes; codes are 16 more than
// they say, which is to have the upper half of a byte where the bit is not.
#define Q5_0 \
	NOTFIFTHBITS(2, F24, F25, F26, F27) \
	LOADNIBBLES5(6)                     \
	HALVES(0)                           \
	INIT                                \
	NIBBLES5(ASIS)                      \
	JOIN(F22)                           \
	STEP(DOT32SMALL, FLOATS, HALFSCALE, 22)

// Q5_1: a scale, the negative of a minimum, 32 fifth bits and 16 bytes.
#define SEVENTEEN V11
#define Q5_1 \
	FIFTHBITS(4, F24, F25, F26, F27) \
	LOADNIBBLES5(8)                  \
	TWOHALVES(0)                     \
	NIBBLES5(KEEP)                   \
	NEGATED                          \
	TWOJOINED(22, V22)               \
	MINIMUM                          \
	INIT                             \
	STEP(DOT32SMALL, FLOATS, NOTHING, 24)
