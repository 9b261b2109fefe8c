// What packers and products with single vectors have in common: they read 8
// rows straight from the file's layout, four side by side in a pass, and call
// the lines that the next panel needs into the second-level cache.

#define PANEL  R0  // codes of the pass's first row
#define SCALE  R1  // scales
#define MIN    R2  // minima
#define W      R3  // the pass's first row
#define STRIDE R4
#define STEPS  R5
#define CODES  R6  // PANEL, SCALE, MIN and STEPS of the step or block
#define SCALES R7
#define MINS   R8
#define LEFT   R9
#define W0     R10 // the step or block of the pass's rows
#define W1     R11
#define W2     R12
#define W3     R13
#define NEXT   R14 // from a row to that of the next panel
#define PASSES R15
#define T0     R19
#define T1     R20
#define T2     R21
#define T3     R22
#define TABLE  R23
#define PAIRS  R24

#define BEGIN \
	MOVD PANEL, CODES   \
	MOVD SCALE, SCALES  \
	MOVD MIN, MINS      \
	MOVD STEPS, LEFT    \
	MOVD W, W0          \
	ADD  STRIDE, W0, W1 \
	ADD  STRIDE, W1, W2 \
	ADD  STRIDE, W2, W3

#define ADVANCE(n) \
	ADD $n, W0 \
	ADD $n, W1 \
	ADD $n, W2 \
	ADD $n, W3

// AHEAD calls in the line off bytes on, eight rows later.
#define AHEAD(off) \
	ADD  NEXT, W0, T0          \
	ADD  NEXT, W1, T1          \
	ADD  NEXT, W2, T2          \
	ADD  NEXT, W3, T3          \
	PRFM (off)(T0), PLDL2KEEP  \
	PRFM (off)(T1), PLDL2KEEP  \
	PRFM (off)(T2), PLDL2KEEP  \
	PRFM (off)(T3), PLDL2KEEP

// LOAD loads 16 bytes of each row, off bytes from its pointer, into V0 to V3.
#define LOAD(off) \
	FMOVQ (off)(W0), F0 \
	FMOVQ (off)(W1), F1 \
	FMOVQ (off)(W2), F2 \
	FMOVQ (off)(W3), F3

// HALVES loads the rows' binary16 off bytes from their pointers; JOINED makes
// float32 of them in V(half) some time later: a load into a lane would keep a
// vector unit busy for each.
#define HALVES(off) \
	MOVHU (off)(W0), T0  \
	MOVHU (off)(W1), T1  \
	MOVHU (off)(W2), T2  \
	MOVHU (off)(W3), T3
#define JOINED(half, f) \
	ORR   T1<<16, T0, T0 \
	ORR   T3<<16, T2, T2 \
	ORR   T2<<32, T0, T0 \
	FMOVD T0, f          \
	FCVTL(half, half)

// QUADS turns the rows in V0 to V3: a to d get columns 0-3, 4-7, 8-11 and
// 12-15 of all of them.
#define QUADS(a, b, c, d) \
	VTRN1 V1.S4, V0.S4, V24.S4  \ // quads 0 and 2 of rows 0 and 1 in turn
	VTRN2 V1.S4, V0.S4, V25.S4  \ // quads 1 and 3
	VTRN1 V3.S4, V2.S4, V26.S4  \ // of rows 2 and 3
	VTRN2 V3.S4, V2.S4, V27.S4  \
	VTRN1 V26.D2, V24.D2, a.D2  \
	VTRN1 V27.D2, V25.D2, b.D2  \
	VTRN2 V26.D2, V24.D2, c.D2  \
	VTRN2 V27.D2, V25.D2, d.D2

#define FIFTEEN V20 // in every byte

// BYTE0 to BYTE3 are tables that move one byte of each 32 bits to their top,
// with zeros below.
#define BYTE0 V12
#define BYTE1 V13
#define BYTE2 V14
#define BYTE3 V15

DATA packBytes<>+0(SB)/8, $0x04ffffff00ffffff
DATA packBytes<>+8(SB)/8, $0x0cffffff08ffffff
DATA packBytes<>+16(SB)/8, $0x05ffffff01ffffff
DATA packBytes<>+24(SB)/8, $0x0dffffff09ffffff
DATA packBytes<>+32(SB)/8, $0x06ffffff02ffffff
DATA packBytes<>+40(SB)/8, $0x0effffff0affffff
DATA packBytes<>+48(SB)/8, $0x07ffffff03ffffff
DATA packBytes<>+56(SB)/8, $0x0fffffff0bffffff
GLOBL packBytes<>(SB), RODATA|NOPTR, $64

// FOUR multiplies the signed bytes of src, four of each row, with V(factor);
// V4 to V7 are the products with the rows' first, second, ... bytes.
#define FOUR(src, factor) \
	VTBL BYTE0.B16, [src.B16], V4.B16 \
	VTBL BYTE1.B16, [src.B16], V5.B16 \
	VTBL BYTE2.B16, [src.B16], V6.B16 \
	VTBL BYTE3.B16, [src.B16], V7.B16 \
	SCVTF24(4, 4)                     \
	SCVTF24(5, 5)                     \
	SCVTF24(6, 6)                     \
	SCVTF24(7, 7)                     \
	FMUL(factor, 4, 4)                \
	FMUL(factor, 5, 5)                \
	FMUL(factor, 6, 6)                \
	FMUL(factor, 7, 7)

#define PUTSCALES(at) \
	FMOVQ F4, (at)(SCALES)       \
	FMOVQ F5, (at+288)(SCALES)   \
	FMOVQ F6, (at+2*288)(SCALES) \
	FMOVQ F7, (at+3*288)(SCALES)

#define PUTMINS(at) \
	FMOVQ F4, (at)(MINS)    \
	FMOVQ F5, (at+32)(MINS) \
	FMOVQ F6, (at+64)(MINS) \
	FMOVQ F7, (at+96)(MINS)

// SCALEMINS unpacks the header of Q4_K and Q5_K: d and dmin in binary16, then
// 12 bytes of 6-bit scales and minima; see scaleMins in infer/quant.
#define SCALEMINS \
	LOAD(0)                            \
	QUADS(V0, V1, V2, V3)              \ // d and dmin, bytes 0-3, 4-7, 8-11
	VUZP1 V0.H8, V0.H8, V16.H8         \
	VUZP2 V0.H8, V0.H8, V17.H8         \
	FCVTL(16, 16)                      \ // d
	FCVTL(17, 17)                      \ // dmin
	VMOVI $63, V18.B16                 \
	VAND  V18.B16, V1.B16, V8.B16      \ // scales 0-3
	VAND  V18.B16, V2.B16, V9.B16      \ // minima 0-3
	VUSHR $6, V1.B16, V1.B16           \
	VUSHR $6, V2.B16, V2.B16           \
	VAND  FIFTEEN.B16, V3.B16, V10.B16 \
	VUSHR $4, V3.B16, V11.B16          \
	VSLI  $4, V1.B16, V10.B16          \ // scales 4-7
	VSLI  $4, V2.B16, V11.B16          \ // minima 4-7
	FOUR(V8, 16)                       \
	PUTSCALES(0)                       \
	FOUR(V10, 16)                      \
	PUTSCALES(4*288)                   \
	FOUR(V9, 17)                       \
	PUTMINS(0)                         \
	FOUR(V11, 17)                      \
	PUTMINS(4*32)                      \
	ADD   $(8*32), MINS

// HIGHn moves the two bits of Q6_K's plane n to where a code has its upper
// ones; mask has them.
#define HIGH0(mask, q, t) \
	VSHL $4, q.B16, t.B16        \
	VAND mask.B16, t.B16, t.B16
#define HIGH1(mask, q, t) \
	VSHL $2, q.B16, t.B16        \
	VAND mask.B16, t.B16, t.B16
#define HIGH2(mask, q, t) \
	VAND mask.B16, q.B16, t.B16
#define HIGH3(mask, q, t) \
	VUSHR $2, q.B16, t.B16       \
	VAND mask.B16, t.B16, t.B16
