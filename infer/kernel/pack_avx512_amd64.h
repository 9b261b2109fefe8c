// What the packers of pack_avx512_amd64.s and packk_avx512_amd64.s share, and
// stream_avx512_amd64.s and stream_amx_amd64.s with them.
//
// They pack 16 rows into panels whose codes are 128 more than they say. Rows
// are read side by side straight from the file's layout; with 16 streams a
// core's own prefetchers give up, so each packer also calls what will be needed
// next into the second-level cache.

#define PANEL  DI
#define MINS   BX
#define W      SI  // rows 0 to 3
#define W4     R8  // rows 4 to 7
#define W8     R9
#define W12    R10
#define STRIDE R11
#define S3     R12 // 3*STRIDE
#define NEXT   R13 // from W to what is called in
#define FIRST  DX  // the same for the first of four rows
#define LAST   R15 // 4 rows further
#define STEPS  CX

// Constants of the types that have them.
#define LOW   Z31 // 0x0f in each byte
#define BASE  Z30 // in each byte, a code of zero
#define TABLE Z30 // in each 16 bytes, the codes of a nibble

#define ARGUMENTS \
	MOVQ steps+0(FP), PANEL     \
	MOVQ mins+8(FP), MINS       \
	MOVQ w+16(FP), W            \
	MOVQ stride+24(FP), STRIDE  \
	MOVQ next+32(FP), FIRST     \
	MOVQ n+40(FP), STEPS        \
	ROWS

// ROWS sets what follows from W, STRIDE and FIRST.
#define ROWS \
	LEAQ (STRIDE)(STRIDE*2), S3 \
	LEAQ (W)(STRIDE*4), W4      \
	LEAQ (W4)(STRIDE*4), W8     \
	LEAQ (W8)(STRIDE*4), W12    \
	MOVQ FIRST, NEXT            \
	LEAQ (FIRST)(STRIDE*4), LAST

#define ADVANCE(n) \
	ADDQ $(n), W   \
	ADDQ $(n), W4  \
	ADDQ $(n), W8  \
	ADDQ $(n), W12

#define CONSTANT(x, z) \
	MOVL         $(x), AX \
	VPBROADCASTD AX, z

// AHEAD calls in some lines of what four rows need next, another four each
// time, and after four times further lines of the first ones. Where a row's
// last visit ends beyond it, it has called in what the row behind it lacks.
#define AHEAD(lines) \
	lines(W)             \
	lines(W4)            \
	lines(W8)            \
	lines(W12)           \
	ADDQ    STRIDE, NEXT \
	CMPQ    NEXT, LAST   \
	CMOVQEQ FIRST, NEXT

// LINES2 is for up to 128 bytes from visit to visit, and so on: the line of
// the last of them is the first of the next visit.
#define LINES2(w) \
	PREFETCHT1 0(w)(NEXT*1)   \
	PREFETCHT1 64(w)(NEXT*1)
#define LINES3(w) \
	LINES2(w)                 \
	PREFETCHT1 128(w)(NEXT*1)
#define LINES4(w) \
	LINES3(w)                 \
	PREFETCHT1 192(w)(NEXT*1)

// QUADS transposes 4 x 4 quads in each 16 bytes: a, b, c, d are four rows,
// then their quads 0, 1, 2, 3.
#define QUADS(a, b, c, d) \
	VPUNPCKLDQ  b, a, Z24   \ // a0 b0 a1 b1
	VPUNPCKHDQ  b, a, Z25   \ // a2 b2 a3 b3
	VPUNPCKLDQ  d, c, Z26   \ // c0 d0 c1 d1
	VPUNPCKHDQ  d, c, Z27   \ // c2 d2 c3 d3
	VPUNPCKLQDQ Z26, Z24, a \
	VPUNPCKHQDQ Z26, Z24, b \
	VPUNPCKLQDQ Z27, Z25, c \
	VPUNPCKHQDQ Z27, Z25, d

// FOUR loads 16 bytes at of four rows, 4 apart, into the quarters of z.
#define FOUR(z, x, r0, r4, r8, r12) \
	VMOVDQU     r0, x          \
	VINSERTI32X4 $1, r4, z, z  \
	VINSERTI32X4 $2, r8, z, z  \
	VINSERTI32X4 $3, r12, z, z

// TURN16 loads 16 bytes of each row, off bytes from its pointer, and leaves
// quads 0 to 3 of all rows in Z0 to Z3.
#define TURN16(off) \
	FOUR(Z0, X0, off(W), off(W4), off(W8), off(W12))                                             \
	FOUR(Z1, X1, off(W)(STRIDE*1), off(W4)(STRIDE*1), off(W8)(STRIDE*1), off(W12)(STRIDE*1)) \
	FOUR(Z2, X2, off(W)(STRIDE*2), off(W4)(STRIDE*2), off(W8)(STRIDE*2), off(W12)(STRIDE*2)) \
	FOUR(Z3, X3, off(W)(S3*1), off(W4)(S3*1), off(W8)(S3*1), off(W12)(S3*1))                     \
	QUADS(Z0, Z1, Z2, Z3)

// PAIR loads 32 bytes at of two rows, 4 apart, into the halves of z.
#define PAIR(z, y, low, high) \
	VMOVDQU      low, y         \
	VINSERTI64X4 $1, high, z, z

// JOIN makes quad i and quad i+4 of 16 rows from those of rows 0-7 and 8-15.
#define JOIN(rows0, rows8, low, high) \
	VSHUFI32X4 $0x88, rows8, rows0, low \
	VSHUFI32X4 $0xdd, rows8, rows0, high

// TURN32 loads 32 bytes of each row, off bytes from its pointer, and leaves
// quads 0 to 7 of all rows in Z16 to Z23.
#define TURN32(off) \
	PAIR(Z0, Y0, off(W), off(W4))                       \
	PAIR(Z1, Y1, off(W)(STRIDE*1), off(W4)(STRIDE*1))   \
	PAIR(Z2, Y2, off(W)(STRIDE*2), off(W4)(STRIDE*2))   \
	PAIR(Z3, Y3, off(W)(S3*1), off(W4)(S3*1))           \
	PAIR(Z4, Y4, off(W8), off(W12))                     \
	PAIR(Z5, Y5, off(W8)(STRIDE*1), off(W12)(STRIDE*1)) \
	PAIR(Z6, Y6, off(W8)(STRIDE*2), off(W12)(STRIDE*2)) \
	PAIR(Z7, Y7, off(W8)(S3*1), off(W12)(S3*1))         \
	QUADS(Z0, Z1, Z2, Z3)                               \
	QUADS(Z4, Z5, Z6, Z7)                               \
	JOIN(Z0, Z4, Z16, Z20)                              \
	JOIN(Z1, Z5, Z17, Z21)                              \
	JOIN(Z2, Z6, Z18, Z22)                              \
	JOIN(Z3, Z7, Z19, Z23)

// SPLIT leaves a quad's lower nibbles in z and the upper ones in high, both
// with the bits of BASE.
#define SPLIT(z, high) \
	VPSRLW     $4, z, high            \
	VPTERNLOGD $0xea, BASE, LOW, z    \ // z & LOW | BASE
	VPTERNLOGD $0xea, BASE, LOW, high

// NIBBLES stores what SPLIT makes of z.
#define NIBBLES(z, tmp, low, high) \
	SPLIT(z, tmp)                 \
	VMOVDQU64 z, (low)(PANEL)     \
	VMOVDQU64 tmp, (high)(PANEL)

// LEVELS stores the values that TABLE has for a quad's lower nibbles, and 16
// columns further those for the upper ones.
#define LEVELS(z, tmp, at) \
	VPSRLW    $4, z, tmp            \
	VPANDD    LOW, z, z             \
	VPANDD    LOW, tmp, tmp         \
	VPSHUFB   z, TABLE, z           \
	VPSHUFB   tmp, TABLE, tmp       \
	VMOVDQU64 z, (at)(PANEL)        \
	VMOVDQU64 tmp, (at+256)(PANEL)

// iq4<> are the codes of IQ4_NL and IQ4_XS.
DATA iq4<>+0(SB)/8, $0x766a5d4f3f2d1801
DATA iq4<>+8(SB)/8, $0xf1d9c5b5a6998d81
GLOBL iq4<>(SB), RODATA|NOPTR, $16

// COPY copies a few bytes of each row, off bytes from its pointer, one row's
// after the other's to at(PANEL). A load right after so many narrow stores
// waits for them: the further away it is, the better.
#define COPY4(load, store, size, off, w, at) \
	load  off(w), AX                \
	store AX, (at+0*size)(PANEL)    \
	load  off(w)(STRIDE*1), AX      \
	store AX, (at+1*size)(PANEL)    \
	load  off(w)(STRIDE*2), AX      \
	store AX, (at+2*size)(PANEL)    \
	load  off(w)(S3*1), AX          \
	store AX, (at+3*size)(PANEL)

#define COPY(load, store, size, off, at) \
	COPY4(load, store, size, off, W, at)          \
	COPY4(load, store, size, off, W4, at+4*size)  \
	COPY4(load, store, size, off, W8, at+8*size)  \
	COPY4(load, store, size, off, W12, at+12*size)

#define BYTES(off, at)  COPY(MOVBLZX, MOVB, 1, off, at)
#define HALVES(off, at) COPY(MOVWLZX, MOVW, 2, off, at)
#define WORDS(off, at)  COPY(MOVL, MOVL, 4, off, at)

// WIDE makes floats of the binary16 in src's lower halves.
#define WIDE(src, y, dst) \
	VPMOVDW   src, y \
	VCVTPH2PS y, dst

// EACHHALF takes the binary16 that the rows begin with: 0 to 7 to X0, the others to X1.
#define EACHHALF \
	VPXOR X0, X0, X0       \
	VPXOR X1, X1, X1       \
	FOURHALVES(0, W, X0)   \
	FOURHALVES(0, W8, X1)  \
	FOURHALVES(4, W4, X0)  \
	FOURHALVES(4, W12, X1)

#define FOURHALVES(lane, w, x) \
	VPINSRW $(lane+0), (w), x, x           \
	VPINSRW $(lane+1), (w)(STRIDE*1), x, x \
	VPINSRW $(lane+2), (w)(STRIDE*2), x, x \
	VPINSRW $(lane+3), (w)(S3*1), x, x
