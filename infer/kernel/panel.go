package kernel

import (
	"github.com/a472be26/cusp/infer/quant"
)

// Products with quantized weights go through panels. A panel holds as many
// rows of a matrix as a tier's vectors have lanes, turned so that a lane is a
// row: no sum ever crosses lanes, and one row's result is the same in
// whatever company it is computed. Panels are packed on the fly, some hundred
// columns at a time, into the first-level cache, and there multiplied with all
// vectors of a batch. What differs between weight types ends with the packing.
//
// A panel is a chain of steps of 32 columns. A step is
//
//	codes  [32/unit][lanes][unit] bytes   signed, plus the tier's offset for the type
//	scales [32/group][lanes] float32      group: 16 or 32 columns
//
// and types with minima have, apart from it, mins [steps*32/group][lanes]
// float32. A weight is scale*code - min, as quant.Unpack defines it: scales and
// minima are the same on every tier, bit for bit.
type panel struct {
	steps []byte
	mins  []float32
}

const (
	// chunkSteps is how many steps are packed and multiplied at a time: a panel of
	// 16 lanes takes 10 KB then, and 16 vectors as much again.
	chunkSteps = 16
	// batchSteps is the same for a batchFunc, which begins and ends a chunk slowly.
	batchSteps = 32
)

// stepBytes is the size of a panel's step for groups of the given width.
func (t *tier) stepBytes(group int) int { return t.lanes * (stepCols + 4*stepCols/group) }

// packFunc packs whole steps of a full panel: w is where its first row has the
// first of them, rows lie stride bytes apart. It may call in what lies next bytes
// behind each row. Types without minima leave mins alone.
type packFunc func(steps *byte, mins *float32, w *byte, stride, next, n int)

// singleFunc does for a tile of one vector what a packFunc and its tileFunc do,
// bit for bit, with the file's rows as they lie: a panel that is used once need
// not be made, where the turning takes longer than the product. panel is room
// for one; minima are left in mins, of types that have them.
type singleFunc func(dst *float32, panel *byte, mins *float32, w *byte, stride int, x *byte, half *int32, n int, add bool)

// streamFunc multiplies rows rows for each lane with a small tile of vectors, and all
// of their columns. Lane l has the rows that follow one another from w[l*stride] on,
// and vector t's results are dst[t*ld+l*rows] and those after it: what panels would
// give, bit for bit. So a lane reads one stream, which is how memory is fastest.
type streamFunc func(dst *float32, ld int, w *byte, stride int, x *byte, rows, steps int)

// turnedFunc is a streamFunc for vectors that are turned, at most as many as it is wide;
// see Activations.turn.
type turnedFunc func(dst *float32, ld, vectors int, w *byte, stride int, x *float32, rows, steps int)

// turnedWidths are the numbers of vectors that turnedFuncs have, in the order of a
// tier's tables.
var turnedWidths = [...]int{4, 8}

// packAny packs n steps of rows rows, at most the tier's lanes, on any tier
// and for any type; rows that are missing become zeros. It states what a
// packFunc does. b is room.
func (t *tier) packAny(kind quant.Type, p panel, b *unpacked, w []byte, stride, rows, n int) {
	group, _, _ := kind.Groups()
	size, perBlock := kind.BlockBytes(), kind.BlockSize()/stepCols
	for r := range t.lanes {
		for s := 0; s < n; s += perBlock {
			*b = unpacked{}
			if r < rows {
				at := r*stride + s/perBlock*size
				quant.Unpack(kind, w[at:at+size], b.codes[:], b.scales[:], b.mins[:])
			}
			t.scatter(b, p, group, t.offsetOf(kind), r, s, perBlock)
		}
	}
}

// unpacked is one block of a file.
type unpacked struct {
	codes        [256]int8
	scales, mins [16]float32
}

// scatter writes lane r of n steps from step s.
func (t *tier) scatter(b *unpacked, p panel, group int, offset byte, r, s, n int) {
	size, perStep := t.stepBytes(group), stepCols/group
	for i := range n {
		step := p.steps[(s+i)*size:][:size]
		for c, code := range b.codes[i*stepCols:][:stepCols] {
			step[c/t.unit*t.lanes*t.unit+r*t.unit+c%t.unit] = byte(code) + offset
		}
		scales := floats(step[stepCols*t.lanes:])
		for g := range perStep {
			scales[g*t.lanes+r] = b.scales[i*perStep+g]
			p.mins[((s+i)*perStep+g)*t.lanes+r] = b.mins[i*perStep+g]
		}
	}
}
