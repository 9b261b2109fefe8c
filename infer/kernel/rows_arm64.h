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
	JOIN(f)           \
	FCVTL(half, half)
#define JOIN(f) \
	ORR   T1<<16, T0, T0 \
	ORR   T3<<16, T2, T2 \
	ORR   T2<<32, T0, T0 \
	FMOVD T0, f

// TWOHALVES loads two binary16 of each row; TWOJOINED makes float32 of them in
// V(n) and V17, where NEGATED before it turns the signs.
#define TWOHALVES(off) \
	MOVWU (off)(W0), T0   \
	MOVWU (off)(W1), T1   \
	MOVWU (off)(W2), T2   \
	MOVWU (off)(W3), T3   \
	ORR   T1<<32, T0, T0  \
	ORR   T3<<32, T2, T2
#define NEGATED \
	EOR $0x8000000080000000, T0, T0 \
	EOR $0x8000000080000000, T2, T2
#define TWOJOINED(n, v) \
	FMOVD T0, F18                \
	FMOVD T2, F19                \
	VUZP1 V19.H4, V18.H4, v.H4   \
	VUZP2 V19.H4, V18.H4, V17.H4 \
	FCVTL(n, n)                  \
	FCVTL(17, 17)

// BYTES loads a byte e of each row, which says 2^(e-128); POWERS makes float32
// of them in V(n). Their bits are (e-1)<<23, but of the two that are subnormal
// (e+1)<<21, which is less for all others. The includer names the registers
// of both constants.
#define BYTES(off) \
	MOVBU (off)(W0), T0  \
	MOVBU (off)(W1), T1  \
	MOVBU (off)(W2), T2  \
	MOVBU (off)(W3), T3
#define POWERS(n, f, v) \
	JOIN(f)                           \
	VUXTL v.H4, v.S4                  \
	VSHL  $23, v.S4, V17.S4           \
	VSHL  $21, v.S4, v.S4             \
	VSUB  EXPONENT.S4, V17.S4, V17.S4 \
	VADD  FRACTION.S4, v.S4, v.S4     \
	SMAX(17, n, n)
#define POWERARGUMENTS \
	MOVW $(1<<23), T0      \
	MOVW $(1<<21), T1      \
	VDUP T0, EXPONENT.S4   \
	VDUP T1, FRACTION.S4

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

#define PUTMINS(at) \
	FMOVQ F4, (at)(MINS)    \
	FMOVQ F5, (at+32)(MINS) \
	FMOVQ F6, (at+64)(MINS) \
	FMOVQ F7, (at+96)(MINS)

// SCALEMINS unpacks the header of Q4_K and Q5_K: d and dmin in binary16, then
// 12 bytes of 6-bit scales and minima; see scaleMins in infer/quant.
#define SCALEMINS(put) \
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
	put(0)                             \
	FOUR(V10, 16)                      \
	put(1)                             \
	FOUR(V9, 17)                       \
	PUTMINS(0)                         \
	FOUR(V11, 17)                      \
	PUTMINS(4*32)                      \
	ADD   $(8*32), MINS

// SCALES2 unpacks the scales of Q2_K, in the lower halves of the first 16 bytes,
// and its minima, in the upper ones; d and dmin lie behind the codes. put(i)
// stores the scales of groups 4i to 4i+3.
#define SCALES2(put) \
	TWOHALVES(80)             \
	LOAD(0)                   \
	TWOJOINED(16, V16)        \
	QUADS(V28, V29, V30, V31) \
	FOUR2(0, V28, put)        \
	FOUR2(1, V29, put)        \
	FOUR2(2, V30, put)        \
	FOUR2(3, V31, put)        \
	ADD $(16*32), MINS
#define FOUR2(i, src, put) \
	VAND  FIFTEEN.B16, src.B16, V8.B16 \
	VUSHR $4, src.B16, V9.B16          \
	FOUR(V8, 16)                       \
	put(i)                             \
	FOUR(V9, 17)                       \
	PUTMINS(128*i)

// SCALES3 unpacks the 6-bit scales of Q3_K, which are 32 more than they say:
// quads s, t and u have the lower halves of 0-3 and 8-11, of 4-7 and 12-15, and
// the upper bits of all.
#define SCALES3(put) \
	HALVES(108)                        \
	LOAD(92)                           \ // four bytes before the scales
	JOINED(16, F16)                    \
	QUADS(V28, V29, V30, V31)          \ // of which V29 to V31 are s, t and u
	SIXBITS                            \
	VUSHR $4, V29.B16, V8.B16          \
	VUSHR $4, V30.B16, V9.B16          \
	VUSHR $2, V31.B16, V10.B16         \
	VUSHR $4, V31.B16, V11.B16         \
	VUSHR $6, V31.B16, V28.B16         \
	FOUR3(0, V29, V31, put)            \
	FOUR3(1, V30, V10, put)            \
	FOUR3(2, V8, V11, put)             \
	FOUR3(3, V9, V28, put)
#define FOUR3(i, low, high, put) \
	LESS32(low, high) \
	FOUR(low, 16)     \
	put(i)

// LESS32 makes numbers of 6 bits, less 32: low has their lower halves, high
// the two bits above.
#define LESS32(low, high) \
	VSLI $4, high.B16, low.B16     \
	VAND V18.B16, low.B16, low.B16 \
	VSUB V19.B16, low.B16, low.B16
#define SIXBITS \
	VMOVI $63, V18.B16 \
	VMOVI $32, V19.B16

// SCALES4 unpacks the 6-bit scales of IQ4_XS, 32 more than they say: behind d
// lie the upper two bits of 0-3 and 4-7, then the lower halves of 0 and 1, 2 and
// 3, ... put(i) stores those of steps i, i+2, i+4 and i+6.
#define SCALES4(put) \
	LOAD(0)                           \
	QUADS(V28, V29, V30, V31)         \ // of which V28 and V29 are these
	VUZP1 V28.H8, V28.H8, V16.H8      \
	VUZP2 V28.H8, V28.H8, V8.H8       \
	FCVTL(16, 16)                     \
	VUSHR $4, V8.B16, V9.B16          \
	VZIP1 V9.B16, V8.B16, V8.B16      \ // the upper bits of 0, 2, 4 and 6
	VUSHR $2, V8.B16, V9.B16          \
	VUSHR $4, V29.B16, V10.B16        \
	SIXBITS                           \
	LESS32(V29, V8)                   \
	LESS32(V10, V9)                   \
	FOUR(V29, 16)                     \
	put(0)                            \
	FOUR(V10, 16)                     \
	put(1)

// SCALES6 unpacks the signed scales of Q6_K, which lie behind the codes, as d.
#define SCALES6(put) \
	HALVES(208)               \
	LOAD(192)                 \
	JOINED(16, F16)           \
	QUADS(V28, V29, V30, V31) \
	FOUR(V28, 16)             \
	put(0)                    \
	FOUR(V29, 16)             \
	put(1)                    \
	FOUR(V30, 16)             \
	put(2)                    \
	FOUR(V31, 16)             \
	put(3)

// Fifth bits of four rows, 32 in a register of each. ISFIFTH sets all bits in
// those of 16 bytes whose column has its fifth: in w those of a's row, in x of
// b's. table says whether of columns 0-15 or 16-31. The includer names the
// registers of fifthBits<>, which follow each other.
#define ISFIFTH(table, a, b, c, d, w, x, y, z) \
	VTBL   table.B16, [a.B16], w.B16   \
	VTBL   table.B16, [b.B16], x.B16   \
	VTBL   table.B16, [c.B16], y.B16   \
	VTBL   table.B16, [d.B16], z.B16   \
	VCMTST EACHBIT.B16, w.B16, w.B16   \
	VCMTST EACHBIT.B16, x.B16, x.B16   \
	VCMTST EACHBIT.B16, y.B16, y.B16   \
	VCMTST EACHBIT.B16, z.B16, z.B16

DATA fifthBits<>+0(SB)/8, $0x0000000000000000 // FIRST16: the byte of 8 columns
DATA fifthBits<>+8(SB)/8, $0x0101010101010101
DATA fifthBits<>+16(SB)/8, $0x0202020202020202 // LAST16
DATA fifthBits<>+24(SB)/8, $0x0303030303030303
DATA fifthBits<>+32(SB)/8, $0x8040201008040201 // EACHBIT
DATA fifthBits<>+40(SB)/8, $0x8040201008040201
GLOBL fifthBits<>(SB), RODATA|NOPTR, $48

// FIFTHBITS loads those bits, off bytes from the rows' pointers, NOTFIFTHBITS
// what they are not.
#define FIFTHBITS(off, a, b, c, d) \
	FMOVS (off)(W0), a \
	FMOVS (off)(W1), b \
	FMOVS (off)(W2), c \
	FMOVS (off)(W3), d
#define NOTFIFTHBITS(off, a, b, c, d) \
	MOVWU (off)(W0), T0 \
	MOVWU (off)(W1), T1 \
	MOVWU (off)(W2), T2 \
	MOVWU (off)(W3), T3 \
	MVN   T0, T0        \
	MVN   T1, T1        \
	MVN   T2, T2        \
	MVN   T3, T3        \
	FMOVS T0, a         \
	FMOVS T1, b         \
	FMOVS T2, c         \
	FMOVS T3, d

// Levels of nibbles, of IQ4_NL and IQ4_XS and of MXFP4, see infer/quant.
DATA iq4<>+0(SB)/8, $0xf6eaddcfbfad9881
DATA iq4<>+8(SB)/8, $0x7159453526190d01
GLOBL iq4<>(SB), RODATA|NOPTR, $16

DATA mxfp4<>+0(SB)/8, $0x0c08060403020100
DATA mxfp4<>+8(SB)/8, $0xf4f8fafcfdfeff00
GLOBL mxfp4<>(SB), RODATA|NOPTR, $16

// KEEP leaves the fifth bit of what ISFIFTH has set, in both halves of a byte, and
// ASIS all of it. The includer names the register of SEVENTEEN, in every byte.
#define KEEP(a, b, c, d) \
	VAND SEVENTEEN.B16, a.B16, a.B16 \
	VAND SEVENTEEN.B16, b.B16, b.B16 \
	VAND SEVENTEEN.B16, c.B16, c.B16 \
	VAND SEVENTEEN.B16, d.B16, d.B16
#define ASIS(a, b, c, d)

// MASK and SHIFTn take codes of two bits apart, MASKHERE what is there already;
// LOWTWO puts the lower two bits of a byte below those that are there, TOPTWO the
// upper two. The includer names the register of THREE, in every byte.
#define MASK(from, to)     VAND THREE.B16, from.B16, to.B16
#define MASKHERE(from, to) VAND THREE.B16, to.B16, to.B16
#define LOWTWO(from, to)   VBIT THREE.B16, from.B16, to.B16
#define TOPTWO(from, to)   VSRI $6, from.B16, to.B16
#define SHIFT2(from, to)   VUSHR $2, from.B16, to.B16
#define SHIFT4(from, to)   VUSHR $4, from.B16, to.B16
#define SHIFT6(from, to)   VUSHR $6, from.B16, to.B16

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
