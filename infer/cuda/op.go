//go:build cuda

package cuda

import (
	"github.com/a472be26/cusp/infer/cuda/driver"
	"github.com/a472be26/cusp/infer/cuda/kernels"
	"github.com/a472be26/cusp/infer/model"
)

// op is a step of a program, or some of them at once, as launches.
type op interface{ put(*launcher) }

// launcher puts launches into a stream.
type launcher struct {
	state *state
	what  *description
	n     int  // rows that are computed
	over  bool // nothing is left to compute
	args  driver.Args
	err   error
	count uint64 // of launches
}

// run puts some ops into the stream, over the rows of a description.
func (l *launcher) run(what *description, ops []op) {
	l.what, l.n, l.over = what, what.shape.rows, false
	for _, o := range ops {
		if l.err != nil || l.over {
			return
		}
		o.put(l)
	}
}

// launch puts a kernel with the arguments that were added into the stream. x may
// be 0 where there is nothing to do.
func (l *launcher) launch(f *driver.Function, x, y, z, block, shared int) {
	if l.err != nil || x == 0 || y == 0 || z == 0 {
		return
	}
	l.count++
	l.err = l.state.stream.Launch(f, driver.Dim{X: x, Y: y, Z: z}, driver.Dim{X: block}, shared, &l.args)
}

// download copies n bytes to the host.
func (l *launcher) download(to *driver.Host, from driver.DevicePointer, n int) {
	if l.err == nil {
		l.err = l.state.stream.Download(to.Bytes[:n], from)
	}
}

func ceil(a, b int) int { return (a + b - 1) / b }

// embedRows looks rows of a table up: those of tokens or of positions.
type embedRows struct {
	f         *driver.Function
	table     driver.DevicePointer
	positions bool // instead of tokens
	dst       driver.DevicePointer
	cols      int
	scale     float32
	add       int
}

func (o *embedRows) put(l *launcher) {
	rows := l.what.layout.tokens
	if o.positions {
		rows = l.what.layout.positions
	}
	l.args.Reset().Pointer(o.table).Pointer(l.what.at(rows)).Pointer(o.dst).Int(l.n).Int(o.cols).Float(o.scale).Int(o.add)
	l.launch(o.f, ceil(o.cols, 1024), l.n, 1, 128, 0)
}

// addVector adds the same to every row.
type addVector struct {
	f         *driver.Function
	dst, bias driver.DevicePointer
	cols      int
}

func (o *addVector) put(l *launcher) {
	l.args.Reset().Pointer(o.dst).Pointer(o.bias).Int(l.n).Int(o.cols)
	l.launch(o.f, ceil(o.cols, 256), l.n, 1, 256, 0)
}

// normalize adds addend to x, if there is one, and normalizes it to dst, and to
// planes if there are any.
type normalize struct {
	f             *driver.Function
	x, addend     driver.DevicePointer
	weight, bias  driver.DevicePointer
	dst           driver.DevicePointer
	planes        planes
	width, pieces int // pieces of each row
	eps           float32
	centred       int
}

func (o *normalize) put(l *launcher) {
	block := 256
	if o.width <= 256 {
		block = 32
	}
	l.args.Reset().Pointer(o.x).Pointer(o.addend).Pointer(o.weight).Pointer(o.bias).Pointer(o.dst).
		Pointer(o.planes.q).Pointer(o.planes.d).Pointer(o.planes.halves).Int(o.width).Float(o.eps).Int(o.centred)
	l.launch(o.f, l.n*o.pieces, 1, 1, block, 0)
}

// quantize fills the planes.
type quantize struct {
	f    *driver.Function
	x    driver.DevicePointer
	to   planes
	cols int
}

func (o *quantize) put(l *launcher) {
	l.args.Reset().Pointer(o.x).Pointer(o.to.q).Pointer(o.to.d).Pointer(o.to.halves).Int(l.n).Int(o.cols)
	l.launch(o.f, ceil(o.cols, 256), l.n, 1, 256, 0)
}

// multiply is products with some matrices of one type. All kernels give the same
// bits: one is for a single vector, few reads the weights once for some, many is
// for a prompt's. Dense weights have no many.
type multiply struct {
	one, few, many *driver.Function
	matrices       driver.DevicePointer
	rows           []int // of each matrix
	x              driver.DevicePointer
	planes         planes
	cols           int
}

// blocks is how many blocks the matrices' rows take.
func blocks(rows []int, each int) (n int) {
	for _, r := range rows {
		n += ceil(r, each)
	}
	return n
}

func (o *multiply) put(l *launcher) {
	l.args.Reset().Pointer(o.matrices).Int(len(o.rows))
	if o.many == nil {
		l.args.Pointer(o.x)
	} else {
		l.args.Pointer(o.planes.q).Pointer(o.planes.d).Pointer(o.planes.halves)
	}
	l.args.Int(l.n).Int(o.cols).Int(0)
	switch {
	case l.n == 1:
		l.args.Pointer(0).Long(0).Int(1) // no experts
		l.launch(o.one, blocks(o.rows, kernels.RowsPerBlock), 1, 1, 128, 0)
	case o.many == nil:
		l.launch(o.few, blocks(o.rows, kernels.DenseRows), ceil(l.n, kernels.FewVectors), 1, 128, 0)
	case l.n <= kernels.FewVectors:
		l.launch(o.few, blocks(o.rows, kernels.RowsPerBlock), 1, 1, 128, 0)
	default:
		l.launch(o.many, blocks(o.rows, kernels.TileRows), ceil(l.n, kernels.TileRows), 1, 256, 0)
	}
}

// activate activates gates, and multiplies them with ups if there are any.
type activate struct {
	f          *driver.Function
	gates, ups driver.DevicePointer
	planes     planes
	cols, kind int
	times      int // vectors for every row
}

func (o *activate) put(l *launcher) {
	n := l.n * o.times
	l.args.Reset().Pointer(o.gates).Pointer(o.ups).Pointer(o.gates).Pointer(o.planes.q).Pointer(o.planes.d).Pointer(o.planes.halves).
		Int(n).Int(o.cols).Int(o.cols).Int(o.kind)
	l.launch(o.f, ceil(o.cols, 256), n, 1, 256, 0)
}

// add adds x, times a factor, to the residual stream.
type add struct {
	f      *driver.Function
	dst, x driver.DevicePointer
	width  int
}

func (o *add) put(l *launcher) {
	l.args.Reset().Pointer(o.dst).Pointer(o.x).Float(1).Long(int64(l.n * o.width))
	l.launch(o.f, ceil(l.n*o.width, 256), 1, 1, 256, 0)
}

// change is one of the kernels that do something to every value: scale, soft_cap.
type change struct {
	f      *driver.Function
	x      driver.DevicePointer
	factor float32
	width  int
}

func (o *change) put(l *launcher) {
	l.args.Reset().Pointer(o.x).Float(o.factor).Long(int64(l.n * o.width))
	l.launch(o.f, ceil(l.n*o.width, 256), 1, 1, 256, 0)
}

// rotate turns the heads of queries or keys.
type rotate struct {
	f      *driver.Function
	x      driver.DevicePointer
	rope   *model.Rope
	heads  int
	config model.Config
}

func (o *rotate) put(l *launcher) {
	turns := l.what.at(l.what.layout.turns + 4*o.rope.Index*l.what.shape.rows*o.config.RopeDim)
	apart := 0
	if o.rope.Pairs == model.HalfApart {
		apart = 1
	}
	l.args.Reset().Pointer(o.x).Pointer(turns).Int(l.n).Int(o.heads).Int(o.config.HeadDim).Int(o.config.RopeDim).Int(o.heads * o.config.HeadDim).Int(apart)
	l.launch(o.f, ceil(o.heads*o.config.RopeDim/2, 128), l.n, 1, 128, 0)
}

// store keeps keys and values in a layer.
type store struct {
	f            *driver.Function
	kv           *KV
	layer        int
	keys, values driver.DevicePointer
}

func (o *store) put(l *launcher) {
	c := l.state.config
	l.args.Reset().Pointer(o.kv.layer(o.layer)).Long(int64(o.kv.pageBytes)).Long(int64(o.kv.headBytes)).Pointer(o.keys).Pointer(o.values).
		Pointer(l.what.at(l.what.layout.slots)).Int(l.n).Int(c.KVHeads).Int(c.HeadDim).Int(c.KVHeads * c.HeadDim)
	l.launch(o.f, c.KVHeads, l.n, 1, 32, 0)
}

// attend sets mixed to the values that the rows see.
type attend struct {
	f, merge       *driver.Function
	kv             *KV
	layer          int
	look           *model.Look
	queries, mixed driver.DevicePointer
	slopes, biases driver.DevicePointer
	reach          int
	shared         int
}

func (o *attend) put(l *launcher) {
	c, what := l.state.config, l.what
	pages := what.layout.pages
	if o.look.Sees == model.Across {
		pages = what.layout.source
	}
	tiles, segments, split := what.at(what.layout.tiles[o.look.Sees]), 1, 0
	if what.shape.segments > 0 {
		segments, split = what.shape.segments, 1
		if o.look.Window > 0 { // and where the window begins and a tile ends within segments
			segments = min(segments, (o.look.Window+kernels.TileQueries)/kernels.SegmentTokens+2)
		}
	}
	l.args.Reset().Pointer(o.mixed).Pointer(o.queries).Pointer(o.kv.layer(o.layer)).Long(int64(o.kv.pageBytes)).Long(int64(o.kv.headBytes)).
		Pointer(tiles).Pointer(what.at(pages)).Pointer(l.state.partials).Int(c.Heads).Int(c.KVHeads).Int(c.HeadDim).
		Float(o.look.Scale).Int(o.look.Window).Float(o.look.Limit).Pointer(o.slopes).Pointer(o.biases).Int(o.reach).Int(split)
	l.launch(o.f, segments, c.KVHeads, what.shape.tiles, 128, o.shared)
	if split == 1 {
		l.args.Reset().Pointer(o.mixed).Pointer(l.state.partials).Pointer(tiles).Int(c.Heads).Int(c.KVHeads).Int(c.HeadDim).Int(o.look.Window)
		l.launch(o.merge, c.KVHeads, what.shape.tiles, 1, 128, 0)
	}
}

// narrow leaves only the rows whose logits are wanted.
type narrow struct {
	f     *driver.Function
	parts []narrowPart
}

type narrowPart struct {
	dst, src driver.DevicePointer
	width    int
}

func (o *narrow) put(l *launcher) {
	l.n = l.what.shape.answers
	if l.n == 0 {
		l.over = true
		return
	}
	for _, p := range o.parts {
		l.args.Reset().Pointer(p.dst).Pointer(p.src).Pointer(l.what.at(l.what.layout.answers)).Int(l.n).Int(p.width)
		l.launch(o.f, ceil(p.width, 256), l.n, 1, 256, 0)
	}
}

// deliver copies vectors of all rows to the host.
type deliver struct {
	to    *driver.Host
	from  driver.DevicePointer
	width int
}

func (o *deliver) put(l *launcher) {
	l.download(o.to, o.from, 4*l.n*o.width)
}
