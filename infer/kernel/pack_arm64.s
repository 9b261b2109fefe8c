#include "textflag.h"
#include "words_arm64.h"
#include "rows_arm64.h"
#include "pack_arm64.h"

// Packers of types with blocks of 32, which are one step.

// SCALE32 stores a block's, MINIMUM32 its minimum.
#define SCALE32   FMOVQ F16, (SCALES)
#define MINIMUM32 FMOVQ.P F17, 32(MINS)

// NEXTSTEP goes to the next block, some bytes further on.
#define NEXTSTEP(size) \
	AHEAD(0)         \
	ADVANCE(size)    \
	ADD $288, CODES  \
	ADD $288, SCALES

// Q8_0: a binary16 scale and 32 codes.
#define Q8_0(turn, put) \
	HALVES(0)                    \
	LOAD(2)                      \
	JOINED(16, F16)              \
	turn(V28, V29, V30, V31)     \
	put(0, F28, F29, F30, F31)   \
	LOAD(18)                     \
	turn(V28, V29, V30, V31)     \
	put(128, F28, F29, F30, F31) \
	SCALE32                      \
	NEXTSTEP(34)

// Q4_0: a binary16 scale and 16 bytes; codes are 8 more than they say. IQ4_NL
// has levels instead.
#define Q4_0(turn, put, codes) \
	HALVES(0)                      \
	NIBBLES16(2, turn, put, codes) \
	JOINED(16, F16)                \
	SCALE32                        \
	NEXTSTEP(18)

// MXFP4: an exponent and 16 bytes of levels.
#define EXPONENT V18
#define FRACTION V19
#define MXFP4(turn, put) \
	BYTES(0)                       \
	NIBBLES16(1, turn, put, LEVEL) \
	POWERS(16, F16, V16)           \
	SCALE32                        \
	NEXTSTEP(17)

// Q4_1: a scale and the negative of a minimum, both binary16, and 16 bytes.
#define Q4_1(turn, put) \
	TWOHALVES(0)                  \
	NEGATED                       \
	NIBBLES16(4, turn, put, ASIS) \
	TWOJOINED(16, V16)            \
	SCALE32                       \
	MINIMUM32                     \
	NEXTSTEP(20)

#define FIRST16 V12
#define LAST16  V13
#define EACHBIT V14
#define FIFTHARGUMENTS \
	MOVD $fifthBits<>(SB), TABLE \
	VLD1 (TABLE), [V12.B16, V13.B16, V14.B16]

// NIBBLES5 packs the codes of 16 bytes with the fifth bits in V8 to V11, as far
// as keep leaves them in the upper half of a byte. Columns have their bits in
// the file's order: they are turned when complete.
#define NIBBLES5(off, turn, put, keep) \
	LOAD(off)                                          \
	ISFIFTH(FIRST16, V8, V9, V10, V11, V4, V5, V6, V7) \
	keep(V4, V5, V6, V7)                               \
	VSLI $4, V4.B16, V0.B16                            \
	VSLI $4, V5.B16, V1.B16                            \
	VSLI $4, V6.B16, V2.B16                            \
	VSLI $4, V7.B16, V3.B16                            \
	turn(V28, V29, V30, V31)                           \
	put(0, F28, F29, F30, F31)                         \
	ISFIFTH(LAST16, V8, V9, V10, V11, V0, V1, V2, V3)  \
	keep(V0, V1, V2, V3)                               \
	FMOVQ (off)(W0), F4                                \
	FMOVQ (off)(W1), F5                                \
	FMOVQ (off)(W2), F6                                \
	FMOVQ (off)(W3), F7                                \
	VSRI $4, V4.B16, V0.B16                            \
	VSRI $4, V5.B16, V1.B16                            \
	VSRI $4, V6.B16, V2.B16                            \
	VSRI $4, V7.B16, V3.B16                            \
	turn(V28, V29, V30, V31)                           \
	put(128, F28, F29, F30, F31)

// Q5_0: a binary16 scale, 32 fifth bits and 16 bytes; codes are 16 more than
// they say, which is to have the upper half of a byte where the bit is not.
#define Q5_0(turn, put) \
	NOTFIFTHBITS(2, F8, F9, F10, F11) \
	HALVES(0)                         \
	NIBBLES5(6, turn, put, ASIS)      \
	JOINED(16, F16)                   \
	SCALE32                           \
	NEXTSTEP(22)

// Q5_1: a scale, the negative of a minimum, 32 fifth bits and 16 bytes.
#define SEVENTEEN V21
#define Q5_1(turn, put) \
	FIFTHBITS(4, F8, F9, F10, F11) \
	TWOHALVES(0)                   \
	NEGATED                        \
	NIBBLES5(8, turn, put, KEEP)   \
	TWOJOINED(16, V16)             \
	SCALE32                        \
	MINIMUM32                      \
	NEXTSTEP(24)

// func packQ8_0Quads(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ8_0Quads(SB), NOSPLIT, $0-48
	ARGUMENTS
	PACK(4, Q8_0(QUADS, PUTQUADS))

// func packQ8_0Octets(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ8_0Octets(SB), NOSPLIT, $0-48
	ARGUMENTS
	PACK(8, Q8_0(OCTETS, PUTOCTETS))

// func packQ4_0Quads(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ4_0Quads(SB), NOSPLIT, $0-48
	ARGUMENTS
	VMOVI $15, FIFTEEN.B16
	VMOVI $8, OFFSET.B16
	PACK(4, Q4_0(QUADS, PUTQUADS, LESS))

// func packQ4_0Octets(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ4_0Octets(SB), NOSPLIT, $0-48
	ARGUMENTS
	VMOVI $15, FIFTEEN.B16
	VMOVI $8, OFFSET.B16
	PACK(8, Q4_0(OCTETS, PUTOCTETS, LESS))

// func packIQ4_NLQuads(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packIQ4_NLQuads(SB), NOSPLIT, $0-48
	ARGUMENTS
	VMOVI $15, FIFTEEN.B16
	LEVELARGUMENTS(iq4<>)
	PACK(4, Q4_0(QUADS, PUTQUADS, LEVEL))

// func packIQ4_NLOctets(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packIQ4_NLOctets(SB), NOSPLIT, $0-48
	ARGUMENTS
	VMOVI $15, FIFTEEN.B16
	LEVELARGUMENTS(iq4<>)
	PACK(8, Q4_0(OCTETS, PUTOCTETS, LEVEL))

// func packMXFP4Quads(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packMXFP4Quads(SB), NOSPLIT, $0-48
	ARGUMENTS
	VMOVI $15, FIFTEEN.B16
	LEVELARGUMENTS(mxfp4<>)
	POWERARGUMENTS
	PACK(4, MXFP4(QUADS, PUTQUADS))

// func packMXFP4Octets(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packMXFP4Octets(SB), NOSPLIT, $0-48
	ARGUMENTS
	VMOVI $15, FIFTEEN.B16
	LEVELARGUMENTS(mxfp4<>)
	POWERARGUMENTS
	PACK(8, MXFP4(OCTETS, PUTOCTETS))

// func packQ4_1Quads(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ4_1Quads(SB), NOSPLIT, $0-48
	ARGUMENTS
	VMOVI $15, FIFTEEN.B16
	PACK(4, Q4_1(QUADS, PUTQUADS))

// func packQ4_1Octets(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ4_1Octets(SB), NOSPLIT, $0-48
	ARGUMENTS
	VMOVI $15, FIFTEEN.B16
	PACK(8, Q4_1(OCTETS, PUTOCTETS))

// func packQ5_0Quads(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ5_0Quads(SB), NOSPLIT, $0-48
	ARGUMENTS
	FIFTHARGUMENTS
	PACK(4, Q5_0(QUADS, PUTQUADS))

// func packQ5_0Octets(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ5_0Octets(SB), NOSPLIT, $0-48
	ARGUMENTS
	FIFTHARGUMENTS
	PACK(8, Q5_0(OCTETS, PUTOCTETS))

// func packQ5_1Quads(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ5_1Quads(SB), NOSPLIT, $0-48
	ARGUMENTS
	FIFTHARGUMENTS
	VMOVI $17, SEVENTEEN.B16
	PACK(4, Q5_1(QUADS, PUTQUADS))

// func packQ5_1Octets(steps *byte, mins *float32, w *byte, stride, next, n int)
TEXT ·packQ5_1Octets(SB), NOSPLIT, $0-48
	ARGUMENTS
	FIFTHARGUMENTS
	VMOVI $17, SEVENTEEN.B16
	PACK(8, Q5_1(OCTETS, PUTOCTETS))
