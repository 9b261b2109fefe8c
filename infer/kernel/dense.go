package kernel

// Products with dense weights (float32, binary16, bfloat16) go through tiles of
// denseRows rows and a few vectors, straight from the file's rows: weights are
// widened once for all vectors of a tile, and nothing is packed. Lanes lie
// along the columns. Each pair of a row and a vector has one register of sums,
// whose lanes are added up after denseCols columns: the order of a pair's sums
// depends on the number of columns alone, and its result is the same in
// whatever company it is computed.

// denseFunc adds to dst[v*ld+r] the product of n columns of row r, which begins
// r*stride bytes after w, and of vector v, which begins at x[v*ldx], for
// denseRows rows and as many vectors as the function is for. n is a positive
// multiple of denseStep, denseCols at most. The order of a pair's sums depends
// on n alone. It may call in the cache's lines of what lies ahead bytes after
// the weights that it reads.
type denseFunc func(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

const (
	denseRows = 4
	denseStep = 16
	// denseCols columns of a tile's vectors, 24 KB at most, stay in the
	// first-level cache for all rows of a block.
	denseCols = 1024
	// denseBlock rows of denseCols columns, 256 KB at most, stay in the
	// second-level cache for all vectors of a batch.
	denseBlock = 64
	// maxDenseVectors is the most vectors of a tile on any tier.
	maxDenseVectors = 6
)

// denseTile is what a denseFunc computes at once: rows [row, row+rows), and so
// on.
type denseTile struct {
	row, rows       int // denseRows, or fewer at the matrix's end
	vector, vectors int
	col, cols       int // whole steps, or what is left beside them
	ahead           int
}

// denseRange multiplies rows [from, to), block by block.
func (j *job) denseRange(s *denseSpace, f *factor, from, to int) {
	block := denseBlock
	if j.x.n <= len(f.dense) {
		block = denseRows // the weights are used once: take them as they come
	}
	for ; from < to; from += block {
		j.denseBlock(s, f, from, min(from+block, to))
	}
}

// denseBlock multiplies rows [from, to): some columns at a time, each tile of
// vectors with all of the rows.
func (j *job) denseBlock(s *denseSpace, f *factor, from, to int) {
	for v := range j.x.n {
		clear(f.dst[v*f.W.Rows:][from:to])
	}
	tiles := divUp(j.x.n, len(f.dense))
	for t := (denseTile{}); t.col < j.x.cols; t.col += t.cols {
		t.cols = denseChunk(j.x.cols - t.col)
		for i := range tiles {
			t.vector = j.x.n * i / tiles
			t.vectors = j.x.n*(i+1)/tiles - t.vector
			for t.row = from; t.row < to; t.row += denseRows {
				t.rows = min(denseRows, to-t.row)
				t.ahead = denseAhead(f, t, from, to)
				j.denseTile(s, f, t)
			}
		}
	}
}

// denseChunk is how many of the columns that are left come next: as many steps
// as fit, then the rest.
func denseChunk(left int) int {
	if left < denseStep {
		return left
	}
	return min(left&^(denseStep-1), denseCols)
}

// denseAhead leads from a tile's rows to those that come next, as a rule: after
// the last rows of a block the first ones again, for other vectors.
func denseAhead(f *factor, t denseTile, from, to int) int {
	if t.row+denseRows >= to && to-from > denseRows {
		return (from - t.row) * f.stride
	}
	return denseRows * f.stride
}

// denseTile multiplies one tile.
func (j *job) denseTile(s *denseSpace, f *factor, t denseTile) {
	dst := f.dst[t.vector*f.W.Rows+t.row:]
	if t.rows == denseRows {
		j.denseSums(s, f, t, &dst[0], f.W.Rows)
		return
	}
	sums := s.sums[:]
	clear(sums)
	j.denseSums(s, f, t, &sums[0], denseRows)
	for v := range t.vectors {
		for r := range t.rows {
			dst[v*f.W.Rows+r] += sums[v*denseRows+r]
		}
	}
}

// denseSums adds a tile's products to dst, which has room for all denseRows.
// Fewer rows, and columns beside whole steps, are copied to where zeros fill up
// the rest.
func (j *job) denseSums(s *denseSpace, f *factor, t denseTile, dst *float32, ld int) {
	w, stride := f.W.Data[t.row*f.stride+t.col*f.bytes:], f.stride
	x, ldx := j.x.x[t.vector*j.x.cols+t.col:], j.x.cols
	n := roundUp(t.cols, denseStep)
	if t.rows < denseRows || t.cols < n {
		fill0(s.rows[:denseRows*n*f.bytes], n*f.bytes, w, stride, t.rows, t.cols*f.bytes)
		w, stride, t.ahead = s.rows[:], n*f.bytes, 0
	}
	if t.cols < n {
		fill0(s.vectors[:], n, x, ldx, t.vectors, t.cols)
		x, ldx = s.vectors[:], n
	}
	f.dense[t.vectors-1](dst, ld, &w[0], stride, &x[0], ldx, n, t.ahead)
}

// fill0 copies n values of each of some lines, which lie stride apart in src
// and width apart in dst; the rest of dst becomes zero.
func fill0[T any](dst []T, width int, src []T, stride, lines, n int) {
	clear(dst)
	for i := range lines {
		copy(dst[i*width:][:n], src[i*stride:])
	}
}

// denseSpace is the part of a workspace that tiles at the edges need.
type denseSpace struct {
	rows    [denseRows * denseCols * 4]byte
	vectors [maxDenseVectors * denseStep]float32
	sums    [maxDenseVectors * denseRows]float32
}
