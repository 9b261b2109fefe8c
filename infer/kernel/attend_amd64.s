#include "textflag.h"
#include "attend_amd64.h"

// --- scores: a register holds the keys' values at one place, for all positions ---
// --- of a page with AVX-512, which takes two pages, or half of them with AVX2  ---

#define QUERY   SI
#define QUERY4  R8
#define QUERY8  R9
#define QUERY12 R10
#define LDQ     R11
#define LDQ3    R12
#define KEYS    BX
#define KEYS2   DX // of the second page
#define LEFT    CX // values of a head left
#define N       AX

#define DST   DI // once the sums are there
#define DST4  R8
#define DST8  R9
#define DST12 R10
#define LD    R11
#define LD3   R12

#define KEY    Z28
#define KEY2   Z29
#define VALUE  Z30 // a query's, everywhere
#define LOW    Y12 // AVX2: positions 0-7
#define HIGH   Y13 // 8-15
#define YVALUE Y14

#define EACHQUERY(EACH, DO) EACH(DO, QUERY, QUERY4, QUERY8, QUERY12, LDQ, LDQ3)
#define EACHDST(EACH, DO)   EACH(DO, DST, DST4, DST8, DST12, LD, LD3)

#define ARGUMENTS \
	MOVQ queries+16(FP), QUERY  \
	MOVQ ldq+24(FP), LDQ        \
	MOVQ n+32(FP), N            \
	MOVQ keys+40(FP), KEYS      \
	MOVQ headDim+48(FP), LEFT   \
	ROWS(QUERY, QUERY4, QUERY8, QUERY12, LDQ, LDQ3)

#define CLEAR512(at, z, z2, y, y2) \
	VPXORQ z, z, z    \
	VPXORQ z2, z2, z2

#define SCORE512(at, z, z2, y, y2) \
	VBROADCASTSS at, VALUE      \
	VFMADD231PS  KEY, VALUE, z  \ // score += query * key
	VFMADD231PS  KEY2, VALUE, z2

#define STORE512(at, z, z2, y, y2)  VMOVUPS z, at
#define STORE2512(at, z, z2, y, y2) VMOVUPS z2, at

#define SCORES512(rows, value, EACH, LOAD, size) \
rows:                           \
	EACHQUERY(EACH, CLEAR512)   \
value:                          \
	LOAD((KEYS), KEY)           \
	LOAD((KEYS2), KEY2)         \
	EACHQUERY(EACH, SCORE512)   \
	ADDQ $size, KEYS            \
	ADDQ $size, KEYS2           \
	ADDQ $4, QUERY              \
	ADDQ $4, QUERY4             \
	ADDQ $4, QUERY8             \
	ADDQ $4, QUERY12            \
	DECQ LEFT                   \
	JNZ  value                  \
	MOVQ dst+0(FP), DST         \
	MOVQ ld+8(FP), LD           \
	ROWS(DST, DST4, DST8, DST12, LD, LD3) \
	EACHDST(EACH, STORE512)     \
	MOVQ dst2+56(FP), LEFT      \
	SUBQ DST, LEFT              \
	ADDQ LEFT, DST              \
	ADDQ LEFT, DST4             \
	ADDQ LEFT, DST8             \
	ADDQ LEFT, DST12            \
	EACHDST(EACH, STORE2512)    \
	VZEROUPPER                  \
	RET

#define UPTO14SCORES(LOAD, size) \
	SCORES512(fourteen, fourteenValues, EACH14, LOAD, size) \
	SCORES512(thirteen, thirteenValues, EACH13, LOAD, size) \
	SCORES512(twelve, twelveValues, EACH12, LOAD, size)     \
	SCORES512(eleven, elevenValues, EACH11, LOAD, size)     \
	SCORES512(ten, tenValues, EACH10, LOAD, size)           \
	SCORES512(nine, nineValues, EACH9, LOAD, size)          \
	SCORES512(eight, eightValues, EACH8, LOAD, size)        \
	SCORES512(seven, sevenValues, EACH7, LOAD, size)        \
	SCORES512(six, sixValues, EACH6, LOAD, size)            \
	SCORES512(five, fiveValues, EACH5, LOAD, size)          \
	SCORES512(four, fourValues, EACH4, LOAD, size)          \
	SCORES512(three, threeValues, EACH3, LOAD, size)        \
	SCORES512(two, twoValues, EACH2, LOAD, size)            \
	SCORES512(one, oneValues, EACH1, LOAD, size)

// func scoresPairAVX512(dst *float32, ld int, queries *float32, ldq, n int, keys *byte, headDim int, dst2 *float32, keys2 *byte)
TEXT ·scoresPairAVX512(SB), NOSPLIT, $0-72
	ARGUMENTS
	MOVQ keys2+64(FP), KEYS2
	UPTO14(N)
	UPTO14SCORES(HALVES, 32)

// func scoresPairF32AVX512(dst *float32, ld int, queries *float32, ldq, n int, keys *byte, headDim int, dst2 *float32, keys2 *byte)
TEXT ·scoresPairF32AVX512(SB), NOSPLIT, $0-72
	ARGUMENTS
	MOVQ keys2+64(FP), KEYS2
	UPTO14(N)
	UPTO14SCORES(FLOATS, 64)

#define CLEAR256(at, z, z2, y, y2) \
	VXORPS y, y, y    \
	VXORPS y2, y2, y2

#define SCORE256(at, z, z2, y, y2) \
	VBROADCASTSS at, YVALUE      \
	VFMADD231PS  LOW, YVALUE, y  \ // score += query * key
	VFMADD231PS  HIGH, YVALUE, y2

#define STORE256(at, z, z2, y, y2) \
	VMOVUPS y, 0 at    \
	VMOVUPS y2, 32 at

#define SCORES256(rows, value, EACH, LOAD, size) \
rows:                           \
	EACHQUERY(EACH, CLEAR256)   \
value:                          \
	LOAD((KEYS), LOW)           \
	LOAD(size/2(KEYS), HIGH)    \
	EACHQUERY(EACH, SCORE256)   \
	ADDQ $size, KEYS            \
	ADDQ $4, QUERY              \
	ADDQ $4, QUERY4             \
	DECQ LEFT                   \
	JNZ  value                  \
	MOVQ dst+0(FP), DST         \
	MOVQ ld+8(FP), LD           \
	ROWS(DST, DST4, DST8, DST12, LD, LD3) \
	EACHDST(EACH, STORE256)     \
	VZEROUPPER                  \
	RET

#define UPTO6SCORES(LOAD, size) \
	SCORES256(six, sixValues, EACH6, LOAD, size)     \
	SCORES256(five, fiveValues, EACH5, LOAD, size)   \
	SCORES256(four, fourValues, EACH4, LOAD, size)   \
	SCORES256(three, threeValues, EACH3, LOAD, size) \
	SCORES256(two, twoValues, EACH2, LOAD, size)     \
	SCORES256(one, oneValues, EACH1, LOAD, size)

// func scoresPage(dst *float32, ld int, queries *float32, ldq, n int, keys *byte, headDim int)
TEXT ·scoresPage(SB), NOSPLIT, $0-56
	ARGUMENTS
	UPTO6(N)
	UPTO6SCORES(HALVES, 32)

// func scoresF32Page(dst *float32, ld int, queries *float32, ldq, n int, keys *byte, headDim int)
TEXT ·scoresF32Page(SB), NOSPLIT, $0-56
	ARGUMENTS
	UPTO6(N)
	UPTO6SCORES(FLOATS, 64)

// --- storing keys and values in binary16 ---

#define HALF  DI
#define X     SI
#define COUNT CX // values left, a multiple of 8

// func narrowEights(dst *uint16, x *float32, n int)
TEXT ·narrowEights(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), HALF
	MOVQ x+8(FP), X
	MOVQ n+16(FP), COUNT

eight:
	VMOVUPS   (X), Y0
	VCVTPS2PH $0, Y0, (HALF) // to nearest, ties to even
	ADDQ      $32, X
	ADDQ      $16, HALF
	SUBQ      $8, COUNT
	JNZ       eight
	VZEROUPPER
	RET

// func putKeyEights(dst *uint16, key *float32, n int)
TEXT ·putKeyEights(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), HALF
	MOVQ key+8(FP), X
	MOVQ n+16(FP), COUNT

eight:
	VMOVUPS   (X), Y0
	VCVTPS2PH $0, Y0, X0
	VPEXTRW   $0, X0, (HALF)   // PageTokens halves apart
	VPEXTRW   $1, X0, 32(HALF)
	VPEXTRW   $2, X0, 64(HALF)
	VPEXTRW   $3, X0, 96(HALF)
	VPEXTRW   $4, X0, 128(HALF)
	VPEXTRW   $5, X0, 160(HALF)
	VPEXTRW   $6, X0, 192(HALF)
	VPEXTRW   $7, X0, 224(HALF)
	ADDQ      $32, X
	ADDQ      $256, HALF
	SUBQ      $8, COUNT
	JNZ       eight
	VZEROUPPER
	RET
