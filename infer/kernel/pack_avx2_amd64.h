// What the packers of 8 rows share. Rows are read side by side straight from
// the file's layout, and for each a line that will be needed next is called
// into the second-level cache. A packer is a macro of the offset, which is
// added to each of a dword's four codes: it makes one for the tiers whose codes
// are as they are and one for those whose codes are 128 more.

#define PANEL  DI
#define W      SI  // rows 0 to 3
#define W4     R8  // rows 4 to 7
#define STRIDE R11
#define S3     R12 // 3*STRIDE
#define N0     R13 // what to call in of rows 0 to 3
#define N4     BX  // of rows 4 to 7
#define STEPS  CX
#define MINS   R10

// Y0 to Y7 are quads 0 to 7 of the 8 rows, Y8 to Y11 are for intermediate
// results.
#define OFFSET Y15 // in every byte
#define MASK   Y14 // the lower four bits of every byte
#define D      Y12 // a scale of each row
#define DMIN   Y11 // and a minimum

#define ARGUMENTS \
	MOVQ steps+0(FP), PANEL     \
	MOVQ mins+8(FP), MINS       \
	MOVQ w+16(FP), W            \
	MOVQ stride+24(FP), STRIDE  \
	MOVQ n+40(FP), STEPS        \
	LEAQ (STRIDE)(STRIDE*2), S3 \
	LEAQ (W)(STRIDE*4), W4      \
	MOVQ next+32(FP), N0        \
	ADDQ W, N0                  \
	LEAQ (N0)(STRIDE*4), N4

#define ADVANCE(n) \
	ADDQ $(n), W  \
	ADDQ $(n), W4 \
	ADDQ $(n), N0 \
	ADDQ $(n), N4

#define AHEAD4(off, n) \
	PREFETCHT1 off(n)           \
	PREFETCHT1 off(n)(STRIDE*1) \
	PREFETCHT1 off(n)(STRIDE*2) \
	PREFETCHT1 off(n)(S3*1)

#define AHEAD(off) \
	AHEAD4(off, N0) \
	AHEAD4(off, N4)

// AHEADHALF does half of the rows, in turn.
#define AHEADHALF \
	AHEAD4(0, N0) \
	XCHGQ N0, N4

#define CONSTANT(value, x, y) \
	MOVL         $value, AX \
	VMOVD        AX, x      \
	VPBROADCASTD x, y

// PAIR loads 16 bytes of two rows, 4 apart, into the halves of y.
#define PAIR(low, high, x, y) \
	VMOVDQU     low, x         \
	VINSERTI128 $1, high, y, y

// QUADS transposes 4 x 4 quads in each half: a, b, c, d are rows 0 to 3 and 4
// to 7, then quads 0, 1, 2, 3 of 8 rows.
#define QUADS(a, b, c, d) \
	VPUNPCKLDQ  b, a, Y8  \ // a0 b0 a1 b1
	VPUNPCKHDQ  b, a, Y9  \ // a2 b2 a3 b3
	VPUNPCKLDQ  d, c, Y10 \ // c0 d0 c1 d1
	VPUNPCKHDQ  d, c, Y11 \ // c2 d2 c3 d3
	VPUNPCKLQDQ Y10, Y8, a \
	VPUNPCKHQDQ Y10, Y8, b \
	VPUNPCKLQDQ Y11, Y9, c \
	VPUNPCKHQDQ Y11, Y9, d

// TURN16 loads 16 bytes of each row, off bytes from its pointer.
#define TURN16(off, xa, a, xb, b, xc, c, xd, d) \
	PAIR(off(W), off(W4), xa, a)                       \
	PAIR(off(W)(STRIDE*1), off(W4)(STRIDE*1), xb, b)   \
	PAIR(off(W)(STRIDE*2), off(W4)(STRIDE*2), xc, c)   \
	PAIR(off(W)(S3*1), off(W4)(S3*1), xd, d)           \
	QUADS(a, b, c, d)

// TURN32 loads 32 bytes of each row.
#define TURN32(off) \
	TURN16(off, X0, Y0, X1, Y1, X2, Y2, X3, Y3) \
	TURN16(off+16, X4, Y4, X5, Y5, X6, Y6, X7, Y7)

// HALVES copies the binary16 off bytes from each row's pointer to at(to). A
// load right after so many narrow stores waits for them.
#define HALVES4(off, w, at, to) \
	MOVWLZX off(w), AX           \
	MOVW    AX, (at+0)(to)       \
	MOVWLZX off(w)(STRIDE*1), AX \
	MOVW    AX, (at+2)(to)       \
	MOVWLZX off(w)(STRIDE*2), AX \
	MOVW    AX, (at+4)(to)       \
	MOVWLZX off(w)(S3*1), AX     \
	MOVW    AX, (at+6)(to)

#define HALVES(off, at, to) \
	HALVES4(off, W, at, to) \
	HALVES4(off, W4, at+8, to)

// FLOATS makes D of the lower halves of the dwords in h and DMIN of the upper.
#define FLOATS(h) \
	VPSLLD       $16, h, Y8     \
	VPSRLD       $16, Y8, Y8    \
	VPSRLD       $16, h, Y9     \
	VPACKUSDW    Y9, Y8, Y8     \ // rows 0-3 lower, upper, rows 4-7 lower, upper
	VPERMQ       $0xd8, Y8, Y8  \
	VEXTRACTI128 $1, Y8, X9     \
	VCVTPH2PS    X8, D          \
	VCVTPH2PS    X9, DMIN

// LOWER and UPPER set code to four bits of each byte of y; UPPER spoils y.
#define LOWER(y, code) \
	VPAND MASK, y, code

#define UPPER(y, code) \
	VPSRLW $4, y, y     \
	VPAND  MASK, y, code

// LIFTED stores codes that are short of the offset.
#define LIFTED(at, y) \
	VPADDB  OFFSET, y, y \
	VMOVDQU y, at(PANEL)

// LEVELS stores the levels that TABLE has for the lower and, 16 columns on,
// for the upper four bits of each byte of y.
#define TABLE Y13

#define LEVELS(at, y) \
	LOWER(y, Y8)               \
	VPSHUFB Y8, TABLE, Y8      \
	VMOVDQU Y8, at(PANEL)      \
	UPPER(y, y)                \
	VPSHUFB y, TABLE, y        \
	VMOVDQU y, (at+128)(PANEL)

// LEVELS16 does so for 16 bytes of each row.
#define LEVELS16(off) \
	TURN16(off, X0, Y0, X1, Y1, X2, Y2, X3, Y3) \
	LEVELS(0, Y0)  \
	LEVELS(32, Y1) \
	LEVELS(64, Y2) \
	LEVELS(96, Y3)

#define LOADTABLE(table) \
	VBROADCASTI128 table<>(SB), TABLE  \
	VPADDB         OFFSET, TABLE, TABLE

// The levels of IQ4_NL and IQ4_XS.
DATA levelsIQ4<>+0(SB)/8, $0xf6eaddcfbfad9881
DATA levelsIQ4<>+8(SB)/8, $0x7159453526190d01
GLOBL levelsIQ4<>(SB), RODATA|NOPTR, $16
