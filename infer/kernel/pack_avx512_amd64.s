#include "textflag.h"
#include "pack_avx512_amd64.h"

// Packers of types with blocks of 32.

// WIDEN makes scales of the binary16 that HALVES left in all steps.
#define WIDEN \
	MOVQ steps+0(FP), PANEL      \
	MOVQ n+32(FP), STEPS         \
widen:                           \
	VCVTPH2PS 512(PANEL), Z0     \
	VMOVUPS   Z0, 512(PANEL)     \
	ADDQ      $576, PANEL        \
	DECQ      STEPS              \
	JNZ       widen

#define SIGN Z30

#define SIGNED(z, at) \
	VPXORQ    SIGN, z, z   \ // + 128
	VMOVDQU64 z, at(PANEL)

// LEVELS stores the codes of nibbles: those of a quad's lower halves, and of
// the upper ones 16 columns further.
#define TABLE Z30
#define LEVELS(z, at, tmp) \
	VPSRLW    $4, z, tmp            \
	VPANDD    LOW, z, z             \
	VPANDD    LOW, tmp, tmp         \
	VPSHUFB   z, TABLE, z           \
	VPSHUFB   tmp, TABLE, tmp       \
	VMOVDQU64 z, at(PANEL)          \
	VMOVDQU64 tmp, (at+256)(PANEL)

// q4_0<> are a nibble's codes: 128 + nibble - 8.
DATA q4_0<>+0(SB)/8, $0x7f7e7d7c7b7a7978
DATA q4_0<>+8(SB)/8, $0x8786858483828180
GLOBL q4_0<>(SB), RODATA|NOPTR, $16

// func packQ8AVX512(steps *byte, mins *float32, w *byte, stride, n int)
TEXT ·packQ8AVX512(SB), NOSPLIT, $0-40
	ARGUMENTS
	CONSTANT(0x80808080, SIGN)

step:
	TURN32(2)
	SIGNED(Z16, 0)
	SIGNED(Z17, 64)
	SIGNED(Z18, 128)
	SIGNED(Z19, 192)
	SIGNED(Z20, 256)
	SIGNED(Z21, 320)
	SIGNED(Z22, 384)
	SIGNED(Z23, 448)
	HALVES(0, 512)
	AHEAD(LINES9)
	ADVANCE(34)
	ADDQ $576, PANEL
	DECQ STEPS
	JNZ  step

	REST(LINES9)
	WIDEN
	VZEROUPPER
	RET

// func packQ4_0AVX512(steps *byte, mins *float32, w *byte, stride, n int)
TEXT ·packQ4_0AVX512(SB), NOSPLIT, $0-40
	ARGUMENTS
	CONSTANT(0x0f0f0f0f, LOW)
	VBROADCASTI32X4 q4_0<>(SB), TABLE

step:
	TURN16(2)
	LEVELS(Z0, 0, Z24)
	LEVELS(Z1, 64, Z25)
	LEVELS(Z2, 128, Z26)
	LEVELS(Z3, 192, Z27)
	HALVES(0, 512)
	AHEAD(LINES5)
	ADVANCE(18)
	ADDQ $576, PANEL
	DECQ STEPS
	JNZ  step

	REST(LINES5)
	WIDEN
	VZEROUPPER
	RET
