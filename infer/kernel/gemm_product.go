package kernel

import "sync"

// Block sizes: a panel of B (blockK x tileCols) lives in the first-level
// cache, a block of A (blockM x blockK) and B's block in the second or third.
const (
	blockM = 64
	blockN = 1024
	blockK = 256
)

// packPanels is how many panels of B one part packs.
const packPanels = 4

// product is one running Gemm. For each block of B it packs the block, then
// multiplies it with all of A, both in parallel.
type product struct {
	tier       *tier
	m, n, k    int
	a, b       operand
	c          []float32
	ldc        int
	accumulate bool

	rows      int // of A and C in one part
	n0, cols  int // the block of B: columns and
	k0, depth int // rows
	packed    *panels

	packB, multiply func(part int) // bound once, so that a call makes no garbage
}

var products = sync.Pool{New: func() any {
	g := new(product)
	g.packB, g.multiply = g.packPart, g.multiplyPart
	return g
}}

// release returns g for reuse without the caller's matrices.
func (g *product) release() {
	g.a, g.b, g.c = operand{}, operand{}, nil
	products.Put(g)
}

// panels is the scratch memory of one part or of one product.
type panels struct{ buf []float32 }

var scratch = sync.Pool{New: func() any { return new(panels) }}

func takePanels(size int) *panels {
	s := scratch.Get().(*panels)
	if cap(s.buf) < size {
		s.buf = make([]float32, size)
	}
	s.buf = s.buf[:size]
	return s
}

func (g *product) run(pool *Pool) {
	t := g.tier
	g.packed = takePanels(roundUp(min(g.n, blockN), t.tileCols) * min(g.k, blockK))
	// Several parts for each thread, even of a small product.
	g.rows = roundUp(min(blockM, divUp(g.m, 4*pool.Threads())), t.tileRows)
	for g.n0 = 0; g.n0 < g.n; g.n0 += blockN {
		g.cols = min(blockN, g.n-g.n0)
		for g.k0 = 0; g.k0 < g.k; g.k0 += blockK {
			g.depth = min(blockK, g.k-g.k0)
			pool.Run(divUp(g.cols, packPanels*t.tileCols), g.packB)
			pool.Run(divUp(g.m, g.rows), g.multiply)
		}
	}
	scratch.Put(g.packed)
	g.packed = nil
}

func (g *product) packPart(part int) {
	width := g.tier.tileCols
	from := part * packPanels * width
	to := min(from+packPanels*width, g.cols)
	g.b.pack(g.tier, g.packed.buf[from*g.depth:], width, g.n0+from, g.n0+to, g.k0, g.depth)
}

// multiplyPart multiplies some rows of A with the packed block of B.
func (g *product) multiplyPart(part int) {
	t := g.tier
	m0 := part * g.rows
	rows := min(g.rows, g.m-m0)
	a := takePanels(roundUp(rows, t.tileRows) * g.depth)
	g.a.pack(t, a.buf, t.tileRows, m0, m0+rows, g.k0, g.depth)
	for j := 0; j < g.cols; j += t.tileCols {
		for i := 0; i < rows; i += t.tileRows {
			c := g.c[(m0+i)*g.ldc+g.n0+j:]
			g.tile(a.buf[i*g.depth:], g.packed.buf[j*g.depth:], c, min(t.tileRows, rows-i), min(t.tileCols, g.cols-j))
		}
	}
	scratch.Put(a)
}

// maxTile bounds tileRows * tileCols over all tiers.
const maxTile = 16 * 32

// tile computes one tile; at the edges of C through a full-size copy.
func (g *product) tile(a, b, c []float32, rows, cols int) {
	t := g.tier
	add := g.accumulate || g.k0 > 0
	if rows == t.tileRows && cols == t.tileCols {
		t.tile(g.depth, &a[0], &b[0], &c[0], g.ldc, add)
		return
	}
	edge := takePanels(maxTile)
	t.tile(g.depth, &a[0], &b[0], &edge.buf[0], t.tileCols, false)
	for i := range rows {
		from, to := edge.buf[i*t.tileCols:][:cols], c[i*g.ldc:][:cols]
		if !add {
			copy(to, from)
			continue
		}
		for j, x := range from {
			to[j] += x
		}
	}
	scratch.Put(edge)
}
