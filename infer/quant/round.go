package quant

import (
	"encoding/binary"
	"math"
)

// The formats of 32 elements whose scale follows from the extremes of the block.
// All are those of ggml's quantize_row_*_ref functions, bit for bit: codes are
// taken with the float32 scale, before it is rounded to float16.

// encodeQ8_0 writes d = max|x|/127 and q = round(x/d), halves away from zero.
func encodeQ8_0(dst []byte, src []float32) error {
	x, _ := peak(src)
	d := abs(x) / 127
	inv := inverse(d)
	for i, x := range src {
		dst[2+i] = byte(q8Round(x, inv))
	}
	return putScale(dst, d)
}

// q8Round is the quant of a finite x: x*inv to the nearest integer, halves away
// from zero, and within -127 to 127.
func q8Round(x, inv float32) int8 {
	return int8(max(-127, min(127, math.Round(float64(x*inv)))))
}

func encodeQ4_0(dst []byte, src []float32) error {
	var q [32]uint8
	d := roundSigned(q[:], src, 8)
	packNibbles(dst[2:18], q[:])
	return putScale(dst, d)
}

func encodeQ5_0(dst []byte, src []float32) error {
	var q [32]uint8
	d := roundSigned(q[:], src, 16)
	binary.LittleEndian.PutUint32(dst[2:], packFifths(q[:]))
	packNibbles(dst[6:22], q[:])
	return putScale(dst, d)
}

// roundSigned gives the element of the largest magnitude the code 0, which
// stands for -middle, and so the scale its sign.
func roundSigned(q []uint8, src []float32, middle float32) (d float32) {
	x, _ := peak(src)
	d = x / -middle
	inv := inverse(d)
	for i, x := range src {
		q[i] = uint8(min(2*middle-1, float32(x*inv)+(middle+0.5)))
	}
	return d
}

func encodeQ4_1(dst []byte, src []float32) error {
	var q [32]uint8
	d, low := roundSpan(q[:], src, 15)
	packNibbles(dst[4:20], q[:])
	return putScaleMin(dst, d, low)
}

func encodeQ5_1(dst []byte, src []float32) error {
	var q [32]uint8
	d, low := roundSpan(q[:], src, 31)
	binary.LittleEndian.PutUint32(dst[4:], packFifths(q[:]))
	packNibbles(dst[8:24], q[:])
	return putScaleMin(dst, d, low)
}

// roundSpan gives the smallest element the code 0 and the largest the code top.
func roundSpan(q []uint8, src []float32, top float32) (d, low float32) {
	low, high := bounds(src)
	d = (high - low) / top
	inv := inverse(d)
	for i, x := range src {
		q[i] = uint8(min(top, float32((x-low)*inv)+0.5))
	}
	return d, low
}
