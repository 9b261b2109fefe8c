#include "textflag.h"
#include "funcdata.h"
#include "pack_avx512_amd64.h"
#include "words_amx_amd64.h"

// 16 streams of rows times 4 or 8 vectors, with AMX, which takes rows as they lie in
// the file for its left tile: nothing is packed. A register has the sums of 4 rows
// times 4 vectors, or of 2 times 8. While AMX is in use a core has one unit for
// float32, which so needs three operations for each register.

#define DST  DI
#define X    BX  // the vectors' step
#define SUMS R14 // where the sums of the step at W go
#define S    CX  // bytes of a row in tiles of vectors and of sums

// The registers that AMX reads, by their numbers.
#define rAX     0
#define rS      1
#define rX      3
#define rSTRIDE 11
#define rSUMS   14

// Tiles of n vectors.
#define tDOT   0 // [16 rows][n] int32
#define tCODES 1 // [16 rows][32] int8
#define tQ     2 // [8][n][4] int8

#define SCALES     Z4  // of the rows, for the step that is scaled
#define D          Z5  // of the vectors, as often as a register holds them
#define NEXTSCALES Z6  // the same of the step that AMX has
#define NEXTD      Z7
#define ORDER      Z28 // for the results: see order<>
#define ORDER4     Z29 // the same of the vectors that lie 4 further
#define PLACES     Z30 // of the rows' results, in bytes

// Z0 to Z3 and Z24 to Z27: intermediate results. Z8 to Z15: which rows a register of
// sums has. Z16 to Z23: results.

// What LDTILECFG reads, for n vectors; see batch_amx_amd64.s.
DATA shapes8<>+0(SB)/8, $1
DATA shapes8<>+16(SB)/8, $0x0000002000200020
DATA shapes8<>+48(SB)/8, $0x00081010
GLOBL shapes8<>(SB), RODATA|NOPTR, $64

DATA shapes4<>+0(SB)/8, $1
DATA shapes4<>+16(SB)/8, $0x0000001000200010
DATA shapes4<>+48(SB)/8, $0x00081010
GLOBL shapes4<>(SB), RODATA|NOPTR, $64

// rows<> has the row of each lane in the first register of sums, order<> where a row
// is in what QUADS leaves of four registers of sums, or of two times four.
DATA rows8<>+0(SB)/8, $0x0000000000000000
DATA rows8<>+8(SB)/8, $0x0101010101010101
GLOBL rows8<>(SB), RODATA|NOPTR, $16

DATA order8<>+0(SB)/8, $0x0b030a0209010800
DATA order8<>+8(SB)/8, $0x1b131a1219111810
GLOBL order8<>(SB), RODATA|NOPTR, $16

DATA rows4<>+0(SB)/8, $0x0101010100000000
DATA rows4<>+8(SB)/8, $0x0303030302020202
GLOBL rows4<>(SB), RODATA|NOPTR, $16

DATA order4<>+0(SB)/8, $0x0d0905010c080400
DATA order4<>+8(SB)/8, $0x0f0b07030e0a0602
GLOBL order4<>(SB), RODATA|NOPTR, $16

DATA lanes<>+0(SB)/8, $0x0706050403020100
DATA lanes<>+8(SB)/8, $0x0f0e0d0c0b0a0908
GLOBL lanes<>(SB), RODATA|NOPTR, $16

// MULTIPLY makes the sums of the step at W and X, and goes to the next one.
#define MULTIPLY(n, repeat) \
	LEAQ        2(W), AX             \
	TILELOADD(rAX, rSTRIDE, tCODES)  \
	TILELOADD(rX, rS, tQ)            \
	TILEZERO(tDOT)                   \
	TDPBSSD(tQ, tCODES, tDOT)        \ // dot[row][v] = code[row] . q[v]
	TILESTORED(tDOT, rSUMS, rS)      \
	EACHHALF                         \
	VINSERTI128 $1, X1, Y0, Y0       \
	VCVTPH2PS   Y0, NEXTSCALES       \
	repeat      ((n)*32)(X), NEXTD   \
	AHEAD(LINES3)                    \
	ADVANCE(34)                      \
	ADDQ        $((n)*36), X         \
	CMPQ        X, end-1096(SP)      \
	CMOVQEQ     x+40(FP), X

#define SCALED(i, rows, acc) \
	VCVTDQ2PS   ((i)*64)(AX), Z0  \
	VPERMPS     SCALES, rows, Z1  \
	VMULPS      D, Z1, Z1         \ // scale[row] * d
	VFMADD231PS Z1, Z0, acc

#define EACH4(f) \
	f(0, Z8, Z16)  \
	f(1, Z9, Z17)  \
	f(2, Z10, Z18) \
	f(3, Z11, Z19)

#define EACH8(f) \
	EACH4(f)       \
	f(4, Z12, Z20) \
	f(5, Z13, Z21) \
	f(6, Z14, Z22) \
	f(7, Z15, Z23)

#define CLEAR(i, rows, acc) VPXORD acc, acc, acc

// STORE stores all rows' results of a vector, and is the end if it was the last.
#define STORE(z) \
	KXNORW      K1, K1, K1              \
	VSCATTERDPS z, K1, (AX)(PLACES*1)   \
	ADDQ        ld4-1128(SP), AX        \
	DECQ        todo-1136(SP)           \
	JZ          stored

#define ORDERED(a) \
	VPERMPS a, ORDER, a \
	STORE(a)

#define FINISH4 \
	QUADS(Z16, Z17, Z18, Z19) \
	ORDERED(Z16)              \
	ORDERED(Z17)              \
	ORDERED(Z18)              \
	ORDERED(Z19)

// ORDERED8 is for vector v, LAST8 then for vector v+4, of two times eight rows.
#define ORDERED8(a, b) \
	VMOVAPS   ORDER, Z0 \
	VPERMI2PS b, a, Z0  \
	STORE(Z0)

#define LAST8(a, b) \
	VPERMT2PS b, ORDER4, a \
	STORE(a)

#define FINISH8 \
	QUADS(Z16, Z17, Z18, Z19) \
	QUADS(Z20, Z21, Z22, Z23) \
	ORDERED8(Z16, Z20)        \
	ORDERED8(Z17, Z21)        \
	ORDERED8(Z18, Z22)        \
	ORDERED8(Z19, Z23)        \
	LAST8(Z16, Z20)           \
	LAST8(Z17, Z21)           \
	LAST8(Z18, Z22)           \
	LAST8(Z19, Z23)

#define NEXTROWS(from, to) VPADDD Z0, from, to

// TURNED is the whole of it for n vectors, or fewer.
#define TURNED(n, shapes, first, order, each, repeat, finish) \
	NO_LOCAL_POINTERS                           \
	LEAQ         shapes<>(SB), AX               \
	LDTILECFG(rAX)                              \
	MOVQ         $((n)*4), S                    \
	MOVQ         dst+0(FP), DST                 \
	MOVQ         ld+8(FP), AX                   \
	SHLQ         $2, AX                         \
	MOVQ         AX, ld4-1128(SP)               \
	MOVQ         w+24(FP), W                    \
	MOVQ         stride+32(FP), STRIDE          \
	MOVQ         x+40(FP), X                    \
	MOVQ         $1024, FIRST                   \
	ROWS                                        \
	VPMOVZXBD    first<>(SB), Z8                \
	CONSTANT(16/(n), Z0)                        \
	NEXTROWS(Z8, Z9)                            \
	NEXTROWS(Z9, Z10)                           \
	NEXTROWS(Z10, Z11)                          \
	NEXTROWS(Z11, Z12)                          \
	NEXTROWS(Z12, Z13)                          \
	NEXTROWS(Z13, Z14)                          \
	NEXTROWS(Z14, Z15)                          \
	VPMOVZXBD    order<>(SB), ORDER             \
	CONSTANT(4, Z0)                             \
	VPADDD       Z0, ORDER, ORDER4              \
	MOVQ         rows+48(FP), AX                \
	SHLQ         $2, AX                         \
	VPBROADCASTD AX, PLACES                     \
	VPMOVZXBD    lanes<>(SB), Z0                \
	VPMULLD      Z0, PLACES, PLACES             \
	LEAQ         sums-1088(SP), SUMS            \ // twice 512 bytes
	ADDQ         $63, SUMS                      \
	ANDQ         $~63, SUMS                     \
	MOVQ         SUMS, done-1104(SP)            \
	LEAQ         512(SUMS), AX                  \
	XORQ         SUMS, AX                       \
	MOVQ         AX, swap-1112(SP)              \
	MOVQ         steps+56(FP), AX               \
	MOVQ         AX, left-1120(SP)              \
	IMUL3Q       $((n)*36), AX, AX              \
	ADDQ         X, AX                          \
	MOVQ         AX, end-1096(SP)               \
	MULTIPLY(n, repeat)                         \
row:                                            \
	each(CLEAR)                                 \
step:                                           \ // AMX has the next one while this one is scaled
	VMOVAPS      NEXTSCALES, SCALES             \
	VMOVAPS      NEXTD, D                       \
	CMPQ         left-1120(SP), $1              \
	JNE          more                           \
	CMPQ         rows+48(FP), $1                \
	JEQ          last                           \
more:                                           \
	XORQ         swap-1112(SP), SUMS            \
	MULTIPLY(n, repeat)                         \
last:                                           \
	MOVQ         done-1104(SP), AX              \
	each(SCALED)                                \
	XORQ         swap-1112(SP), AX              \
	MOVQ         AX, done-1104(SP)              \
	DECQ         left-1120(SP)                  \
	JNZ          step                           \
	MOVQ         vectors+16(FP), AX             \
	MOVQ         AX, todo-1136(SP)              \
	MOVQ         DST, AX                        \
	finish                                      \
stored:                                         \
	ADDQ         $4, DST                        \
	MOVQ         steps+56(FP), AX               \
	MOVQ         AX, left-1120(SP)              \
	DECQ         rows+48(FP)                    \
	JNZ          row                            \
	TILERELEASE                                 \
	VZEROUPPER                                  \
	RET

// func turnedQ8_0x4AVX512AMX(dst *float32, ld, vectors int, w *byte, stride int, x *float32, rows, steps int)
TEXT ·turnedQ8_0x4AVX512AMX(SB), 0, $1136-64
	TURNED(4, shapes4, rows4, order4, EACH4, VBROADCASTF32X4, FINISH4)

// func turnedQ8_0x8AVX512AMX(dst *float32, ld, vectors int, w *byte, stride int, x *float32, rows, steps int)
TEXT ·turnedQ8_0x8AVX512AMX(SB), 0, $1136-64
	TURNED(8, shapes8, rows8, order8, EACH8, VBROADCASTF64X4, FINISH8)
