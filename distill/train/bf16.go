package train

import (
	"math"
	"sync"
)

// Products on bfloat16 operands: rounded to nearest even from float32, multiplied exactly and summed in float32. On
// processors with AVX512_BF16 they run at twice the rate of float32. Weights, gradients and activations stay float32.

// Block sizes of a product. A panel of B (blockPairs x tileCols) stays in the first-level cache while the rows of A's
// block pass by; the blocks of A and B stay in the second and third level.
const (
	tileRows   = 8
	tileCols   = 32
	blockRows  = 64
	blockCols  = 1024
	blockPairs = 256
)

// productBF16 computes C = op(A) op(B): C is m x n with stride ldc.
type productBF16 struct {
	m, n, k int
	a, b    side
	c       []float32
	ldc     int
}

// side is one operand as lines of length k: the rows of op(A) or the columns of op(B).
type side struct {
	x     []float32
	ld    int
	along bool // a line is contiguous; otherwise its values lie ld apart and lines lie side by side
}

// packed is scratch memory for pairs of values, one in each half of a word, the first in the lower.
type packed struct{ pairs []uint32 }

var packedPool = sync.Pool{New: func() any { return new(packed) }}

func takePacked(n int) *packed {
	p := packedPool.Get().(*packed)
	p.pairs = sized(p.pairs, n)
	return p
}

// run shares the product among w goroutines; the result does not depend on their number.
func (g *productBF16) run(w workers) {
	block := takePacked(roundUp(min(g.n, blockCols), tileCols) * min(blockPairs, (g.k+1)/2))
	defer packedPool.Put(block)
	for n0 := 0; n0 < g.n; n0 += blockCols {
		cols := min(blockCols, g.n-n0)
		for k0 := 0; k0 < g.k; k0 += 2 * blockPairs {
			k := min(2*blockPairs, g.k-k0)
			w.run(cols, 4*tileCols, func(lo, hi int) {
				g.b.pack(block.pairs[lo*((k+1)/2):], tileCols, n0+lo, n0+hi, k0, k)
			})
			w.run(g.m, blockRows, func(lo, hi int) { g.rows(lo, hi, n0, cols, k0, k, block.pairs) })
		}
	}
}

// rows multiplies rows lo to hi of A with a packed block of B.
func (g *productBF16) rows(lo, hi, n0, cols, k0, k int, b []uint32) {
	pairs := (k + 1) / 2
	a := takePacked(roundUp(hi-lo, tileRows) * pairs)
	defer packedPool.Put(a)
	g.a.pack(a.pairs, tileRows, lo, hi, k0, k)
	for j := 0; j < cols; j += tileCols {
		for i := lo; i < hi; i += tileRows {
			c := g.c[i*g.ldc+n0+j:]
			g.tile(pairs, a.pairs[(i-lo)*pairs:], b[j*pairs:], c, min(tileRows, hi-i), min(tileCols, cols-j), k0 > 0)
		}
	}
}

// tile computes one tile; at the edges of C through a full-size copy.
func (g *productBF16) tile(pairs int, a, b []uint32, c []float32, rows, cols int, add bool) {
	if rows == tileRows && cols == tileCols {
		tileBF16(pairs, &a[0], &b[0], &c[0], g.ldc, add)
		return
	}
	var edge [tileRows * tileCols]float32
	tileBF16(pairs, &a[0], &b[0], &edge[0], tileCols, false)
	for i := range rows {
		from, to := edge[i*tileCols:][:cols], c[i*g.ldc:][:cols]
		for j, v := range from {
			if add {
				v += to[j]
			}
			to[j] = v
		}
	}
}

// pack writes lines from to to, over k values from k0, as panels of width lines: panel after panel, pair after pair, line
// beside line. What is missing in the last panel and the last pair is zero.
func (s side) pack(dst []uint32, width, from, to, k0, k int) {
	pairs := (k + 1) / 2
	if extra := (to - from) % width; extra > 0 {
		clear(dst[(to-from-extra)*pairs:][:width*pairs])
	}
	if !s.along {
		packAcross(dst, width, s.x[k0*s.ld+from:], s.ld, to-from, k)
		return
	}
	for ; from < to; from += width {
		packAlong(dst[:pairs*width], width, s.x[from*s.ld+k0:], s.ld, min(width, to-from), k)
		dst = dst[pairs*width:]
	}
}

// packAlong packs one panel of contiguous lines.
func packAlong(dst []uint32, width int, src []float32, ld, lines, k int) {
	line, whole := 0, k/16*16
	for ; line+8 <= lines && whole > 0; line += 8 {
		turnBF16(&dst[line], width, &src[line*ld], ld, whole/16)
	}
	for i := range lines {
		at := 0
		if i < line {
			at = whole
		}
		for ; at < k; at += 2 {
			dst[at/2*width+i] = pair(src[i*ld+at:][:min(2, k-at)])
		}
	}
}

// packAcross packs panels of lines side by side. It reads whole rows at a time, since rows are often a multiple of the
// cache's own stride apart.
func packAcross(dst []uint32, width int, src []float32, ld, lines, k int) {
	pairs := (k + 1) / 2
	for p := range pairs {
		even := src[2*p*ld:][:lines]
		if 2*p+1 < k {
			packRow(dst[p*width:], width, pairs*width, even, src[(2*p+1)*ld:][:lines])
			continue
		}
		for i, v := range even {
			dst[(i/width*pairs+p)*width+i%width] = uint32(roundBF16(v))
		}
	}
}

// packRow packs the pairs (even[i], odd[i]) into panels of width lines, next words apart.
func packRow(dst []uint32, width, next int, even, odd []float32) {
	at := 0
	if blocks := len(even) / 16; width == 8 && blocks > 0 {
		zipBF16(&dst[0], next, &even[0], &odd[0], blocks)
		at = 16 * blocks
	}
	for ; at+16 <= len(even); at += 16 {
		zipBF16(&dst[at/width*next+at%width], 8, &even[at], &odd[at], 1)
	}
	for ; at < len(even); at++ {
		dst[at/width*next+at%width] = uint32(roundBF16(even[at])) | uint32(roundBF16(odd[at]))<<16
	}
}

// pair is the first two values of x, or its only one and zero.
func pair(x []float32) uint32 {
	word := uint32(roundBF16(x[0]))
	if len(x) > 1 {
		word |= uint32(roundBF16(x[1])) << 16
	}
	return word
}

// roundBF16 is the upper half of x, rounded to nearest even; NaN stays NaN.
func roundBF16(x float32) uint16 {
	bits := math.Float32bits(x)
	if x != x {
		return uint16(bits>>16) | 0x40
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }
