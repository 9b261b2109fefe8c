#include "textflag.h"
#include "words_arm64.h"
#include "tile_arm64.h"

// Minima of 8 rows times sums of tiles of vectors, 1, 2 or 4 in a pass.

#define MINS PANEL
#define SUMS Q

// ALL has f(v, low, high, minus) for the vectors v of a pass: V(16+2v) and
// V(17+2v) are its results of rows 0-3 and 4-7, minus multiplies with its sum.
#define ALL1(f) \
	f(0, F16, F17, FMLS0)
#define ALL2(f) \
	ALL1(f) \
	f(1, F18, F19, FMLS1)
#define ALL4(f) \
	ALL2(f) \
	f(2, F20, F21, FMLS2) \
	f(3, F22, F23, FMLS3)

#define LOAD(v, low, high, minus) \
	FLDPQ (ROW), (low, high) \
	ADD   LD, ROW

#define STORE(v, low, high, minus) \
	FSTPQ (low, high), (DST) \
	ADD   LD, DST

#define LESS(v, low, high, minus) \
	minus(1, 2, 16+2*(v)) \ // -= mins[row] * sum
	minus(1, 3, 17+2*(v))

// ARGUMENTSM are those of a minusFunc.
#define ARGUMENTSM(vectors, some) \
	MOVD dst+0(FP), DST            \
	MOVD ld+8(FP), LD              \
	MOVD mins+16(FP), MINS         \
	MOVD sums+24(FP), SUMS         \
	MOVD n+32(FP), STEPS           \
	LSL  $2, LD                    \
	MOVD $(4*vectors), STRIDE      \
	MOVD $(vectors/some), PASSES

#define MINUS(all, some, fetch) \
pass:                           \
	BEGIN                       \
	all(LOAD)                   \
group:                          \
	FLDPQ.P 32(W), (F2, F3)     \
	fetch (QS), F1              \
	all(LESS)                   \
	ADD   STRIDE, QS            \
	SUBS  $1, LEFT              \
	BNE   group                 \
	all(STORE)                  \
	ADD   $(4*some), SUMS       \
	SUBS  $1, PASSES            \
	BNE   pass                  \
	RET

// func minus1NEON(dst *float32, ld int, mins, sums *float32, n int)
TEXT ·minus1NEON(SB), NOSPLIT, $0-40
	ARGUMENTSM(1, 1)
	MINUS(ALL1, 1, FMOVS)

// func minus2NEON(dst *float32, ld int, mins, sums *float32, n int)
TEXT ·minus2NEON(SB), NOSPLIT, $0-40
	ARGUMENTSM(2, 2)
	MINUS(ALL2, 2, FMOVD)

// func minus4NEON(dst *float32, ld int, mins, sums *float32, n int)
TEXT ·minus4NEON(SB), NOSPLIT, $0-40
	ARGUMENTSM(4, 4)
	B minusNEON<>(SB)

// func minus8NEON(dst *float32, ld int, mins, sums *float32, n int)
TEXT ·minus8NEON(SB), NOSPLIT, $0-40
	ARGUMENTSM(8, 4)
	B minusNEON<>(SB)

// func minus16NEON(dst *float32, ld int, mins, sums *float32, n int)
TEXT ·minus16NEON(SB), NOSPLIT, $0-40
	ARGUMENTSM(16, 4)
	B minusNEON<>(SB)

TEXT minusNEON<>(SB), NOSPLIT|NOFRAME, $0
	MINUS(ALL4, 4, FMOVQ)
