#include "textflag.h"

// Scores and values of up to eight queries against one page. A row is a
// query's part of a matrix; row r and those after it are at
//
//	(a), (a)(ld*1), (a)(ld*2), (a)(ld3*1), and the same from a4 on
//
// Every number of rows has code of its own, so that none is computed in vain
// and each row's sum is one chain of multiply-adds, whatever the others are.

// EACHn does DO(address, Z register, Y register, another Y register) for n rows.
#define EACH1(DO, a, a4, ld, ld3) \
	DO((a), Z0, Y0, Y4)
#define EACH2(DO, a, a4, ld, ld3) \
	EACH1(DO, a, a4, ld, ld3)     \
	DO((a)(ld*1), Z1, Y1, Y5)
#define EACH3(DO, a, a4, ld, ld3) \
	EACH2(DO, a, a4, ld, ld3)     \
	DO((a)(ld*2), Z2, Y2, Y6)
#define EACH4(DO, a, a4, ld, ld3) \
	EACH3(DO, a, a4, ld, ld3)     \
	DO((a)(ld3*1), Z3, Y3, Y7)
#define EACH5(DO, a, a4, ld, ld3) \
	EACH4(DO, a, a4, ld, ld3)     \
	DO((a4), Z4, Y4, none)
#define EACH6(DO, a, a4, ld, ld3) \
	EACH5(DO, a, a4, ld, ld3)     \
	DO((a4)(ld*1), Z5, Y5, none)
#define EACH7(DO, a, a4, ld, ld3) \
	EACH6(DO, a, a4, ld, ld3)     \
	DO((a4)(ld*2), Z6, Y6, none)
#define EACH8(DO, a, a4, ld, ld3) \
	EACH7(DO, a, a4, ld, ld3)     \
	DO((a4)(ld3*1), Z7, Y7, none)

// ROWS sets what EACH needs from a and ld, which is in values on entry.
#define ROWS(a, a4, ld, ld3) \
	SHLQ $2, ld            \
	LEAQ (ld)(ld*2), ld3   \
	LEAQ (a)(ld*4), a4

// UPTO4 and UPTO8 jump to the code for n rows, or fall into that for the most.
#define UPTO4(n) \
	CMPQ n, $2 \
	JB   one   \
	JE   two   \
	CMPQ n, $4 \
	JB   three

#define UPTO8(n) \
	CMPQ n, $2 \
	JB   one   \
	JE   two   \
	CMPQ n, $4 \
	JB   three \
	JE   four  \
	CMPQ n, $6 \
	JB   five  \
	JE   six   \
	CMPQ n, $8 \
	JB   seven

// What a page holds: binary16 or float32.
#define HALVES(at, y) VCVTPH2PS at, y
#define FLOATS(at, y) VMOVUPS at, y

// --- scores: a register holds the keys' values at one place, for 16 positions ---

#define DST    DI
#define DST4   R8
#define LD     R9
#define LD3    R10
#define QUERY  SI
#define QUERY4 R11
#define LDQ    R12
#define LDQ3   R13
#define KEYS   BX
#define LEFT   CX // values of a head left
#define N      AX

#define KEY    Z8
#define LOW    Y8  // AVX2: positions 0-7
#define HIGH   Y9  // 8-15
#define VALUE  Y10 // a query's, everywhere

#define CLEAR512(at, z, y, y4) VPXORQ z, z, z
#define SCORE512(at, z, y, y4) VFMADD231PS.BCST at, KEY, z // score += query * key
#define STORE512(at, z, y, y4) VMOVUPS z, at

#define SCORES512(rows, value, EACH, LOAD, size) \
rows:                                         \
	EACH(CLEAR512, DST, DST4, LD, LD3)        \
value:                                        \
	LOAD((KEYS), KEY)                         \
	EACH(SCORE512, QUERY, QUERY4, LDQ, LDQ3)  \
	ADDQ $size, KEYS                          \
	ADDQ $4, QUERY                            \
	ADDQ $4, QUERY4                           \
	DECQ LEFT                                 \
	JNZ  value                                \
	EACH(STORE512, DST, DST4, LD, LD3)        \
	VZEROUPPER                                \
	RET

#define UPTO8SCORES(LOAD, size) \
	SCORES512(eight, eightValues, EACH8, LOAD, size) \
	SCORES512(seven, sevenValues, EACH7, LOAD, size) \
	SCORES512(six, sixValues, EACH6, LOAD, size)     \
	SCORES512(five, fiveValues, EACH5, LOAD, size)   \
	SCORES512(four, fourValues, EACH4, LOAD, size)   \
	SCORES512(three, threeValues, EACH3, LOAD, size) \
	SCORES512(two, twoValues, EACH2, LOAD, size)     \
	SCORES512(one, oneValues, EACH1, LOAD, size)

// func scores8AVX512(dst *float32, ld int, queries *float32, ldq, n int, keys *uint16, headDim int)
TEXT ·scores8AVX512(SB), NOSPLIT, $0-56
	MOVQ dst+0(FP), DST
	MOVQ ld+8(FP), LD
	MOVQ queries+16(FP), QUERY
	MOVQ ldq+24(FP), LDQ
	MOVQ n+32(FP), N
	MOVQ keys+40(FP), KEYS
	MOVQ headDim+48(FP), LEFT
	ROWS(DST, DST4, LD, LD3)
	ROWS(QUERY, QUERY4, LDQ, LDQ3)
	UPTO8(N)
	UPTO8SCORES(HALVES, 32)

// func scoresF32x8AVX512(dst *float32, ld int, queries *float32, ldq, n int, keys *float32, headDim int)
TEXT ·scoresF32x8AVX512(SB), NOSPLIT, $0-56
	MOVQ dst+0(FP), DST
	MOVQ ld+8(FP), LD
	MOVQ queries+16(FP), QUERY
	MOVQ ldq+24(FP), LDQ
	MOVQ n+32(FP), N
	MOVQ keys+40(FP), KEYS
	MOVQ headDim+48(FP), LEFT
	ROWS(DST, DST4, LD, LD3)
	ROWS(QUERY, QUERY4, LDQ, LDQ3)
	UPTO8(N)
	UPTO8SCORES(FLOATS, 64)

#define CLEAR256(at, z, y, y4) \
	VXORPS y, y, y    \
	VXORPS y4, y4, y4

#define SCORE256(at, z, y, y4) \
	VBROADCASTSS at, VALUE     \
	VFMADD231PS  LOW, VALUE, y \ // score += query * key
	VFMADD231PS  HIGH, VALUE, y4

#define STORE256(at, z, y, y4) \
	VMOVUPS y, 0 at    \
	VMOVUPS y4, 32 at

#define SCORES256(rows, value, EACH, LOAD, size) \
rows:                                         \
	EACH(CLEAR256, DST, DST4, LD, LD3)        \
value:                                        \
	LOAD((KEYS), LOW)                         \
	LOAD(size/2(KEYS), HIGH)                  \
	EACH(SCORE256, QUERY, QUERY4, LDQ, LDQ3)  \
	ADDQ $size, KEYS                          \
	ADDQ $4, QUERY                            \
	DECQ LEFT                                 \
	JNZ  value                                \
	EACH(STORE256, DST, DST4, LD, LD3)        \
	VZEROUPPER                                \
	RET

#define UPTO4SCORES(LOAD, size) \
	SCORES256(four, fourValues, EACH4, LOAD, size)   \
	SCORES256(three, threeValues, EACH3, LOAD, size) \
	SCORES256(two, twoValues, EACH2, LOAD, size)     \
	SCORES256(one, oneValues, EACH1, LOAD, size)

// func scoresTile(dst *float32, ld int, queries *float32, ldq, n int, keys *uint16, headDim int)
TEXT ·scoresTile(SB), NOSPLIT, $0-56
	MOVQ dst+0(FP), DST
	MOVQ ld+8(FP), LD
	MOVQ queries+16(FP), QUERY
	MOVQ ldq+24(FP), LDQ
	MOVQ n+32(FP), N
	MOVQ keys+40(FP), KEYS
	MOVQ headDim+48(FP), LEFT
	ROWS(DST, DST4, LD, LD3)
	ROWS(QUERY, QUERY4, LDQ, LDQ3)
	UPTO4(N)
	UPTO4SCORES(HALVES, 32)

// func scoresF32Tile(dst *float32, ld int, queries *float32, ldq, n int, keys *float32, headDim int)
TEXT ·scoresF32Tile(SB), NOSPLIT, $0-56
	MOVQ dst+0(FP), DST
	MOVQ ld+8(FP), LD
	MOVQ queries+16(FP), QUERY
	MOVQ ldq+24(FP), LDQ
	MOVQ n+32(FP), N
	MOVQ keys+40(FP), KEYS
	MOVQ headDim+48(FP), LEFT
	ROWS(DST, DST4, LD, LD3)
	ROWS(QUERY, QUERY4, LDQ, LDQ3)
	UPTO4(N)
	UPTO4SCORES(FLOATS, 64)

#undef QUERY
#undef QUERY4
#undef LDQ
#undef LDQ3
#undef KEYS
#undef KEY
#undef LEFT
#undef LOW
#undef HIGH
#undef VALUE
#undef N
#undef STORE512
#undef STORE256

// --- mix: a register holds neighbouring values at one position ---

#define WEIGHT  SI
#define WEIGHT4 R11
#define LDW     R12
#define LDW3    R13
#define BLOCK   BX  // of values at the first position
#define VALUES  DX
#define STRIDE  R14 // between positions, in bytes
#define TOKENS  R15
#define LEFT    AX  // positions left
#define LANES   CX  // values of a head left

#define VALUE   Z8
#define YVALUE  Y8
#define YWEIGHT Y9

#define HALVES512               VCVTPH2PS.Z (VALUES), K1, VALUE
#define FLOATS512               VMOVUPS.Z (VALUES), K1, VALUE
#define LOAD512(at, z, y, y4)   VMOVUPS.Z at, K1, z
#define MIX512(at, z, y, y4)    VFMADD231PS.BCST at, VALUE, z // dst += weight * value
#define STORE512(at, z, y, y4)  VMOVUPS z, K1, at

#define HALVES256               VCVTPH2PS (VALUES), YVALUE
#define FLOATS256               VMOVUPS (VALUES), YVALUE
#define LOAD256(at, z, y, y4)   VMOVUPS at, y
#define STORE256(at, z, y, y4)  VMOVUPS y, at
#define MIX256(at, z, y, y4) \
	VBROADCASTSS at, YWEIGHT     \
	VFMADD231PS  YVALUE, YWEIGHT, y

// MIXBLOCK mixes the values of one block at all positions.
#define MIXBLOCK(rows, token, EACH, LOAD, VALUELOAD, MIX, STORE) \
rows:                                         \
	MOVQ TOKENS, LEFT                         \
	EACH(LOAD, DST, DST4, LD, LD3)            \
token:                                        \
	VALUELOAD                                 \
	EACH(MIX, WEIGHT, WEIGHT4, LDW, LDW3)     \
	ADDQ STRIDE, VALUES                       \
	ADDQ $4, WEIGHT                           \
	ADDQ $4, WEIGHT4                          \
	DECQ LEFT                                 \
	JNZ  token                                \
	EACH(STORE, DST, DST4, LD, LD3)           \
	JMP  next

#define MIXES(LOAD, VALUELOAD, MIX, STORE) \
	MIXBLOCK(eight, eightTokens, EACH8, LOAD, VALUELOAD, MIX, STORE) \
	MIXBLOCK(seven, sevenTokens, EACH7, LOAD, VALUELOAD, MIX, STORE) \
	MIXBLOCK(six, sixTokens, EACH6, LOAD, VALUELOAD, MIX, STORE)     \
	MIXBLOCK(five, fiveTokens, EACH5, LOAD, VALUELOAD, MIX, STORE)   \
	MIXBLOCK(four, fourTokens, EACH4, LOAD, VALUELOAD, MIX, STORE)   \
	MIXBLOCK(three, threeTokens, EACH3, LOAD, VALUELOAD, MIX, STORE) \
	MIXBLOCK(two, twoTokens, EACH2, LOAD, VALUELOAD, MIX, STORE)     \
	MIXBLOCK(one, oneTokens, EACH1, LOAD, VALUELOAD, MIX, STORE)

// ADVANCE goes on to the next block: dst by lanes float32, values by size bytes.
#define ADVANCE(lanes, size) \
	LEAQ (TOKENS*4), LEFT \
	SUBQ LEFT, WEIGHT     \
	SUBQ LEFT, WEIGHT4    \
	ADDQ $(4*lanes), DST  \
	ADDQ $(4*lanes), DST4 \
	ADDQ $size, BLOCK     \
	SUBQ $lanes, LANES

// TAILMASK sets K1 to the lanes left, of which there are fewer than 16.
#define TAILMASK \
	MOVL  $1, LEFT   \
	SHLL  CX, LEFT   \
	DECL  LEFT       \
	KMOVW LEFT, K1

// func mix8AVX512(dst *float32, ld int, weights *float32, ldw, n int, values *uint16, tokens, headDim int)
TEXT ·mix8AVX512(SB), NOSPLIT, $0-64
	MOVQ   dst+0(FP), DST
	MOVQ   ld+8(FP), LD
	MOVQ   weights+16(FP), WEIGHT
	MOVQ   ldw+24(FP), LDW
	MOVQ   values+40(FP), BLOCK
	MOVQ   tokens+48(FP), TOKENS
	MOVQ   headDim+56(FP), LANES
	ROWS(DST, DST4, LD, LD3)
	ROWS(WEIGHT, WEIGHT4, LDW, LDW3)
	LEAQ   (LANES*2), STRIDE
	KXNORW K1, K1, K1

block:
	CMPQ LANES, $16
	JAE  whole
	TAILMASK

whole:
	MOVQ BLOCK, VALUES
	MOVQ n+32(FP), AX
	UPTO8(AX)
	MIXES(LOAD512, HALVES512, MIX512, STORE512)

next:
	ADVANCE(16, 32)
	JG   block
	VZEROUPPER
	RET

// func mixF32x8AVX512(dst *float32, ld int, weights *float32, ldw, n int, values *float32, tokens, headDim int)
TEXT ·mixF32x8AVX512(SB), NOSPLIT, $0-64
	MOVQ   dst+0(FP), DST
	MOVQ   ld+8(FP), LD
	MOVQ   weights+16(FP), WEIGHT
	MOVQ   ldw+24(FP), LDW
	MOVQ   values+40(FP), BLOCK
	MOVQ   tokens+48(FP), TOKENS
	MOVQ   headDim+56(FP), LANES
	ROWS(DST, DST4, LD, LD3)
	ROWS(WEIGHT, WEIGHT4, LDW, LDW3)
	LEAQ   (LANES*4), STRIDE
	KXNORW K1, K1, K1

block:
	CMPQ LANES, $16
	JAE  whole
	TAILMASK

whole:
	MOVQ BLOCK, VALUES
	MOVQ n+32(FP), AX
	UPTO8(AX)
	MIXES(LOAD512, FLOATS512, MIX512, STORE512)

next:
	ADVANCE(16, 64)
	JG   block
	VZEROUPPER
	RET

// func mixTile(dst *float32, ld int, weights *float32, ldw, n int, values *uint16, tokens, headDim, lanes int)
TEXT ·mixTile(SB), NOSPLIT, $0-72
	MOVQ dst+0(FP), DST
	MOVQ ld+8(FP), LD
	MOVQ weights+16(FP), WEIGHT
	MOVQ ldw+24(FP), LDW
	MOVQ values+40(FP), BLOCK
	MOVQ tokens+48(FP), TOKENS
	MOVQ headDim+56(FP), STRIDE
	MOVQ lanes+64(FP), LANES
	ROWS(DST, DST4, LD, LD3)
	ROWS(WEIGHT, WEIGHT4, LDW, LDW3)
	SHLQ $1, STRIDE

block:
	MOVQ BLOCK, VALUES
	MOVQ n+32(FP), AX
	UPTO8(AX)
	MIXES(LOAD256, HALVES256, MIX256, STORE256)

next:
	ADVANCE(8, 16)
	JG   block
	VZEROUPPER
	RET

// func mixF32Tile(dst *float32, ld int, weights *float32, ldw, n int, values *float32, tokens, headDim, lanes int)
TEXT ·mixF32Tile(SB), NOSPLIT, $0-72
	MOVQ dst+0(FP), DST
	MOVQ ld+8(FP), LD
	MOVQ weights+16(FP), WEIGHT
	MOVQ ldw+24(FP), LDW
	MOVQ values+40(FP), BLOCK
	MOVQ tokens+48(FP), TOKENS
	MOVQ headDim+56(FP), STRIDE
	MOVQ lanes+64(FP), LANES
	ROWS(DST, DST4, LD, LD3)
	ROWS(WEIGHT, WEIGHT4, LDW, LDW3)
	SHLQ $2, STRIDE

block:
	MOVQ BLOCK, VALUES
	MOVQ n+32(FP), AX
	UPTO8(AX)
	MIXES(LOAD256, FLOATS256, MIX256, STORE256)

next:
	ADVANCE(8, 32)
	JG   block
	VZEROUPPER
	RET

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
