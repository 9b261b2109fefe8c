#include "textflag.h"
#include "words_arm64.h"

#define STEP   R0 // the vector's bytes in a step
#define SCALE  R1 // and its scale
#define BIAS   R2 // and its bias
#define BIAS16 R3
#define N      R4 // 4*vectors: from scale to bias, and from bias16 to bias16
#define STRIDE R5 // 40*vectors: from step to step
#define X      R6
#define BLOCKS R7
#define BITS   R8
#define LIMIT  R9
#define TMP    R10

// func quantizeNEON(step *byte, half *int32, n, v int, x *float32, steps int)
TEXT ·quantizeNEON(SB), NOSPLIT, $0-48
	MOVD step+0(FP), STEP
	MOVD half+8(FP), BIAS16
	MOVD n+16(FP), N
	MOVD v+24(FP), TMP
	MOVD x+32(FP), X
	MOVD steps+40(FP), BLOCKS
	LSL  $2, N
	ADD  N<<2, N, STRIDE
	LSL  $1, STRIDE
	ADD  TMP<<2, BIAS16
	ADD  N<<3, STEP, SCALE
	ADD  TMP<<2, SCALE
	ADD  N, SCALE, BIAS
	ADD  TMP<<5, STEP
	MOVW $0x7fffffff, TMP
	VDUP TMP, V31.S4
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

	MOVW  $0x42fe0000, TMP // 127
	FMOVS TMP, F17
	FDIVS F17, F16, F18    // largest / 127
	FDIVS F16, F17, F19    // 127 / largest
	FMUL0(19, 0, 0)
	FMUL0(19, 1, 1)
	FMUL0(19, 2, 2)
	FMUL0(19, 3, 3)
	FMUL0(19, 4, 4)
	FMUL0(19, 5, 5)
	FMUL0(19, 6, 6)
	FMUL0(19, 7, 7)
	FCVTAS(0, 0)           // to nearest, ties away from zero
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
	VST1  [V0.B16, V1.B16], (STEP)
	SADDLPB(0, 2)
	SADDLPB(1, 3)
	SADDLPH(2, 2)
	SADDLPH(3, 3)                  // sums of fours
	VADDP V3.S4, V2.S4, V2.S4
	VADDP V2.S4, V2.S4, V2.S4      // of each half
	VADDP V2.S4, V2.S4, V3.S4      // of all
	VSHL  $7, V2.S4, V2.S4
	VSHL  $7, V3.S4, V3.S4
	VSUB  V2.S4, V30.S4, V2.S4     // * -128
	VSUB  V3.S4, V30.S4, V3.S4
	VMOV  V2.S[1], TMP
	FMOVS F2, (BIAS16)
	MOVW  TMP, (BIAS16)(N)
	FMOVS F3, (BIAS)
	FMOVS F18, (SCALE)
	ADD   N<<1, BIAS16
	ADD   STRIDE, STEP
	ADD   STRIDE, SCALE
	ADD   STRIDE, BIAS
	SUBS  $1, BLOCKS
	BNE   block
	RET

notFinite:
	MOVW  $0x7fc00000, TMP // NaN
	FMOVS TMP, F18
	VEOR  V0.B16, V0.B16, V0.B16
	VEOR  V1.B16, V1.B16, V1.B16
	B     store

zero:
	VEOR V18.B16, V18.B16, V18.B16
	VEOR V0.B16, V0.B16, V0.B16
	VEOR V1.B16, V1.B16, V1.B16
	B    store
