#include "textflag.h"
#include "funcdata.h"
#include "words_amx_amd64.h"

// Panels of 16 rows times batches of 16 vectors, with AMX. A step of a panel lies
// as AMX wants the right of two tiles, 16 vectors' bytes as it wants the left, and
// one instruction multiplies them. The integer sums go through memory to
// AVX-512, where they are scaled and added as in the other tiles. While AMX is in
// use a core has one unit for 512 bits of float32 instead of two, so that takes
// longest; the tile that starts the sums costs nothing beside it.

#define DST    DI
#define LD     R8  // between vectors in dst, in bytes
#define ROW    R9  // moves from vector to vector in dst
#define X      DX  // the step that is multiplied, of the vectors
#define PANEL  SI  // and of the panel
#define SUMS   BX  // where its sums go
#define D      R11 // the scales of the step before: the vectors'
#define SCALES R12 // and the rows'
#define DONE   R13 // and its sums
#define SWAP   R10 // turns one of the two places for sums into the other
#define STEPS  CX  // that are not scaled yet
#define S32    R14
#define S64    R15
#define OLD    K1  // all lanes if dst is added to, else none
#define SCALE  Z31

// The registers that AMX reads, by their numbers.
#define rAX    0
#define rX     2
#define rSUMS  3
#define rPANEL 6
#define rS32   14
#define rS64   15

// Tiles: two sets of three take turns, so that a step waits less for the one before.
#define tBIAS   3 // [8][16 rows][4] bytes, all of them -128
#define EVEN(f) f(0, 1, 2)
#define ODD(f)  f(4, 5, 6)

// What LDTILECFG reads: the first palette, bytes of a row from byte 16, rows from
// byte 48 on.
DATA shapes<>+0(SB)/8, $1
DATA shapes<>+16(SB)/8, $0x0040004000200040
DATA shapes<>+24(SB)/8, $0x0000004000200040
DATA shapes<>+48(SB)/8, $0x0008101008081010
GLOBL shapes<>(SB), RODATA|NOPTR, $64

DATA minus128<>+0(SB)/8, $0x8080808080808080
DATA minus128<>+8(SB)/8, $0x8080808080808080
DATA minus128<>+16(SB)/8, $0x8080808080808080
DATA minus128<>+24(SB)/8, $0x8080808080808080
DATA minus128<>+32(SB)/8, $0x8080808080808080
DATA minus128<>+40(SB)/8, $0x8080808080808080
DATA minus128<>+48(SB)/8, $0x8080808080808080
DATA minus128<>+56(SB)/8, $0x8080808080808080
GLOBL minus128<>(SB), RODATA|NOPTR, $64

#define LOAD(acc) \
	VMOVUPS.Z (ROW), OLD, acc \
	ADDQ      LD, ROW

#define STORE(acc) \
	VMOVUPS acc, (ROW) \
	ADDQ    LD, ROW

#define EACH(f) \
	f(Z0)  \
	f(Z1)  \
	f(Z2)  \
	f(Z3)  \
	f(Z4)  \
	f(Z5)  \
	f(Z6)  \
	f(Z7)  \
	f(Z8)  \
	f(Z9)  \
	f(Z10) \
	f(Z11) \
	f(Z12) \
	f(Z13) \
	f(Z14) \
	f(Z15)

// DOTS makes the sums of the step at X and PANEL, with tiles for
//
//	dot   [16 vectors][16 rows] int32
//	q     [16 vectors][32] int8
//	codes [8][16 rows][4] bytes
#define DOTS(dot, q, codes) \
	TILELOADD(rX, rS32, q)         \
	TILELOADD(rPANEL, rS64, codes) \
	TILEZERO(dot)                  \
	TDPBSSD(tBIAS, q, dot)         \ // dot[v][row] = -128 * sum of q[v]
	TDPBSUD(codes, q, dot)         \ // dot[v][row] += code[row] . q[v]
	TILESTORED(dot, rSUMS, rS64)

// NEXT goes on to the next step, and to the other place for its sums.
#define NEXT \
	ADDQ $640, X     \
	ADDQ $576, PANEL \
	XORQ SWAP, SUMS

#define SCALED(v, acc) \
	VCVTDQ2PS   ((v)*64)(DONE), Z16    \
	VMULPS.BCST ((v)*4)(D), SCALE, Z17 \ // scale[row] * d[v]
	VFMADD231PS Z17, Z16, acc            // acc += scale[row] * d[v] * dot[v][row]

// SCALE_STEP adds the oldest sums.
#define SCALE_STEP \
	VMOVUPS (SCALES), SCALE \
	SCALED(0, Z0)          \
	SCALED(1, Z1)          \
	SCALED(2, Z2)          \
	SCALED(3, Z3)          \
	SCALED(4, Z4)          \
	SCALED(5, Z5)          \
	SCALED(6, Z6)          \
	SCALED(7, Z7)          \
	SCALED(8, Z8)          \
	SCALED(9, Z9)          \
	SCALED(10, Z10)        \
	SCALED(11, Z11)        \
	SCALED(12, Z12)        \
	SCALED(13, Z13)        \
	SCALED(14, Z14)        \
	SCALED(15, Z15)        \
	ADDQ    $640, D        \
	ADDQ    $576, SCALES   \
	XORQ    SWAP, DONE

// func batch32AVX512AMX(dst *float32, ld int, panel *byte, distance, panels int, x *byte, xdistance, batches, n int, add bool)
TEXT ·batch32AVX512AMX(SB), 0, $2128-73
	NO_LOCAL_POINTERS
	LEAQ      shapes<>(SB), AX
	LDTILECFG(rAX)
	LEAQ      minus128<>(SB), AX
	XORL      S64, S64
	TILELOADD(rAX, rS64, tBIAS)        // every row is the same
	MOVQ      $32, S32
	MOVQ      $64, S64
	MOVQ      ld+8(FP), LD
	SHLQ      $2, LD
	MOVBQZX   add+72(FP), AX
	NEGQ      AX
	KMOVW     AX, OLD
	LEAQ      sums-2112(SP), SUMS
	ADDQ      $63, SUMS
	ANDQ      $~63, SUMS
	LEAQ      1024(SUMS), SWAP
	XORQ      SUMS, SWAP
	MOVQ      SUMS, DONE

batch:                                     // 16 vectors
	MOVQ      dst+0(FP), DST
	MOVQ      panel+16(FP), AX
	MOVQ      AX, next-2120(SP)
	MOVQ      panels+32(FP), AX
	MOVQ      AX, left-2128(SP)

panel:                                     // 16 rows
	MOVQ      DST, ROW
	EACH(LOAD)
	MOVQ      x+40(FP), X
	MOVQ      next-2120(SP), PANEL
	LEAQ      512(X), D
	LEAQ      512(PANEL), SCALES
	MOVQ      n+64(FP), STEPS
	EVEN(DOTS)

step:                                      // AMX has the next one while this one is scaled
	DECQ      STEPS
	JZ        last
	NEXT
	ODD(DOTS)
	SCALE_STEP
	DECQ      STEPS
	JZ        last
	NEXT
	EVEN(DOTS)
	SCALE_STEP
	JMP       step

last:
	SCALE_STEP
	XORQ      SWAP, SUMS
	MOVQ      DST, ROW
	EACH(STORE)
	ADDQ      $64, DST
	MOVQ      distance+24(FP), AX
	ADDQ      AX, next-2120(SP)
	DECQ      left-2128(SP)
	JNZ       panel

	MOVQ      LD, AX
	SHLQ      $4, AX
	ADDQ      AX, dst+0(FP)
	MOVQ      xdistance+48(FP), AX
	ADDQ      AX, x+40(FP)
	DECQ      batches+56(FP)
	JNZ       batch
	TILERELEASE
	VZEROUPPER
	RET
