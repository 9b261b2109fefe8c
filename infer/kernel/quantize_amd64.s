#include "textflag.h"

#define STEP   DI  // the vector's bytes in a step
#define SCALE  R8  // and its scale
#define BIAS   R9  // and its bias
#define BIAS16 R10
#define N      R11 // 4*vectors: from bias16 to bias16
#define STRIDE R12 // 40*vectors: from step to step
#define X      SI
#define BLOCKS CX
#define SIGN   Y15
#define HALF   Y14 // the largest value below 0.5, as in roundAway
#define ONES8  Y13
#define ONES16 Y12
#define ORDER  Y11 // undoes the packs' interleaving of halves
#define INV    Y10
#define D      Y9

DATA quantizeOrder<>+0(SB)/8, $0x0000000400000000
DATA quantizeOrder<>+8(SB)/8, $0x0000000500000001
DATA quantizeOrder<>+16(SB)/8, $0x0000000600000002
DATA quantizeOrder<>+24(SB)/8, $0x0000000700000003
GLOBL quantizeOrder<>(SB), RODATA|NOPTR, $32

// ROUND sets y = trunc(y*inverse + half with the sign of y) as integers.
#define ROUND(y, tmp) \
	VMULPS     INV, y, y    \
	VANDPS     SIGN, y, tmp \
	VORPS      HALF, tmp, tmp \
	VADDPS     tmp, y, y    \
	VCVTTPS2DQ y, y

// func quantizeAVX2(step *byte, half *int32, n, v int, x *float32, steps int)
TEXT ·quantizeAVX2(SB), NOSPLIT, $0-48
	MOVQ step+0(FP), STEP
	MOVQ half+8(FP), BIAS16
	MOVQ n+16(FP), N
	MOVQ v+24(FP), AX
	MOVQ x+32(FP), X
	MOVQ steps+40(FP), BLOCKS
	SHLQ $2, N
	LEAQ (N)(N*4), STRIDE
	SHLQ $1, STRIDE
	LEAQ (BIAS16)(AX*4), BIAS16
	LEAQ (STEP)(N*8), SCALE
	LEAQ (SCALE)(AX*4), SCALE
	LEAQ (SCALE)(N*1), BIAS
	SHLQ $5, AX
	ADDQ AX, STEP
	VMOVDQU      quantizeOrder<>(SB), ORDER
	MOVL         $0x80000000, AX
	VMOVD        AX, X15
	VPBROADCASTD X15, SIGN
	MOVL         $0x3effffff, AX
	VMOVD        AX, X14
	VPBROADCASTD X14, HALF
	VPCMPEQW     ONES16, ONES16, ONES16
	VPABSB       ONES16, ONES8
	VPSRLW       $15, ONES16, ONES16

block:
	VMOVUPS 0(X), Y0
	VMOVUPS 32(X), Y1
	VMOVUPS 64(X), Y2
	VMOVUPS 96(X), Y3

	// AX = bits of the largest magnitude; bits compare as magnitudes do.
	VANDNPS Y0, SIGN, Y4
	VANDNPS Y1, SIGN, Y5
	VANDNPS Y2, SIGN, Y6
	VANDNPS Y3, SIGN, Y7
	VPMAXUD Y5, Y4, Y4
	VPMAXUD Y7, Y6, Y6
	VPMAXUD Y6, Y4, Y4
	VEXTRACTI128 $1, Y4, X5
	VPMAXUD X5, X4, X4
	VPSHUFD $0x4e, X4, X5
	VPMAXUD X5, X4, X4
	VPSHUFD $0xb1, X4, X5
	VPMAXUD X5, X4, X4
	VMOVD   X4, AX

	CMPL AX, $0x7f800000
	JAE  notFinite
	CMPL AX, $0x04000000 // 2^-119
	JB   zero

	MOVL         $0x42fe0000, DX // 127
	VMOVD        DX, X5
	VDIVSS       X5, X4, X6      // largest / 127
	VDIVSS       X4, X5, X7      // 127 / largest
	VBROADCASTSS X6, D
	VBROADCASTSS X7, INV
	ROUND(Y0, Y4)
	ROUND(Y1, Y5)
	ROUND(Y2, Y6)
	ROUND(Y3, Y7)
	VPACKSSDW  Y1, Y0, Y0
	VPACKSSDW  Y3, Y2, Y2
	VPACKSSWB  Y2, Y0, Y0
	VPERMD     Y0, ORDER, Y0

store:
	VMOVDQU      Y0, (STEP)
	VPMADDUBSW   Y0, ONES8, Y1    // sums of pairs
	VPMADDWD     Y1, ONES16, Y1   // of fours
	VPHADDD      Y1, Y1, Y1
	VPHADDD      Y1, Y1, Y1       // of each half
	VPSLLD       $7, Y1, Y1
	VPXOR        Y2, Y2, Y2
	VPSUBD       Y1, Y2, Y1       // * -128
	VEXTRACTI128 $1, Y1, X2
	VMOVD        X1, (BIAS16)
	VMOVD        X2, (BIAS16)(N*1)
	VPADDD       X2, X1, X1
	VMOVD        X1, (BIAS)
	VMOVSS       X9, (SCALE)
	LEAQ         (BIAS16)(N*2), BIAS16
	ADDQ         STRIDE, STEP
	ADDQ         STRIDE, SCALE
	ADDQ         STRIDE, BIAS
	ADDQ         $128, X
	DECQ BLOCKS
	JNZ  block
	VZEROUPPER
	RET

notFinite:
	MOVL         $0x7fc00000, DX // NaN
	VMOVD        DX, X9
	VPBROADCASTD X9, D
	VPXOR        Y0, Y0, Y0
	JMP          store

zero:
	VPXOR Y0, Y0, Y0
	VXORPS D, D, D
	JMP   store
