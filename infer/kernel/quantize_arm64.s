#include "textflag.h"
#include "words_arm64.h"

#define Q      R0 // bytes of the activations, 32 a block
#define BIAS   R1
#define D      R2
#define X      R3
#define BLOCKS R4
#define BITS   R5
#define LIMIT  R6

// func quantizeNEON(q *int8, plane int, x *float32, blocks int)
TEXT ·quantizeNEON(SB), NOSPLIT, $0-32
	MOVD q+0(FP), Q
	MOVD plane+8(FP), BIAS
	MOVD x+16(FP), X
	MOVD blocks+24(FP), BLOCKS
	ADD  Q, BIAS, D
	ADD  BIAS, D
	ADD  Q, BIAS
	MOVW $0x7fffffff, R7
	VDUP R7, V31.S4
	VEOR V30.B16, V30.B16, V30.B16

block:
	VLD1.P 64(X), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1.P 64(X), [V4.S4, V5.S4, V6.S4, V7.S4]

	// BITS = those of the largest magnitude; they compare as magnitudes do.
	VAND  V31.B16, V0.B16, V16.B16
	VAND  V31.B16, V1.B16, V17.B16
	VAND  V31.B16, V2.B16, V18.B16
	VAND  V31.B16, V3.B16, V19.B16
	VAND  V31.B16, V4.B16, V20.B16
	VAND  V31.B16, V5.B16, V21.B16
	VAND  V31.B16, V6.B16, V22.B16
	VAND  V31.B16, V7.B16, V23.B16
	UMAX(17, 16, 16)
	UMAX(19, 18, 18)
	UMAX(21, 20, 20)
	UMAX(23, 22, 22)
	UMAX(18, 16, 16)
	UMAX(22, 20, 20)
	UMAX(20, 16, 16)
	UMAXV(16, 16)
	FMOVS F16, BITS

	MOVW  $0x7f800000, LIMIT
	CMPW  LIMIT, BITS
	BHS   notFinite
	MOVW  $0x04000000, LIMIT // 2^-119
	CMPW  LIMIT, BITS
	BLO   zero

	MOVW  $0x42fe0000, R7 // 127
	FMOVS R7, F17
	FDIVS F17, F16, F18   // largest / 127
	FDIVS F16, F17, F19   // 127 / largest
	VDUP  V18.S[0], V18.S4
	VDUP  V19.S[0], V19.S4
	FMUL(19, 0, 0)
	FMUL(19, 1, 1)
	FMUL(19, 2, 2)
	FMUL(19, 3, 3)
	FMUL(19, 4, 4)
	FMUL(19, 5, 5)
	FMUL(19, 6, 6)
	FMUL(19, 7, 7)
	FCVTAS(0, 0)          // to nearest, ties away from zero
	FCVTAS(1, 1)
	FCVTAS(2, 2)
	FCVTAS(3, 3)
	FCVTAS(4, 4)
	FCVTAS(5, 5)
	FCVTAS(6, 6)
	FCVTAS(7, 7)
	SQXTNS(0, 0)
	SQXTN2S(1, 0)
	SQXTNS(2, 2)
	SQXTN2S(3, 2)
	SQXTNS(4, 4)
	SQXTN2S(5, 4)
	SQXTNS(6, 6)
	SQXTN2S(7, 6)
	SQXTNH(0, 0)
	SQXTN2H(2, 0)
	SQXTNH(4, 1)
	SQXTN2H(6, 1)

store:
	VST1.P [V0.B16, V1.B16], 32(Q)
	SADDLPB(0, 2)
	SADDLPB(1, 3)
	SADDLPH(2, 2)                // sums of fours
	SADDLPH(3, 3)
	VSHL   $7, V2.S4, V2.S4
	VSHL   $7, V3.S4, V3.S4
	VSUB   V2.S4, V30.S4, V2.S4  // * -128
	VSUB   V3.S4, V30.S4, V3.S4
	VST1.P [V2.S4, V3.S4], 32(BIAS)
	VMOV   V18.B16, V19.B16
	VST1.P [V18.S4, V19.S4], 32(D)
	SUBS   $1, BLOCKS
	BNE    block
	RET

notFinite:
	MOVW $0x7fc00000, R7 // NaN
	VDUP R7, V18.S4
	VEOR V0.B16, V0.B16, V0.B16
	VEOR V1.B16, V1.B16, V1.B16
	B    store

zero:
	VEOR V18.B16, V18.B16, V18.B16
	VEOR V0.B16, V0.B16, V0.B16
	VEOR V1.B16, V1.B16, V1.B16
	B    store
