package quant

import "math"

// ToF16 rounds x to IEEE 754 binary16, to nearest with ties to even. Values
// beyond 65504 become infinities, NaN stays a (quiet) NaN.
func ToF16(x float32) uint16 {
	b := math.Float32bits(x)
	sign := uint16(b>>16) & 0x8000
	exp := int(b>>23) & 0xff
	man := b & 0x7fffff
	switch {
	case exp == 0xff && man != 0:
		return sign | 0x7e00
	case exp >= 127+16:
		return sign | 0x7c00
	case exp >= 127-14:
		// A carry out of the mantissa runs into the exponent, as it should,
		// up to and including the step to infinity.
		return sign | uint16(roundShift(uint32(exp-112)<<23|man, 13))
	case exp >= 127-25:
		return sign | uint16(roundShift(man|0x800000, uint(126-exp)))
	default:
		return sign
	}
}

// roundShift is v >> n, rounded to nearest with ties to even.
func roundShift(v uint32, n uint) uint32 {
	half := uint32(1)<<(n-1) - 1
	return (v + half + v>>n&1) >> n
}

// FromF16 widens an IEEE 754 binary16 value; every one of them has an exact float32.
func FromF16(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp := uint32(h>>10) & 0x1f
	man := uint32(h & 0x3ff)
	switch exp {
	case 0:
		// Subnormal: man counts units of 2^-24.
		f := float32(man) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(f) | sign)
	case 0x1f:
		return math.Float32frombits(sign | 0x7f800000 | man<<13)
	default:
		return math.Float32frombits(sign | (exp+112)<<23 | man<<13)
	}
}

// bf16 rounds x to bfloat16, to nearest with ties to even; NaN stays quiet NaN.
func bf16(x float32) uint16 {
	b := math.Float32bits(x)
	if x != x {
		return uint16(b>>16) | 0x40
	}
	return uint16((uint64(b) + 0x7fff + uint64(b>>16&1)) >> 16)
}
