package kernel

import (
	"fmt"
	"math"
)

// A page of INT8 holds what a page of binary16 does, as signed bytes that share
// float32 scales, d = max|x|/127, rounded as [Activations] are. What shares one
// is
//
//	32 values of a key: those of a head may differ by much in size
//	a value as a whole: its scale goes into the weight that it is mixed with
//
// so that products are those of bytes. For one layer and one head of keys and
// values a page has
//
//	keys   [PageTokens/lanes] panels of headDim columns, in steps of 32, as a tier
//	       multiplies them: a row is a position
//	values [headDim/lanes][PageTokens/unit][lanes][unit] bytes: a lane is one of a
//	       value's numbers, and columns are positions; then scales
//	       [PageTokens] float32
//
// where headDim is rounded up to whole steps of 32 and to a multiple of 16, with
// zeros. Lanes, unit and what is added to the bytes are the tier's: a page is
// for one kind of CPU.

// KeyBytes8 is the size of the keys of a page of INT8.
func KeyBytes8(headDim int) int { return steps8(headDim) * PageTokens * (stepCols + 4) }

// ValueBytes8 is the size of the values of a page of INT8.
func ValueBytes8(headDim int) int { return PageTokens * (wide8(headDim) + 4) }

func steps8(headDim int) int { return roundUp(headDim, stepCols) / stepCols }

func wide8(headDim int) int { return roundUp(headDim, 16) }

// PutKey8 stores a key at a position of a page of keys of INT8. A NaN or an
// infinity makes its 32 values NaN, so that the fault shows in every score;
// values whose largest magnitude is below 2^-119 are zero.
func PutKey8(page []byte, position int, key []float32) {
	checkPut8("PutKey8", len(page), position, KeyBytes8(len(key)))
	t, steps := active, steps8(len(key))
	size := t.stepBytes(stepCols)
	panel, lane := page[position/t.lanes*steps*size:], position%t.lanes
	for s := range steps {
		var codes [stepCols]byte
		x := key[s*stepCols:]
		d := roundBlock(codes[:], x[:min(stepCols, len(x))], t.offset)
		step := panel[s*size:][:size]
		for c := 0; c < stepCols; c += t.unit {
			copy(step[c*t.lanes+lane*t.unit:][:t.unit], codes[c:])
		}
		floats(step[stepCols*t.lanes:])[lane] = d
	}
}

// PutValue8 stores a value at a position of a page of values of INT8. A NaN or an
// infinity makes all of it NaN.
func PutValue8(page []byte, position int, value []float32) {
	checkPut8("PutValue8", len(page), position, ValueBytes8(len(value)))
	t, headDim, wide := active, len(value), wide8(len(value))
	column := page[position/t.unit*t.lanes*t.unit+position%t.unit:]
	d, inverse := blockScale(value)
	for ; wide > 0; wide -= t.lanes {
		var codes [maxLanes]byte
		here := value[:min(t.lanes, len(value))]
		roundTo(codes[:t.lanes], here, inverse, t.offset)
		for lane, code := range codes[:t.lanes] {
			column[lane*t.unit] = code
		}
		value = value[len(here):]
		column = column[min(t.lanes*PageTokens, len(column)):]
	}
	floats(page[wide8(headDim)*PageTokens:])[position] = d
}

// roundBlock sets codes to x in units of the scale that it returns, plus an
// offset; zeros follow x.
func roundBlock(codes []byte, x []float32, offset byte) float32 {
	d, inverse := blockScale(x)
	roundTo(codes, x, inverse, offset)
	return d
}

// roundTo is roundAway of the products with inverse. An inverse of zero is that
// of a block of zeros or of no numbers.
func roundTo(codes []byte, x []float32, inverse float32, offset byte) {
	if inverse == 0 {
		x = nil
	}
	for i := range codes[len(x):] {
		codes[len(x)+i] = offset
	}
	const half, sign = 0x3effffff, 1 << 31 // of roundAway, as bits
	codes = codes[:len(x)]
	for i, v := range x {
		v = float32(v * inverse) // the conversion forbids a fused multiply-add
		codes[i] = byte(int32(v+math.Float32frombits(half|math.Float32bits(v)&sign))) + offset
	}
}

func checkPut8(caller string, page, position, size int) {
	if position < 0 || position >= PageTokens || page < size {
		panic(fmt.Sprintf("kernel: %s at position %d of a page of %d bytes: %d positions take %d", caller, position, page, PageTokens, size))
	}
}
