#include "textflag.h"

#define Q      DI // bytes of the activations, 32 a block
#define PLANE  R8 // leads to the biases and, twice, to the scales
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

// func quantizeAVX2(q *int8, plane int, x *float32, blocks int)
TEXT ·quantizeAVX2(SB), NOSPLIT, $0-32
	MOVQ q+0(FP), Q
	MOVQ plane+8(FP), PLANE
	MOVQ x+16(FP), X
	MOVQ blocks+24(FP), BLOCKS
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
	VMOVDQU    Y0, (Q)
	VPMADDUBSW Y0, ONES8, Y1     // sums of pairs
	VPMADDWD   Y1, ONES16, Y1    // of fours
	VPSLLD     $7, Y1, Y1
	VPXOR      Y2, Y2, Y2
	VPSUBD     Y1, Y2, Y1        // * -128
	VMOVDQU    Y1, (Q)(PLANE*1)
	VMOVUPS    D, (Q)(PLANE*2)
	ADDQ $32, Q
	ADDQ $128, X
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
