#include "textflag.h"
#include "words_arm64.h"
#include "tile_arm64.h"

// Panels of unit 4 times tiles of vectors, with SDOT by element: a register
// holds four columns of four rows, and is multiplied with the same four
// columns of a vector. A pass has 1, 2 or 4 vectors.

// V0-V7: the codes of 16 columns: columns 0-3 of rows 0-3 and 4-7, columns 4-7, ...
// V8, V9: the scales of rows 0-3 and 4-7
// V10: the vectors' scales
// V11: the bias

// TWO are two loads here: one of a pair gains nothing on Cortex-A76 and keeps a
// Cortex-A55 waiting.
#define TWO(at, a, b) \
	FMOVQ (at)(W), a    \
	FMOVQ (at+16)(W), b

// ALL has f(v, bytes, low, high, times) for the vectors v of a pass: bytes has
// 16 columns of it, low and high its sums so far of rows 0-3 and 4-7; their
// numbers are 12+v, 16+2v and 17+2v. times multiplies with its scale. Integer
// sums are V(24+2v) and V(25+2v).
#define ALL1(f) \
	f(0, F12, F16, F17, FMUL0)
#define ALL2(f) \
	ALL1(f) \
	f(1, F13, F18, F19, FMUL1)
#define ALL4(f) \
	ALL2(f) \
	f(2, F14, F20, F21, FMUL2) \
	f(3, F15, F22, F23, FMUL3)

#define ZERO(v, bytes, low, high, times) \
	FMOVD ZR, low  \
	FMOVD ZR, high

#define LOAD(v, bytes, low, high, times) \
	FLDPQ (ROW), (low, high) \
	ADD   LD, ROW

#define STORE(v, bytes, low, high, times) \
	FSTPQ (low, high), (DST) \
	ADD   LD, DST

// INIT sets the integer sums of a pass to the bias, by loads: the vector units
// have enough to do.
#define INIT1 \
	VLD1 (TABLE), [V24.S4, V25.S4]
#define INIT2 \
	VLD1 (TABLE), [V24.S4, V25.S4, V26.S4, V27.S4]
#define INIT4 \
	INIT2 \
	VLD1 (TABLE), [V28.S4, V29.S4, V30.S4, V31.S4]

#define BYTES0(v, bytes, low, high, times) FMOVQ (32*(v))(QS), bytes
#define BYTES16(v, bytes, low, high, times) FMOVQ (32*(v)+16)(QS), bytes

#define DOT0(v, bytes, low, high, times) \
	SDOT0(12+(v), 0, 24+2*(v)) \
	SDOT0(12+(v), 1, 25+2*(v))
#define DOT4(v, bytes, low, high, times) \
	SDOT1(12+(v), 2, 24+2*(v)) \
	SDOT1(12+(v), 3, 25+2*(v))
#define DOT8(v, bytes, low, high, times) \
	SDOT2(12+(v), 4, 24+2*(v)) \
	SDOT2(12+(v), 5, 25+2*(v))
#define DOT12(v, bytes, low, high, times) \
	SDOT3(12+(v), 6, 24+2*(v)) \
	SDOT3(12+(v), 7, 25+2*(v))

// PRODUCTS adds those of 16 columns to the integer sums.
#define PRODUCTS(all, at, bytes) \
	WEIGHTS(at) \
	all(bytes)  \
	all(DOT0)   \
	all(DOT4)   \
	all(DOT8)   \
	all(DOT12)

#define FLOAT(v, bytes, low, high, times) \
	FSUB(11, 24+2*(v), 24+2*(v)) \
	FSUB(11, 25+2*(v), 25+2*(v))
#define BOTH(v, bytes, low, high, times) \
	times(10, 8, 2*(v))   \ // scale[row] * d
	times(10, 9, 2*(v)+1)
#define SUM(v, bytes, low, high, times) \
	FMLA(2*(v), 24+2*(v), 16+2*(v))   \
	FMLA(2*(v)+1, 25+2*(v), 17+2*(v))

// SCALED adds the integer sums, times both scales, to the sums.
#define SCALED(all, at, fetch, d) \
	TWO(at, F8, F9)         \
	fetch (DS), d           \
	all(FLOAT)              \
	all(BOTH)               \
	all(SUM)

#define TILE(all, some, group) \
	MOVD  $dotBias<>(SB), TABLE \
	FMOVQ (TABLE), F11          \
pass:                           \
	BEGIN                       \
	all(ZERO)                   \
	CBZ   ADDED, step           \
	all(LOAD)                   \
step:                           \
	group                       \
	BNE   step                  \
	all(STORE)                  \
	NEXTPASS(some)              \
	BNE   pass                  \
	RET

#define STEP32(all, init, fetch, d) \
	init                      \
	PRODUCTS(all, 0, BYTES0)  \
	PRODUCTS(all, 128, BYTES16) \
	SCALED(all, 256, fetch, d) \
	NEXTSTEP(288)

#define STEP16(all, init, fetch, d) \
	init                      \
	PRODUCTS(all, 0, BYTES0)  \
	SCALED(all, 256, fetch, d) \
	init                      \
	PRODUCTS(all, 128, BYTES16) \
	SCALED(all, 288, fetch, d) \
	NEXTSTEP(320)

// Values of a page of INT8: 16 columns, whose scales are in the vectors.

#define MIXED1 \
	FMLA0(10, 24, 16) \ // acc += d * dot
	FMLA0(10, 25, 17)
#define MIXED2 \
	MIXED1            \
	FMLA1(10, 26, 18) \
	FMLA1(10, 27, 19)
#define MIXED4 \
	MIXED2            \
	FMLA2(10, 28, 20) \
	FMLA2(10, 29, 21) \
	FMLA3(10, 30, 22) \
	FMLA3(10, 31, 23)

#define MIX(all, some, init, fetch, mixed) \
	MOVD  $dotBias<>(SB), TABLE \
	FMOVQ (TABLE), F11          \
pass:                           \
	PAGEBEGIN                   \
	fetch (DX), F10             \
panel:                          \
	MOVD  PAGE, ROW             \
	MOVD  PAGE, DST             \
	all(LOAD)                   \
	init                        \
	PRODUCTS(all, 0, BYTES0)    \
	all(FLOAT)                  \
	mixed                       \
	all(STORE)                  \
	NEXTPANEL                   \
	BNE   panel                 \
	PAGEPASS(some)              \
	BNE   pass                  \
	RET

DATA dotBias<>+0(SB)/8, BIAS2
DATA dotBias<>+8(SB)/8, BIAS2
DATA dotBias<>+16(SB)/8, BIAS2
DATA dotBias<>+24(SB)/8, BIAS2
DATA dotBias<>+32(SB)/8, BIAS2
DATA dotBias<>+40(SB)/8, BIAS2
DATA dotBias<>+48(SB)/8, BIAS2
DATA dotBias<>+56(SB)/8, BIAS2
GLOBL dotBias<>(SB), RODATA|NOPTR, $64

// func tile32x1DotProd(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x1DotProd(SB), NOSPLIT, $0-49
	ARGUMENTS(1, 1)
	TILE(ALL1, 1, STEP32(ALL1, INIT1, FMOVS, F10))

// func tile32x2DotProd(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x2DotProd(SB), NOSPLIT, $0-49
	ARGUMENTS(2, 2)
	TILE(ALL2, 2, STEP32(ALL2, INIT2, FMOVD, F10))

// func tile32x4DotProd(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x4DotProd(SB), NOSPLIT, $0-49
	ARGUMENTS(4, 4)
	B tile32DotProd<>(SB)

// func tile32x8DotProd(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x8DotProd(SB), NOSPLIT, $0-49
	ARGUMENTS(8, 4)
	B tile32DotProd<>(SB)

// func tile32x16DotProd(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x16DotProd(SB), NOSPLIT, $0-49
	ARGUMENTS(16, 4)
	B tile32DotProd<>(SB)

TEXT tile32DotProd<>(SB), NOSPLIT|NOFRAME, $0
	TILE(ALL4, 4, STEP32(ALL4, INIT4, FMOVQ, F10))

// func tile16x1DotProd(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x1DotProd(SB), NOSPLIT, $0-49
	ARGUMENTS(1, 1)
	TILE(ALL1, 1, STEP16(ALL1, INIT1, FMOVS, F10))

// func tile16x2DotProd(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x2DotProd(SB), NOSPLIT, $0-49
	ARGUMENTS(2, 2)
	TILE(ALL2, 2, STEP16(ALL2, INIT2, FMOVD, F10))

// func tile16x4DotProd(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x4DotProd(SB), NOSPLIT, $0-49
	ARGUMENTS(4, 4)
	B tile16DotProd<>(SB)

// func tile16x8DotProd(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x8DotProd(SB), NOSPLIT, $0-49
	ARGUMENTS(8, 4)
	B tile16DotProd<>(SB)

// func tile16x16DotProd(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x16DotProd(SB), NOSPLIT, $0-49
	ARGUMENTS(16, 4)
	B tile16DotProd<>(SB)

TEXT tile16DotProd<>(SB), NOSPLIT|NOFRAME, $0
	TILE(ALL4, 4, STEP16(ALL4, INIT4, FMOVQ, F10))

// func mix8x1DotProd(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x1DotProd(SB), NOSPLIT, $0-56
	PAGEARGUMENTS(1, 1)
	MIX(ALL1, 1, INIT1, FMOVS, MIXED1)

// func mix8x2DotProd(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x2DotProd(SB), NOSPLIT, $0-56
	PAGEARGUMENTS(2, 2)
	MIX(ALL2, 2, INIT2, FMOVD, MIXED2)

// func mix8x4DotProd(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x4DotProd(SB), NOSPLIT, $0-56
	PAGEARGUMENTS(4, 4)
	B mix8DotProd<>(SB)

// func mix8x8DotProd(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x8DotProd(SB), NOSPLIT, $0-56
	PAGEARGUMENTS(8, 4)
	B mix8DotProd<>(SB)

// func mix8x16DotProd(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x16DotProd(SB), NOSPLIT, $0-56
	PAGEARGUMENTS(16, 4)
	B mix8DotProd<>(SB)

TEXT mix8DotProd<>(SB), NOSPLIT|NOFRAME, $0
	MIX(ALL4, 4, INIT4, FMOVQ, MIXED4)
