package quant

import (
	"encoding/binary"
	"math"
)

// groups is what Type.Groups returns.
type groups struct {
	columns int
	mins    bool
}

var grouped = map[Type]groups{
	Q4_0:   {32, false},
	Q4_1:   {32, true},
	Q5_0:   {32, false},
	Q5_1:   {32, true},
	Q8_0:   {32, false},
	Q2_K:   {16, true},
	Q3_K:   {16, false},
	Q4_K:   {32, true},
	Q5_K:   {32, true},
	Q6_K:   {16, false},
	IQ4_NL: {32, false},
	IQ4_XS: {32, false},
	MXFP4:  {32, false},
}

// Groups says how the elements of a row share scales: columns of them do, and
// where mins is set they also share a minimum that is subtracted. ok is false
// for a type that Unpack does not take apart.
func (t Type) Groups() (columns int, mins, ok bool) {
	g, ok := grouped[t]
	return g.columns, g.mins, ok
}

// Unpack takes one block apart: element i is scales[i/g]*q[i] - mins[i/g] in
// float32, with g of Groups. q has the BlockSize of t, scales and mins an entry
// for every group; mins is left alone by a type without. block holds BlockBytes
// bytes. All codes are within -128 to 127, so that a product with int8
// activations is one of integers. A type without Groups is a mistake: it panics.
func Unpack(t Type, block []byte, q []int8, scales, mins []float32) {
	block, q = block[:t.BlockBytes()], q[:t.BlockSize()]
	switch t { // and no table of functions, through which a caller's arrays would escape to the heap
	case Q4_0:
		unpackQ4_0(block, q, scales)
	case Q4_1:
		unpackQ4_1(block, q, scales, mins)
	case Q5_0:
		unpackQ5_0(block, q, scales)
	case Q5_1:
		unpackQ5_1(block, q, scales, mins)
	case Q8_0:
		unpackQ8_0(block, q, scales)
	case Q2_K:
		unpackQ2K(block, q, scales, mins)
	case Q3_K:
		unpackQ3K(block, q, scales)
	case Q4_K:
		unpackQ4K(block, q, scales, mins)
	case Q5_K:
		unpackQ5K(block, q, scales, mins)
	case Q6_K:
		unpackQ6K(block, q, scales)
	case IQ4_NL:
		unpackIQ4NL(block, q, scales)
	case IQ4_XS:
		unpackIQ4XS(block, q, scales)
	case MXFP4:
		unpackMXFP4(block, q, scales)
	default:
		panic("quant: unpack: " + t.String() + " is not supported")
	}
}

// The layouts below are those of the block structs in ggml-common.h.

func half(b []byte) float32 { return FromF16(binary.LittleEndian.Uint16(b)) }

// nibbles spreads bytes: the lower halves first, the upper ones after them.
func nibbles(q []int8, b []byte) {
	for i, v := range b {
		q[i], q[len(b)+i] = int8(v&15), int8(v>>4)
	}
}

func shiftAll(q []int8, by int8) {
	for i := range q {
		q[i] += by
	}
}

// unpackQ4_0: d, 16 bytes of nibbles; (q-8)*d.
func unpackQ4_0(b []byte, q []int8, scales []float32) {
	scales[0] = half(b)
	nibbles(q, b[2:18])
	shiftAll(q, -8)
}

// unpackQ4_1: d, m, 16 bytes of nibbles; q*d + m.
func unpackQ4_1(b []byte, q []int8, scales, mins []float32) {
	scales[0], mins[0] = half(b), -half(b[2:])
	nibbles(q, b[4:20])
}

// unpackQ5_0: d, 32 fifth bits, 16 bytes of nibbles; (q-16)*d.
func unpackQ5_0(b []byte, q []int8, scales []float32) {
	scales[0] = half(b)
	nibbles(q, b[6:22])
	fifths(q, binary.LittleEndian.Uint32(b[2:]))
	shiftAll(q, -16)
}

// unpackQ5_1: d, m, 32 fifth bits, 16 bytes of nibbles; q*d + m.
func unpackQ5_1(b []byte, q []int8, scales, mins []float32) {
	scales[0], mins[0] = half(b), -half(b[2:])
	nibbles(q, b[8:24])
	fifths(q, binary.LittleEndian.Uint32(b[4:]))
}

func fifths(q []int8, bits uint32) {
	for i := range q {
		q[i] |= int8(bits>>i&1) << 4
	}
}

// unpackQ8_0: d, 32 signed bytes; q*d.
func unpackQ8_0(b []byte, q []int8, scales []float32) {
	scales[0] = half(b)
	for i, v := range b[2:34] {
		q[i] = int8(v)
	}
}

// unpackQ2K: 16 bytes of scale (low) and minimum (high nibble), 64 bytes of
// four 2-bit planes for each 128 elements, d, dmin.
func unpackQ2K(b []byte, q []int8, scales, mins []float32) {
	d, dmin := half(b[80:]), half(b[82:])
	for i, s := range b[:16] {
		scales[i], mins[i] = d*float32(s&15), dmin*float32(s>>4)
	}
	for i := range q {
		q[i] = int8(pair(b[16:80], i))
	}
}

// pair is the 2-bit value of element i: every 32 bytes hold four planes of 32.
func pair(b []byte, i int) byte { return b[i/128*32+i%32] >> (i % 128 / 32 * 2) & 3 }

// unpackQ3K: 32 bytes of third bits, a plane for each 32 elements, 64 bytes of
// 2-bit planes as Q2_K's, 12 bytes of 6-bit scales, d.
func unpackQ3K(b []byte, q []int8, scales []float32) {
	d := half(b[108:])
	for i := range scales[:16] {
		low := b[96+i%8] >> (i / 8 * 4) & 15
		high := b[104+i%4] >> (i / 4 * 2) & 3
		scales[i] = d * float32(int(low|high<<4)-32)
	}
	for i := range q {
		third := b[i%32] >> (i / 32) & 1
		q[i] = int8(pair(b[32:96], i)|third<<2) - 4
	}
}

// scaleMins writes the scales and minima of Q4_K's and Q5_K's header: d, dmin,
// then eight 6-bit pairs in 12 bytes.
func scaleMins(b []byte, scales, mins []float32) {
	d, dmin := half(b), half(b[2:])
	s := b[4:16]
	for j := range 4 {
		scales[j], mins[j] = d*float32(s[j]&63), dmin*float32(s[j+4]&63)
		scales[j+4] = d * float32(s[j+8]&15|s[j]>>6<<4)
		mins[j+4] = dmin * float32(s[j+8]>>4|s[j+4]>>6<<4)
	}
}

// unpackQ4K: the header, then for each 64 elements 32 bytes of nibbles.
func unpackQ4K(b []byte, q []int8, scales, mins []float32) {
	scaleMins(b, scales, mins)
	for j := range 4 {
		nibbles(q[j*64:][:64], b[16+j*32:][:32])
	}
}

// unpackQ5K: the header, 32 bytes of fifth bits, a plane for each 32 elements,
// then as Q4_K.
func unpackQ5K(b []byte, q []int8, scales, mins []float32) {
	scaleMins(b, scales, mins)
	for j := range 4 {
		nibbles(q[j*64:][:64], b[48+j*32:][:32])
	}
	for i := range q {
		q[i] |= int8(b[16+i%32]>>(i/32)&1) << 4
	}
}

// unpackQ6K: for each 128 elements 64 bytes of nibbles, then for each 128 32
// bytes of 2-bit planes, 16 signed scales, d; (q-32)*d*scale.
func unpackQ6K(b []byte, q []int8, scales []float32) {
	d := half(b[208:])
	for i, s := range b[192:208] {
		scales[i] = d * float32(int8(s))
	}
	for j := range 2 {
		nibbles(q[j*128:][:128], b[j*64:][:64])
	}
	for i := range q {
		q[i] = (q[i] | int8(pair(b[128:192], i)<<4)) - 32
	}
}

// iq4Values are the levels of IQ4_NL and IQ4_XS.
var iq4Values = [16]int8{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}

// mxfp4Values are twice the values of the 4-bit floats E2M1.
var mxfp4Values = [16]int8{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12}

func levels(q []int8, b []byte, values *[16]int8) {
	nibbles(q, b)
	for i, v := range q {
		q[i] = values[v]
	}
}

// unpackIQ4NL: as Q4_0, with levels of a table.
func unpackIQ4NL(b []byte, q []int8, scales []float32) {
	scales[0] = half(b)
	levels(q, b[2:18], &iq4Values)
}

// unpackIQ4XS: d, eight 6-bit scales less 32 (two high bits each in a 16-bit
// word, low nibbles in four bytes), then for each 32 elements 16 bytes.
func unpackIQ4XS(b []byte, q []int8, scales []float32) {
	d, high := half(b), binary.LittleEndian.Uint16(b[2:])
	for j := range 8 {
		low := int(b[4+j/2]>>(j%2*4)) & 15
		scales[j] = d * float32(low|int(high>>(2*j)&3)<<4-32)
		levels(q[j*32:][:32], b[8+j*16:][:16], &iq4Values)
	}
}

// unpackMXFP4: an exponent, then nibbles of 4-bit floats (OCP Microscaling
// Formats 1.0). The scale is half the stated one, since the levels are twice.
func unpackMXFP4(b []byte, q []int8, scales []float32) {
	scales[0] = float32(math.Ldexp(1, int(b[0])-128))
	levels(q, b[1:17], &mxfp4Values)
}
