#include "textflag.h"
#include "words_arm64.h"
#include "tile_arm64.h"

// Panels of unit 4 times tiles of vectors for CPUs without dot products: four
// columns of two rows times those of a vector are eight products of 16 bits.
// Two of a code and a byte, 2*128*127 at most, fit in them. A pass has 1 or 2
// vectors.

// V0-V7: the codes of 16 columns: columns 0-3 of rows 0-3 and 4-7, columns 4-7, ...
// V8, V9: the scales of rows 0-3 and 4-7
// V10: the vectors' scales
// V14, V15: columns of a vector, four times
// V28-V31: products

#define TWO(at, a, b) FLDPQ (at)(W), (a, b)

// ALL has f(v, load, bytes, low, high, times) for the vectors v of a pass:
// load and bytes have 16 columns of it, low and high its sums so far of rows
// 0-3 and 4-7; these are V(16+2v) and V(17+2v). times multiplies with its
// scale. Integer sums are V(20+4v) to V(23+4v): two lanes have a row.
#define ALL1(f) \
	f(0, F12, V12, F16, F17, FMUL0)
#define ALL2(f) \
	ALL1(f) \
	f(1, F13, V13, F18, F19, FMUL1)

#define ZERO(v, load, bytes, low, high, times) \
	FMOVD ZR, low \
	FMOVD ZR, high

#define LOAD(v, load, bytes, low, high, times) \
	FLDPQ (ROW), (low, high) \
	ADD   LD, ROW

#define STORE(v, load, bytes, low, high, times) \
	FSTPQ (low, high), (DST) \
	ADD   LD, DST

#define BYTES0(v, load, bytes, low, high, times) FMOVQ (32*(v))(QS), load
#define BYTES16(v, load, bytes, low, high, times) FMOVQ (32*(v)+16)(QS), load

// EIGHT adds the products of eight columns, whose codes begin in V(w). first
// is SADDLPH for the first of an integer sum, else SADALP.
#define EIGHT(v, w, first) \
	SMULL(14, w, 28)        \ // columns 0-3 of rows 0, 1
	SMULL2(14, w, 29)       \ // of rows 2, 3
	SMULL(14, w+1, 30)      \ // 4, 5
	SMULL2(14, w+1, 31)     \ // 6, 7
	SMLAL(15, w+2, 28)      \ // columns 4-7
	SMLAL2(15, w+2, 29)     \
	SMLAL(15, w+3, 30)      \
	SMLAL2(15, w+3, 31)     \
	first(28, 20+4*(v))     \ // sums of pairs
	first(29, 21+4*(v))     \
	first(30, 22+4*(v))     \
	first(31, 23+4*(v))

#define SET0(v, load, bytes, low, high, times) \
	VDUP bytes.S[0], V14.S4 \
	VDUP bytes.S[1], V15.S4 \
	EIGHT(v, 0, SADDLPH)
#define ADD0(v, load, bytes, low, high, times) \
	VDUP bytes.S[0], V14.S4 \
	VDUP bytes.S[1], V15.S4 \
	EIGHT(v, 0, SADALP)
#define ADD8(v, load, bytes, low, high, times) \
	VDUP bytes.S[2], V14.S4 \
	VDUP bytes.S[3], V15.S4 \
	EIGHT(v, 4, SADALP)

// PRODUCTS adds those of 16 columns to the integer sums, or sets them.
#define PRODUCTS(all, at, bytes, low8) \
	WEIGHTS(at) \
	all(bytes)  \
	all(low8)   \
	all(ADD8)

// JOIN leaves the integer sums of rows 0-3 and 4-7 in V(20+4v) and V(22+4v).
#define JOIN1 \
	VADDP V21.S4, V20.S4, V20.S4 \
	VADDP V23.S4, V22.S4, V22.S4
#define JOIN2 \
	JOIN1                        \
	VADDP V25.S4, V24.S4, V24.S4 \
	VADDP V27.S4, V26.S4, V26.S4

#define FLOAT(v, load, bytes, low, high, times) \
	SCVTF(20+4*(v), 20+4*(v)) \
	SCVTF(22+4*(v), 22+4*(v))
#define BOTH(v, load, bytes, low, high, times) \
	times(10, 8, 2*(v))   \ // scale[row] * d
	times(10, 9, 2*(v)+1)
#define SUM(v, load, bytes, low, high, times) \
	FMLA(2*(v), 20+4*(v), 16+2*(v)) \
	FMLA(2*(v)+1, 22+4*(v), 17+2*(v))

// SCALED adds the integer sums, times both scales, to the sums.
#define SCALED(all, at, join, fetch, d) \
	TWO(at, F8, F9)         \
	fetch (DS), d           \
	join                    \
	all(FLOAT)              \
	all(BOTH)               \
	all(SUM)

#define TILE(all, some, group) \
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

#define STEP32(all, join, fetch, d) \
	PRODUCTS(all, 0, BYTES0, SET0)    \
	PRODUCTS(all, 128, BYTES16, ADD0) \
	SCALED(all, 256, join, fetch, d)  \
	NEXTSTEP(288)

#define STEP16(all, join, fetch, d) \
	PRODUCTS(all, 0, BYTES0, SET0)    \
	SCALED(all, 256, join, fetch, d)  \
	PRODUCTS(all, 128, BYTES16, SET0) \
	SCALED(all, 288, join, fetch, d)  \
	NEXTSTEP(320)

// Values of a page of INT8: 16 columns, whose scales are in the vectors.

#define MIXED1 \
	FMLA0(10, 20, 16) \ // acc += d * dot
	FMLA0(10, 22, 17)
#define MIXED2 \
	MIXED1            \
	FMLA1(10, 24, 18) \
	FMLA1(10, 26, 19)

#define MIX(all, some, join, fetch, mixed) \
pass:                              \
	PAGEBEGIN                      \
	fetch (DX), F10                \
panel:                             \
	MOVD PAGE, ROW                 \
	MOVD PAGE, DST                 \
	all(LOAD)                      \
	PRODUCTS(all, 0, BYTES0, SET0) \
	join                           \
	all(FLOAT)                     \
	mixed                          \
	all(STORE)                     \
	NEXTPANEL                      \
	BNE  panel                     \
	PAGEPASS(some)                 \
	BNE  pass                      \
	RET

// func tile32x1NEON(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x1NEON(SB), NOSPLIT, $0-49
	ARGUMENTS(1, 1)
	TILE(ALL1, 1, STEP32(ALL1, JOIN1, FMOVS, F10))

// func tile32x2NEON(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x2NEON(SB), NOSPLIT, $0-49
	ARGUMENTS(2, 2)
	B tile32NEON<>(SB)

// func tile32x4NEON(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x4NEON(SB), NOSPLIT, $0-49
	ARGUMENTS(4, 2)
	B tile32NEON<>(SB)

// func tile32x8NEON(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x8NEON(SB), NOSPLIT, $0-49
	ARGUMENTS(8, 2)
	B tile32NEON<>(SB)

// func tile32x16NEON(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x16NEON(SB), NOSPLIT, $0-49
	ARGUMENTS(16, 2)
	B tile32NEON<>(SB)

TEXT tile32NEON<>(SB), NOSPLIT|NOFRAME, $0
	TILE(ALL2, 2, STEP32(ALL2, JOIN2, FMOVD, F10))

// func tile16x1NEON(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x1NEON(SB), NOSPLIT, $0-49
	ARGUMENTS(1, 1)
	TILE(ALL1, 1, STEP16(ALL1, JOIN1, FMOVS, F10))

// func tile16x2NEON(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x2NEON(SB), NOSPLIT, $0-49
	ARGUMENTS(2, 2)
	B tile16NEON<>(SB)

// func tile16x4NEON(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x4NEON(SB), NOSPLIT, $0-49
	ARGUMENTS(4, 2)
	B tile16NEON<>(SB)

// func tile16x8NEON(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x8NEON(SB), NOSPLIT, $0-49
	ARGUMENTS(8, 2)
	B tile16NEON<>(SB)

// func tile16x16NEON(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x16NEON(SB), NOSPLIT, $0-49
	ARGUMENTS(16, 2)
	B tile16NEON<>(SB)

TEXT tile16NEON<>(SB), NOSPLIT|NOFRAME, $0
	TILE(ALL2, 2, STEP16(ALL2, JOIN2, FMOVD, F10))

// func mix8x1NEON(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x1NEON(SB), NOSPLIT, $0-56
	PAGEARGUMENTS(1, 1)
	MIX(ALL1, 1, JOIN1, FMOVS, MIXED1)

// func mix8x2NEON(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x2NEON(SB), NOSPLIT, $0-56
	PAGEARGUMENTS(2, 2)
	B mix8NEON<>(SB)

// func mix8x4NEON(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x4NEON(SB), NOSPLIT, $0-56
	PAGEARGUMENTS(4, 2)
	B mix8NEON<>(SB)

// func mix8x8NEON(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x8NEON(SB), NOSPLIT, $0-56
	PAGEARGUMENTS(8, 2)
	B mix8NEON<>(SB)

// func mix8x16NEON(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x16NEON(SB), NOSPLIT, $0-56
	PAGEARGUMENTS(16, 2)
	B mix8NEON<>(SB)

TEXT mix8NEON<>(SB), NOSPLIT|NOFRAME, $0
	MIX(ALL2, 2, JOIN2, FMOVD, MIXED2)
