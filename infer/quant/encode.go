package quant

import (
	"encoding/binary"
	"fmt"
	"math"
)

// encoder writes one block. dst is zero before, src is finite and of no
// magnitude beyond largest.
type encoder struct {
	largest float32
	encode  func(dst []byte, src []float32) error
}

// encoders write blocks as Unpack reads them. The searching ones are bounded by
// what the largest scale and code can hold: beyond it sums of powers could
// leave float32 and a scale come out wrong instead of too large.
var encoders = map[Type]encoder{
	Q4_0:   {math.MaxFloat32, encodeQ4_0},
	Q4_1:   {math.MaxFloat32, encodeQ4_1},
	Q5_0:   {math.MaxFloat32, encodeQ5_0},
	Q5_1:   {math.MaxFloat32, encodeQ5_1},
	Q8_0:   {math.MaxFloat32, encodeQ8_0},
	Q2_K:   {maxF16 * 15 * 3, encodeQ2K},
	Q3_K:   {maxF16 * 32 * 4, encodeQ3K},
	Q4_K:   {maxF16 * 63 * 15, encodeQ4K},
	Q5_K:   {maxF16 * 63 * 31, encodeQ5K},
	Q6_K:   {maxF16 * 128 * 32, encodeQ6K},
	IQ4_NL: {maxF16 * 127, encodeIQ4NL},
	IQ4_XS: {maxF16 * 32 * 127, encodeIQ4XS},
	MXFP4:  {math.MaxFloat32, encodeMXFP4},
}

// maxF16 is the largest finite float16.
const maxF16 = 65504

func encodeBlocks(t Type, dst []byte, src []float32) error {
	e, ok := encoders[t]
	if !ok {
		return fmt.Errorf("quant: encode: %s is not supported (use F32, F16, BF16, Q2_K to Q8_0, IQ4_NL, IQ4_XS or MXFP4)", t)
	}
	clear(dst)
	for b := 0; len(src) > 0; b++ {
		if err := e.block(dst[:t.BlockBytes()], src[:t.BlockSize()]); err != nil {
			return fmt.Errorf("quant: encode %s: block %d: %w", t, b, err)
		}
		dst, src = dst[t.BlockBytes():], src[t.BlockSize():]
	}
	return nil
}

// block encodes one block; its errors name the element that is to blame.
func (e encoder) block(dst []byte, src []float32) error {
	for i, x := range src {
		if !(abs(x) <= math.MaxFloat32) {
			return fmt.Errorf("element %d is %v: only finite values can be quantized", i, x)
		}
	}
	x, i := peak(src)
	if abs(x) > e.largest {
		return fmt.Errorf("element %d is %v, beyond %v, the largest magnitude of a block", i, x, e.largest)
	}
	if err := e.encode(dst, src); err != nil {
		return fmt.Errorf("element %d is %v: a block with it %w", i, x, err)
	}
	return nil
}

// peak is the first element of the largest magnitude and its index, 0 and not
// -0 if all are zero.
func peak(x []float32) (value float32, at int) {
	for i, v := range x {
		if abs(v) > abs(value) {
			value, at = v, i
		}
	}
	return value, at
}

// bounds are the smallest and the largest element, the first of equal ones.
func bounds(x []float32) (low, high float32) {
	low, high = x[0], x[0]
	for _, v := range x {
		if v < low {
			low = v
		}
		if v > high {
			high = v
		}
	}
	return low, high
}

func abs(x float32) float32 { return float32(math.Abs(float64(x))) }

// putScale writes d as float16.
func putScale(dst []byte, d float32) error { return putHalf(dst, "scale", d) }

// putScaleMin writes a scale and, after it, what is added to all elements of a
// block or taken from them.
func putScaleMin(dst []byte, d, minimum float32) error {
	if err := putScale(dst, d); err != nil {
		return err
	}
	return putHalf(dst[2:], "minimum", minimum)
}

func putHalf(dst []byte, what string, x float32) error {
	h := ToF16(x)
	if h&0x7c00 == 0x7c00 {
		return fmt.Errorf("needs the %s %v, beyond float16", what, x)
	}
	binary.LittleEndian.PutUint16(dst, h)
	return nil
}

// asF16 is x as it comes back from a float16.
func asF16(x float32) float32 { return FromF16(ToF16(x)) }

// inverse is 1/d, and 0 for a scale so small that 1/d is no float32: its block
// is all zeros.
func inverse(d float32) float32 {
	inv := 1 / d
	if d == 0 || abs(inv) > math.MaxFloat32 {
		return 0
	}
	return inv
}

// nearest is the integer nearest to x between low and high, halves to even. It
// is low for what is not a number.
func nearest(x float32, low, high int) int {
	r := math.RoundToEven(float64(x))
	if !(r > float64(low)) {
		return low
	}
	return int(min(r, float64(high)))
}
