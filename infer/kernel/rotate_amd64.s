#include "textflag.h"

// Rotations of pairs. The outer loop loads cosines and sines once for all
// heads.

#define X      DI // where the block starts in the first head
#define TURNS  SI
#define COUNT  CX // blocks' values left
#define HEADS  DX
#define STRIDE R8 // between heads, in bytes
#define HEAD   BX
#define LEFT   AX // heads left

#define COS    Y0
#define SIN    Y1

// func rotateEights(x, turns *float32, n, heads, headDim int)
TEXT ·rotateEights(SB), NOSPLIT, $0-40
	MOVQ x+0(FP), X
	MOVQ turns+8(FP), TURNS
	MOVQ n+16(FP), COUNT
	MOVQ heads+24(FP), HEADS
	MOVQ headDim+32(FP), STRIDE
	SHLQ $2, STRIDE

eight:
	VMOVSLDUP (TURNS), COS // each twice
	VMOVSHDUP (TURNS), SIN
	MOVQ      X, HEAD
	MOVQ      HEADS, LEFT

head:
	VMOVUPS        (HEAD), Y2
	VPERMILPS      $0xb1, Y2, Y3   // b a
	VMULPS         SIN, Y3, Y3     // b*sin, a*sin
	VFMADDSUB213PS Y3, COS, Y2     // a*cos - b*sin, b*cos + a*sin
	VMOVUPS        Y2, (HEAD)
	ADDQ           STRIDE, HEAD
	DECQ           LEFT
	JNZ            head

	ADDQ $32, X
	ADDQ $32, TURNS
	SUBQ $8, COUNT
	JNZ  eight
	VZEROUPPER
	RET

#define HALF R9 // from the first of a pair to the second, in bytes

// func rotateHalvesEights(x, turns *float32, pairs, half, heads, headDim int)
TEXT ·rotateHalvesEights(SB), NOSPLIT, $0-48
	MOVQ x+0(FP), X
	MOVQ turns+8(FP), TURNS
	MOVQ pairs+16(FP), COUNT
	MOVQ half+24(FP), HALF
	MOVQ heads+32(FP), HEADS
	MOVQ headDim+40(FP), STRIDE
	SHLQ $2, HALF
	SHLQ $2, STRIDE

eight:
	VMOVUPS (TURNS), Y2
	VMOVUPS 32(TURNS), Y3
	VSHUFPS $0x88, Y3, Y2, COS // c0 c1 c4 c5  c2 c3 c6 c7
	VSHUFPS $0xdd, Y3, Y2, SIN
	VPERMPD $0xd8, COS, COS    // in order
	VPERMPD $0xd8, SIN, SIN
	MOVQ    X, HEAD
	MOVQ    HEADS, LEFT

head:
	VMOVUPS     (HEAD), Y2
	VMOVUPS     (HEAD)(HALF*1), Y3
	VMULPS      SIN, Y3, Y4
	VMULPS      SIN, Y2, Y5
	VFMSUB213PS Y4, COS, Y2      // a*cos - b*sin
	VFMADD213PS Y5, COS, Y3      // b*cos + a*sin
	VMOVUPS     Y2, (HEAD)
	VMOVUPS     Y3, (HEAD)(HALF*1)
	ADDQ        STRIDE, HEAD
	DECQ        LEFT
	JNZ         head

	ADDQ $32, X
	ADDQ $64, TURNS
	SUBQ $8, COUNT
	JNZ  eight
	VZEROUPPER
	RET
