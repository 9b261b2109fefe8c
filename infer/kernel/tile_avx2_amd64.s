#include "textflag.h"
#include "words_amd64.h"

// Panels of 8 rows times tiles of vectors, with AVX2 alone and with AVX-VNNI.
// A lane is a row. Four vectors are multiplied at a time: their integer sums,
// their float32 sums and what a product needs fill the 16 registers, so that
// larger tiles make several passes over the panel.

#define DST   DI
#define LD    R8  // between vectors in dst, in bytes
#define ROW   R9  // moves from vector to vector in dst
#define PANEL SI
#define XQ    DX  // the bytes of the pass's first vector in the step
#define XD    BX  // XD + 32*tile is its scale, 4*tile further its bias
#define HALF  R10 // its bias16
#define FROM  R11 // the first vector of the pass
#define STEPS CX

// Y0 to Y3 are the integer sums of the pass's vectors, Y4 to Y7 their float32
// sums.
#define W     Y8  // the codes of four columns
#define W2    Y9  // and of the next four
#define NW    8
#define NW2   9
#define SIZE  Y10 // magnitudes of W
#define SIZE2 Y11 // and of W2
#define Q     Y12 // four bytes of a vector, in all lanes
#define Q2    Y13 // and the next four
#define NQ    12
#define NQ2   13
#define ONES  Y14 // 16-bit
#define OLD   Y15 // all lanes if dst is added to, else none
#define SCALE Y8  // the rows' scales
#define D     Y12 // a vector's scale in all lanes, times the rows'

// A kind of product is four macros: CONSTANTS, START begins a sum with the
// given bias, WEIGHTS loads quads i and i+1 of the step's codes, TIMES
// multiplies them with vector v.

#define BYTES2(i, v) \
	VPBROADCASTD ((v)*32+(i)*4)(XQ), Q   \
	VPBROADCASTD ((v)*32+(i)*4+4)(XQ), Q2

#define CODES2(i) \
	VMOVDQU ((i)*32)(PANEL), W     \
	VMOVDQU ((i)*32+32)(PANEL), W2

// AVX-VNNI: codes are 128 more than they say, sums start at the bias.

#define CONSTANTSVNNI

#define STARTVNNI(bias, dot) \
	VPBROADCASTD bias, dot

#define WEIGHTSVNNI(i) CODES2(i)

#define TIMESVNNI(i, v, dot) \
	BYTES2(i, v)         \
	VPDPBUSD(NQ, NW, v)  \ // dot[row] += sum of code[row][0:4] * q[0:4]
	VPDPBUSD(NQ2, NW2, v)

// AVX2: codes as they are. VPMADDUBSW saturates, but sums of two products of
// at most 128 * 127 fit: w*q = |w| * (q with the sign of w).

#define CONSTANTSAVX2 \
	VPCMPEQW ONES, ONES, ONES \
	VPSRLW   $15, ONES, ONES

#define STARTAVX2(bias, dot) \
	VPXOR dot, dot, dot

#define WEIGHTSAVX2(i) \
	CODES2(i)        \
	VPABSB W, SIZE   \
	VPABSB W2, SIZE2

#define TIMESAVX2(i, v, dot) \
	BYTES2(i, v)            \
	VPSIGNB    W, Q, Q      \
	VPSIGNB    W2, Q2, Q2   \
	VPMADDUBSW Q, SIZE, Q   \
	VPMADDUBSW Q2, SIZE2, Q2 \
	VPMADDWD   ONES, Q, Q   \
	VPMADDWD   ONES, Q2, Q2 \
	VPADDD     Q, dot, dot  \
	VPADDD     Q2, dot, dot

// AVX2, small codes: they are 32 more than they say and at most 63, so that
// four products fit 16 bits; sums start at a quarter of the bias.

#define STARTSMALL(bias, dot) \
	VPBROADCASTD bias, dot  \
	VPSRAD $2, dot, dot

#define WEIGHTSSMALL(i) CODES2(i)

#define TIMESSMALL(i, v, dot) \
	BYTES2(i, v)           \
	VPMADDUBSW Q, W, Q     \
	VPMADDUBSW Q2, W2, Q2  \
	VPADDW     Q2, Q, Q    \
	VPMADDWD   ONES, Q, Q  \
	VPADDD     Q, dot, dot

// EACH does f for the vectors of a pass, with two more arguments.
#define EACH1(f, a, b) \
	f(a, b, 0, Y0, Y4)
#define EACH2(f, a, b) \
	EACH1(f, a, b) \
	f(a, b, 1, Y1, Y5)
#define EACH4(f, a, b) \
	EACH2(f, a, b)     \
	f(a, b, 2, Y2, Y6) \
	f(a, b, 3, Y3, Y7)

#define LOAD(a, b, v, dot, acc) \
	VMASKMOVPS (ROW), OLD, acc \
	ADDQ       LD, ROW

#define STORE(a, b, v, dot, acc) \
	VMOVUPS acc, (DST) \
	ADDQ    LD, DST

#define START32(start, n, v, dot, acc) \
	start(((n)*36+(v)*4)(XD), dot)

#define START16(start, at, v, dot, acc) \
	start(((at)+(v)*4)(HALF), dot)

#define TIMES(times, i, v, dot, acc) \
	times(i, v, dot)

#define SCALED(n, b, v, dot, acc) \
	VCVTDQ2PS    dot, dot               \
	VBROADCASTSS ((n)*32+(v)*4)(XD), D  \
	VMULPS       SCALE, D, D            \
	VFMADD231PS  D, dot, acc              // acc += scale[row] * d * dot

#define TWOQUADS(i, each, weights, times) \
	weights(i)           \
	each(TIMES, times, i)

#define LOW(each, weights, times) \
	TWOQUADS(0, each, weights, times) \
	TWOQUADS(2, each, weights, times)

#define HIGH(each, weights, times) \
	TWOQUADS(4, each, weights, times) \
	TWOQUADS(6, each, weights, times)

// ENTER begins a pass from vector FROM, whose dst DST is already.
#define ENTER(each) \
	MOVQ         panel+16(FP), PANEL \
	MOVQ         x+24(FP), XD        \
	MOVQ         half+32(FP), HALF   \
	MOVQ         n+40(FP), STEPS     \
	MOVBLZX      add+48(FP), AX      \
	NEGL         AX                  \
	VMOVD        AX, X15             \
	VPBROADCASTD X15, OLD            \
	MOVQ         FROM, XQ            \
	SHLQ         $5, XQ              \
	ADDQ         XD, XQ              \
	LEAQ         (XD)(FROM*4), XD    \
	LEAQ         (HALF)(FROM*4), HALF \
	MOVQ         DST, ROW            \
	each(LOAD, 0, 0)

// LEAVE ends one: the tile has n vectors.
#define LEAVE(n, each) \
	each(STORE, 0, 0) \
	ADDQ $4, FROM     \
	CMPQ FROM, $(n)   \
	JB   pass         \
	VZEROUPPER        \
	RET

#define ARGUMENTS \
	MOVQ dst+0(FP), DST \
	MOVQ ld+8(FP), LD   \
	SHLQ $2, LD         \
	XORL FROM, FROM

#define TILE32(n, each, constants, start, weights, times) \
	ARGUMENTS                  \
	constants                  \
pass:                          \
	ENTER(each)                \
step:                          \
	each(START32, start, n)    \
	LOW(each, weights, times)  \
	HIGH(each, weights, times) \
	VMOVUPS 256(PANEL), SCALE  \
	each(SCALED, n, 0)         \
	ADDQ $((n)*40), XQ         \
	ADDQ $((n)*40), XD         \
	ADDQ $288, PANEL           \
	DECQ STEPS                 \
	JNZ  step                  \
	LEAVE(n, each)

#define TILE16(n, each, constants, start, weights, times) \
	ARGUMENTS                        \
	constants                        \
pass:                                \
	ENTER(each)                      \
step:                                \
	each(START16, start, 0)          \
	LOW(each, weights, times)        \
	VMOVUPS 256(PANEL), SCALE        \
	each(SCALED, n, 0)               \
	each(START16, start, (n)*4)      \
	HIGH(each, weights, times)       \
	VMOVUPS 288(PANEL), SCALE        \
	each(SCALED, n, 0)               \
	ADDQ $((n)*40), XQ               \
	ADDQ $((n)*40), XD               \
	ADDQ $((n)*8), HALF              \
	ADDQ $320, PANEL                 \
	DECQ STEPS                       \
	JNZ  step                        \
	LEAVE(n, each)

// Values of a page of INT8: 16 columns, whose scales are in the vectors.

#define SCALES XD
#define PANELS STEPS
#define PAGE   R12 // DST of the panel
#define DST4   R13 // and of the next pass

#define STARTMIX(start, b, v, dot, acc) \
	start(((v)*4)(HALF), dot)

#define MIXED(a, b, v, dot, acc) \
	VCVTDQ2PS    dot, dot            \
	VBROADCASTSS ((v)*4)(SCALES), D  \
	VFMADD231PS  D, dot, acc           // acc += d * dot

#define MIX(n, each, constants, start, weights, times) \
	MOVQ dst+0(FP), DST4           \
	MOVQ ld+8(FP), LD              \
	MOVQ q+24(FP), XQ              \
	MOVQ d+32(FP), SCALES          \
	MOVQ bias+40(FP), HALF         \
	SHLQ $2, LD                    \
	XORL FROM, FROM                \
	VPCMPEQD OLD, OLD, OLD         \
	constants                      \
pass:                              \
	MOVQ DST4, PAGE                \
	LEAQ (DST4)(LD*4), DST4        \
	MOVQ values+16(FP), PANEL      \
	MOVQ panels+48(FP), PANELS     \
panel:                             \
	MOVQ PAGE, ROW                 \
	MOVQ PAGE, DST                 \
	each(LOAD, 0, 0)               \
	each(STARTMIX, start, 0)       \
	LOW(each, weights, times)      \
	each(MIXED, 0, 0)              \
	each(STORE, 0, 0)              \
	ADDQ $32, PAGE                 \
	ADDQ $128, PANEL               \
	DECQ PANELS                    \
	JNZ  panel                     \
	ADDQ $128, XQ                  \
	ADDQ $16, SCALES               \
	ADDQ $16, HALF                 \
	ADDQ $4, FROM                  \
	CMPQ FROM, $(n)                \
	JB   pass                      \
	VZEROUPPER                     \
	RET

// Minima, up to eight vectors at a time.

#define MINS PANEL
#define SUMS XD

#define ALL1(f) f(0, Y0)
#define ALL2(f) \
	ALL1(f) \
	f(1, Y1)
#define ALL4(f) \
	ALL2(f)  \
	f(2, Y2) \
	f(3, Y3)
#define ALL8(f) \
	ALL4(f)  \
	f(4, Y4) \
	f(5, Y5) \
	f(6, Y6) \
	f(7, Y7)

#define TAKE(v, acc) \
	VMOVUPS (ROW), acc \
	ADDQ    LD, ROW

#define PUT(v, acc) \
	VMOVUPS acc, (DST) \
	ADDQ    LD, DST

#define LESS(v, acc) \
	VBROADCASTSS ((v)*4)(SUMS), Q \
	VFNMADD231PS Q, W, acc          // acc -= mins[row] * sum

#define MINUS(size, all) \
	MOVQ dst+0(FP), DST        \
	MOVQ ld+8(FP), LD          \
	SHLQ $2, LD                \
	XORL FROM, FROM            \
pass:                          \
	MOVQ mins+16(FP), MINS     \
	MOVQ sums+24(FP), SUMS     \
	MOVQ n+32(FP), STEPS       \
	LEAQ (SUMS)(FROM*4), SUMS  \
	MOVQ DST, ROW              \
	all(TAKE)                  \
group:                         \
	VMOVUPS (MINS), W          \
	all(LESS)                  \
	ADDQ $32, MINS             \
	ADDQ $((size)*4), SUMS        \
	DECQ STEPS                 \
	JNZ  group                 \
	all(PUT)                   \
	ADDQ $8, FROM              \
	CMPQ FROM, $(size)            \
	JB   pass                  \
	VZEROUPPER                 \
	RET

// func tile32x1AVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x1AVX2(SB), NOSPLIT, $0-49
	TILE32(1, EACH1, CONSTANTSAVX2, STARTAVX2, WEIGHTSAVX2, TIMESAVX2)

// func tile32x2AVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x2AVX2(SB), NOSPLIT, $0-49
	TILE32(2, EACH2, CONSTANTSAVX2, STARTAVX2, WEIGHTSAVX2, TIMESAVX2)

// func tile32x4AVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x4AVX2(SB), NOSPLIT, $0-49
	TILE32(4, EACH4, CONSTANTSAVX2, STARTAVX2, WEIGHTSAVX2, TIMESAVX2)

// func tile32x8AVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x8AVX2(SB), NOSPLIT, $0-49
	TILE32(8, EACH4, CONSTANTSAVX2, STARTAVX2, WEIGHTSAVX2, TIMESAVX2)

// func tile32x16AVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x16AVX2(SB), NOSPLIT, $0-49
	TILE32(16, EACH4, CONSTANTSAVX2, STARTAVX2, WEIGHTSAVX2, TIMESAVX2)

// func tile16x1AVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x1AVX2(SB), NOSPLIT, $0-49
	TILE16(1, EACH1, CONSTANTSAVX2, STARTAVX2, WEIGHTSAVX2, TIMESAVX2)

// func tile16x2AVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x2AVX2(SB), NOSPLIT, $0-49
	TILE16(2, EACH2, CONSTANTSAVX2, STARTAVX2, WEIGHTSAVX2, TIMESAVX2)

// func tile16x4AVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x4AVX2(SB), NOSPLIT, $0-49
	TILE16(4, EACH4, CONSTANTSAVX2, STARTAVX2, WEIGHTSAVX2, TIMESAVX2)

// func tile16x8AVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x8AVX2(SB), NOSPLIT, $0-49
	TILE16(8, EACH4, CONSTANTSAVX2, STARTAVX2, WEIGHTSAVX2, TIMESAVX2)

// func tile16x16AVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x16AVX2(SB), NOSPLIT, $0-49
	TILE16(16, EACH4, CONSTANTSAVX2, STARTAVX2, WEIGHTSAVX2, TIMESAVX2)

// func tile32x1SmallAVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x1SmallAVX2(SB), NOSPLIT, $0-49
	TILE32(1, EACH1, CONSTANTSAVX2, STARTSMALL, WEIGHTSSMALL, TIMESSMALL)

// func tile32x2SmallAVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x2SmallAVX2(SB), NOSPLIT, $0-49
	TILE32(2, EACH2, CONSTANTSAVX2, STARTSMALL, WEIGHTSSMALL, TIMESSMALL)

// func tile32x4SmallAVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x4SmallAVX2(SB), NOSPLIT, $0-49
	TILE32(4, EACH4, CONSTANTSAVX2, STARTSMALL, WEIGHTSSMALL, TIMESSMALL)

// func tile32x8SmallAVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x8SmallAVX2(SB), NOSPLIT, $0-49
	TILE32(8, EACH4, CONSTANTSAVX2, STARTSMALL, WEIGHTSSMALL, TIMESSMALL)

// func tile32x16SmallAVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x16SmallAVX2(SB), NOSPLIT, $0-49
	TILE32(16, EACH4, CONSTANTSAVX2, STARTSMALL, WEIGHTSSMALL, TIMESSMALL)

// func tile16x1SmallAVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x1SmallAVX2(SB), NOSPLIT, $0-49
	TILE16(1, EACH1, CONSTANTSAVX2, STARTSMALL, WEIGHTSSMALL, TIMESSMALL)

// func tile16x2SmallAVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x2SmallAVX2(SB), NOSPLIT, $0-49
	TILE16(2, EACH2, CONSTANTSAVX2, STARTSMALL, WEIGHTSSMALL, TIMESSMALL)

// func tile16x4SmallAVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x4SmallAVX2(SB), NOSPLIT, $0-49
	TILE16(4, EACH4, CONSTANTSAVX2, STARTSMALL, WEIGHTSSMALL, TIMESSMALL)

// func tile16x8SmallAVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x8SmallAVX2(SB), NOSPLIT, $0-49
	TILE16(8, EACH4, CONSTANTSAVX2, STARTSMALL, WEIGHTSSMALL, TIMESSMALL)

// func tile16x16SmallAVX2(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x16SmallAVX2(SB), NOSPLIT, $0-49
	TILE16(16, EACH4, CONSTANTSAVX2, STARTSMALL, WEIGHTSSMALL, TIMESSMALL)

// func tile32x1AVXVNNI(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x1AVXVNNI(SB), NOSPLIT, $0-49
	TILE32(1, EACH1, CONSTANTSVNNI, STARTVNNI, WEIGHTSVNNI, TIMESVNNI)

// func tile32x2AVXVNNI(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x2AVXVNNI(SB), NOSPLIT, $0-49
	TILE32(2, EACH2, CONSTANTSVNNI, STARTVNNI, WEIGHTSVNNI, TIMESVNNI)

// func tile32x4AVXVNNI(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x4AVXVNNI(SB), NOSPLIT, $0-49
	TILE32(4, EACH4, CONSTANTSVNNI, STARTVNNI, WEIGHTSVNNI, TIMESVNNI)

// func tile32x8AVXVNNI(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x8AVXVNNI(SB), NOSPLIT, $0-49
	TILE32(8, EACH4, CONSTANTSVNNI, STARTVNNI, WEIGHTSVNNI, TIMESVNNI)

// func tile32x16AVXVNNI(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile32x16AVXVNNI(SB), NOSPLIT, $0-49
	TILE32(16, EACH4, CONSTANTSVNNI, STARTVNNI, WEIGHTSVNNI, TIMESVNNI)

// func tile16x1AVXVNNI(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x1AVXVNNI(SB), NOSPLIT, $0-49
	TILE16(1, EACH1, CONSTANTSVNNI, STARTVNNI, WEIGHTSVNNI, TIMESVNNI)

// func tile16x2AVXVNNI(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x2AVXVNNI(SB), NOSPLIT, $0-49
	TILE16(2, EACH2, CONSTANTSVNNI, STARTVNNI, WEIGHTSVNNI, TIMESVNNI)

// func tile16x4AVXVNNI(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x4AVXVNNI(SB), NOSPLIT, $0-49
	TILE16(4, EACH4, CONSTANTSVNNI, STARTVNNI, WEIGHTSVNNI, TIMESVNNI)

// func tile16x8AVXVNNI(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x8AVXVNNI(SB), NOSPLIT, $0-49
	TILE16(8, EACH4, CONSTANTSVNNI, STARTVNNI, WEIGHTSVNNI, TIMESVNNI)

// func tile16x16AVXVNNI(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)
TEXT ·tile16x16AVXVNNI(SB), NOSPLIT, $0-49
	TILE16(16, EACH4, CONSTANTSVNNI, STARTVNNI, WEIGHTSVNNI, TIMESVNNI)

// func minus1AVX2(dst *float32, ld int, mins, sums *float32, n int)
TEXT ·minus1AVX2(SB), NOSPLIT, $0-40
	MINUS(1, ALL1)

// func minus2AVX2(dst *float32, ld int, mins, sums *float32, n int)
TEXT ·minus2AVX2(SB), NOSPLIT, $0-40
	MINUS(2, ALL2)

// func minus4AVX2(dst *float32, ld int, mins, sums *float32, n int)
TEXT ·minus4AVX2(SB), NOSPLIT, $0-40
	MINUS(4, ALL4)

// func minus8AVX2(dst *float32, ld int, mins, sums *float32, n int)
TEXT ·minus8AVX2(SB), NOSPLIT, $0-40
	MINUS(8, ALL8)

// func minus16AVX2(dst *float32, ld int, mins, sums *float32, n int)
TEXT ·minus16AVX2(SB), NOSPLIT, $0-40
	MINUS(16, ALL8)

// func mix8x1AVX2(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x1AVX2(SB), NOSPLIT, $0-56
	MIX(1, EACH1, CONSTANTSAVX2, STARTAVX2, WEIGHTSAVX2, TIMESAVX2)

// func mix8x2AVX2(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x2AVX2(SB), NOSPLIT, $0-56
	MIX(2, EACH2, CONSTANTSAVX2, STARTAVX2, WEIGHTSAVX2, TIMESAVX2)

// func mix8x4AVX2(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x4AVX2(SB), NOSPLIT, $0-56
	MIX(4, EACH4, CONSTANTSAVX2, STARTAVX2, WEIGHTSAVX2, TIMESAVX2)

// func mix8x8AVX2(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x8AVX2(SB), NOSPLIT, $0-56
	MIX(8, EACH4, CONSTANTSAVX2, STARTAVX2, WEIGHTSAVX2, TIMESAVX2)

// func mix8x16AVX2(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x16AVX2(SB), NOSPLIT, $0-56
	MIX(16, EACH4, CONSTANTSAVX2, STARTAVX2, WEIGHTSAVX2, TIMESAVX2)

// func mix8x1AVXVNNI(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x1AVXVNNI(SB), NOSPLIT, $0-56
	MIX(1, EACH1, CONSTANTSVNNI, STARTVNNI, WEIGHTSVNNI, TIMESVNNI)

// func mix8x2AVXVNNI(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x2AVXVNNI(SB), NOSPLIT, $0-56
	MIX(2, EACH2, CONSTANTSVNNI, STARTVNNI, WEIGHTSVNNI, TIMESVNNI)

// func mix8x4AVXVNNI(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x4AVXVNNI(SB), NOSPLIT, $0-56
	MIX(4, EACH4, CONSTANTSVNNI, STARTVNNI, WEIGHTSVNNI, TIMESVNNI)

// func mix8x8AVXVNNI(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x8AVXVNNI(SB), NOSPLIT, $0-56
	MIX(8, EACH4, CONSTANTSVNNI, STARTVNNI, WEIGHTSVNNI, TIMESVNNI)

// func mix8x16AVXVNNI(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)
TEXT ·mix8x16AVXVNNI(SB), NOSPLIT, $0-56
	MIX(16, EACH4, CONSTANTSVNNI, STARTVNNI, WEIGHTSVNNI, TIMESVNNI)
