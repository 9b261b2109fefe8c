package kernel

import (
	"fmt"
	"unsafe"
)

// Product is a matrix and where its products with a batch go.
type Product struct {
	W   *Weights
	Dst []float32 // [n][W.Rows]
}

// MatMul sets, for each product, Dst[t*Rows+r] to row r of W times vector t of
// x, whose columns must be W.Cols. It uses the threads of p, which may be nil.
//
// Dense weights are multiplied in float32, with the error of Dot. Quantized
// ones are multiplied with int8 activations; integer sums are exact, and with
// them taken as they are the error is below (2*cols/16+4) * 2^-23 * (sum|s*q*x|
// + sum|min*x|). A result does not depend on the number of threads, on the
// other vectors, or on the other products.
func MatMul(p *Pool, x *Activations, products ...Product) {
	j := takeJob()
	for _, q := range products {
		j.add(q.W, x)
		j.products[len(j.products)-1].dst = q.Dst[:x.n*q.W.Rows]
	}
	if len(x.tiles) > 0 && x.cols > 0 {
		j.prepare(p)
		j.run(p)
	} else {
		for _, q := range products {
			clear(q.Dst[:x.n*q.W.Rows])
		}
	}
	j.give()
}

// add checks a product's weights and counts their panels in.
func (j *job) add(w *Weights, x *Activations) {
	w.check()
	if w.Cols != x.cols {
		panic(fmt.Sprintf("kernel: weights of %d columns and activations of %d", w.Cols, x.cols))
	}
	f := newFactor(w)
	if f.dense != nil && x.x == nil {
		panic(fmt.Sprintf("kernel: weights in %s and activations that are int8 only", w.Kind))
	}
	j.x = x
	j.products = append(j.products, f)
	j.panels += divUp(w.Rows, active.lanes)
	j.bytes += w.Rows * f.stride
}

// prepare brings the activations into the forms that the products need.
func (j *job) prepare(p *Pool) {
	for i := range j.products {
		if j.products[i].dense == nil {
			j.x.quantize(p)
		}
		if j.products[i].mins {
			j.x.sumUp()
		}
		if turned, width := j.turned(&j.products[i]); turned != nil {
			j.x.turn(width)
		}
	}
}

// runPart does the panels of one part; parts cut the products' panels, one
// after the other, into ranges.
func (j *job) runPart(part int) {
	from, to := j.cut(part), j.cut(part+1)
	s := takeWorkspace()
	for i := range j.products {
		f := &j.products[i]
		n := divUp(f.W.Rows, active.lanes)
		if first, end := max(from, 0), min(to, n); first < end {
			j.factorRange(s, f, first, end)
		}
		from, to = from-n, to-n
	}
	s.give()
}

// factorRange multiplies panels [from, to) of one product.
func (j *job) factorRange(s *workspace, f *factor, from, to int) {
	first := from * active.lanes
	if f.dense != nil {
		j.denseRange(&s.dense, f, first, min(to*active.lanes, f.W.Rows))
		return
	}
	j.panelRange(s, f, from, to, f.dst[first:], f.W.Rows)
}

// panelRange multiplies panels [from, to), a span of them at a time where the
// batch gains by it. dst is where the first row of the first one goes.
func (j *job) panelRange(s *workspace, f *factor, from, to int, dst []float32, ld int) {
	lanes, full := active.lanes, f.W.Rows/active.lanes
	if n := j.streamed(f, min(to, full)-from); n > 0 {
		j.stream(s, f, from*lanes, n, dst, ld)
		from, dst = from+n, dst[n*lanes:]
	}
	if n := min(to, full) - from; n > 0 {
		j.spans(s, f, rows{first: from * lanes, apart: 1, n: n * lanes}, dst, ld)
		from, dst = from+n, dst[n*lanes:]
	}
	if from < to {
		j.edge(s, f, from*lanes, dst, ld)
	}
}

// spans multiplies the rows of whole panels. A batchFunc is so fast that a prompt's
// activations, which do not fit the second-level cache, would come too slowly: there
// all rows have some columns before the first ones have the next.
func (j *job) spans(s *workspace, f *factor, r rows, dst []float32, ld int) {
	steps := j.x.steps()
	chunk := steps
	if f.batch != nil && !f.mins && j.x.n >= spanBatch {
		chunk = j.chunk(f)
	}
	span := j.span(f) * active.lanes
	for from := 0; from < steps; from += chunk {
		for at := 0; at < r.n; at += span {
			some := rows{first: r.first + at, apart: 1, n: min(span, r.n-at)}
			j.chunks(s, f, some, from, min(from+chunk, steps), dst[at:], ld)
		}
	}
}

// span is how many panels are multiplied at a time.
func (j *job) span(f *factor) int {
	switch {
	case active.span == 0 || j.x.n < spanBatch:
		return 1
	case f.batch != nil:
		return batchSpan
	}
	return active.span
}

const (
	// spanVectors is the smallest tile that a span is multiplied with.
	spanVectors = 4
	// spanBatch is the smallest batch that gains by spans. Smaller ones wait
	// for memory, and the next panel is called in too late when it is packed
	// right after this one.
	spanBatch = 16
)

// edge multiplies the last panel, which has fewer rows than lanes, beside dst.
func (j *job) edge(s *workspace, f *factor, first int, dst []float32, ld int) {
	n := f.W.Rows - first
	room := s.results(j.x.n * active.lanes)
	j.chunks(s, f, rows{first: first, apart: 1, n: n}, 0, j.x.steps(), room, active.lanes)
	for v := range j.x.n {
		copy(dst[v*ld:][:n], room[v*active.lanes:])
	}
}

// rows are n rows of a matrix, each some rows behind the one before.
type rows struct{ first, apart, n int }

// panel is panel i of them.
func (r rows) panel(i int) rows {
	lanes := active.lanes
	return rows{r.first + i*lanes*r.apart, r.apart, min(r.n-i*lanes, lanes)}
}

// chunks goes through steps [from, to) of one panel or a span: each chunk is packed
// and multiplied with all tiles while it lies in the first-level cache. Minima
// come last, so that the order of the sums does not depend on the chunks; rows
// that have some are given all steps.
func (j *job) chunks(s *workspace, f *factor, r rows, from, to int, dst []float32, ld int) {
	panels := divUp(r.n, active.lanes)
	s.prepare(f, panels, j.x.steps())
	chunk := j.chunk(f)
	for ; from < to; from += chunk {
		n := min(chunk, to-from)
		if f.single != nil && j.x.n == 1 && r.n == active.lanes {
			j.single(s, f, r, from, n, dst)
			continue
		}
		for i := range panels {
			s.pack(i, f, r.panel(i), from, n)
		}
		for _, t := range j.batches(s, f, panels, from, n, dst, ld) {
			j.tile(s, f, t, panels, from, n, dst[t.from*ld:], ld)
		}
	}
	if f.mins {
		j.minus(s, f, panels, dst, ld)
	}
}

// chunk is how many steps are packed at a time. Between few vectors and many,
// the tiles take as long as the packing, and memory would idle meanwhile: short
// chunks let a core do both at once.
func (j *job) chunk(f *factor) int {
	switch {
	case j.x.n >= spanBatch && f.batch != nil:
		return batchSteps
	case j.x.n >= spanVectors && j.x.n < spanBatch:
		return f.short
	}
	return chunkSteps
}

// shortChunk is the fewest steps of which a row of such weights fills two lines of
// the cache, as a packer calls them in.
func shortChunk(w *Weights) int {
	const lines = 2 * 64
	steps := 4
	for steps < chunkSteps && steps*stepCols*w.Kind.BlockBytes() < lines*w.Kind.BlockSize() {
		steps *= 2
	}
	return max(steps, w.Kind.BlockSize()/stepCols)
}

// batches multiplies n packed steps of some panels with all tiles of 16 vectors at
// once, where the tier can, and returns the tiles that are left.
func (j *job) batches(s *workspace, f *factor, panels, from, n int, dst []float32, ld int) []tile {
	const size = 16
	sixteens := j.x.n / size
	if f.batch == nil || sixteens == 0 {
		return j.x.tiles
	}
	distance := j.x.steps() * size * stepBytesX
	f.batch(&dst[0], ld, &s.steps[0], panelBytes, panels, j.x.step(j.x.tiles[0], from), distance, sixteens, n, from > 0)
	return j.x.tiles[sixteens:]
}

// tile multiplies n packed steps of some panels with a tile of vectors, a span at a
// time where there are as many.
func (j *job) tile(s *workspace, f *factor, t tile, panels, from, n int, dst []float32, ld int) {
	x, half, add := j.x.step(t, from), j.x.half(t, from), from > 0
	for i := 0; i < panels; {
		to, panel := &dst[i*active.lanes], &s.steps[i*panelBytes]
		if active.span > 0 && panels-i >= active.span && t.n >= spanVectors {
			f.span(to, ld, panel, panelBytes, x, half, t.n, n, add)
			i += active.span
		} else {
			f.tiles[t.kind](to, ld, panel, x, half, n, add)
			i++
		}
	}
}

// single multiplies n steps of a panel's rows with the only vector.
func (j *job) single(s *workspace, f *factor, r rows, from, n int, dst []float32) {
	t := j.x.tiles[0]
	f.single(&dst[0], &s.steps[0], s.minima(0, f, from), f.at(r.first, from), r.apart*f.stride, j.x.step(t, from), j.x.half(t, from), n, from > 0)
}

// minus subtracts what the minima of all columns contribute.
func (j *job) minus(s *workspace, f *factor, panels int, dst []float32, ld int) {
	groups := j.x.steps() * f.groups
	for _, t := range j.x.tiles {
		for i := range panels {
			active.minus[t.kind](&dst[t.from*ld+i*active.lanes], ld, &s.mins[i*s.perPanel], j.x.sum(t, 0, f.group), groups)
		}
	}
}

// Bounds of all tiers.
const (
	maxLanes   = 16
	batchSpan  = 6 // panels of a batchFunc: so many read a tile of vectors once from the second-level cache
	maxSpan    = batchSpan
	panelBytes = batchSteps * maxLanes * (stepCols + 2*4)
)

// workspace is what one thread needs for its panels.
type workspace struct {
	steps    []byte    // [maxSpan][panelBytes], of a chunk
	mins     []float32 // [panels][perPanel], of all columns
	perPanel int
	block    unpacked
	aside    []float32    // see results
	halves   [2][]float32 // of a gated product: [vectors][rows of a unit]
	dense    denseSpace
}

func newWorkspace() *workspace { return &workspace{steps: aligned[byte](maxSpan * panelBytes)} }

// prepare makes room for the minima of some panels; of types that have none,
// for those that packAny leaves.
func (s *workspace) prepare(f *factor, panels, steps int) {
	if !f.mins {
		steps = batchSteps
	}
	s.perPanel = steps * f.groups * active.lanes
	s.mins = resized(s.mins, panels*s.perPanel)
}

// minima is where panel i has those of the chunk from a step on.
func (s *workspace) minima(i int, f *factor, from int) *float32 {
	if !f.mins {
		from = 0
	}
	return &s.mins[i*s.perPanel+from*f.groups*active.lanes]
}

// at is where a row has step from.
func (f *factor) at(row, step int) *byte {
	return &f.W.Data[row*f.stride+(step>>f.shift)*f.bytes]
}

// pack packs n steps of rows into panel i.
func (s *workspace) pack(i int, f *factor, r rows, from, n int) {
	steps, mins := &s.steps[i*panelBytes], s.minima(i, f, from)
	if f.pack != nil && r.n == active.lanes {
		f.pack(steps, mins, f.at(r.first, from), r.apart*f.stride, f.next(r), n)
		return
	}
	p := panel{unsafe.Slice(steps, panelBytes), unsafe.Slice(mins, n*f.groups*active.lanes)}
	data := f.W.Data[r.first*f.stride+(from>>f.shift)*f.bytes:]
	active.packAny(f.W.Kind, p, &s.block, data, r.apart*f.stride, r.n, n)
}

// next is how far behind a panel's rows lies what is needed next: the next panel, or
// what follows in a stream.
func (f *factor) next(r rows) int {
	const ahead = 1024
	if r.apart > 1 {
		return ahead
	}
	return r.n * f.stride
}

// results is room for products that are put in their places later.
func (s *workspace) results(n int) []float32 {
	s.aside = resized(s.aside, n)
	return s.aside
}

// workspaces keeps those that nobody uses; see jobs.
var workspaces = make(chan *workspace, 64)

func takeWorkspace() *workspace {
	select {
	case s := <-workspaces:
		return s
	default:
		return newWorkspace()
	}
}

func (s *workspace) give() {
	select {
	case workspaces <- s:
	default:
	}
}

// aligned makes n values that begin on a cache line.
func aligned[T any](n int) []T {
	const line = 64
	size := int(unsafe.Sizeof(*new(T)))
	room := make([]T, n+line/size)
	gap := -int(uintptr(unsafe.Pointer(&room[0]))) & (line - 1)
	return room[gap/size:][:n:n]
}
