#include "textflag.h"
#include "funcdata.h"
#include "pack_avx512_amd64.h"
#include "words_amx_amd64.h"

// 16 streams of rows times 8 vectors, with AMX, which takes rows as they lie in the
// file for its left tile: nothing is packed. What follows the integer sums is done in
// 256 bits, of which a core keeps two units while AMX is in use.

#define DST  DI
#define X    BX  // the vectors' step
#define SUMS R14 // where the sums of the step at W go, and the rows' scales
#define S32  CX

// The registers that AMX reads, by their numbers.
#define rAX     0
#define rS32    1
#define rX      3
#define rSTRIDE 11
#define rSUMS   14

// Tiles.
#define tDOT   0 // [16 rows][8 vectors] int32
#define tCODES 1 // [16 rows][32] int8
#define tQ     2 // [8][8 vectors][4] int8

#define D      Y4 // the vectors' scales, of the step that is scaled
#define DNEXT  Y5 // and of the one that AMX has

// Y16 to Y31: the rows' results. Y0 to Y3: intermediate ones.

// What LDTILECFG reads; see batch_amx_amd64.s.
DATA shapes8<>+0(SB)/8, $1
DATA shapes8<>+8(SB)/8, $0
DATA shapes8<>+16(SB)/8, $0x0000002000200020
DATA shapes8<>+24(SB)/8, $0
DATA shapes8<>+32(SB)/8, $0
DATA shapes8<>+40(SB)/8, $0
DATA shapes8<>+48(SB)/8, $0x00081010
DATA shapes8<>+56(SB)/8, $0
GLOBL shapes8<>(SB), RODATA|NOPTR, $64

// MULTIPLY makes the sums of the step at W and X, and goes to the next one.
#define MULTIPLY \
	LEAQ        2(W), AX            \
	TILELOADD(rAX, rSTRIDE, tCODES) \
	TILELOADD(rX, rS32, tQ)         \
	TILEZERO(tDOT)                  \
	TDPBSSD(tQ, tCODES, tDOT)       \ // dot[row][v] = code[row] . q[v]
	TILESTORED(tDOT, rSUMS, rS32)   \
	EACHHALF                        \
	VCVTPH2PS   X0, Y0              \
	VCVTPH2PS   X1, Y1              \
	VMOVUPS     Y0, 512(SUMS)       \
	VMOVUPS     Y1, 544(SUMS)       \
	VMOVUPS     256(X), DNEXT       \
	AHEAD(LINES3)                   \
	ADVANCE(34)                     \
	ADDQ        $288, X             \
	CMPQ        X, end-1240(SP)     \
	CMOVQEQ     x+24(FP), X

#define SCALED(row, acc) \
	VCVTDQ2PS   ((row)*32)(AX), Y0       \
	VMULPS.BCST (512+(row)*4)(AX), D, Y1 \ // scale[row] * d
	VFMADD231PS Y1, Y0, acc

#define STORE(row, acc) \
	VMOVUPS acc, ((row)*32)(DST) \
	VPXORD  acc, acc, acc

#define CLEAR(row, acc) VPXORD acc, acc, acc

#define EACH(f) \
	f(0, Y16)  \
	f(1, Y17)  \
	f(2, Y18)  \
	f(3, Y19)  \
	f(4, Y20)  \
	f(5, Y21)  \
	f(6, Y22)  \
	f(7, Y23)  \
	f(8, Y24)  \
	f(9, Y25)  \
	f(10, Y26) \
	f(11, Y27) \
	f(12, Y28) \
	f(13, Y29) \
	f(14, Y30) \
	f(15, Y31)

// func stream8Q8_0AVX512AMX(dst *float32, w *byte, stride int, x *byte, rows, steps int)
TEXT ·stream8Q8_0AVX512AMX(SB), 0, $1264-48
	NO_LOCAL_POINTERS
	LEAQ         shapes8<>(SB), AX
	LDTILECFG(rAX)
	MOVQ         $32, S32
	MOVQ         dst+0(FP), DST
	MOVQ         w+8(FP), W
	MOVQ         stride+16(FP), STRIDE
	MOVQ         x+24(FP), X
	MOVQ         $1024, FIRST
	ROWS
	LEAQ         sums-1232(SP), SUMS   // twice 576 bytes
	ADDQ         $63, SUMS
	ANDQ         $~63, SUMS
	MOVQ         SUMS, done-1248(SP)
	LEAQ         576(SUMS), AX
	XORQ         SUMS, AX
	MOVQ         AX, swap-1256(SP)
	MOVQ         steps+40(FP), AX
	MOVQ         AX, left-1264(SP)
	IMUL3Q       $288, AX, AX
	ADDQ         X, AX
	MOVQ         AX, end-1240(SP)
	EACH(CLEAR)
	MULTIPLY
	VMOVUPS      DNEXT, D

step:                                      // AMX has the next one while this one is scaled
	CMPQ         left-1264(SP), $1
	JNE          more
	CMPQ         rows+32(FP), $1
	JEQ          last

more:
	XORQ         swap-1256(SP), SUMS
	MULTIPLY

last:
	MOVQ         done-1248(SP), AX
	EACH(SCALED)
	VMOVUPS      DNEXT, D
	XORQ         swap-1256(SP), AX
	MOVQ         AX, done-1248(SP)
	DECQ         left-1264(SP)
	JNZ          step

	EACH(STORE)
	ADDQ         $512, DST
	MOVQ         steps+40(FP), AX
	MOVQ         AX, left-1264(SP)
	DECQ         rows+32(FP)
	JNZ          step
	TILERELEASE
	VZEROUPPER
	RET
