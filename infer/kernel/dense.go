package kernel

// Products with dense weights (float32, binary16, bfloat16) go through tiles of
// denseRows rows times a few vectors, straight from the file's rows: weights
// are widened once for all vectors of a tile and nothing is packed. Lanes lie
// along the columns, and each pair of a row and a vector has one register of
// sums, for denseCols columns at a time: their order depends on the number of
// columns alone, and a pair's result is the same in whatever company it is
// computed.

// denseFunc adds to dst[v*ld+r] the product of the n columns of row r, which
// begins r*stride bytes after w, and of vector v, which begins at x[v*ldx], for
// denseRows rows and as many vectors as the function is for. n is a positive
// multiple of denseStep, denseCols at most. The order of a pair's sums depends
// on n alone. It may call in the cache's lines of denseRows*n weights, ahead
// bytes after w.
type denseFunc func(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, ahead int)

const (
	denseRows = 4
	denseStep = 16
	// denseCols columns of the vectors of a tile, 24 KB at most, stay in the
	// first-level cache for all rows of a block.
	denseCols = 1024
	// denseBlock rows of denseCols columns, 256 KB at most, stay in the
	// second-level cache for all vectors of a batch.
	denseBlock = 64
	// maxDenseVectors bounds the vectors of a tile.
	maxDenseVectors = 6
)

// denseTile is the part of a product that a denseFunc computes: rows [row,
// row+rows) and so on.
type denseTile struct {
	row, rows       int // denseRows, or fewer at the end
	vector, vectors int
	col, cols       int // a multiple of denseStep, or what is left beside them
	ahead           int
}

// denseRange multiplies rows [from, to), block by block.
func (j *job) denseRange(s *workspace, f *factor, from, to int) {
	block := denseBlock
	if j.x.n <= len(f.dense) {
		block = denseRows // the weights are used once: take them as they come
	}
	for ; from < to; from += block {
		j.denseBlock(s, f, from, min(from+block, to))
	}
}

// denseBlock multiplies rows [from, to): each tile of vectors with all of them,
// some columns at a time.
func (j *job) denseBlock(s *workspace, f *factor, from, to int) {
	for v := range j.x.n {
		clear(f.Dst[v*f.W.Rows:][from:to])
	}
	tiles := divUp(j.x.n, len(f.dense))
	t := denseTile{}
	for ; t.col < j.x.cols; t.col += t.cols {
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

func denseAhead(f *factor, t denseTile, from, to int) int {
	if t.row+denseRows >= to && to-from > denseRows {
		return (from - t.row) * f.stride
	}
	return denseRows * f.stride
}

// denseChunk is how many of the columns that are left come next: as many steps
// as there are, then the rest.
func denseChunk(left int) int {
	if left < denseStep {
		return left
	}
	return min(left&^(denseStep-1), denseCols)
}

// denseTile multiplies one tile. What misses rows or does not fill a step goes
// through a copy that is filled up with zeros.
func (j *job) denseTile(s *workspace, f *factor, t denseTile) {
	w, stride := f.W.Data[t.row*f.stride+t.col*f.bytes:], f.stride
	x, ldx := j.x.x[t.vector*j.x.cols+t.col:], j.x.cols
	dst, ld := f.Dst[t.vector*f.W.Rows+t.row:], f.W.Rows
	n := roundUp(t.cols, denseStep)
	if t.rows < denseRows || t.cols < n {
		w, stride = filled(s.denseRows[:], w, stride, t.rows, t.cols*f.bytes, n*f.bytes), n*f.bytes
		t.ahead = 0
	}
	if t.cols < n {
		x, ldx = filled(s.denseX[:], x, ldx, t.vectors, t.cols, n), n
	}
	if t.rows == denseRows {
		f.dense[t.vectors-1](&dst[0], ld, &w[0], stride, &x[0], ldx, n, t.ahead)
		return
	}
	sums := s.denseSums[:]
	clear(sums)
	f.dense[t.vectors-1](&sums[0], denseRows, &w[0], stride, &x[0], ldx, n, t.ahead)
	for v := range t.vectors {
		for r := range t.rows {
			dst[v*ld+r] += sums[v*denseRows+r]
		}
	}
}

// filled copies n values of each of some lines, ld apart, to room, where they
// lie width apart with zeros in between and to the end of the last of
// denseRows.
func filled[T any](room, x []T, ld, lines, n, width int) []T {
	clear(room[:max(lines, denseRows)*width])
	for i := range lines {
		copy(room[i*width:][:n], x[i*ld:])
	}
	return room
}

// denseSpace is a workspace's part for what denseTile fills up.
type denseSpace struct {
	denseRows [denseRows * denseCols * 4]byte
	denseX    [maxDenseVectors * denseStep]float32
	denseSums [maxDenseVectors * denseRows]float32
}
