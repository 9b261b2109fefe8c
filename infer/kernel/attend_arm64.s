#include "textflag.h"
#include "words_arm64.h"

// Scores and values of up to four queries. Every number of
// queries has code of its own, so that none is computed in vain and each one's
// sum is a chain of multiply-adds, whatever the others are.

#define N     R0 // queries
#define PAGE  R1
#define LEFT  R2 // steps left, or positions of a page
#define LD    R3 // between rows of dst, in bytes
#define LDR   R4 // between queries or weights, in bytes
#define ROW0  R5 // queries or weights
#define ROW1  R6
#define ROW2  R7
#define ROW3  R8
#define DST0  R9
#define DST1  R10
#define DST2  R11
#define DST3  R12

// ROWS sets the pointers to the second to fourth row.
#define ROWS(ld, r0, r1, r2, r3) \
	LSL $2, ld       \
	ADD ld, r0, r1   \
	ADD ld, r1, r2   \
	ADD ld, r2, r3

// UPTO4 jumps to the code for N rows, or falls into that for four.
#define UPTO4 \
	CMP $2, N \
	BLO one   \
	BEQ two   \
	CMP $4, N \
	BLO three

// --- scores: V0-V3 hold the keys' values at one place, for 16 positions; ---
// --- row r's scores are V(16+4r) to V(19+4r)                             ---

#define CLEAR \
	VEOR V16.B16, V16.B16, V16.B16 \
	VEOR V17.B16, V17.B16, V17.B16 \
	VEOR V18.B16, V18.B16, V18.B16 \
	VEOR V19.B16, V19.B16, V19.B16 \
	VEOR V20.B16, V20.B16, V20.B16 \
	VEOR V21.B16, V21.B16, V21.B16 \
	VEOR V22.B16, V22.B16, V22.B16 \
	VEOR V23.B16, V23.B16, V23.B16 \
	VEOR V24.B16, V24.B16, V24.B16 \
	VEOR V25.B16, V25.B16, V25.B16 \
	VEOR V26.B16, V26.B16, V26.B16 \
	VEOR V27.B16, V27.B16, V27.B16 \
	VEOR V28.B16, V28.B16, V28.B16 \
	VEOR V29.B16, V29.B16, V29.B16 \
	VEOR V30.B16, V30.B16, V30.B16 \
	VEOR V31.B16, V31.B16, V31.B16

#define KEYHALVES \
	VLD1.P 32(PAGE), [V4.H8, V5.H8] \
	FCVTL(4, 0)                     \
	FCVTL2(4, 1)                    \
	FCVTL(5, 2)                     \
	FCVTL2(5, 3)

#define KEYFLOATS \
	VLD1.P 64(PAGE), [V0.S4, V1.S4, V2.S4, V3.S4]

// SCORE adds a query's value, in register q, times the keys' to its scores, or
// a weight times values to a row of dst.
#define SCORE(row, F, q, s0, s1, s2, s3) \
	FMOVS.P 4(row), F \
	FMLA0(q, 0, s0)   \
	FMLA0(q, 1, s1)   \
	FMLA0(q, 2, s2)   \
	FMLA0(q, 3, s3)

#define SCORE1 \
	SCORE(ROW0, F6, 6, 16, 17, 18, 19)
#define SCORE2 \
	SCORE1                              \
	SCORE(ROW1, F7, 7, 20, 21, 22, 23)
#define SCORE3 \
	SCORE2                              \
	SCORE(ROW2, F6, 6, 24, 25, 26, 27)
#define SCORE4 \
	SCORE3                              \
	SCORE(ROW3, F7, 7, 28, 29, 30, 31)

#define STORE1 \
	VST1 [V16.S4, V17.S4, V18.S4, V19.S4], (DST0)
#define STORE2 \
	STORE1                                        \
	VST1 [V20.S4, V21.S4, V22.S4, V23.S4], (DST1)
#define STORE3 \
	STORE2                                        \
	VST1 [V24.S4, V25.S4, V26.S4, V27.S4], (DST2)
#define STORE4 \
	STORE3                                        \
	VST1 [V28.S4, V29.S4, V30.S4, V31.S4], (DST3)

#define SCOREALL(rows, KEY, EACH, STORE) \
rows:             \
	KEY           \
	EACH          \
	SUBS $1, LEFT \
	BNE  rows     \
	STORE         \
	RET

#define MIXARGUMENTS \
	MOVD dst+0(FP), DST0        \
	MOVD ld+8(FP), LD           \
	MOVD weights+16(FP), ROW0   \
	MOVD ldw+24(FP), LDR        \
	MOVD n+32(FP), N            \
	MOVD pages+40(FP), PAGES    \
	MOVD tokens+48(FP), TOKENS  \
	MOVD stride+56(FP), STRIDE  \
	MOVD from+64(FP), FROM      \
	ROWS(LD, DST0, DST1, DST2, DST3)\
	ROWS(LDR, ROW0, ROW1, ROW2, ROW3)

// func scoresPage(dst *float32, ld int, queries *float32, ldq, n int, keys *byte, headDim int)
TEXT ·scoresPage(SB), NOSPLIT, $0-56
	MOVD dst+0(FP), DST0
	MOVD ld+8(FP), LD
	MOVD queries+16(FP), ROW0
	MOVD ldq+24(FP), LDR
	MOVD n+32(FP), N
	MOVD keys+40(FP), PAGE
	MOVD headDim+48(FP), LEFT
	ROWS(LD, DST0, DST1, DST2, DST3)
	ROWS(LDR, ROW0, ROW1, ROW2, ROW3)
	CLEAR
	UPTO4
	SCOREALL(four, KEYHALVES, SCORE4, STORE4)
	SCOREALL(three, KEYHALVES, SCORE3, STORE3)
	SCOREALL(two, KEYHALVES, SCORE2, STORE2)
	SCOREALL(one, KEYHALVES, SCORE1, STORE1)

// func scoresF32Page(dst *float32, ld int, queries *float32, ldq, n int, keys *byte, headDim int)
TEXT ·scoresF32Page(SB), NOSPLIT, $0-56
	MOVD dst+0(FP), DST0
	MOVD ld+8(FP), LD
	MOVD queries+16(FP), ROW0
	MOVD ldq+24(FP), LDR
	MOVD n+32(FP), N
	MOVD keys+40(FP), PAGE
	MOVD headDim+48(FP), LEFT
	ROWS(LD, DST0, DST1, DST2, DST3)
	ROWS(LDR, ROW0, ROW1, ROW2, ROW3)
	CLEAR
	UPTO4
	SCOREALL(four, KEYFLOATS, SCORE4, STORE4)
	SCOREALL(three, KEYFLOATS, SCORE3, STORE3)
	SCOREALL(two, KEYFLOATS, SCORE2, STORE2)
	SCOREALL(one, KEYFLOATS, SCORE1, STORE1)

// --- mix: V0-V3 hold 16 neighbouring values at one position, to be multiplied ---
// --- by weights as keys are by queries; or V0 and V1 eight, and row r of dst is ---
// --- V(16+2r) and V(17+2r)                                                      ---

#define PAGES  R1  // the slice of the next one
#define VALUES R13
#define STRIDE R14 // between positions, in bytes
#define TOKENS R15 // positions left
#define FROM   R16 // bytes of a position before these values

#define HALVES16 \
	VLD1.P (VALUES)(STRIDE), [V4.H8, V5.H8] \
	FCVTL(4, 0)                             \
	FCVTL2(4, 1)                            \
	FCVTL(5, 2)                             \
	FCVTL2(5, 3)

#define FLOATS16 \
	VLD1.P (VALUES)(STRIDE), [V0.S4, V1.S4, V2.S4, V3.S4]

#define LOAD1 \
	VLD1 (DST0), [V16.S4, V17.S4, V18.S4, V19.S4]
#define LOAD2 \
	LOAD1                                         \
	VLD1 (DST1), [V20.S4, V21.S4, V22.S4, V23.S4]
#define LOAD3 \
	LOAD2                                         \
	VLD1 (DST2), [V24.S4, V25.S4, V26.S4, V27.S4]
#define LOAD4 \
	LOAD3                                         \
	VLD1 (DST3), [V28.S4, V29.S4, V30.S4, V31.S4]

#define HALVES8 \
	VLD1.P (VALUES)(STRIDE), [V2.H8] \
	FCVTL(2, 0)                      \
	FCVTL2(2, 1)

#define FLOATS8 \
	VLD1.P (VALUES)(STRIDE), [V0.S4, V1.S4]

#define MIX(row, F, w, lo, hi) \
	FMOVS.P 4(row), F \
	FMLA0(w, 0, lo)   \ // dst += weight * value
	FMLA0(w, 1, hi)

#define MIX1 \
	MIX(ROW0, F4, 4, 16, 17)
#define MIX2 \
	MIX1                      \
	MIX(ROW1, F5, 5, 18, 19)
#define MIX3 \
	MIX2                      \
	MIX(ROW2, F6, 6, 20, 21)
#define MIX4 \
	MIX3                      \
	MIX(ROW3, F7, 7, 22, 23)

#define LOADPAIR1 \
	VLD1 (DST0), [V16.S4, V17.S4]
#define LOADPAIR2 \
	LOADPAIR1                      \
	VLD1 (DST1), [V18.S4, V19.S4]
#define LOADPAIR3 \
	LOADPAIR2                      \
	VLD1 (DST2), [V20.S4, V21.S4]
#define LOADPAIR4 \
	LOADPAIR3                      \
	VLD1 (DST3), [V22.S4, V23.S4]

#define STOREPAIR1 \
	VST1 [V16.S4, V17.S4], (DST0)
#define STOREPAIR2 \
	STOREPAIR1                     \
	VST1 [V18.S4, V19.S4], (DST1)
#define STOREPAIR3 \
	STOREPAIR2                     \
	VST1 [V20.S4, V21.S4], (DST2)
#define STOREPAIR4 \
	STOREPAIR3                     \
	VST1 [V22.S4, V23.S4], (DST3)

#define MIXALL(rows, page, token, LOAD, VALUE, EACH, STORE) \
rows:                          \
	LOAD                       \
page:                          \
	MOVD (PAGES), VALUES       \
	ADD  $24, PAGES            \
	ADD  FROM, VALUES          \
	MOVD $16, LEFT             \
	CMP  LEFT, TOKENS          \
	CSEL LO, TOKENS, LEFT, LEFT \
	SUB  LEFT, TOKENS          \
token:                         \
	VALUE                      \
	EACH                       \
	SUBS $1, LEFT              \
	BNE  token                 \
	CBNZ TOKENS, page          \
	STORE                      \
	RET

#define MIXES16(VALUE) \
	MIXALL(four, fourPages, fourTokens, LOAD4, VALUE, SCORE4, STORE4)     \
	MIXALL(three, threePages, threeTokens, LOAD3, VALUE, SCORE3, STORE3) \
	MIXALL(two, twoPages, twoTokens, LOAD2, VALUE, SCORE2, STORE2)       \
	MIXALL(one, onePages, oneTokens, LOAD1, VALUE, SCORE1, STORE1)

#define MIXES8(VALUE) \
	MIXALL(four, fourPages, fourTokens, LOADPAIR4, VALUE, MIX4, STOREPAIR4)     \
	MIXALL(three, threePages, threeTokens, LOADPAIR3, VALUE, MIX3, STOREPAIR3) \
	MIXALL(two, twoPages, twoTokens, LOADPAIR2, VALUE, MIX2, STOREPAIR2)       \
	MIXALL(one, onePages, oneTokens, LOADPAIR1, VALUE, MIX1, STOREPAIR1)

// func mixSixteen(dst *float32, ld int, weights *float32, ldw, n int, pages *[]byte, tokens, stride, from int)
TEXT ·mixSixteen(SB), NOSPLIT, $0-72
	MIXARGUMENTS
	UPTO4
	MIXES16(HALVES16)

// func mixEight(dst *float32, ld int, weights *float32, ldw, n int, pages *[]byte, tokens, stride, from int)
TEXT ·mixEight(SB), NOSPLIT, $0-72
	MIXARGUMENTS
	UPTO4
	MIXES8(HALVES8)

// func mixF32Sixteen(dst *float32, ld int, weights *float32, ldw, n int, pages *[]byte, tokens, stride, from int)
TEXT ·mixF32Sixteen(SB), NOSPLIT, $0-72
	MIXARGUMENTS
	UPTO4
	MIXES16(FLOATS16)

// func mixF32Eight(dst *float32, ld int, weights *float32, ldw, n int, pages *[]byte, tokens, stride, from int)
TEXT ·mixF32Eight(SB), NOSPLIT, $0-72
	MIXARGUMENTS
	UPTO4
	MIXES8(FLOATS8)

// --- storing keys and values in binary16 ---

#define HALF  R9
#define X     R5
#define COUNT R2 // values left, a multiple of 8

// ROUND sets V2 to the next eight values in binary16, to nearest, ties to even.
#define ROUND \
	VLD1.P 32(X), [V0.S4, V1.S4] \
	FCVTN(0, 2)                  \
	FCVTN2(1, 2)

// func narrowEights(dst *uint16, x *float32, n int)
TEXT ·narrowEights(SB), NOSPLIT, $0-24
	MOVD dst+0(FP), HALF
	MOVD x+8(FP), X
	MOVD n+16(FP), COUNT

eight:
	ROUND
	VST1.P [V2.H8], 16(HALF)
	SUBS   $8, COUNT
	BNE    eight
	RET

// func putKeyEights(dst *uint16, key *float32, n int)
TEXT ·putKeyEights(SB), NOSPLIT, $0-24
	MOVD dst+0(FP), HALF
	MOVD key+8(FP), X
	MOVD n+16(FP), COUNT
	MOVD $32, STRIDE // PageTokens halves

eight:
	ROUND
	VST1.P V2.H[0], (HALF)(STRIDE)
	VST1.P V2.H[1], (HALF)(STRIDE)
	VST1.P V2.H[2], (HALF)(STRIDE)
	VST1.P V2.H[3], (HALF)(STRIDE)
	VST1.P V2.H[4], (HALF)(STRIDE)
	VST1.P V2.H[5], (HALF)(STRIDE)
	VST1.P V2.H[6], (HALF)(STRIDE)
	VST1.P V2.H[7], (HALF)(STRIDE)
	SUBS   $8, COUNT
	BNE    eight
	RET
