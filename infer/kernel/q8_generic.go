package kernel

import (
	"encoding/binary"
	"math"

	"github.com/a472be26/cusp/infer/quant"
)

// smallestScaled is the magnitude below which a block is zero: its scale's
// reciprocal would not be a float32.
const smallestScaled = 0x1p-119

// quantizeGeneric fills q, which has the right size, with x.
func quantizeGeneric(q *Q8, x []float32) {
	for b := range q.blocks {
		quantizeBlock(q, b, x[b*q8Block:][:q8Block])
	}
}

func quantizeBlock(q *Q8, b int, x []float32) {
	d, inverse := blockScale(x)
	values := q.q[b*q8Block:][:q8Block]
	for i, v := range x {
		values[i] = roundAway(float32(v * inverse)) // the conversion forbids a fused multiply-add
	}
	for l := range 8 {
		v := values[l*4:][:4]
		q.bias[b*8+l] = -128 * (int32(v[0]) + int32(v[1]) + int32(v[2]) + int32(v[3]))
		q.d[b*8+l] = d
	}
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

// q8RowsGeneric sets dst[r] to the product of row r of w with x.
func q8RowsGeneric(dst []float32, w []byte, x *Q8) {
	size := x.blocks * q8Bytes
	for r := range dst {
		dst[r] = q8Dot(w[r*size:][:size], x)
	}
}

// q8Rows4Generic sets dst[t*ld+r] to the product of row r of w with xs[t], for
// four vectors, each exactly as q8Rows of the same tier.
func q8Rows4Generic(dst []float32, ld int, w []byte, rows int, xs []*Q8) {
	for t, x := range xs {
		q8RowsGeneric(dst[t*ld:][:rows], w, x)
	}
}

func q8Dot(row []byte, x *Q8) float32 {
	var sum float32
	for b := range x.blocks {
		block := row[b*q8Bytes:][:q8Bytes]
		var dot int32
		for i, v := range x.q[b*q8Block:][:q8Block] {
			dot += int32(int8(block[2+i])) * int32(v)
		}
		sum += float32(dot) * quant.FromF16(binary.LittleEndian.Uint16(block)) * x.d[b*8]
	}
	return sum
}
