// Products with single vectors, of types with blocks of 256, which are eight
// steps.

#define BLOCKARGUMENTS \
	LSR  $3, STEPS               \
	MOVD $packBytes<>(SB), TABLE

// HEADER leaves the scales of a block in the panel's room.
#define HEADER(scales) \
	MOVD PANEL, SCALES                                 \
	VLD1 (TABLE), [V12.B16, V13.B16, V14.B16, V15.B16] \
	scales(PUT16)
#define PUT16(i) \
	FSTPQ (F4, F5), (64*(i))(SCALES)    \
	FSTPQ (F6, F7), (64*(i)+32)(SCALES)

// WHILE does SCALED, with work for the next product between its steps: cores
// that execute in order would wait for each of them. vector is NEXTVECTOR where
// that is another step's, LASTVECTOR where there is none, or NOTHING.
#define WHILE(floats, vector, a, b, c) \
	SCALED1                 \
	a                       \
	SCALED2                 \
	b                       \
	floats                  \
	vector                  \
	c                       \
	SCALED4
#define LASTVECTOR ADD $40, XS
#define NEXTVECTOR \
	LASTVECTOR       \
	VECTOR(0)

// Q4_K: the header, then for each two steps 32 bytes, whose low halves are the
// codes of the first.
#define Q4_K \
	HEADER(SCALEMINS)                                             \
	ADVANCE(16)                                                   \
	MOVD $4, PAIRS                                                \
pair:                                                          \
	CODES0(0)                                                     \
	VECTOR(0)                                                     \
	INIT                                                          \
	FMOVQ.P 16(SCALES), F22                                       \
	TO24(LOWER)                                                   \
	DOT32SMALL(24)                                                \
	WHILE(FLOATS, NEXTVECTOR, HERE(UPPER), AHEAD(0), ADVANCE(32)) \
	INIT                                                          \
	FMOVQ.P 16(SCALES), F22                                       \
	DOT32SMALL(0)                                                 \
	WHILE(FLOATS, LASTVECTOR, NOTHING, NOTHING, NOTHING)          \
	SUB  $1, PAIRS                                                \
	CBNZ PAIRS, pair

// Q5_K: the header, 32 bytes of fifth bits, of which step s has bit s, then as
// Q4_K. A step's fifth bits come to V24 to V31, then the other four from V0 to
// V7, whose halves are those of two steps.
#define BIT     V11
#define SIXTEEN V12
#define ISFIFTH5(from, to) VCMTST BIT.B16, to.B16, to.B16
#define FIFTH(from, to)    VAND SIXTEEN.B16, to.B16, to.B16
#define WITHLOWER(from, to) VBIT FIFTEEN.B16, from.B16, to.B16
#define WITHUPPER(from, to) VSRI $4, from.B16, to.B16
#define FIND5 \
	CODES24(16)                \
	VMOVI $16, SIXTEEN.B16     \
	TO24(ISFIFTH5)             \
	VSHL  $1, BIT.B16, BIT.B16
#define LOWER5(j) \
	CODES0(48+32*(j))  \
	FIND5

#define STEP5(vector, a, b, c) \
	INIT                    \
	FMOVQ.P 16(SCALES), F22 \
	DOT32SMALL(24)          \
	WHILE(FLOATS, vector, a, b, c)
#define PAIR5(j) \
	STEP5(NEXTVECTOR, FIND5, TO24(FIFTH), TO24(WITHUPPER)) \
	STEP5(NEXTVECTOR, LOWER5(j+1), TO24(FIFTH), TO24(WITHLOWER))

#define Q5_K \
	HEADER(SCALEMINS)                                      \
	VMOVI $1, BIT.B16                                      \
	VECTOR(0)                                              \
	LOWER5(0)                                              \
	TO24(FIFTH)                                            \
	TO24(WITHLOWER)                                        \
	AHEAD(0)                                               \
	PAIR5(0)                                               \
	AHEAD(64)                                              \
	PAIR5(1)                                               \
	AHEAD(128)                                             \
	PAIR5(2)                                               \
	STEP5(NEXTVECTOR, FIND5, TO24(FIFTH), TO24(WITHUPPER)) \
	STEP5(LASTVECTOR, ADVANCE(176), NOTHING, NOTHING)

// Groups of 16 columns take turns: the codes of one half of a step are in V0,
// V2, V4 and V6, those of the other in V1, V3, V5 and V7. FIRST and LAST do
// f(from, to), from V24 to V31, for one of them.
#define FIRST(f) \
	f(V24, V0) \
	f(V26, V2) \
	f(V28, V4) \
	f(V30, V6)
#define LAST(f) \
	f(V25, V1) \
	f(V27, V3) \
	f(V29, V5) \
	f(V31, V7)

// GROUP is the product of a group: the codes from V(w), the columns V(x).
#define GROUP(init, floats, w, x, vector, a, b, c) \
	init                    \
	DOT16(w, x)             \
	FMOVQ.P 16(SCALES), F22 \
	WHILE(floats, vector, a, b, c)

// Q6_K: for each four steps 64 bytes, whose low halves are of the first two;
// for each four steps 32 bytes of the codes' upper two bits, of which step s
// has plane s%4; 16 signed scales and a binary16 for all of them. Codes are 32
// more than they say: bias16 is -128 times the sum of the vector's bytes.
#define UPPERTWO V11
#define HIGHFIRST(high) \
	high(UPPERTWO, V24, V24) \
	high(UPPERTWO, V26, V26) \
	high(UPPERTWO, V28, V28) \
	high(UPPERTWO, V30, V30)
#define HIGHLAST(high) \
	high(UPPERTWO, V25, V25) \
	high(UPPERTWO, V27, V27) \
	high(UPPERTWO, V29, V29) \
	high(UPPERTWO, V31, V31)
#define LOWERHERE(from, to) LOWER(to, to)
#define UPPERHERE(from, to) UPPER(to, to)
#define UNITE(from, to) VORR from.B16, to.B16, to.B16

// FIRST6 loads the first half of one of the steps 4i to 4i+3, LAST6 the last:
// the bytes at, of which half has codes' lower bits, and those with the upper
// ones.
#define FIRST6(i, at, half) \
	FMOVQ (at)(W0), F0          \
	FMOVQ (at)(W1), F2          \
	FMOVQ (at)(W2), F4          \
	FMOVQ (at)(W3), F6          \
	FMOVQ (128+32*(i))(W0), F24 \
	FMOVQ (128+32*(i))(W1), F26 \
	FMOVQ (128+32*(i))(W2), F28 \
	FMOVQ (128+32*(i))(W3), F30 \
	FIRST(half)
#define LAST6(i, at, half) \
	FMOVQ (at+16)(W0), F1          \
	FMOVQ (at+16)(W1), F3          \
	FMOVQ (at+16)(W2), F5          \
	FMOVQ (at+16)(W3), F7          \
	FMOVQ (128+32*(i)+16)(W0), F25 \
	FMOVQ (128+32*(i)+16)(W1), F27 \
	FMOVQ (128+32*(i)+16)(W2), F29 \
	FMOVQ (128+32*(i)+16)(W3), F31 \
	LAST(half)

#define BIASED6 \
	MOVW.P 4(HALF), BIAS16 \
	BIASED(2)

// STEP6 multiplies a step, and does a, b and c for the next one.
#define STEP6(i, at, half, high, vector, a, b, c) \
	GROUP(BIASED6, BIASEDFLOATS, 0, 8, NOTHING, LAST6(i, at, half), HIGHLAST(high), LAST(UNITE)) \
	GROUP(BIASED6, BIASEDFLOATS, 1, 9, vector, a, b, c)

#define STEPS6(i, vector, a, b, c) \
	STEP6(i, (64*i), LOWERHERE, HIGH0, NEXTVECTOR, FIRST6(i, (64*i+32), LOWERHERE), HIGHFIRST(HIGH1), FIRST(UNITE)) \
	STEP6(i, (64*i+32), LOWERHERE, HIGH1, NEXTVECTOR, FIRST6(i, (64*i), UPPERHERE), HIGHFIRST(HIGH2), FIRST(UNITE)) \
	AHEAD(128*i)                                           \
	STEP6(i, (64*i), UPPERHERE, HIGH2, NEXTVECTOR, FIRST6(i, (64*i+32), UPPERHERE), HIGHFIRST(HIGH3), FIRST(UNITE)) \
	STEP6(i, (64*i+32), UPPERHERE, HIGH3, vector, a, b, c) \
	AHEAD(128*i+64)

#define Q6_K \
	HEADER(SCALES6)                                  \
	VMOVI $0x30, UPPERTWO.B16                        \
	VECTOR(0)                                        \
	FIRST6(0, 0, LOWERHERE)                          \
	HIGHFIRST(HIGH0)                                 \
	FIRST(UNITE)                                     \
	STEPS6(0, NEXTVECTOR, FIRST6(1, 64, LOWERHERE), HIGHFIRST(HIGH0), FIRST(UNITE)) \
	STEPS6(1, LASTVECTOR, NOTHING, NOTHING, NOTHING) \
	ADVANCE(210)

// Q2_K: 16 bytes of scales and minima, for each four steps 32 bytes of codes, of
// which step s has plane s%4, and two binary16 for all scales and minima.
#define THREE V11

#define STEP2(lasta, lastb, vector, a, b) \
	GROUP(INIT, FLOATS, 0, 8, NOTHING, lasta, NOTHING, lastb) \
	GROUP(INIT, FLOATS, 1, 9, vector, a, b, NOTHING)

#define STEPS2(i, vector, a, b) \
	STEP2(LAST(MASK), NOTHING, NEXTVECTOR, FIRST(SHIFT2), FIRST(MASKHERE)) \
	STEP2(LAST(SHIFT2), LAST(MASKHERE), NEXTVECTOR, FIRST(SHIFT4), FIRST(MASKHERE)) \
	AHEAD(64*i) \
	STEP2(LAST(SHIFT4), LAST(MASKHERE), NEXTVECTOR, FIRST(SHIFT6), NOTHING) \
	STEP2(LAST(SHIFT6), NOTHING, vector, a, b)

#define Q2_K \
	HEADER(SCALES2)                                 \
	VMOVI $3, THREE.B16                             \
	VECTOR(0)                                       \
	CODES24(16)                                     \
	FIRST(MASK)                                     \
	STEPS2(0, NEXTVECTOR, CODES24(48), FIRST(MASK)) \
	STEPS2(1, LASTVECTOR, NOTHING, NOTHING)         \
	ADVANCE(84)

// Q3_K: 32 bytes of third bits, of which step s has bit s; codes as those of
// Q2_K; then scales. Codes are 4 more than they say, which is to have all upper
// bits where the third is not: what they are not is left in the panel's room,
// behind the scales.
#define BIT3 V20
#define NOT(from, to) VEOR V24.B16, from.B16, to.B16
#define LEAVE(at) \
	FSTPQ (F0, F1), (at)(PANEL)    \
	FSTPQ (F2, F3), (at+32)(PANEL) \
	FSTPQ (F4, F5), (at+64)(PANEL) \
	FSTPQ (F6, F7), (at+96)(PANEL)
#define NOTTHIRD(from, to) VCMTST BIT3.B16, to.B16, to.B16
#define NOSHIFT(from, to)
#define FIRST3(s, shift) \
	FMOVQ 256(PANEL), F0      \
	FMOVQ (256+32)(PANEL), F2 \
	FMOVQ (256+64)(PANEL), F4 \
	FMOVQ (256+96)(PANEL), F6 \
	VMOVI $(1<<(s)), BIT3.B16 \
	shift(V24, V12)           \
	shift(V26, V13)           \
	shift(V28, V14)           \
	shift(V30, V15)
#define LAST3(shift) \
	FMOVQ (256+16)(PANEL), F1  \
	FMOVQ (256+48)(PANEL), F3  \
	FMOVQ (256+80)(PANEL), F5  \
	FMOVQ (256+112)(PANEL), F7 \
	shift(V25, V12)            \
	shift(V27, V13)            \
	shift(V29, V14)            \
	shift(V31, V15)
#define JOINTWO(a, b, c, d) \
	LOWTWO(V12, a) \
	LOWTWO(V13, b) \
	LOWTWO(V14, c) \
	LOWTWO(V15, d)
#define JOINFIRST JOINTWO(V0, V2, V4, V6)
#define JOINLAST  JOINTWO(V1, V3, V5, V7)

#define STEP3(shift, join, vector, a, b, c) \
	GROUP(INIT, FLOATS, 0, 8, NOTHING, LAST3(shift), LAST(NOTTHIRD), join) \
	GROUP(INIT, FLOATS, 1, 9, vector, a, b, c)

#define STEPS3(i, vector, a, b, c) \
	STEP3(NOSHIFT, LAST(LOWTWO), NEXTVECTOR, FIRST3(4*i+1, SHIFT2), FIRST(NOTTHIRD), JOINFIRST) \
	STEP3(SHIFT2, JOINLAST, NEXTVECTOR, FIRST3(4*i+2, SHIFT4), FIRST(NOTTHIRD), JOINFIRST)      \
	AHEAD(64*i)                                                                                 \
	STEP3(SHIFT4, JOINLAST, NEXTVECTOR, FIRST3(4*i+3, NOSHIFT), FIRST(NOTTHIRD), FIRST(TOPTWO)) \
	STEP3(NOSHIFT, LAST(TOPTWO), vector, a, b, c)

#define NEXT3 \
	CODES24(64)        \
	FIRST3(4, NOSHIFT)

#define Q3_K \
	HEADER(SCALES3)     \
	CODES0(0)           \
	VMOVI $255, V24.B16 \
	HERE(NOT)           \
	LEAVE(256)          \
	VMOVI $3, THREE.B16 \
	VECTOR(0)           \
	CODES24(32)         \
	FIRST3(0, NOSHIFT)  \
	FIRST(NOTTHIRD)     \
	FIRST(LOWTWO)       \
	STEPS3(0, NEXTVECTOR, NEXT3, FIRST(NOTTHIRD), FIRST(LOWTWO)) \
	STEPS3(1, LASTVECTOR, NOTHING, NOTHING, NOTHING)             \
	ADVANCE(110)

// IQ4_XS: scales, then for each step 16 bytes of levels.
#define PUT4(i) \
	FMOVQ F4, (16*(i))(SCALES)    \
	FMOVQ F5, (16*(i)+32)(SCALES) \
	FMOVQ F6, (16*(i)+64)(SCALES) \
	FMOVQ F7, (16*(i)+96)(SCALES)
#define IQ4_XS \
	MOVD  PANEL, SCALES                                       \
	VLD1  (TABLE), [V12.B16, V13.B16, V14.B16, V15.B16]       \
	SCALES4(PUT4)                                             \
	ADVANCE(8)                                                \
	MOVD  $8, PAIRS                                           \
step:                                                      \
	LOADNIBBLES(0)                                            \
	VECTOR(0)                                                 \
	NIBBLES                                                   \
	INIT                                                      \
	FMOVQ.P 16(SCALES), F22                                   \
	HERE(LEVEL)                                               \
	DOT32(0)                                                  \
	WHILE(FLOATS, LASTVECTOR, AHEAD(0), ADVANCE(16), NOTHING) \
	SUB  $1, PAIRS                                            \
	CBNZ PAIRS, step
