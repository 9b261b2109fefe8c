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
		j.add(q, x)
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

// add checks a product and counts its panels in.
func (j *job) add(q Product, x *Activations) {
	q.W.check()
	if q.W.Cols != x.cols {
		panic(fmt.Sprintf("kernel: weights of %d columns and activations of %d", q.W.Cols, x.cols))
	}
	q.Dst = q.Dst[:x.n*q.W.Rows]
	f := newFactor(q)
	j.x = x
	j.products = append(j.products, f)
	j.panels += divUp(q.W.Rows, active.lanes)
	j.bytes += q.W.Rows * f.stride
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
	}
}

// runPart does the panels of one part; parts cut the products' panels, one
// after the other, into ranges.
func (j *job) runPart(part int) {
	from, to := j.panels*part/j.parts, j.panels*(part+1)/j.parts
	s := takeWorkspace()
	for i := range j.products {
		f := &j.products[i]
		n := divUp(f.W.Rows, active.lanes)
		for index := max(from, 0); index < min(to, n); index++ {
			if f.dense != nil {
				j.densePanel(f, index)
			} else {
				j.panel(s, f, index)
			}
		}
		from, to = from-n, to-n
	}
	s.give()
}

// panel multiplies one panel with all vectors.
func (j *job) panel(s *workspace, f *factor, index int) {
	first := index * active.lanes
	rows := min(active.lanes, f.W.Rows-first)
	if rows == active.lanes {
		j.chunks(s, f, first, rows, f.Dst[first:], f.W.Rows)
		return
	}
	edge := s.edge(j.x.n * active.lanes)
	j.chunks(s, f, first, rows, edge, active.lanes)
	for v := range j.x.n {
		copy(f.Dst[v*f.W.Rows+first:][:rows], edge[v*active.lanes:])
	}
}

// chunks goes through the columns of a panel: each chunk is packed and
// multiplied with all tiles while it lies in the first-level cache.
func (j *job) chunks(s *workspace, f *factor, first, rows int, dst []float32, ld int) {
	tiles := active.tiles(f.group)
	for from := 0; from < j.x.steps(); from += chunkSteps {
		n := min(chunkSteps, j.x.steps()-from)
		s.pack(f, first, rows, from, n)
		for _, t := range j.x.tiles {
			out := &dst[t.from*ld]
			tiles[t.kind](out, ld, &s.panel.steps[0], j.x.step(t, from), j.x.half(t, from), n, from > 0)
			if f.mins {
				active.minus[t.kind](out, ld, &s.panel.mins[0], j.x.sum(t, from, f.group), n*stepCols/f.group)
			}
		}
	}
}

// workspace is what one thread needs for a panel.
type workspace struct {
	panel panel
	block unpacked
	edges []float32
}

// pack packs n steps of rows rows into the panel.
func (s *workspace) pack(f *factor, first, rows, from, n int) {
	kind := f.W.Kind
	data := f.W.Data[first*f.stride+from*stepCols/kind.BlockSize()*kind.BlockBytes():]
	if f.pack != nil && rows == active.lanes {
		f.pack(&s.panel.steps[0], &s.panel.mins[0], &data[0], f.stride, n)
		return
	}
	active.packAny(kind, s.panel, &s.block, data, f.stride, rows, n)
}

// edge is room for the products of a panel that has fewer rows than lanes.
func (s *workspace) edge(n int) []float32 {
	s.edges = resized(s.edges, n)
	return s.edges
}

// maxLanes bounds the lanes of all tiers.
const maxLanes = 16

// workspaces keeps those that nobody uses; see jobs.
var workspaces = make(chan *workspace, 64)

func takeWorkspace() *workspace {
	select {
	case s := <-workspaces:
		return s
	default:
		return &workspace{panel: panel{
			steps: aligned[byte](chunkSteps * maxLanes * (stepCols + 2*4)),
			mins:  aligned[float32](chunkSteps * maxLanes * 2),
		}}
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
