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
	default:
		return encodeBlocks(t, dst, src)
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
