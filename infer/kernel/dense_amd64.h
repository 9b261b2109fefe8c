// What dense tiles have in common: see denseFunc.

#define DST     DI
#define LD      R8
#define W       SI  // 16 columns of the first row
#define STRIDE  R9
#define STRIDE3 R10 // 3*STRIDE
#define X       DX  // 16 columns of the first vector
#define LDX     R11
#define LDX3    R12 // 3*LDX
#define LDX5    R13 // 5*LDX
#define N       CX  // columns left
#define AHEAD   BX  // what is called in

#define ARGUMENTS \
	MOVQ dst+0(FP), DST              \
	MOVQ ld+8(FP), LD                \
	MOVQ w+16(FP), W                 \
	MOVQ stride+24(FP), STRIDE       \
	MOVQ x+32(FP), X                 \
	MOVQ ldx+40(FP), LDX             \
	MOVQ n+48(FP), N                 \
	MOVQ ahead+56(FP), AHEAD         \
	ADDQ W, AHEAD                    \
	SHLQ $2, LD                      \
	SHLQ $2, LDX                     \
	LEAQ (STRIDE)(STRIDE*2), STRIDE3 \
	LEAQ (LDX)(LDX*2), LDX3          \
	LEAQ (LDX)(LDX*4), LDX5

// CALLIN calls in the lines of four rows' columns.
#define CALLIN \
	PREFETCHT0 (AHEAD)            \
	PREFETCHT0 (AHEAD)(STRIDE*1)  \
	PREFETCHT0 (AHEAD)(STRIDE*2)  \
	PREFETCHT0 (AHEAD)(STRIDE3*1)
