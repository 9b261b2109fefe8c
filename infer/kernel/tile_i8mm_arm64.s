#include "textflag.h"
#include "words_arm64.h"
#include "tile_arm64.h"

// Panels of unit 8 times tiles of vectors, with SMMLA: eight columns of two
// rows are multiplied with the same columns of two vectors. A pass has 1 or 2
// pairs of vectors; a single one is multiplied with SDOT. Integer sums are
// exact either way, and the same floats follow.

// V0-V7: the codes of 16 columns: columns 0-7 of rows 0-1, 2-3, ..., columns 8-15
// V8: the vectors' scales
// V9: the bias

DATA matBias<>+0(SB)/8, BIAS2
DATA matBias<>+8(SB)/8, BIAS2
DATA matBias<>+16(SB)/8, BIAS2
DATA matBias<>+24(SB)/8, BIAS2
DATA matBias<>+32(SB)/8, BIAS2
DATA matBias<>+40(SB)/8, BIAS2
DATA matBias<>+48(SB)/8, BIAS2
DATA matBias<>+56(SB)/8, BIAS2
GLOBL matBias<>(SB), RODATA|NOPTR, $64

#define TWO(at, a, b) FLDPQ (at)(W), (a, b)

// ALL has f(p, sums...) for the pairs p of a pass: V(16+4p) to V(19+4p) are
// the sums so far of both vectors and rows 0-1, 2-3, 4-5 and 6-7, the first
// vector's in the lower halves. Integer sums are V(24+4p) to V(27+4p).
#define ALL2(f) \
	f(0, V16, V17, V18, V19)
#define ALL4(f) \
	ALL2(f) \
	f(1, V20, V21, V22, V23)

#define ZERO(p, a, b, c, d) \
	VEOR a.B16, a.B16, a.B16 \
	VEOR b.B16, b.B16, b.B16 \
	VEOR c.B16, c.B16, c.B16 \
	VEOR d.B16, d.B16, d.B16

#define LOAD(p, a, b, c, d) \
	FLDPQ (ROW), (F0, F1)    \ // rows 0-3 and 4-7 of the first vector
	ADD   LD, ROW            \
	FLDPQ (ROW), (F2, F3)    \ // of the second
	ADD   LD, ROW            \
	VZIP1 V2.D2, V0.D2, a.D2 \
	VZIP2 V2.D2, V0.D2, b.D2 \
	VZIP1 V3.D2, V1.D2, c.D2 \
	VZIP2 V3.D2, V1.D2, d.D2

#define STORE(p, a, b, c, d) \
	VZIP1 b.D2, a.D2, V0.D2 \
	VZIP1 d.D2, c.D2, V1.D2 \
	VZIP2 b.D2, a.D2, V2.D2 \
	VZIP2 d.D2, c.D2, V3.D2 \
	FSTPQ (F0, F1), (DST)   \
	ADD   LD, DST           \
	FSTPQ (F2, F3), (DST)   \
	ADD   LD, DST

#define INIT2 \
	VLD1 (TABLE), [V24.S4, V25.S4, V26.S4, V27.S4]
#define INIT4 \
	INIT2 \
	VLD1 (TABLE), [V28.S4, V29.S4, V30.S4, V31.S4]

// BYTES loads 16 columns of the pairs: V(10+2p) has columns 0-7 of both
// vectors, V(11+2p) columns 8-15.
#define BYTES2(at) \
	FMOVQ (at)(QS), F12         \
	FMOVQ (at+32)(QS), F13      \
	VZIP1 V13.D2, V12.D2, V10.D2 \
	VZIP2 V13.D2, V12.D2, V11.D2
#define BYTES4(at) \
	BYTES2(at)                  \
	FMOVQ (at+64)(QS), F14      \
	FMOVQ (at+96)(QS), F15      \
	VZIP1 V15.D2, V14.D2, V12.D2 \
	VZIP2 V15.D2, V14.D2, V13.D2

#define MAT0(p, a, b, c, d) \
	SMMLA(0, 10+2*(p), 24+4*(p)) \
	SMMLA(1, 10+2*(p), 25+4*(p)) \
	SMMLA(2, 10+2*(p), 26+4*(p)) \
	SMMLA(3, 10+2*(p), 27+4*(p))
#define MAT8(p, a, b, c, d) \
	SMMLA(4, 11+2*(p), 24+4*(p)) \
	SMMLA(5, 11+2*(p), 25+4*(p)) \
	SMMLA(6, 11+2*(p), 26+4*(p)) \
	SMMLA(7, 11+2*(p), 27+4*(p))

// PRODUCTS adds those of 16 columns to the integer sums.
#define PRODUCTS(all, at, bytes) \
	WEIGHTS(at) \
	bytes       \
	all(MAT0)   \
	all(MAT8)

// SPREAD loads scales of rows 0-1, 2-3, ... twice into V0 to V3, and those of
// the vectors twice into V10 and V11.
#define SPREAD(at, fetch, d) \
	ADD     $at, W, SCALES        \
	VLD1R.P 8(SCALES), [V0.D2]    \
	VLD1R.P 8(SCALES), [V1.D2]    \
	VLD1R.P 8(SCALES), [V2.D2]    \
	VLD1R   (SCALES), [V3.D2]     \
	fetch   (DS), d               \
	VZIP1   V8.S4, V8.S4, V10.S4  \
	VZIP2   V8.S4, V8.S4, V11.S4

#define FLOAT(p, a, b, c, d) \
	FSUB(9, 24+4*(p), 24+4*(p)) \
	FSUB(9, 25+4*(p), 25+4*(p)) \
	FSUB(9, 26+4*(p), 26+4*(p)) \
	FSUB(9, 27+4*(p), 27+4*(p))
#define BOTH(p, a, b, c, d) \
	FMUL(10+(p), 0, 4+8*(p)) \ // scale[row] * d
	FMUL(10+(p), 1, 5+8*(p)) \
	FMUL(10+(p), 2, 6+8*(p)) \
	FMUL(10+(p), 3, 7+8*(p))
#define SUM(p, a, b, c, d) \
	FMLA(4+8*(p), 24+4*(p), 16+4*(p)) \
	FMLA(5+8*(p), 25+4*(p), 17+4*(p)) \
	FMLA(6+8*(p), 26+4*(p), 18+4*(p)) \
	FMLA(7+8*(p), 27+4*(p), 19+4*(p))

// SCALED adds the integer sums, times both scales, to the sums.
#define SCALED(all, at, fetch, d) \
	SPREAD(at, fetch, d) \
	all(FLOAT)           \
	all(BOTH)            \
	all(SUM)

#define TILE(all, some, group) \
	MOVD  $matBias<>(SB), TABLE \
	FMOVQ (TABLE), F9           \
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

#define STEP32(all, init, bytes, fetch, d) \
	init                           \
	PRODUCTS(all, 0, bytes(0))     \
	PRODUCTS(all, 128, bytes(16))  \
	SCALED(all, 256, fetch, d)     \
	NEXTSTEP(288)

#define STEP16(all, init, bytes, fetch, d) \
	init                           \
	PRODUCTS(all, 0, bytes(0))     \
	SCALED(all, 256, fetch, d)     \
	init                           \
	PRODUCTS(all, 128, bytes(16))  \
	SCALED(all, 288, fetch, d)     \
	NEXTSTEP(320)

// A single vector: V16 and V17 are its sums of rows 0-3 and 4-7, V24 to V27
// have two integer sums for each row, of which one begins with the bias.

DATA rowBias<>+0(SB)/8, BIAS
DATA rowBias<>+8(SB)/8, BIAS
DATA rowBias<>+16(SB)/8, BIAS
DATA rowBias<>+24(SB)/8, BIAS
DATA rowBias<>+32(SB)/8, BIAS
DATA rowBias<>+40(SB)/8, BIAS
DATA rowBias<>+48(SB)/8, BIAS
DATA rowBias<>+56(SB)/8, BIAS
GLOBL rowBias<>(SB), RODATA|NOPTR, $64

// ROWS adds the products of 16 columns to the integer sums.
#define ROWS(at, column) \
	WEIGHTS(at)              \
	FMOVQ (column)(QS), F12  \
	VDUP  V12.D[0], V10.D2   \
	VDUP  V12.D[1], V11.D2   \
	SDOT(10, 0, 24)          \
	SDOT(10, 1, 25)          \
	SDOT(10, 2, 26)          \
	SDOT(10, 3, 27)          \
	SDOT(11, 4, 24)          \
	SDOT(11, 5, 25)          \
	SDOT(11, 6, 26)          \
	SDOT(11, 7, 27)

// SCALED1 adds the integer sums, times both scales, to the sums.
#define SCALED1(at) \
	VADDP V25.S4, V24.S4, V24.S4 \
	VADDP V27.S4, V26.S4, V26.S4 \
	TWO(at, F0, F1)              \
	FMOVS (DS), F8               \
	FSUB(9, 24, 24)              \
	FSUB(9, 26, 26)              \
	FMUL0(8, 0, 4)               \ // scale[row] * d
	FMUL0(8, 1, 5)               \
	FMLA(4, 24, 16)              \
	FMLA(5, 26, 17)

#define TILE1(group) \
	MOVD  $matBias<>(SB), TABLE \
	FMOVQ (TABLE), F9           \
	MOVD  $rowBias<>(SB), TABLE \
	BEGIN                       \
	FMOVD ZR, F16               \
	FMOVD ZR, F17               \
	CBZ   ADDED, step           \
	FLDPQ (DST), (F16, F17)     \
step:                           \
	group                       \
	BNE   step                  \
	FSTPQ (F16, F17), (DST)     \
	RET

#define ONE32 \
	INIT2         \
	ROWS(0, 0)    \
	ROWS(128, 16) \
	SCALED1(256)  \
	NEXTSTEP(288)

#define ONE16 \
	INIT2         \
	ROWS(0, 0)    \
	SCALED1(256)  \
	INIT2         \
	ROWS(128, 16) \
	SCALED1(288)  \
	NEXTSTEP(320)

// Values of a page of INT8: 16 columns, whose scales are in the vectors, twice
// in V8 and V15. BYTES4 ends before V15 is needed.

#define MIXED(p, a, b, c, d) \
	FMLA(8+7*(p), 24+4*(p), 16+4*(p)) \ // acc += d * dot
	FMLA(8+7*(p), 25+4*(p), 17+4*(p)) \
	FMLA(8+7*(p), 26+4*(p), 18+4*(p)) \
	FMLA(8+7*(p), 27+4*(p), 19+4*(p))

#define TWICE(fetch) \
	fetch (DX), F8               \
	VZIP2 V8.S4, V8.S4, V15.S4   \
	VZIP1 V8.S4, V8.S4, V8.S4

#define MIX(all, some, init, bytes, fetch) \
	MOVD  $matBias<>(SB), TABLE \
	FMOVQ (TABLE), F9           \
pass:                           \
	PAGEBEGIN                   \
panel:                          \
	MOVD  PAGE, ROW             \
	MOVD  PAGE, DST             \
	all(LOAD)                   \
	init                        \
	PRODUCTS(all, 0, bytes(0))  \
	TWICE(fetch)                \
	all(FLOAT)                  \
	all(MIXED)                  \
	all(STORE)                  \
	NEXTPANEL                   \
	BNE   panel                 \
	PAGEPASS(some)              \
	BNE   pass                  \
	RET

#define MIX1 \
	MOVD  $matBias<>(SB), TABLE  \
	FMOVQ (TABLE), F9            \
	MOVD  $rowBias<>(SB), TABLE  \
	PAGEBEGIN                    \
	FMOVS (DX), F8               \
panel:                           \
	FLDPQ (PAGE), (F16, F17)     \
	INIT2                        \
	ROWS(0, 0)                   \
	VADDP V25.S4, V24.S4, V24.S4 \
	VADDP V27.S4, V26.S4, V26.S4 \
	FSUB(9, 24, 24)              \
	FSUB(9, 26, 26)              \
	FMLA0(8, 24, 16)             \
	FMLA0(8, 26, 17)             \
	FSTPQ (F16, F17), (PAGE)     \
	NEXTPANEL                    \
	BNE   panel                  \
	RET

// func tile32x1I8MM(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x1I8MM(SB), NOSPLIT, $0-49
	ARGUMENTS(1, 1)
	TILE1(ONE32)

// func tile32x2I8MM(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x2I8MM(SB), NOSPLIT, $0-49
	ARGUMENTS(2, 2)
	TILE(ALL2, 2, STEP32(ALL2, INIT2, BYTES2, FMOVD, F8))

// func tile32x4I8MM(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x4I8MM(SB), NOSPLIT, $0-49
	ARGUMENTS(4, 4)
	B tile32I8MM<>(SB)

// func tile32x8I8MM(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x8I8MM(SB), NOSPLIT, $0-49
	ARGUMENTS(8, 4)
	B tile32I8MM<>(SB)

// func tile32x16I8MM(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x16I8MM(SB), NOSPLIT, $0-49
	ARGUMENTS(16, 4)
	B tile32I8MM<>(SB)

TEXT tile32I8MM<>(SB), NOSPLIT|NOFRAME, $0
	TILE(ALL4, 4, STEP32(ALL4, INIT4, BYTES4, FMOVQ, F8))

// func tile16x1I8MM(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x1I8MM(SB), NOSPLIT, $0-49
	ARGUMENTS(1, 1)
	TILE1(ONE16)

// func tile16x2I8MM(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x2I8MM(SB), NOSPLIT, $0-49
	ARGUMENTS(2, 2)
	TILE(ALL2, 2, STEP16(ALL2, INIT2, BYTES2, FMOVD, F8))

// func tile16x4I8MM(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x4I8MM(SB), NOSPLIT, $0-49
	ARGUMENTS(4, 4)
	B tile16I8MM<>(SB)

// func tile16x8I8MM(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x8I8MM(SB), NOSPLIT, $0-49
	ARGUMENTS(8, 4)
	B tile16I8MM<>(SB)

// func tile16x16I8MM(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x16I8MM(SB), NOSPLIT, $0-49
	ARGUMENTS(16, 4)
	B tile16I8MM<>(SB)

TEXT tile16I8MM<>(SB), NOSPLIT|NOFRAME, $0
	TILE(ALL4, 4, STEP16(ALL4, INIT4, BYTES4, FMOVQ, F8))

// func mix8x1I8MM(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x1I8MM(SB), NOSPLIT, $0-56
	PAGEARGUMENTS(1, 1)
	MIX1

// func mix8x2I8MM(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x2I8MM(SB), NOSPLIT, $0-56
	PAGEARGUMENTS(2, 2)
	MIX(ALL2, 2, INIT2, BYTES2, FMOVD)

// func mix8x4I8MM(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x4I8MM(SB), NOSPLIT, $0-56
	PAGEARGUMENTS(4, 4)
	B mix8I8MM<>(SB)

// func mix8x8I8MM(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x8I8MM(SB), NOSPLIT, $0-56
	PAGEARGUMENTS(8, 4)
	B mix8I8MM<>(SB)

// func mix8x16I8MM(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x16I8MM(SB), NOSPLIT, $0-56
	PAGEARGUMENTS(16, 4)
	B mix8I8MM<>(SB)

TEXT mix8I8MM<>(SB), NOSPLIT|NOFRAME, $0
	MIX(ALL4, 4, INIT4, BYTES4, FMOVQ)
