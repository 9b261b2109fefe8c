#include "textflag.h"

// Common to both tiles.
#define K     CX  // steps left
#define A     SI  // packed A: tileRows floats a step
#define B     DI  // packed B: tileCols floats a step
#define C     DX
#define LDC   R8  // row stride of C in bytes
#define C3    R9  // 3*LDC
#define CMID  R10 // a row further down in C

// --- AVX-512: 8 rows x 32 columns, row r in Z(2r), Z(2r+1) ---

#define BLO   Z16
#define BHI   Z17
#define X     Z18
#define XODD  Z19

#define STEP512(r, x, lo, hi) \
	VBROADCASTSS (4*r)(A), x   \ // x = A[r]
	VFMADD231PS  BLO, x, lo    \ // lo += x * B[0:16]
	VFMADD231PS  BHI, x, hi      // hi += x * B[16:32]

// TOUCH512 calls a row of C into the cache: it is needed after the last step.
#define TOUCH512(at) \
	PREFETCHT0 0 at  \
	PREFETCHT0 64 at

#define STORE512(at, lo, hi) \
	VADDPS  0 at, lo, K1, lo   \ // lo += C, if add
	VADDPS  64 at, hi, K1, hi  \
	VMOVUPS lo, 0 at           \
	VMOVUPS hi, 64 at

// func tileAVX512(k int, a, b, c *float32, ldc int, add bool)
TEXT ·tileAVX512(SB), NOSPLIT, $0-41
	MOVQ k+0(FP), K
	MOVQ a+8(FP), A
	MOVQ b+16(FP), B
	MOVQ c+24(FP), C
	MOVQ ldc+32(FP), LDC
	SHLQ $2, LDC
	LEAQ (LDC)(LDC*2), C3
	LEAQ (C)(LDC*4), CMID

	// All lanes of K1 if add, else none: C is not even read then.
	MOVBQZX add+40(FP), AX
	NEGQ    AX
	KMOVW   AX, K1

	TOUCH512((C))
	TOUCH512((C)(LDC*1))
	TOUCH512((C)(LDC*2))
	TOUCH512((C)(C3*1))
	TOUCH512((CMID))
	TOUCH512((CMID)(LDC*1))
	TOUCH512((CMID)(LDC*2))
	TOUCH512((CMID)(C3*1))

	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z2, Z2, Z2
	VPXORQ Z3, Z3, Z3
	VPXORQ Z4, Z4, Z4
	VPXORQ Z5, Z5, Z5
	VPXORQ Z6, Z6, Z6
	VPXORQ Z7, Z7, Z7
	VPXORQ Z8, Z8, Z8
	VPXORQ Z9, Z9, Z9
	VPXORQ Z10, Z10, Z10
	VPXORQ Z11, Z11, Z11
	VPXORQ Z12, Z12, Z12
	VPXORQ Z13, Z13, Z13
	VPXORQ Z14, Z14, Z14
	VPXORQ Z15, Z15, Z15

step:
	VMOVUPS (B), BLO
	VMOVUPS 64(B), BHI
	STEP512(0, X, Z0, Z1)
	STEP512(1, XODD, Z2, Z3)
	STEP512(2, X, Z4, Z5)
	STEP512(3, XODD, Z6, Z7)
	STEP512(4, X, Z8, Z9)
	STEP512(5, XODD, Z10, Z11)
	STEP512(6, X, Z12, Z13)
	STEP512(7, XODD, Z14, Z15)
	ADDQ $32, A
	ADDQ $128, B
	DECQ K
	JNZ  step

	STORE512((C), Z0, Z1)
	STORE512((C)(LDC*1), Z2, Z3)
	STORE512((C)(LDC*2), Z4, Z5)
	STORE512((C)(C3*1), Z6, Z7)
	STORE512((CMID), Z8, Z9)
	STORE512((CMID)(LDC*1), Z10, Z11)
	STORE512((CMID)(LDC*2), Z12, Z13)
	STORE512((CMID)(C3*1), Z14, Z15)
	VZEROUPPER
	RET

// --- AVX2: 6 rows x 16 columns, row r in Y(2r), Y(2r+1) ---

#define YLO   Y12
#define YHI   Y13
#define XY    Y14
#define MASK  Y15

#define STEP256(r, lo, hi) \
	VBROADCASTSS (4*r)(A), XY \ // x = A[r]
	VFMADD231PS  YLO, XY, lo  \ // lo += x * B[0:8]
	VFMADD231PS  YHI, XY, hi    // hi += x * B[8:16]

#define STORE256(at, lo, hi) \
	VMASKMOVPS 0 at, MASK, YLO  \ // C, or zeros without add
	VMASKMOVPS 32 at, MASK, YHI \
	VADDPS     YLO, lo, lo      \
	VADDPS     YHI, hi, hi      \
	VMOVUPS    lo, 0 at         \
	VMOVUPS    hi, 32 at

// func tileAVX2(k int, a, b, c *float32, ldc int, add bool)
TEXT ·tileAVX2(SB), NOSPLIT, $0-41
	MOVQ k+0(FP), K
	MOVQ a+8(FP), A
	MOVQ b+16(FP), B
	MOVQ c+24(FP), C
	MOVQ ldc+32(FP), LDC
	SHLQ $2, LDC
	LEAQ (LDC)(LDC*2), C3
	LEAQ (C)(C3*1), CMID

	MOVBQZX add+40(FP), AX
	NEGQ    AX
	VMOVQ   AX, X15
	VPBROADCASTD X15, MASK // all ones if add, else zero

	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	VXORPS Y8, Y8, Y8
	VXORPS Y9, Y9, Y9
	VXORPS Y10, Y10, Y10
	VXORPS Y11, Y11, Y11

step:
	VMOVUPS (B), YLO
	VMOVUPS 32(B), YHI
	STEP256(0, Y0, Y1)
	STEP256(1, Y2, Y3)
	STEP256(2, Y4, Y5)
	STEP256(3, Y6, Y7)
	STEP256(4, Y8, Y9)
	STEP256(5, Y10, Y11)
	ADDQ $24, A
	ADDQ $64, B
	DECQ K
	JNZ  step

	STORE256((C), Y0, Y1)
	STORE256((C)(LDC*1), Y2, Y3)
	STORE256((C)(LDC*2), Y4, Y5)
	STORE256((CMID), Y6, Y7)
	STORE256((CMID)(LDC*1), Y8, Y9)
	STORE256((CMID)(LDC*2), Y10, Y11)
	VZEROUPPER
	RET

#undef A
#undef B
#undef C
#undef K

// --- transpose ---

#define DST    DI
#define STRIDE R8  // of dst in bytes
#define S3     R9  // 3*STRIDE
#define SRC    SI  // rows 0-3
#define LD     R10 // of src in bytes
#define L3     R11 // 3*LD
#define SRC4   R12 // rows 4-7
#define N      CX

// A 4x4 transpose in each half: a, b, c, d are four rows, then four columns.
#define QUAD(a, b, c, d) \
	VUNPCKLPS b, a, Y8    \ // a0 b0 a1 b1
	VUNPCKHPS b, a, Y9    \ // a2 b2 a3 b3
	VUNPCKLPS d, c, Y10   \ // c0 d0 c1 d1
	VUNPCKHPS d, c, Y11   \ // c2 d2 c3 d3
	VUNPCKLPD Y10, Y8, a  \ // a0 b0 c0 d0
	VUNPCKHPD Y10, Y8, b  \
	VUNPCKLPD Y11, Y9, c  \
	VUNPCKHPD Y11, Y9, d

// Columns at..at+3 of the eight rows, rows r and r+4 side by side.
#define ROWS(at, a, b, c, d) \
	VMOVUPS     (4*at)(SRC), X8                 \
	VINSERTF128 $1, (4*at)(SRC4), Y8, a         \ // rows 0, 4
	VMOVUPS     (4*at)(SRC)(LD*1), X8           \
	VINSERTF128 $1, (4*at)(SRC4)(LD*1), Y8, b   \ // rows 1, 5
	VMOVUPS     (4*at)(SRC)(LD*2), X8           \
	VINSERTF128 $1, (4*at)(SRC4)(LD*2), Y8, c   \ // rows 2, 6
	VMOVUPS     (4*at)(SRC)(L3*1), X8           \
	VINSERTF128 $1, (4*at)(SRC4)(L3*1), Y8, d     // rows 3, 7

#define COLUMNS(a, b, c, d) \
	VMOVUPS a, (DST)             \
	VMOVUPS b, (DST)(STRIDE*1)   \
	VMOVUPS c, (DST)(STRIDE*2)   \
	VMOVUPS d, (DST)(S3*1)       \
	LEAQ    (DST)(STRIDE*4), DST

// func transpose8AVX(dst *float32, stride int, src *float32, ld, n int)
TEXT ·transpose8AVX(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DST
	MOVQ stride+8(FP), STRIDE
	MOVQ src+16(FP), SRC
	MOVQ ld+24(FP), LD
	MOVQ n+32(FP), N
	SHLQ $2, STRIDE
	SHLQ $2, LD
	LEAQ (STRIDE)(STRIDE*2), S3
	LEAQ (LD)(LD*2), L3
	LEAQ (SRC)(LD*4), SRC4

block:
	ROWS(0, Y0, Y1, Y2, Y3)
	ROWS(4, Y4, Y5, Y6, Y7)
	QUAD(Y0, Y1, Y2, Y3)
	QUAD(Y4, Y5, Y6, Y7)
	COLUMNS(Y0, Y1, Y2, Y3)
	COLUMNS(Y4, Y5, Y6, Y7)
	ADDQ $32, SRC
	ADDQ $32, SRC4
	SUBQ $8, N
	JNZ  block
	VZEROUPPER
	RET
