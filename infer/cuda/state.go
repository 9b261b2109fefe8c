//go:build cuda

package cuda

import (
	"slices"
	"unsafe"

	"github.com/a472be26/cusp/infer/cuda/driver"
	"github.com/a472be26/cusp/infer/cuda/kernels"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/quant"
)

// state is what passes of a runner write to in a session.
type state struct {
	session *session
	config  model.Config
	limits  model.Limits
	stream  *driver.Stream
	small   *arena // matrices

	buffers  [model.Buffers]driver.DevicePointer // [Rows][Width]
	narrowed [model.Buffers]driver.DevicePointer // [Sequences][Width], of the buffers that Narrow keeps
	planes   planes
	experts  sparseRoom
	partials driver.DevicePointer
	most     int                  // of partial results
	logits   driver.DevicePointer // [Sequences][Outputs]
	answers  *driver.Host         // the same for the host; nil if there are no logits
	leaders  driver.DevicePointer // what leaves of them where only the leaders are wanted; see answer
	led      *driver.Host         // the same for the host; nil if there are none
	hidden   *driver.Host         // [Rows][Dim] of an Encoder and of the first part of a program, else nil
	texts    *description
	sources  *description // nil unless the model is an EncoderDecoder

	reads, steps []op
	graphs       map[shape]*driver.Graph
	taken        []driver.DevicePointer
}

// planes are quantized activations.
type planes struct{ q, d, halves driver.DevicePointer }

// sparseRoom is for the rows of sparse layers, each as often as it uses experts.
type sparseRoom struct {
	experts, weights driver.DevicePointer // [Rows][ExpertsUsed]
	gates, ups       driver.DevicePointer // [Rows*ExpertsUsed][FFN]
	outputs          driver.DevicePointer // [Rows*ExpertsUsed][Dim]
}

// kept are the buffers that Narrow keeps.
var kept = [...]model.Buffer{model.Residual, model.Normed, model.Mixed}

func newState(s *session, p *model.Program, kv *KV, limits model.Limits) (*state, error) {
	st := &state{session: s, config: p.Config, limits: limits, small: &arena{context: s.context}, graphs: map[shape]*driver.Graph{}}
	if err := st.reserve(p); err != nil {
		st.close()
		return nil, s.note(err)
	}
	c := compiler{state: st, session: s, kv: kv, config: p.Config}
	st.reads = c.compile(p.Reads)
	st.steps = c.compile(p.Steps)
	if c.err != nil {
		st.close()
		return nil, s.note(c.err)
	}
	return st, nil
}

// reserve takes all memory that passes need.
func (st *state) reserve(p *model.Program) (err error) {
	if st.stream, err = st.session.context.NewStream(); err != nil {
		return err
	}
	if err := st.session.reserve("the vectors of a pass", st.bytes(p)); err != nil {
		return err
	}
	c, rows := st.config, st.limits.Rows
	for b := range st.buffers {
		st.take(&st.buffers[b], 4*rows*c.Width(model.Buffer(b)), &err)
	}
	for _, b := range kept {
		st.take(&st.narrowed[b], 4*st.limits.Sequences*c.Width(b), &err)
	}
	values := st.quantized(p)
	st.take(&st.planes.q, values, &err)
	st.take(&st.planes.d, values/32*4, &err)
	st.take(&st.planes.halves, values/32*4, &err)
	if used := rows * c.ExpertsUsed; used > 0 {
		st.take(&st.experts.experts, 4*used, &err)
		st.take(&st.experts.weights, 4*used, &err)
		st.take(&st.experts.gates, 4*used*c.FFN, &err)
		st.take(&st.experts.ups, 4*used*c.FFN, &err)
		st.take(&st.experts.outputs, 4*used*c.Dim, &err)
	}
	st.most = st.partialCount()
	st.take(&st.partials, st.most*st.partialBytes(), &err)
	st.take(&st.logits, 4*st.limits.Sequences*c.Outputs(), &err)
	st.pin(&st.answers, 4*st.limits.Sequences*c.Outputs(), &err)
	if most := mostLeaders(c); most > 0 {
		size := arrangeLeaders(st.limits.Sequences, most).size
		st.take(&st.leaders, size, &err)
		st.pin(&st.led, size, &err)
	}
	if c.Kind == model.Encoder || c.Gives {
		st.pin(&st.hidden, 4*rows*c.Dim, &err)
	}
	if st.texts, err = st.describe(p, p.Steps, err); err != nil {
		return err
	}
	if c.Kind == model.EncoderDecoder {
		st.sources, err = st.describe(p, p.Reads, err)
	}
	return err
}

// take reserves memory of the device, unless something failed before.
func (st *state) take(p *driver.DevicePointer, n int, err *error) {
	if *err != nil || n == 0 {
		return
	}
	if *p, *err = st.session.context.Alloc(n); *err == nil {
		st.taken = append(st.taken, *p)
	}
}

// pin reserves memory that both sides know.
func (st *state) pin(h **driver.Host, n int, err *error) {
	if *err == nil && n > 0 {
		*h, *err = st.session.context.AllocHost(n)
	}
}

// describe makes room for the descriptions of what some steps work on.
func (st *state) describe(p *model.Program, steps []model.Step, err error) (*description, error) {
	d := &description{config: st.config, limits: st.limits}
	for _, r := range p.Ropes {
		d.ropes = append(d.ropes, r.Within(st.limits.Context))
	}
	for _, step := range steps {
		if s, ok := step.(*model.Attend); ok {
			d.views[s.Look.Sees] = true
		}
	}
	size := d.arrange(d.largest()).size
	st.pin(&d.host, size, &err)
	st.take(&d.device, size, &err)
	return d, err
}

// quantized is how many values the planes must hold.
func (st *state) quantized(p *model.Program) (most int) {
	for _, step := range slices.Concat(p.Reads, p.Steps) {
		switch s := step.(type) {
		case *model.Multiply:
			for _, q := range s.Products {
				if !dense(q.Weight.Kind) {
					most = max(most, st.limits.Rows*q.Weight.Cols)
				}
			}
		case *model.Predict:
			if !dense(s.Head.Kind) {
				most = max(most, st.limits.Sequences*s.Head.Cols)
			}
		case *model.Sparse:
			most = max(most, st.limits.Rows*st.config.Dim, st.limits.Rows*st.config.ExpertsUsed*st.config.FFN)
		}
	}
	return roundUp(most, 32)
}

// dense: such weights are multiplied with floats.
func dense(t quant.Type) bool { return t == quant.F32 || t == quant.F16 || t == quant.BF16 }

// Of attention that is split over blocks.
const (
	splitBlocks  = 2        // a multiprocessor should have at least so many blocks
	mostPartials = 64 << 20 // bytes
)

// splitTiles is up to how many tiles are split: more keep the device busy as
// they are.
func (st *state) splitTiles() int {
	if st.most == 0 {
		return 0
	}
	blocks := splitBlocks * max(1, st.session.context.Device().Multiprocessors)
	return min(blocks/st.config.KVHeads, st.most/st.mostSegments())
}

// mostSegments is into how many segments a tile may be split.
func (st *state) mostSegments() int {
	n := 1
	for n*kernels.SegmentTokens < st.limits.Context {
		n *= 2
	}
	return n
}

func (st *state) partialBytes() int {
	return 4 * st.config.KVHeads * kernels.TileQueries * (st.config.HeadDim + 2)
}

// partialCount is how many partial results there is room for: none where
// attention is never split.
func (st *state) partialCount() int {
	blocks := splitBlocks * max(1, st.session.context.Device().Multiprocessors)
	tiles := min(blocks/st.config.KVHeads, st.limits.Sequences)
	if st.mostSegments() == 1 {
		return 0
	}
	for ; tiles > 1 && tiles*st.mostSegments()*st.partialBytes() > mostPartials; tiles-- {
	}
	return tiles * st.mostSegments()
}

// bytes is about what reserve takes.
func (st *state) bytes(p *model.Program) float64 {
	c, n := st.config, 0.0
	for b := range model.Buffers {
		n += 4 * float64(st.limits.Rows) * float64(c.Width(model.Buffer(b)))
	}
	n += 1.25 * float64(st.quantized(p))
	n += 4 * float64(st.limits.Rows) * float64(c.ExpertsUsed) * float64(2*c.FFN+c.Dim)
	n += 8 * float64(st.limits.Sequences) * float64(c.Outputs())
	return n + float64(st.partialCount()*st.partialBytes())
}

// close gives everything back. The session may be lost.
func (st *state) close() {
	if st.session.lost.Load() {
		return // it went with its context
	}
	st.forgetGraphs(0)
	for _, p := range st.taken {
		_ = st.session.note(st.session.context.Free(p))
	}
	for _, h := range []*driver.Host{st.answers, st.led, st.hidden, st.texts.pinned(), st.sources.pinned()} {
		_ = st.session.note(h.Close())
	}
	st.small.free()
	if st.stream != nil {
		_ = st.session.note(st.stream.Close())
	}
}

// forgetGraphs gives all graphs back if there are that many.
func (st *state) forgetGraphs(most int) {
	if len(st.graphs) < most {
		return
	}
	for shape, g := range st.graphs {
		_ = st.session.note(g.Close())
		delete(st.graphs, shape)
	}
}

func (d *description) pinned() *driver.Host {
	if d == nil {
		return nil
	}
	return d.host
}

// floats is pinned memory as numbers.
func floats(h *driver.Host, n int) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(h.Bytes))), n)
}
