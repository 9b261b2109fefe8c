#include "textflag.h"

// AVX2, FMA and F16C. Every function here takes a number of values that is a multiple of 8 and
// not zero; the Go side does the rest.

#define N     CX // values left
#define P     SI // first input
#define Q     DX // second input
#define DST   DI

// ADDLANES sums the eight lanes of y into x, its lower half.
#define ADDLANES(y, x, t) \
	VEXTRACTF128 $1, y, t    \
	VADDPS       t, x, x     \
	VHADDPS      x, x, x     \
	VHADDPS      x, x, x

// func dotEights(a, b *float32, n int) float32
TEXT ·dotEights(SB), NOSPLIT, $0-28
	MOVQ   a+0(FP), P
	MOVQ   b+8(FP), Q
	MOVQ   n+16(FP), N
	VXORPS Y0, Y0, Y0 // four sums, to hide the latency of an addition
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	SUBQ   $32, N
	JB     few

many:
	VMOVUPS     (P), Y4
	VMOVUPS     32(P), Y5
	VMOVUPS     64(P), Y6
	VMOVUPS     96(P), Y7
	VFMADD231PS (Q), Y4, Y0   // s0 += a * b
	VFMADD231PS 32(Q), Y5, Y1
	VFMADD231PS 64(Q), Y6, Y2
	VFMADD231PS 96(Q), Y7, Y3
	ADDQ        $128, P
	ADDQ        $128, Q
	SUBQ        $32, N
	JAE         many

few:
	ADDQ $32, N
	JZ   sum

eight:
	VMOVUPS     (P), Y4
	VFMADD231PS (Q), Y4, Y0
	ADDQ        $32, P
	ADDQ        $32, Q
	SUBQ        $8, N
	JNZ         eight

sum:
	VADDPS Y1, Y0, Y0
	VADDPS Y3, Y2, Y2
	VADDPS Y2, Y0, Y0
	ADDLANES(Y0, X0, X1)
	VMOVSS X0, ret+24(FP)
	VZEROUPPER
	RET

// func axpyEights(alpha float32, x, y *float32, n int)
TEXT ·axpyEights(SB), NOSPLIT, $0-32
	VBROADCASTSS alpha+0(FP), Y0
	MOVQ         x+8(FP), P
	MOVQ         y+16(FP), DST
	MOVQ         n+24(FP), N

eight:
	VMOVUPS     (DST), Y1
	VFMADD231PS (P), Y0, Y1 // y += alpha * x
	VMOVUPS     Y1, (DST)
	ADDQ        $32, P
	ADDQ        $32, DST
	SUBQ        $8, N
	JNZ         eight
	VZEROUPPER
	RET

// func mulAllEights(dst, x, weight *float32, scale float32, n int)
TEXT ·mulAllEights(SB), NOSPLIT, $0-40
	MOVQ         dst+0(FP), DST
	MOVQ         x+8(FP), P
	MOVQ         weight+16(FP), Q
	VBROADCASTSS scale+24(FP), Y0
	MOVQ         n+32(FP), N

eight:
	VMULPS  (P), Y0, Y1  // x * scale
	VMULPS  (Q), Y1, Y1  // * weight
	VMOVUPS Y1, (DST)
	ADDQ    $32, P
	ADDQ    $32, Q
	ADDQ    $32, DST
	SUBQ    $8, N
	JNZ     eight
	VZEROUPPER
	RET

// func scaleEights(alpha float32, x *float32, n int)
TEXT ·scaleEights(SB), NOSPLIT, $0-24
	VBROADCASTSS alpha+0(FP), Y0
	MOVQ         x+8(FP), P
	MOVQ         n+16(FP), N

eight:
	VMULPS  (P), Y0, Y1
	VMOVUPS Y1, (P)
	ADDQ    $32, P
	SUBQ    $8, N
	JNZ     eight
	VZEROUPPER
	RET

// LARGESTLANE sets the first lane of Y0 to the largest of all, through X1.
#define LARGESTLANE \
	VEXTRACTF128 $1, Y0, X1    \
	VMAXPS       X1, X0, X0    \
	VPERMILPS    $0x4e, X0, X1 \ // upper pair down
	VMAXPS       X1, X0, X0    \
	VPERMILPS    $0xb1, X0, X1 \ // neighbours
	VMAXPS       X1, X0, X0

// func largestEights(x *float32, n int) float32
TEXT ·largestEights(SB), NOSPLIT, $0-20
	MOVQ    x+0(FP), P
	MOVQ    n+8(FP), N
	VMOVUPS (P), Y0

eight:
	VMAXPS (P), Y0, Y0
	ADDQ   $32, P
	SUBQ   $8, N
	JNZ    eight

	LARGESTLANE
	VMOVSS X0, ret+16(FP)
	VZEROUPPER
	RET

// LEAD takes values into the first and second of their lanes.
#define LEAD(values, first, second, tmp) \
	VMINPS values, first, tmp      \
	VMAXPS tmp, second, second     \ // second = max(second, min(first, value))
	VMAXPS values, first, first      // first = max(first, value)

// MERGE takes a first and second from elsewhere into one's own.
#define MERGE(otherFirst, otherSecond, first, second, tmp) \
	LEAD(otherFirst, first, second, tmp) \
	VMAXPS otherSecond, second, second

// func topTwoEights(x *float32, n int) (first, second float32)
TEXT ·topTwoEights(SB), NOSPLIT, $0-24
	MOVQ         x+0(FP), P
	MOVQ         n+8(FP), N
	MOVL         $0xff800000, AX // -Inf
	VMOVD        AX, X0
	VPBROADCASTD X0, Y0
	VMOVAPS      Y0, Y1 // Y0-Y3 first, Y4-Y7 second
	VMOVAPS      Y0, Y2
	VMOVAPS      Y0, Y3
	VMOVAPS      Y0, Y4
	VMOVAPS      Y0, Y5
	VMOVAPS      Y0, Y6
	VMOVAPS      Y0, Y7
	SUBQ         $32, N
	JB           few

many:
	VMOVUPS (P), Y8
	VMOVUPS 32(P), Y9
	VMOVUPS 64(P), Y10
	VMOVUPS 96(P), Y11
	LEAD(Y8, Y0, Y4, Y12)
	LEAD(Y9, Y1, Y5, Y13)
	LEAD(Y10, Y2, Y6, Y14)
	LEAD(Y11, Y3, Y7, Y15)
	ADDQ    $128, P
	SUBQ    $32, N
	JAE     many

few:
	ADDQ $32, N
	JZ   merge

eight:
	VMOVUPS (P), Y8
	LEAD(Y8, Y0, Y4, Y12)
	ADDQ    $32, P
	SUBQ    $8, N
	JNZ     eight

merge:
	MERGE(Y1, Y5, Y0, Y4, Y12)
	MERGE(Y3, Y7, Y2, Y6, Y13)
	MERGE(Y2, Y6, Y0, Y4, Y12)
	VEXTRACTF128 $1, Y0, X1
	VEXTRACTF128 $1, Y4, X5
	MERGE(X1, X5, X0, X4, X12)
	VPERMILPS    $0x4e, X0, X1 // upper pair down
	VPERMILPS    $0x4e, X4, X5
	MERGE(X1, X5, X0, X4, X12)
	VPERMILPS    $0xb1, X0, X1 // neighbours
	VPERMILPS    $0xb1, X4, X5
	MERGE(X1, X5, X0, X4, X12)
	VMOVSS       X0, first+16(FP)
	VMOVSS       X4, second+20(FP)
	VZEROUPPER
	RET

// func atLeast64s(bits *uint64, x *float32, floor float32, words int)
TEXT ·atLeast64s(SB), NOSPLIT, $0-32
	MOVQ         bits+0(FP), DST
	MOVQ         x+8(FP), P
	VBROADCASTSS floor+16(FP), Y0
	MOVQ         words+24(FP), N

word:
	MOVQ $8, Q

eight:
	VCMPPS    $2, (P), Y0, Y1 // floor <= x, false for NaN
	VMOVMSKPS Y1, AX
	SHLQ      $56, AX
	SHRQ      $8, BX
	ORQ       AX, BX          // the eighth one has pushed the first to the low end
	ADDQ      $32, P
	DECQ      Q
	JNZ       eight

	MOVQ BX, (DST)
	ADDQ $8, DST
	DECQ N
	JNZ  word
	VZEROUPPER
	RET

// --- the exponential, as exp in vector_generic.go ---

DATA expTable<>+0(SB)/4, $1.0
DATA expTable<>+4(SB)/4, $1.44269504088896341
DATA expTable<>+8(SB)/4, $0.693359375
DATA expTable<>+12(SB)/4, $-2.12194440054690583e-4
DATA expTable<>+16(SB)/4, $0.00138888888888888889
DATA expTable<>+20(SB)/4, $0.00833333333333333333
DATA expTable<>+24(SB)/4, $0.0416666666666666667
DATA expTable<>+28(SB)/4, $0.166666666666666667
DATA expTable<>+32(SB)/4, $0.5
DATA expTable<>+36(SB)/4, $-88.0
DATA expTable<>+40(SB)/4, $89.0
DATA expTable<>+44(SB)/4, $12582912.0
GLOBL expTable<>(SB), RODATA|NOPTR, $48

#define ONE     Y15
#define LOG2E   Y14
#define LN2HIGH Y13
#define LN2LOW  Y12
#define C6      Y11
#define C5      Y10
#define C4      Y9
#define C3      Y8
#define C2      Y7
#define LOWEST  Y6
#define HIGHEST Y5

#define LOADEXP \
	VBROADCASTSS expTable<>+0(SB), ONE      \
	VBROADCASTSS expTable<>+4(SB), LOG2E    \
	VBROADCASTSS expTable<>+8(SB), LN2HIGH  \
	VBROADCASTSS expTable<>+12(SB), LN2LOW  \
	VBROADCASTSS expTable<>+16(SB), C6      \
	VBROADCASTSS expTable<>+20(SB), C5      \
	VBROADCASTSS expTable<>+24(SB), C4      \
	VBROADCASTSS expTable<>+28(SB), C3      \
	VBROADCASTSS expTable<>+32(SB), C2      \
	VBROADCASTSS expTable<>+36(SB), LOWEST  \
	VBROADCASTSS expTable<>+40(SB), HIGHEST

// EXP sets e = exp(x). It destroys x and n. A NaN stays one: MAX and MIN
// return their last source then.
#define EXP(x, n, e) \
	VMAXPS       x, LOWEST, x     \
	VMINPS       x, HIGHEST, x    \
	VMULPS       LOG2E, x, n      \
	VROUNDPS     $8, n, n         \ // n = nearest(x * log2e)
	VFNMADD231PS LN2HIGH, n, x    \
	VFNMADD231PS LN2LOW, n, x     \ // r = x - n * ln2
	VCVTPS2DQ    n, n             \
	VPSLLD       $23, n, n        \
	VPADDD       ONE, n, n        \ // 2^n: 0 for -127, +Inf for 128
	VMOVAPS      C6, e            \
	VFMADD213PS  C5, x, e         \ // e = e * r + c
	VFMADD213PS  C4, x, e         \
	VFMADD213PS  C3, x, e         \
	VFMADD213PS  C2, x, e         \
	VFMADD213PS  ONE, x, e        \
	VFMADD213PS  ONE, x, e        \
	VMULPS       n, e, e

#define SUM Y3

// EXPSUM adds eight exponentials of x - Y4 to SUM.
#define EXPSUM \
	VMOVUPS (P), Y0      \
	VSUBPS  Y4, Y0, Y0   \ // x - shift
	EXP(Y0, Y1, Y2)      \
	VADDPS  Y2, SUM, SUM \
	ADDQ    $32, P

// func expSumEights(dst, x *float32, shift float32, n int) float32
TEXT ·expSumEights(SB), NOSPLIT, $0-36
	MOVQ         dst+0(FP), DST
	MOVQ         x+8(FP), P
	VBROADCASTSS shift+16(FP), Y4
	MOVQ         n+24(FP), N
	VXORPS       SUM, SUM, SUM
	LOADEXP

eight:
	EXPSUM
	VMOVUPS Y2, (DST)
	ADDQ    $32, DST
	SUBQ    $8, N
	JNZ     eight

	ADDLANES(Y3, X3, X0)
	VMOVSS X3, ret+32(FP)
	VZEROUPPER
	RET

// func expTotalEights(x *float32, shift float32, n int) float32
TEXT ·expTotalEights(SB), NOSPLIT, $0-28
	MOVQ         x+0(FP), P
	VBROADCASTSS shift+8(FP), Y4
	MOVQ         n+16(FP), N
	VXORPS       SUM, SUM, SUM
	LOADEXP

eight:
	EXPSUM
	SUBQ $8, N
	JNZ  eight

	ADDLANES(Y3, X3, X0)
	VMOVSS X3, ret+24(FP)
	VZEROUPPER
	RET

// func swigluEights(dst, gate, up *float32, n int)
TEXT ·swigluEights(SB), NOSPLIT, $0-32
	MOVQ   dst+0(FP), DST
	MOVQ   gate+8(FP), P
	MOVQ   up+16(FP), Q
	MOVQ   n+24(FP), N
	VXORPS Y4, Y4, Y4
	LOADEXP

eight:
	VMOVUPS (P), Y3
	VSUBPS  Y3, Y4, Y0   // -gate
	EXP(Y0, Y1, Y2)
	VADDPS  ONE, Y2, Y2
	VDIVPS  Y2, Y3, Y3   // gate / (1 + exp(-gate))
	VMULPS  (Q), Y3, Y3  // * up
	VMOVUPS Y3, (DST)
	ADDQ    $32, P
	ADDQ    $32, Q
	ADDQ    $32, DST
	SUBQ    $8, N
	JNZ     eight
	VZEROUPPER
	RET

// --- AVX-512: any number of values, the last ones through a mask ---

#undef ONE
#undef LOG2E
#undef LN2HIGH
#undef LN2LOW
#undef C6
#undef C5
#undef C4
#undef C3
#undef C2
#undef LOWEST
#undef HIGHEST
#undef SUM

#define ONE     Z15
#define LOG2E   Z14
#define LN2HIGH Z13
#define LN2LOW  Z12
#define C6      Z11
#define C5      Z10
#define C4      Z9
#define C3      Z8
#define C2      Z7
#define LOWEST  Z6
#define HIGHEST Z5
#define SHIFT   Z4
#define ROUNDER Z17
#define SUM     Z3

// EXP512 is EXP with another way to round: the sum with 1.5*2^23 has n in its low
// bits, for fewer instructions than VRNDSCALEPS and VCVTPS2DQ are.
#define EXP512(x, n, e) \
	VMAXPS       x, LOWEST, x     \
	VMINPS       x, HIGHEST, x    \
	VMULPS       LOG2E, x, n      \
	VADDPS       ROUNDER, n, e    \
	VSUBPS       ROUNDER, e, n    \ // n = nearest(x * log2e)
	VPSLLD       $23, e, e        \
	VFNMADD231PS LN2HIGH, n, x    \
	VFNMADD231PS LN2LOW, n, x     \ // r = x - n * ln2
	VPADDD       ONE, e, n        \ // 2^n: 0 for -127, +Inf for 128
	VMOVAPS      C6, e            \
	VFMADD213PS  C5, x, e         \ // e = e * r + c
	VFMADD213PS  C4, x, e         \
	VFMADD213PS  C3, x, e         \
	VFMADD213PS  C2, x, e         \
	VFMADD213PS  ONE, x, e        \
	VFMADD213PS  ONE, x, e        \
	VMULPS       n, e, e

// EXPSUM512 adds the exponentials of x - SHIFT to SUM, in the lanes of K1.
#define EXPSUM512 \
	VMOVUPS.Z (P), K1, Z0       \
	VSUBPS    SHIFT, Z0, Z0     \ // x - shift
	EXP512(Z0, Z1, Z2)          \
	VADDPS    Z2, SUM, K1, SUM  \
	ADDQ      $64, P

// REST sets K1 to the lanes left, and skips what follows if there are none.
#define REST(done) \
	ADDQ  $16, N    \
	JZ    done      \
	MOVL  $1, AX    \
	SHLL  CX, AX    \
	DECL  AX        \
	KMOVW AX, K1

#define ADDLANES512 \
	VEXTRACTF64X4 $1, Z3, Y0 \
	VADDPS        Y0, Y3, Y3 \
	ADDLANES(Y3, X3, X0)

// func expSum512(dst, x *float32, shift float32, n int) float32
TEXT ·expSum512(SB), NOSPLIT, $0-36
	MOVQ         dst+0(FP), DST
	MOVQ         x+8(FP), P
	VBROADCASTSS shift+16(FP), SHIFT
	MOVQ         n+24(FP), N
	VPXORQ       SUM, SUM, SUM
	KXNORW       K1, K1, K1
	LOADEXP
	VBROADCASTSS expTable<>+44(SB), ROUNDER
	SUBQ         $16, N
	JB           rest

many:
	EXPSUM512
	VMOVUPS Z2, (DST)
	ADDQ    $64, DST
	SUBQ    $16, N
	JAE     many

rest:
	REST(sum)
	EXPSUM512
	VMOVUPS Z2, K1, (DST)

sum:
	ADDLANES512
	VMOVSS X3, ret+32(FP)
	VZEROUPPER
	RET

// func expTotal512(x *float32, shift float32, n int) float32
TEXT ·expTotal512(SB), NOSPLIT, $0-28
	MOVQ         x+0(FP), P
	VBROADCASTSS shift+8(FP), SHIFT
	MOVQ         n+16(FP), N
	VPXORQ       SUM, SUM, SUM
	KXNORW       K1, K1, K1
	LOADEXP
	VBROADCASTSS expTable<>+44(SB), ROUNDER
	SUBQ         $16, N
	JB           rest

many:
	EXPSUM512
	SUBQ $16, N
	JAE  many

rest:
	REST(sum)
	EXPSUM512

sum:
	ADDLANES512
	VMOVSS X3, ret+24(FP)
	VZEROUPPER
	RET

// --- AVX-512: rows of values, a multiple of 16 of them, LD bytes apart ---

#define ROW  BX
#define LD   R8
#define ROWS R9 // left
#define NONE Z16

// func maxima512(dst, x *float32, ld, n, width int)
TEXT ·maxima512(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DST
	MOVQ x+8(FP), ROW
	MOVQ ld+16(FP), LD
	MOVQ n+24(FP), ROWS
	SHLQ $2, LD

row:
	MOVQ    ROW, P
	MOVQ    width+32(FP), N
	VMOVUPS (P), Z0

sixteen:
	VMAXPS (P), Z0, Z0
	ADDQ   $64, P
	SUBQ   $16, N
	JNZ    sixteen

	VEXTRACTF64X4 $1, Z0, Y1
	VMAXPS        Y1, Y0, Y0
	LARGESTLANE
	VMOVSS        X0, (DST)
	ADDQ          $4, DST
	ADDQ          LD, ROW
	DECQ          ROWS
	JNZ           row
	VZEROUPPER
	RET

// func expAdd512(sum, x *float32, ld, n, width int, largest *float32)
TEXT ·expAdd512(SB), NOSPLIT, $0-48
	MOVQ         sum+0(FP), DST
	MOVQ         x+8(FP), ROW
	MOVQ         ld+16(FP), LD
	MOVQ         n+24(FP), ROWS
	MOVQ         largest+40(FP), Q
	SHLQ         $2, LD
	MOVL         $0xff800000, AX // -Inf
	VPBROADCASTD AX, NONE
	LOADEXP
	VBROADCASTSS expTable<>+44(SB), ROUNDER

row:
	MOVQ         ROW, P
	MOVQ         width+32(FP), N
	VBROADCASTSS (Q), SHIFT
	VCMPPS       $4, NONE, SHIFT, K1
	VMOVAPS.Z    SHIFT, K1, SHIFT // 0 instead of -Inf
	VPXORQ       SUM, SUM, SUM

sixteen:
	VMOVUPS (P), Z0
	VSUBPS  SHIFT, Z0, Z0
	EXP512(Z0, Z1, Z2)
	VADDPS  Z2, SUM, SUM
	VMOVUPS Z2, (P)
	ADDQ    $64, P
	SUBQ    $16, N
	JNZ     sixteen

	ADDLANES512
	VADDSS (DST), X3, X3
	VMOVSS X3, (DST)
	ADDQ   $4, DST
	ADDQ   $4, Q
	ADDQ   LD, ROW
	DECQ   ROWS
	JNZ    row
	VZEROUPPER
	RET
