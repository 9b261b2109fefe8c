package quant

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Encode writes src as one row of type t into dst, which must be exactly
// RowBytes(len(src)) long.
func Encode(t Type, dst []byte, src []float32) error {
	if err := checkRow(t, len(dst), len(src)); err != nil {
		return err
	}
	switch t {
	case F32:
		for i, v := range src {
			binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(v))
		}
	case F16:
		for i, v := range src {
			binary.LittleEndian.PutUint16(dst[2*i:], ToF16(v))
		}
	case BF16:
		for i, v := range src {
			binary.LittleEndian.PutUint16(dst[2*i:], bf16(v))
		}
	case Q8_0:
		return encodeQ8(dst, src)
	default:
		return fmt.Errorf("quant: encode: %s is not supported (use F32, F16, BF16 or Q8_0)", t)
	}
	return nil
}

// Decode reads one row of type t from src into dst; src must be exactly
// RowBytes(len(dst)) long.
func Decode(t Type, dst []float32, src []byte) error {
	if err := checkRow(t, len(src), len(dst)); err != nil {
		return err
	}
	switch t {
	case F32:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		}
	case F16:
		for i := range dst {
			dst[i] = FromF16(binary.LittleEndian.Uint16(src[2*i:]))
		}
	case BF16:
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
		}
	case Q8_0:
		decodeQ8(dst, src)
	default:
		return decodeBlocks(t, dst, src)
	}
	return nil
}

// decodeBlocks puts together what Unpack takes apart, with the float32
// operations of ggml's dequantize_row functions.
func decodeBlocks(t Type, dst []float32, src []byte) error {
	group, withMins, ok := t.Groups()
	if !ok {
		return fmt.Errorf("quant: decode: %s is not supported", t)
	}
	var (
		q            [256]int8
		scales, mins [16]float32
	)
	for ; len(dst) > 0; dst, src = dst[t.BlockSize():], src[t.BlockBytes():] {
		Unpack(t, src, q[:], scales[:], mins[:])
		for i, code := range q[:t.BlockSize()] {
			x := float32(scales[i/group] * float32(code)) // the conversion forbids a fused multiply-add
			if withMins {
				x -= mins[i/group]
			}
			dst[i] = x
		}
	}
	return nil
}

// checkRow wants size to be the bytes of a row of n elements.
func checkRow(t Type, size, n int) error {
	want, err := t.RowBytes(n)
	if err != nil {
		return err
	}
	if size != want {
		return fmt.Errorf("quant: a %s row of %d elements takes %d bytes, not %d", t, n, want, size)
	}
	return nil
}

// encodeQ8 writes blocks of a float16 scale d = max|x|/127 and 32 int8
// q = round(x/d), halves away from zero: the reference rounding of ggml's
// quantize_row_q8_0_ref, which multiplies by the float32 1/d taken before d is
// rounded to float16.
func encodeQ8(dst []byte, src []float32) error {
	for b := 0; len(src) > 0; b++ {
		if err := encodeQ8Block(dst[:34], src[:Q8Block]); err != nil {
			return fmt.Errorf("quant: encode Q8_0: block %d: %w", b, err)
		}
		dst, src = dst[34:], src[Q8Block:]
	}
	return nil
}

func encodeQ8Block(dst []byte, src []float32) error {
	var peak float32
	for i, v := range src {
		a := float32(math.Abs(float64(v)))
		if !(a <= math.MaxFloat32) {
			return fmt.Errorf("element %d is %v: only finite values can be quantized", i, v)
		}
		peak = max(peak, a)
	}
	d := peak / 127
	scale := ToF16(d)
	if scale&0x7fff == 0x7c00 {
		return fmt.Errorf("largest magnitude %v needs the scale %v, beyond float16", peak, d)
	}
	binary.LittleEndian.PutUint16(dst, scale)
	inv := q8Inverse(d)
	for i, v := range src {
		dst[2+i] = byte(q8Round(v, inv))
	}
	return nil
}

// q8Inverse is the factor that takes values of a block with scale d to its
// quants: 1/d, and 0 for a scale so small that 1/d is no float32, whose block
// is therefore all zeros.
func q8Inverse(d float32) float32 {
	inv := 1 / d
	if d == 0 || inv > math.MaxFloat32 {
		return 0
	}
	return inv
}

// q8Round is the quant of a finite x: x*inv to the nearest integer, halves away
// from zero, and within -127 to 127.
func q8Round(x, inv float32) int8 {
	return int8(max(-127, min(127, math.Round(float64(x*inv)))))
}

func decodeQ8(dst []float32, src []byte) {
	for len(dst) > 0 {
		d := FromF16(binary.LittleEndian.Uint16(src))
		for i, q := range src[2:34] {
			dst[i] = d * float32(int8(q))
		}
		dst, src = dst[Q8Block:], src[34:]
	}
}
