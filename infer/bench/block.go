package bench

import (
	"encoding/binary"
	"math"

	"github.com/a472be26/cusp/infer/quant"
)

// block is one block of a stencil. The layouts are described in infer/quant.
//
// Codes get their lowest bit set: then they are spread evenly on both sides of
// the middle, and where the middle is no code, it is that of the minimum too.
type block struct{ random, fixed []byte }

// Root mean squares of odd codes around their middle: those of n bits are
// ±1, ±3 ... ±(2^n-1).
var (
	rms2 = math.Sqrt(1)           // two bits: the codes 1 and 3
	rms3 = math.Sqrt(5)           // ±1, ±3
	rms4 = math.Sqrt(21)          // to ±7
	rms5 = math.Sqrt(85)          // to ±15
	rms6 = math.Sqrt(341)         // to ±31
	rms8 = math.Sqrt(5461)        // to ±127
	rmsL = math.Sqrt(35509.0 / 8) // every other level of IQ4_NL
	rmsE = math.Sqrt(34.25 / 4)   // the values of MXFP4
)

// inner is the scale of the groups in the blocks of 256.
const inner = 8

// blocks lay out a block for weights of a standard deviation.
var blocks = map[quant.Type]func(b *block, deviation float64){
	quant.F32: func(b *block, dev float64) { b.words32(0x807fffff, math.Float32bits(nearestPower(dev/rmsFloat))) },
	quant.F16: func(b *block, dev float64) { b.words16(0x83ff, quant.ToF16(nearestPower(dev/rmsFloat))) },
	quant.BF16: func(b *block, dev float64) {
		b.words16(0x807f, uint16(math.Float32bits(nearestPower(dev/rmsFloat))>>16))
	},
	quant.Q4_0: func(b *block, dev float64) { b.half(0, dev/rms4); b.codes(2, 18, 0x11) },
	quant.Q4_1: func(b *block, dev float64) { b.half(0, dev/rms4); b.half(2, -8*dev/rms4); b.codes(4, 20, 0x11) },
	quant.Q5_0: func(b *block, dev float64) { b.half(0, dev/rms5); b.codes(2, 6, 0); b.codes(6, 22, 0x11) },
	quant.Q5_1: func(b *block, dev float64) {
		b.half(0, dev/rms5)
		b.half(2, -16*dev/rms5)
		b.codes(4, 8, 0)
		b.codes(8, 24, 0x11)
	},
	quant.Q8_0: func(b *block, dev float64) { b.half(0, dev/rms8); b.codes(2, 34, 1) },
	quant.Q2_K: func(b *block, dev float64) {
		b.bytes(0, 16, inner|inner<<4)
		b.codes(16, 80, 0x55)
		b.half(80, dev/rms2/inner)
		b.half(82, 2*dev/rms2/inner)
	},
	quant.Q3_K: func(b *block, dev float64) {
		b.codes(0, 32, 0)
		b.codes(32, 96, 0x55)
		b.bytes(96, 104, inner|inner<<4) // scales are kept with 32 added: two high bits
		b.bytes(104, 108, 0xaa)
		b.half(108, dev/rms3/inner)
	},
	quant.Q4_K: func(b *block, dev float64) { b.header(dev/rms4, 8); b.codes(16, 144, 0x11) },
	quant.Q5_K: func(b *block, dev float64) { b.header(dev/rms5, 16); b.codes(16, 48, 0); b.codes(48, 176, 0x11) },
	quant.Q6_K: func(b *block, dev float64) {
		b.codes(0, 128, 0x11)
		b.codes(128, 192, 0)
		b.bytes(192, 208, inner)
		b.half(208, dev/rms6/inner)
	},
	quant.IQ4_NL: func(b *block, dev float64) { b.half(0, dev/rmsL); b.codes(2, 18, 0x11) },
	quant.IQ4_XS: func(b *block, dev float64) {
		b.half(0, dev/rmsL/inner)
		b.bytes(2, 4, 0xaa) // as Q3_K's
		b.bytes(4, 8, inner|inner<<4)
		b.codes(8, 136, 0x11)
	},
	quant.MXFP4: func(b *block, dev float64) {
		b.bytes(0, 1, byte(127+math.Log2(float64(nearestPower(dev/rmsE)))))
		b.codes(1, 17, 0)
	},
}

// rmsFloat is that of numbers between 1 and 2, of either sign.
var rmsFloat = math.Sqrt(7.0 / 3)

// nearestPower is the power of two that is nearest in its logarithm.
func nearestPower(x float64) float32 { return float32(math.Exp2(math.Round(math.Log2(x)))) }

// codes draws the bytes from at to end, with some bits always set.
func (b *block) codes(at, end int, set byte) {
	for i := at; i < end; i++ {
		b.random[i], b.fixed[i] = 0xff, set
	}
}

// bytes sets those from at to end.
func (b *block) bytes(at, end int, value byte) {
	for i := at; i < end; i++ {
		b.fixed[i] = value
	}
}

func (b *block) half(at int, x float64) {
	binary.LittleEndian.PutUint16(b.fixed[at:], quant.ToF16(float32(x)))
}

// header is that of Q4_K and Q5_K, with the same scale for all groups and the
// minimum that takes a code to 0.
func (b *block) header(scale, middle float64) {
	b.half(0, scale/inner)
	b.half(2, middle*scale/inner)
	b.bytes(4, 12, inner)
	b.bytes(12, 16, inner|inner<<4)
}

// words32 draws floats: random where the mask says so, sign and mantissa, and
// with the same exponent.
func (b *block) words32(mask, exponent uint32) {
	binary.LittleEndian.PutUint32(b.random, mask)
	binary.LittleEndian.PutUint32(b.fixed, exponent)
}

func (b *block) words16(mask, exponent uint16) {
	binary.LittleEndian.PutUint16(b.random, mask)
	binary.LittleEndian.PutUint16(b.fixed, exponent)
}
