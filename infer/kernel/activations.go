package kernel

import (
	"fmt"
	"unsafe"
)

// Activations is a batch of vectors, and what products make of them. The zero
// value is ready for Set; one Activations is reused from batch to batch and
// allocates only to grow.
//
// Quantized weights are multiplied with int8: 32 values share d = max|x|/127 in
// float32, and q = x/d is rounded to nearest, ties away from zero. A block with
// a NaN or an infinity has d = NaN, so that the fault shows in every product; a
// block whose largest magnitude is below 2^-119 is zero.
//
// The batch is cut into tiles of 16, 8, 4, 2 and 1 vectors. A tile of n is a
// chain of steps of 32 columns,
//
//	q    [n][32] int8
//	d    [n] float32
//	bias [n] int32      -128 times the sum of q
//
// and planes beside it, for each 16 columns and for each 32:
//
//	bias16 [steps*2][n] int32     -128 times the sum of q
//	sums16 [steps*2][n] float32   d times the sum of q
//	sums32 [steps][n] float32
type Activations struct {
	x       []float32 // [n][cols], the caller's; nil: only the int8 planes are there
	n, cols int

	quantized, summed bool // whether the planes are filled
	tiles             []tile
	data              []byte
	bias16            []int32
	turned            []float32 // see turn; empty: not filled
	sums16, sums32    []float32
	part              func(int) // quantizeTile, bound once
}

// tile is vectors [from, from+n).
type tile struct {
	from, n int
	kind    int // index into tileSizes
}

// stepBytesX is the size of a step of one vector.
const stepBytesX = stepCols + 4 + 4

// Set makes n vectors of cols values the batch. x is kept until the next Set,
// and read when a product needs it.
func (a *Activations) Set(x []float32, n, cols int) {
	if n < 0 || cols < 0 || len(x) < n*cols {
		panic(fmt.Sprintf("kernel: activations of %d x %d have %d values", n, cols, len(x)))
	}
	a.x = x[:n*cols]
	a.shape(n, cols)
}

// shape cuts n vectors of cols values into tiles, with nothing in the planes.
func (a *Activations) shape(n, cols int) {
	a.n, a.cols = n, cols
	a.quantized, a.summed = false, false
	a.turned = a.turned[:0]
	a.tiles = a.tiles[:0]
	for from := 0; from < n; {
		k := len(tileSizes) - 1
		for tileSizes[k] > n-from {
			k--
		}
		a.tiles = append(a.tiles, tile{from, tileSizes[k], k})
		from += tileSizes[k]
	}
}

// reserve makes room for n vectors of cols values, to be used by quantizeHere.
func (a *Activations) reserve(n, cols int) {
	a.tiles = make([]tile, 0, n/tileSizes[len(tileSizes)-1]+len(tileSizes)-1)
	a.n, a.cols = n, cols
	a.makeRoom()
}

// vector is vector t as it was set.
func (a *Activations) vector(t int) []float32 { return a.x[t*a.cols:][:a.cols] }

// steps is the number of steps of a vector.
func (a *Activations) steps() int { return a.cols / stepCols }

// quantize fills the int8 planes.
func (a *Activations) quantize(p *Pool) {
	if a.quantized {
		return
	}
	a.makeRoom()
	if a.part == nil {
		a.part = a.quantizeTile
	}
	p.Run(len(a.tiles), a.part)
}

// quantizeHere does it on this thread alone.
func (a *Activations) quantizeHere() {
	a.makeRoom()
	for i := range a.tiles {
		a.quantizeTile(i)
	}
}

// makeRoom makes that of the int8 planes.
func (a *Activations) makeRoom() {
	a.quantized = true
	values := a.n * a.steps()
	a.data = resized(a.data, values*stepBytesX)
	a.bias16 = resized(a.bias16, values*2)
}

func (a *Activations) quantizeTile(i int) {
	if a.steps() > 0 {
		a.putTile(a.tiles[i], a.x, a.cols, 0)
	}
}

// put quantizes some columns of all vectors, [n][cols], to the steps from one on.
func (a *Activations) put(x []float32, cols, step int) {
	for _, t := range a.tiles {
		a.putTile(t, x, cols, step)
	}
}

func (a *Activations) putTile(t tile, x []float32, cols, step int) {
	for v := range t.n {
		active.quantize(a.step(t, step), a.half(t, step), t.n, v, &x[(t.from+v)*cols], cols/stepCols)
	}
}

// step is where a tile's step begins.
func (a *Activations) step(t tile, s int) *byte { return &a.data[(t.from*a.steps()+s*t.n)*stepBytesX] }

// half is where the tile's bias16 of a step begin.
func (a *Activations) half(t tile, s int) *int32 { return &a.bias16[(t.from*a.steps()+s*t.n)*2] }

// sum is where the tile's sums of a step begin, of groups of the given width.
func (a *Activations) sum(t tile, s, group int) *float32 {
	at := t.from*a.steps() + s*t.n
	if group == 16 {
		return &a.sums16[at*2]
	}
	return &a.sums32[at]
}

// sum fills the planes that minima need.
func (a *Activations) sumUp() {
	if a.summed {
		return
	}
	a.summed = true
	a.sums16 = resized(a.sums16, a.n*a.steps()*2)
	a.sums32 = resized(a.sums32, a.n*a.steps())
	for _, t := range a.tiles {
		for s := range a.steps() {
			step := unsafe.Slice(a.step(t, s), t.n*stepBytesX)
			d := floats(step[t.n*stepCols:])[:t.n]
			half := unsafe.Slice(a.half(t, s), 2*t.n)
			sums16, sums32 := unsafe.Slice(a.sum(t, s, 16), 2*t.n), unsafe.Slice(a.sum(t, s, 32), t.n)
			for v, d := range d {
				low, high := half[v]/-128, half[t.n+v]/-128
				sums16[v], sums16[t.n+v] = d*float32(low), d*float32(high)
				sums32[v] = d * float32(low+high)
			}
		}
	}
}

// quads are a step's columns, four bytes at a time.
const quads = stepCols / 4

// turn fills the plane that a turnedFunc reads: of each step, with zeros for vectors
// that are missing,
//
//	q [quads][width][4] int8
//	d [width] float32
func (a *Activations) turn(width int) {
	if len(a.turned) > 0 {
		return
	}
	size := width * (quads + 1)
	a.turned = resized(a.turned, a.steps()*size)
	if a.n < width {
		clear(a.turned)
	}
	for _, t := range a.tiles {
		for s := range a.steps() {
			from := floats(unsafe.Slice(a.step(t, s), t.n*stepBytesX))
			turnStep(a.turned[s*size:][:size], width, t, from)
		}
	}
}

// turnStep puts a tile's numbers in a step into their places.
func turnStep(to []float32, width int, t tile, from []float32) {
	if t.n == 8 {
		active.transpose8(&to[0], width, &from[0], quads, quads)
	} else {
		for v := range t.n {
			for i, q := range from[v*quads:][:quads] {
				to[i*width+t.from+v] = q
			}
		}
	}
	copy(to[quads*width+t.from:], from[quads*t.n:][:t.n])
}

// resized is s with length n; its contents are arbitrary.
func resized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
