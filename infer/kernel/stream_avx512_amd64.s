#include "textflag.h"
#include "pack_avx512_amd64.h"

// 16 streams of rows times 1, 2 or 4 vectors. A row's codes are multiplied as they
// lie and only then turned, as sums: for one vector half the work of turning the
// codes for a panel. The integer sums are the same, and so is all that follows.

#define DST    DI
#define X      BX  // the vectors' step
#define LD     R14 // between vectors in dst, in bytes
#define SIGN   Z31 // 0x80 in each byte
#define NIBBLE Z30 // 0x0f in each byte
#define PLACES Z29 // of the rows' results, in bytes from DST
#define SCALE  Z28
#define TMP    Z27
#define Q      Z24 // a vector's bytes, as often as a register holds them
#define Q16    Z25 // columns 16 to 31

// Z0 to Z7: sums of one vector. Z8 to Z15: codes. Z16 to Z19: results.

DATA lanes16<>+0(SB)/8, $0x0000000100000000
DATA lanes16<>+8(SB)/8, $0x0000000300000002
DATA lanes16<>+16(SB)/8, $0x0000000500000004
DATA lanes16<>+24(SB)/8, $0x0000000700000006
DATA lanes16<>+32(SB)/8, $0x0000000900000008
DATA lanes16<>+40(SB)/8, $0x0000000b0000000a
DATA lanes16<>+48(SB)/8, $0x0000000d0000000c
DATA lanes16<>+56(SB)/8, $0x0000000f0000000e
GLOBL lanes16<>(SB), RODATA|NOPTR, $64

// JOINED leaves in a the sums of neighbours in a and in b, in turn.
#define JOINED(lower, upper, a, b) \
	lower  b, a, TMP \
	upper  b, a, b   \
	VPADDD b, TMP, a

// TURNED leaves in each 16 bytes of a the sums of those of a, b, c and d.
#define TURNED(a, b, c, d) \
	JOINED(VPUNPCKLDQ, VPUNPCKHDQ, a, b)   \ // a0+a2 b0+b2 a1+a3 b1+b3
	JOINED(VPUNPCKLDQ, VPUNPCKHDQ, c, d)   \
	JOINED(VPUNPCKLQDQ, VPUNPCKHQDQ, a, c)

#define HALVES16 \
	EACHHALF                   \
	VINSERTI128 $1, X1, Y0, Y0 \
	VCVTPH2PS   Y0, SCALE

// Q8_0: two rows in a register.

#define BYTES32(z, y, low, high) \
	PAIR(z, y, low, high) \
	VPXORQ SIGN, z, z

#define LOADQ8_0 \
	BYTES32(Z8, Y8, 2(W), 2(W4))                         \
	BYTES32(Z9, Y9, 2(W)(STRIDE*1), 2(W4)(STRIDE*1))     \
	BYTES32(Z10, Y10, 2(W)(STRIDE*2), 2(W4)(STRIDE*2))   \
	BYTES32(Z11, Y11, 2(W)(S3*1), 2(W4)(S3*1))           \
	BYTES32(Z12, Y12, 2(W8), 2(W12))                     \
	BYTES32(Z13, Y13, 2(W8)(STRIDE*1), 2(W12)(STRIDE*1)) \
	BYTES32(Z14, Y14, 2(W8)(STRIDE*2), 2(W12)(STRIDE*2)) \
	BYTES32(Z15, Y15, 2(W8)(S3*1), 2(W12)(S3*1))

#define DOT32(codes, sum) \
	VPXORQ   sum, sum, sum \
	VPDPBUSD Q, codes, sum

// DOTSQ8_0 leaves all rows' sums with vector v of a tile of n in Z0.
#define DOTSQ8_0(n, v) \
	VBROADCASTI64X4 ((v)*32)(X), Q                \
	DOT32(Z8, Z0)                                 \
	DOT32(Z9, Z1)                                 \
	DOT32(Z10, Z2)                                \
	DOT32(Z11, Z3)                                \
	DOT32(Z12, Z4)                                \
	DOT32(Z13, Z5)                                \
	DOT32(Z14, Z6)                                \
	DOT32(Z15, Z7)                                \
	TURNED(Z0, Z1, Z2, Z3)                        \
	TURNED(Z4, Z5, Z6, Z7)                        \
	JOIN(Z0, Z4, Z1, Z2)                          \
	VPADDD          Z2, Z1, Z0                    \
	VPADDD.BCST     ((n)*36+(v)*4)(X), Z0, Z0     \ // + bias

// Q4_0: four rows in a register, columns 0 to 15 and 16 to 31 apart.

#define NIBBLES32(z, x, high, r0, r4, r8, r12) \
	FOUR(z, x, r0, r4, r8, r12) \
	VPSRLW $4, z, high          \
	VPANDQ NIBBLE, z, z         \
	VPANDQ NIBBLE, high, high

#define LOADQ4_0 \
	NIBBLES32(Z8, X8, Z12, 2(W), 2(W4), 2(W8), 2(W12))                                                     \
	NIBBLES32(Z9, X9, Z13, 2(W)(STRIDE*1), 2(W4)(STRIDE*1), 2(W8)(STRIDE*1), 2(W12)(STRIDE*1))             \
	NIBBLES32(Z10, X10, Z14, 2(W)(STRIDE*2), 2(W4)(STRIDE*2), 2(W8)(STRIDE*2), 2(W12)(STRIDE*2))           \
	NIBBLES32(Z11, X11, Z15, 2(W)(S3*1), 2(W4)(S3*1), 2(W8)(S3*1), 2(W12)(S3*1))

#define DOT16S(low, high, sum) \
	VPXORQ   sum, sum, sum  \
	VPDPBUSD Q, low, sum    \
	VPDPBUSD Q16, high, sum

// DOTSQ4_0: a nibble is 8 more than it says, and a sixteenth of the bias goes with
// that.
#define DOTSQ4_0(n, v) \
	VBROADCASTI32X4 ((v)*32)(X), Q              \
	VBROADCASTI32X4 ((v)*32+16)(X), Q16         \
	DOT16S(Z8, Z12, Z0)                         \
	DOT16S(Z9, Z13, Z1)                         \
	DOT16S(Z10, Z14, Z2)                        \
	DOT16S(Z11, Z15, Z3)                        \
	TURNED(Z0, Z1, Z2, Z3)                      \
	VPBROADCASTD    ((n)*36+(v)*4)(X), TMP      \
	VPSRAD          $4, TMP, TMP                \
	VPADDD          TMP, Z0, Z0

#define ADDED(n, v, dots, acc) \
	dots(n, v)                               \
	VCVTDQ2PS   Z0, Z0                       \
	VMULPS.BCST ((n)*32+(v)*4)(X), SCALE, Z1 \ // scale[row] * d
	VFMADD231PS Z1, Z0, acc

#define ADDED1(dots) \
	ADDED(1, 0, dots, Z16)
#define ADDED2(dots) \
	ADDED(2, 0, dots, Z16) \
	ADDED(2, 1, dots, Z17)
#define ADDED4(dots) \
	ADDED(4, 0, dots, Z16) \
	ADDED(4, 1, dots, Z17) \
	ADDED(4, 2, dots, Z18) \
	ADDED(4, 3, dots, Z19)

#define CLEAR(acc) VPXORQ acc, acc, acc

#define SCATTER(acc) \
	KXNORW      K1, K1, K1             \
	VSCATTERDPS acc, K1, (AX)(PLACES*1) \
	ADDQ        LD, AX

#define EACH1(f) f(Z16)
#define EACH2(f) \
	EACH1(f) \
	f(Z17)
#define EACH4(f) \
	EACH2(f) \
	f(Z18)   \
	f(Z19)

// STREAM multiplies blocks of size bytes. Where a row ends, its stream's next one
// begins; what is called in lies 1024 bytes ahead.
#define STREAM(n, size, lines, load, dots, added, each) \
	MOVQ         dst+0(FP), DST                \
	MOVQ         ld+8(FP), LD                  \
	SHLQ         $2, LD                        \
	MOVQ         w+16(FP), W                   \
	MOVQ         stride+24(FP), STRIDE         \
	MOVQ         $1024, FIRST                  \
	ROWS                                       \
	MOVQ         rows+40(FP), AX               \
	SHLQ         $2, AX                        \
	VPBROADCASTD AX, PLACES                    \
	VPMULLD      lanes16<>(SB), PLACES, PLACES \
	CONSTANT(0x80808080, SIGN)                 \
	CONSTANT(0x0f0f0f0f, NIBBLE)               \
row:                                           \
	MOVQ         x+32(FP), X                   \
	MOVQ         steps+48(FP), STEPS           \
	each(CLEAR)                                \
step:                                          \
	HALVES16                                   \
	load                                       \
	added(dots)                                \
	AHEAD(lines)                               \
	ADVANCE(size)                              \
	ADDQ         $((n)*40), X                  \
	DECQ         STEPS                         \
	JNZ          step                          \
	MOVQ         DST, AX                       \
	each(SCATTER)                              \
	ADDQ         $4, DST                       \
	DECQ         rows+40(FP)                   \
	JNZ          row                           \
	VZEROUPPER                                 \
	RET

// func streamQ8_0x1AVX512(dst *float32, ld int, w *byte, stride int, x *byte, rows, steps int)
TEXT ·streamQ8_0x1AVX512(SB), NOSPLIT, $0-56
	STREAM(1, 34, LINES3, LOADQ8_0, DOTSQ8_0, ADDED1, EACH1)

// func streamQ8_0x2AVX512(dst *float32, ld int, w *byte, stride int, x *byte, rows, steps int)
TEXT ·streamQ8_0x2AVX512(SB), NOSPLIT, $0-56
	STREAM(2, 34, LINES3, LOADQ8_0, DOTSQ8_0, ADDED2, EACH2)

// func streamQ8_0x4AVX512(dst *float32, ld int, w *byte, stride int, x *byte, rows, steps int)
TEXT ·streamQ8_0x4AVX512(SB), NOSPLIT, $0-56
	STREAM(4, 34, LINES3, LOADQ8_0, DOTSQ8_0, ADDED4, EACH4)

// func streamQ4_0x1AVX512(dst *float32, ld int, w *byte, stride int, x *byte, rows, steps int)
TEXT ·streamQ4_0x1AVX512(SB), NOSPLIT, $0-56
	STREAM(1, 18, LINES2, LOADQ4_0, DOTSQ4_0, ADDED1, EACH1)

// func streamQ4_0x2AVX512(dst *float32, ld int, w *byte, stride int, x *byte, rows, steps int)
TEXT ·streamQ4_0x2AVX512(SB), NOSPLIT, $0-56
	STREAM(2, 18, LINES2, LOADQ4_0, DOTSQ4_0, ADDED2, EACH2)

// func streamQ4_0x4AVX512(dst *float32, ld int, w *byte, stride int, x *byte, rows, steps int)
TEXT ·streamQ4_0x4AVX512(SB), NOSPLIT, $0-56
	STREAM(4, 18, LINES2, LOADQ4_0, DOTSQ4_0, ADDED4, EACH4)
