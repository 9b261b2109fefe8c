// What the packers of pack_arm64.s and pack_k_arm64.s share.
//
// They pack 8 rows. Quads are panels of unit 4, octets of unit 8: what they
// have in a different way is a turn and where it puts.

#define ARGUMENTS \
	MOVD steps+0(FP), PANEL    \
	MOVD mins+8(FP), MIN       \
	MOVD w+16(FP), W           \
	MOVD stride+24(FP), STRIDE \
	MOVD next+32(FP), NEXT     \
	MOVD n+40(FP), STEPS       \
	ADD  $256, PANEL, SCALE    \
	MOVD $2, PASSES

#define NEXTPASS(unit) \
	ADD  $(4*unit), PANEL \
	ADD  $16, SCALE       \
	ADD  $16, MIN         \
	ADD  STRIDE<<2, W     \
	SUBS $1, PASSES

// PUTQUADS stores them at columns 0 or 16 of a step: at is 0 or 128 bytes
// behind it.
#define PUTQUADS(at, a, b, c, d) \
	FMOVQ a, (at)(CODES)      \
	FMOVQ b, (at+32)(CODES)   \
	FMOVQ c, (at+64)(CODES)   \
	FMOVQ d, (at+96)(CODES)

// OCTETS turns them to columns 0-7 of rows 0-1 and 2-3, and 8-15 of both. a to
// d are other registers.
#define OCTETS(a, b, c, d) \
	VTRN1 V1.D2, V0.D2, a.D2 \
	VTRN1 V3.D2, V2.D2, b.D2 \
	VTRN2 V1.D2, V0.D2, c.D2 \
	VTRN2 V3.D2, V2.D2, d.D2

#define PUTOCTETS(at, a, b, c, d) \
	FMOVQ a, (at)(CODES)      \
	FMOVQ b, (at+16)(CODES)   \
	FMOVQ c, (at+64)(CODES)   \
	FMOVQ d, (at+80)(CODES)

#define OFFSET  V21 // what codes are less

// NIBBLES splits V28 to V31: their low halves into V0 to V3, the high ones
// into V4 to V7.
#define NIBBLES \
	VAND  FIFTEEN.B16, V28.B16, V0.B16 \
	VAND  FIFTEEN.B16, V29.B16, V1.B16 \
	VAND  FIFTEEN.B16, V30.B16, V2.B16 \
	VAND  FIFTEEN.B16, V31.B16, V3.B16 \
	VUSHR $4, V28.B16, V4.B16          \
	VUSHR $4, V29.B16, V5.B16          \
	VUSHR $4, V30.B16, V6.B16          \
	VUSHR $4, V31.B16, V7.B16

#define LESS(a, b, c, d) \
	VSUB OFFSET.B16, a.B16, a.B16 \
	VSUB OFFSET.B16, b.B16, b.B16 \
	VSUB OFFSET.B16, c.B16, c.B16 \
	VSUB OFFSET.B16, d.B16, d.B16

#define PACK(unit, block) \
pass:           \
	BEGIN          \
next:           \
	block          \
	SUBS $1, LEFT  \
	BNE  next      \
	NEXTPASS(unit) \
	BNE  pass      \
	RET

// NIBBLES16 packs the 32 codes of 16 bytes, whose lower halves are those of
// columns 0-15; codes turns halves into what they say.
#define NIBBLES16(off, turn, put, codes) \
	LOAD(off)                \
	turn(V28, V29, V30, V31) \
	NIBBLES                  \
	codes(V0, V1, V2, V3)    \
	codes(V4, V5, V6, V7)    \
	put(0, F0, F1, F2, F3)   \
	put(128, F4, F5, F6, F7)

#define LEVELS V22 // the codes of 16 halves
#define LEVEL(a, b, c, d) \
	VTBL a.B16, [LEVELS.B16], a.B16 \
	VTBL b.B16, [LEVELS.B16], b.B16 \
	VTBL c.B16, [LEVELS.B16], c.B16 \
	VTBL d.B16, [LEVELS.B16], d.B16

#define LEVELARGUMENTS(levels) \
	MOVD  $levels(SB), TABLE \
	FMOVQ (TABLE), F22
