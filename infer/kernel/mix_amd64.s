#include "textflag.h"
#include "attend_amd64.h"

// --- mix: two registers hold neighbouring values at one position ---

#define WEIGHT   SI
#define WEIGHT4  R8
#define WEIGHT8  R9
#define WEIGHT12 R10
#define LDW      R11
#define LDW3     R12
#define PAGES    R13 // the slice of the next one
#define VALUES   BX
#define STRIDE   DX  // between positions, in bytes
#define TOKENS   R14 // positions left,
#define LEFT     CX  // of them in this page
#define BLOCK    R15 // bytes of a position before these values

#define DST4  BX // before the positions, and behind them
#define DST8  CX
#define DST12 R13
#define LD    R14
#define LD3   AX
#define DST   DI

#define EACHDST(EACH, DO) EACH(DO, DST, DST4, DST8, DST12, LD, LD3)

#define VALUE   Z28
#define VALUE2  Z29
#define FACTOR  Z30 // a weight, everywhere
#define YVALUE  Y12
#define YVALUE2 Y13
#define YFACTOR Y14

#define EACHWEIGHT(EACH, DO) EACH(DO, WEIGHT, WEIGHT4, WEIGHT8, WEIGHT12, LDW, LDW3)

#define HALVES512 \
	VCVTPH2PS.Z (VALUES), K1, VALUE    \
	VCVTPH2PS.Z 32(VALUES), K2, VALUE2
#define FLOATS512 \
	VMOVUPS.Z (VALUES), K1, VALUE    \
	VMOVUPS.Z 64(VALUES), K2, VALUE2
#define LOAD512(at, z, z2, y, y2) \
	VMOVUPS.Z 0 at, K1, z   \
	VMOVUPS.Z 64 at, K2, z2
#define MIX512(at, z, z2, y, y2) \
	VBROADCASTSS at, FACTOR         \
	VFMADD231PS  VALUE, FACTOR, z   \ // dst += weight * value
	VFMADD231PS  VALUE2, FACTOR, z2
#define STORE512(at, z, z2, y, y2) \
	VMOVUPS z, K1, 0 at   \
	VMOVUPS z2, K2, 64 at

#define HALVES256 \
	VCVTPH2PS (VALUES), YVALUE    \
	VCVTPH2PS 16(VALUES), YVALUE2
#define FLOATS256 \
	VMOVUPS (VALUES), YVALUE    \
	VMOVUPS 32(VALUES), YVALUE2
#define LOAD256(at, z, z2, y, y2) \
	VMOVUPS 0 at, y   \
	VMOVUPS 32 at, y2
#define MIX256(at, z, z2, y, y2) \
	VBROADCASTSS at, YFACTOR          \
	VFMADD231PS  YVALUE, YFACTOR, y   \ // dst += weight * value
	VFMADD231PS  YVALUE2, YFACTOR, y2
#define STORE256(at, z, z2, y, y2) \
	VMOVUPS y, 0 at   \
	VMOVUPS y2, 32 at

// The last eight values of a head, with AVX2.
#define HALVESONE                      VCVTPH2PS (VALUES), YVALUE
#define FLOATSONE                      VMOVUPS (VALUES), YVALUE
#define LOADONE(at, z, z2, y, y2)      VMOVUPS at, y
#define STOREONE(at, z, z2, y, y2)     VMOVUPS y, at
#define MIXONE(at, z, z2, y, y2) \
	VBROADCASTSS at, YFACTOR        \
	VFMADD231PS  YVALUE, YFACTOR, y

#define MIXROWS(rows, page, token, EACH, LOAD, VALUELOAD, MIX, STORE) \
rows:                              \
	EACHDST(EACH, LOAD)            \
	MOVQ pages+40(FP), PAGES       \
	MOVQ tokens+48(FP), TOKENS     \
page:                              \
	MOVQ    (PAGES), VALUES        \
	ADDQ    $24, PAGES             \
	ADDQ    BLOCK, VALUES          \
	MOVQ    $16, LEFT              \
	CMPQ    TOKENS, LEFT           \
	CMOVQLT TOKENS, LEFT           \
	SUBQ    LEFT, TOKENS           \
token:                             \
	VALUELOAD                      \
	EACHWEIGHT(EACH, MIX)          \
	ADDQ STRIDE, VALUES            \
	ADDQ $4, WEIGHT                \
	ADDQ $4, WEIGHT4               \
	ADDQ $4, WEIGHT8               \
	ADDQ $4, WEIGHT12              \
	DECQ LEFT                      \
	JNZ  token                     \
	TESTQ TOKENS, TOKENS           \
	JNZ  page                      \
	MOVQ ld+8(FP), LD              \
	ROWS(DST, DST4, DST8, DST12, LD, LD3) \
	EACHDST(EACH, STORE)           \
	VZEROUPPER                     \
	RET

#define UPTO14MIXES(LOAD, VALUELOAD, MIX, STORE) \
	MIXROWS(fourteen, fourteenPage, fourteenToken, EACH14, LOAD, VALUELOAD, MIX, STORE) \
	MIXROWS(thirteen, thirteenPage, thirteenToken, EACH13, LOAD, VALUELOAD, MIX, STORE) \
	MIXROWS(twelve, twelvePage, twelveToken, EACH12, LOAD, VALUELOAD, MIX, STORE)       \
	MIXROWS(eleven, elevenPage, elevenToken, EACH11, LOAD, VALUELOAD, MIX, STORE)       \
	MIXROWS(ten, tenPage, tenToken, EACH10, LOAD, VALUELOAD, MIX, STORE)                \
	MIXROWS(nine, ninePage, nineToken, EACH9, LOAD, VALUELOAD, MIX, STORE)              \
	MIXROWS(eight, eightPage, eightToken, EACH8, LOAD, VALUELOAD, MIX, STORE)           \
	MIXROWS(seven, sevenPage, sevenToken, EACH7, LOAD, VALUELOAD, MIX, STORE)           \
	MIXROWS(six, sixPage, sixToken, EACH6, LOAD, VALUELOAD, MIX, STORE)                 \
	MIXROWS(five, fivePage, fiveToken, EACH5, LOAD, VALUELOAD, MIX, STORE)              \
	MIXROWS(four, fourPage, fourToken, EACH4, LOAD, VALUELOAD, MIX, STORE)              \
	MIXROWS(three, threePage, threeToken, EACH3, LOAD, VALUELOAD, MIX, STORE)           \
	MIXROWS(two, twoPage, twoToken, EACH2, LOAD, VALUELOAD, MIX, STORE)                 \
	MIXROWS(one, onePage, oneToken, EACH1, LOAD, VALUELOAD, MIX, STORE)

#define UPTO6MIXES(LOAD, VALUELOAD, MIX, STORE) \
	MIXROWS(six, sixPage, sixToken, EACH6, LOAD, VALUELOAD, MIX, STORE)       \
	MIXROWS(five, fivePage, fiveToken, EACH5, LOAD, VALUELOAD, MIX, STORE)    \
	MIXROWS(four, fourPage, fourToken, EACH4, LOAD, VALUELOAD, MIX, STORE)    \
	MIXROWS(three, threePage, threeToken, EACH3, LOAD, VALUELOAD, MIX, STORE) \
	MIXROWS(two, twoPage, twoToken, EACH2, LOAD, VALUELOAD, MIX, STORE)       \
	MIXROWS(one, onePage, oneToken, EACH1, LOAD, VALUELOAD, MIX, STORE)

#define ARGUMENTS \
	MOVQ dst+0(FP), DST         \
	MOVQ ld+8(FP), LD           \
	ROWS(DST, DST4, DST8, DST12, LD, LD3) \
	MOVQ weights+16(FP), WEIGHT \
	MOVQ ldw+24(FP), LDW        \
	ROWS(WEIGHT, WEIGHT4, WEIGHT8, WEIGHT12, LDW, LDW3) \
	MOVQ stride+56(FP), STRIDE  \
	MOVQ from+64(FP), BLOCK

// LANES sets K1 to the first 16 of the lanes asked for, and K2 to the others.
#define LANES \
	MOVQ  lanes+72(FP), CX \
	MOVQ  $1, AX           \
	SHLQ  CX, AX           \
	DECQ  AX               \
	KMOVW AX, K1           \
	SHRQ  $16, AX          \
	KMOVW AX, K2

// func mixLanesAVX512(dst *float32, ld int, weights *float32, ldw, n int, pages *[]byte, tokens, stride, from, lanes int)
TEXT ·mixLanesAVX512(SB), NOSPLIT, $0-80
	LANES
	ARGUMENTS
	UPTO14(n+32(FP))
	UPTO14MIXES(LOAD512, HALVES512, MIX512, STORE512)

// func mixLanesF32AVX512(dst *float32, ld int, weights *float32, ldw, n int, pages *[]byte, tokens, stride, from, lanes int)
TEXT ·mixLanesF32AVX512(SB), NOSPLIT, $0-80
	LANES
	ARGUMENTS
	UPTO14(n+32(FP))
	UPTO14MIXES(LOAD512, FLOATS512, MIX512, STORE512)

// func mixSixteen(dst *float32, ld int, weights *float32, ldw, n int, pages *[]byte, tokens, stride, from int)
TEXT ·mixSixteen(SB), NOSPLIT, $0-72
	ARGUMENTS
	UPTO6(n+32(FP))
	UPTO6MIXES(LOAD256, HALVES256, MIX256, STORE256)

// func mixEight(dst *float32, ld int, weights *float32, ldw, n int, pages *[]byte, tokens, stride, from int)
TEXT ·mixEight(SB), NOSPLIT, $0-72
	ARGUMENTS
	UPTO6(n+32(FP))
	UPTO6MIXES(LOADONE, HALVESONE, MIXONE, STOREONE)

// func mixF32Sixteen(dst *float32, ld int, weights *float32, ldw, n int, pages *[]byte, tokens, stride, from int)
TEXT ·mixF32Sixteen(SB), NOSPLIT, $0-72
	ARGUMENTS
	UPTO6(n+32(FP))
	UPTO6MIXES(LOAD256, FLOATS256, MIX256, STORE256)

// func mixF32Eight(dst *float32, ld int, weights *float32, ldw, n int, pages *[]byte, tokens, stride, from int)
TEXT ·mixF32Eight(SB), NOSPLIT, $0-72
	ARGUMENTS
	UPTO6(n+32(FP))
	UPTO6MIXES(LOADONE, FLOATSONE, MIXONE, STOREONE)
