package kernel

import (
	"math"
	"unsafe"
)

// smallestScaled is the magnitude below which a block is zero: its scale's
// reciprocal would not be a float32.
const smallestScaled = 0x1p-119

// quantizeGeneric fills in vector v of a tile of n, whose first step and
// bias16 are given, from steps*32 values; see Activations.
func quantizeGeneric(step *byte, half *int32, n, v int, x *float32, steps int) {
	data := unsafe.Slice(step, steps*n*stepBytesX)
	halves := unsafe.Slice(half, steps*2*n)
	values := unsafe.Slice(x, steps*stepCols)
	for ; len(values) > 0; values = values[stepCols:] {
		q := unsafe.Slice((*int8)(unsafe.Pointer(&data[v*stepCols])), stepCols)
		low, high, d := quantizeBlock(q, values[:stepCols])
		floats(data[n*stepCols:])[v] = d
		bias := unsafe.Slice((*int32)(unsafe.Pointer(&data[n*(stepCols+4)])), n)
		halves[v], halves[n+v], bias[v] = -128*low, -128*high, -128*(low+high)
		data, halves = data[n*stepBytesX:], halves[2*n:]
	}
}

// quantizeBlock returns the sums of q's halves and the scale.
func quantizeBlock(q []int8, x []float32) (low, high int32, d float32) {
	d, inverse := blockScale(x)
	for i, v := range x {
		q[i] = roundAway(float32(v * inverse)) // the conversion forbids a fused multiply-add
	}
	for i := range stepCols / 2 {
		low += int32(q[i])
		high += int32(q[stepCols/2+i])
	}
	return low, high, d
}

// blockScale is max|x|/127 and its reciprocal; both zero for a block of zeros,
// NaN and zero for a block that is not finite.
func blockScale(x []float32) (d, inverse float32) {
	var largest uint32
	for _, v := range x {
		largest = max(largest, math.Float32bits(v)&^(1<<31))
	}
	m := math.Float32frombits(largest)
	switch {
	case largest >= 0xff<<23:
		return float32(math.NaN()), 0
	case m < smallestScaled:
		return 0, 0
	}
	return m / 127, 127 / m
}

// roundAway rounds to the nearest integer, ties away from zero. v is within
// [-127.5, 127.5] or NaN. What is added is the largest value below 0.5: 0.5
// itself would round the value before 0.5 up.
func roundAway(v float32) int8 {
	const half = 0x1p-1 - 0x1p-25
	if v != v {
		return 0
	}
	return int8(v + float32(math.Copysign(half, float64(v))))
}
