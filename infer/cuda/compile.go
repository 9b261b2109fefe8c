//go:build cuda

package cuda

import (
	"encoding/binary"
	"fmt"

	"github.com/a472be26/cusp/infer/cuda/driver"
	"github.com/a472be26/cusp/infer/cuda/kernels"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/quant"
)

// compiler turns the steps of a program into ops. It does at once what follows
// each other anyway: an addition before a norm, and the quantization of what only
// products read.
type compiler struct {
	state   *state
	session *session
	kv      *KV
	config  model.Config

	rest   []model.Step // behind the step at hand
	ops    []op
	at     [model.Buffers]driver.DevicePointer // where the buffers are: others behind Narrow
	filled model.Buffer                        // whose values the planes have, None: nobody's
	err    error
}

// compile turns steps into ops.
func (c *compiler) compile(steps []model.Step) []op {
	c.ops, c.at, c.filled = nil, c.state.buffers, model.None
	for i := 0; i < len(steps) && c.err == nil; {
		c.rest = steps[i+1:]
		i += 1 + c.step(steps[i])
	}
	return c.ops
}

// step compiles a step and gives how many of the rest it took with it.
func (c *compiler) step(step model.Step) (more int) {
	switch s := step.(type) {
	case *model.Embed:
		return c.embed(s)
	case *model.AddPositions:
		c.rows(s.Table, true, 1, 1)
	case *model.AddVector:
		c.do(&addVector{f: c.function("add_bias"), dst: c.at[model.Residual], bias: c.vector(s.Values), cols: len(s.Values)})
		c.wrote(model.Residual)
	case *model.Add:
		return c.add(s)
	case *model.NormalizeRows:
		c.normalize(s, model.None)
	case *model.Scale:
		c.do(&change{c.function("scale"), c.at[s.Dst], s.Factor, c.config.Width(s.Dst)})
		c.wrote(s.Dst)
	case *model.Multiply:
		c.multiply(s)
	case *model.Activate:
		c.activate(s)
	case *model.Store:
		c.store(s)
	case *model.Attend:
		c.attend(s)
	case *model.Narrow:
		c.narrow()
	case *model.Sparse:
		c.sparse(s)
	case *model.Predict:
		c.predict(s)
	case *model.CapLogits, *model.DeliverHidden:
		c.deliver(s)
	default:
		c.fail(unknownStep(step))
	}
	return 0
}

func (c *compiler) do(o op) { c.ops = append(c.ops, o) }

func (c *compiler) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// function is a kernel by name.
func (c *compiler) function(name string) *driver.Function {
	f, err := c.session.function(name)
	if err != nil {
		c.fail(err)
	}
	return f
}

// vector is where a vector of the program is on the device.
func (c *compiler) vector(v []float32) driver.DevicePointer {
	p, err := c.session.small.vector(v)
	if err != nil {
		c.fail(err)
	}
	return p
}

// wrote notes that a buffer has other values now.
func (c *compiler) wrote(b model.Buffer) {
	if c.filled == b {
		c.filled = model.None
	}
}

// embed takes a scale that follows with it.
func (c *compiler) embed(s *model.Embed) int {
	if len(c.rest) > 0 {
		if next, ok := c.rest[0].(*model.Scale); ok && next.Dst == model.Residual {
			c.rows(s.Table, false, next.Factor, 0)
			return 1
		}
	}
	c.rows(s.Table, false, 1, 0)
	return 0
}

// rows looks rows of a table up for the residual stream.
func (c *compiler) rows(table *model.Matrix, positions bool, scale float32, add int) {
	c.do(&embedRows{
		f: c.function("embed_" + typeNames[table.Kind]), table: c.session.weights.at(table.Data), positions: positions,
		dst: c.at[model.Residual], cols: table.Cols, scale: scale, add: add,
	})
	c.wrote(model.Residual)
}

// add takes a norm of the sum that follows with it.
func (c *compiler) add(s *model.Add) int {
	if len(c.rest) > 0 {
		if next, ok := c.rest[0].(*model.NormalizeRows); ok && next.Src == model.Residual && c.whole(next) {
			c.rest = c.rest[1:]
			c.normalize(next, s.Src)
			return 1
		}
	}
	c.do(&add{c.function("add"), c.at[model.Residual], c.at[s.Src], c.config.Dim})
	c.wrote(model.Residual)
	return 0
}

// whole: the norm is of the whole vector.
func (c *compiler) whole(s *model.NormalizeRows) bool {
	return len(s.Norm.Weight) == c.config.Width(s.Src)
}

func (c *compiler) normalize(s *model.NormalizeRows, addend model.Buffer) {
	o := &normalize{
		f: c.function("norm"), x: c.at[s.Src], weight: c.vector(s.Norm.Weight), bias: c.vector(s.Norm.Bias), dst: c.at[s.Dst],
		width: len(s.Norm.Weight), eps: s.Norm.Eps,
	}
	o.pieces = c.config.Width(s.Src) / o.width
	if s.Norm.Centred {
		o.centred = 1
	}
	if addend != model.None {
		o.addend = c.at[addend]
		c.wrote(model.Residual)
	}
	c.wrote(s.Dst)
	if o.pieces == 1 && o.width%32 == 0 && c.multipliedNext(s.Dst) {
		o.planes, c.filled = c.state.planes, s.Dst
	}
	c.do(o)
}

// multipliedNext: the next step multiplies a buffer with quantized weights.
func (c *compiler) multipliedNext(b model.Buffer) bool {
	if len(c.rest) == 0 {
		return false
	}
	switch s := c.rest[0].(type) {
	case *model.Multiply:
		for _, q := range s.Products {
			if s.Src == b && !dense(q.Weight.Kind) {
				return true
			}
		}
	case *model.Predict:
		return s.Src == b && !dense(s.Head.Kind)
	}
	return false
}

// quantized makes sure that the planes have the values of a buffer.
func (c *compiler) quantized(b model.Buffer) {
	if c.filled != b {
		c.do(&quantize{c.function("quantize"), c.at[b], c.state.planes, c.config.Width(b)})
		c.filled = b
	}
}

// multiply puts products with matrices of the same type into one launch.
func (c *compiler) multiply(s *model.Multiply) {
	var kinds []quant.Type
	groups := map[quant.Type][]matrix{}
	for _, q := range s.Products {
		kind := q.Weight.Kind
		if groups[kind] == nil {
			kinds = append(kinds, kind)
		}
		groups[kind] = append(groups[kind], c.matrix(q.Weight, c.at[q.Dst]))
	}
	for _, kind := range kinds {
		c.products(kind, s.Src, groups[kind])
	}
	for _, q := range s.Products {
		c.wrote(q.Dst)
	}
}

// matrix is a Matrix of the kernels.
type matrix struct {
	weights, bias, dst driver.DevicePointer
	rows               int
}

func (c *compiler) matrix(w *model.Linear, dst driver.DevicePointer) matrix {
	return matrix{c.session.weights.at(w.Data), c.vector(w.Bias), dst, w.Rows}
}

// matrices writes some down for the device.
func (c *compiler) matrices(all []matrix) driver.DevicePointer {
	var b []byte
	for _, m := range all {
		b = binary.LittleEndian.AppendUint64(b, uint64(m.weights))
		b = binary.LittleEndian.AppendUint64(b, uint64(m.bias))
		b = binary.LittleEndian.AppendUint64(b, uint64(m.dst))
		b = binary.LittleEndian.AppendUint32(b, uint32(m.rows))
		b = binary.LittleEndian.AppendUint32(b, uint32(m.rows))
	}
	p, err := c.state.small.put(b)
	if err != nil {
		c.fail(err)
	}
	return p
}

// products multiplies a buffer with matrices of one type.
func (c *compiler) products(kind quant.Type, src model.Buffer, all []matrix) {
	o := &multiply{matrices: c.matrices(all), x: c.at[src], planes: c.state.planes, cols: c.config.Width(src)}
	for _, m := range all {
		o.rows = append(o.rows, m.rows)
	}
	name := typeNames[kind]
	if dense(kind) {
		o.one, o.few = c.function("dense_one_"+name), c.function("dense_few_"+name)
	} else {
		c.quantized(src)
		o.one, o.few, o.many = c.function("product_one_"+name), c.function("product_few_"+name), c.function("product_many_"+name)
	}
	c.do(o)
}

func (c *compiler) activate(s *model.Activate) {
	o := &activate{f: c.function("activate"), gates: c.at[s.Dst], ups: c.at[s.Ups], cols: c.config.Width(s.Dst), kind: activationKinds[s.How], times: 1}
	c.wrote(s.Dst)
	if o.cols%32 == 0 && c.multipliedNext(s.Dst) {
		o.planes, c.filled = c.state.planes, s.Dst
	}
	c.do(o)
}

// activationKinds are the kernels' numbers.
var activationKinds = map[model.Activation]int{model.SiLU: 0, model.GELU: 1, model.GELUTanh: 2, model.ReLU: 3, model.Tanh: 4}

func (c *compiler) store(s *model.Store) {
	if s.Look.Rope != nil {
		f := c.function("rotate")
		c.do(&rotate{f, c.at[model.Queries], s.Look.Rope, c.config.Heads, c.config})
		c.do(&rotate{f, c.at[model.Keys], s.Look.Rope, c.config.KVHeads, c.config})
		c.wrote(model.Queries)
		c.wrote(model.Keys)
	}
	c.do(&store{c.function("store_" + c.kv.kind), c.kv, s.Layer, c.at[model.Keys], c.at[model.Values]})
}

func (c *compiler) attend(s *model.Attend) {
	o := &attend{
		f: c.function("attend_" + c.kv.kind), merge: c.function("attend_merge"), kv: c.kv, layer: s.Layer, look: s.Look,
		queries: c.at[model.Queries], mixed: c.at[model.Mixed], slopes: c.vector(s.Look.Slopes), shared: kernels.AttendShared(c.config.HeadDim),
	}
	if b := s.Look.Biases; b != nil {
		o.biases, o.reach = c.vector(c.session.distances(b)), b.Reach
	}
	c.do(o)
	c.wrote(model.Mixed)
}

// narrow gathers the rows whose logits are wanted, of the buffers that are read
// before they are written again.
func (c *compiler) narrow() {
	o := &narrow{f: c.function("gather")}
	for _, b := range kept {
		if model.ReadFirst(c.rest, b) {
			o.parts = append(o.parts, narrowPart{c.state.narrowed[b], c.at[b], c.config.Width(b)})
		}
		c.at[b] = c.state.narrowed[b]
	}
	c.filled = model.None
	c.do(o)
}

func (c *compiler) sparse(s *model.Sparse) {
	room, first := c.state.experts, &s.Each[0]
	quantized := false
	product := func(of func(*model.FeedForward) *model.Linear, x, dst driver.DevicePointer, share int) expertProduct {
		w := of(first)
		p := expertProduct{
			matrix: c.matrices([]matrix{c.matrix(w, dst)}), rows: w.Rows, stride: int64(len(w.Data)), dense: dense(w.Kind),
			x: x, planes: c.state.planes, cols: w.Cols, share: share,
		}
		if p.dense {
			p.f = c.function("dense_one_" + typeNames[w.Kind])
		} else {
			p.f, quantized = c.function("product_one_"+typeNames[w.Kind]), true
		}
		return p
	}
	o := &sparse{
		route: c.function("route"), mix: c.function("mix_experts"), scores: c.at[model.Scores], projected: c.at[model.Projected],
		all: c.config.Experts, used: c.config.ExpertsUsed, dim: c.config.Dim,
		gate: product(func(f *model.FeedForward) *model.Linear { return f.Gate }, c.at[model.Normed], room.gates, c.config.ExpertsUsed),
		up:   product(func(f *model.FeedForward) *model.Linear { return &f.Up }, c.at[model.Normed], room.ups, c.config.ExpertsUsed),
	}
	if quantized {
		c.quantized(model.Normed)
	}
	quantized = false
	o.down = product(func(f *model.FeedForward) *model.Linear { return &f.Down }, room.gates, room.outputs, 1)
	o.activate = activate{f: c.function("activate"), gates: room.gates, ups: room.ups, cols: c.config.FFN, kind: activationKinds[first.Activation], times: o.used}
	if quantized {
		o.activate.planes, c.filled = c.state.planes, model.None
	}
	if s.SumTo1 {
		o.sumTo1 = 1
	}
	c.do(o)
	c.wrote(model.Projected)
}

// predict takes caps that follow with it, and has what is wanted of the logits sent
// to the host.
func (c *compiler) predict(s *model.Predict) {
	c.products(s.Head.Kind, s.Src, []matrix{c.matrix(s.Head, c.state.logits)})
	if len(c.rest) > 0 {
		if next, ok := c.rest[0].(*model.CapLogits); ok {
			c.do(&change{c.function("soft_cap"), c.state.logits, next.Limit, c.config.Outputs()})
		}
	}
	c.do(&answer{c.function("top_k"), c.config.Outputs()})
}

// deliver has hidden states sent to the host. Caps went with the logits.
func (c *compiler) deliver(step model.Step) {
	if _, ok := step.(*model.DeliverHidden); ok {
		c.do(&deliver{c.state.hidden, c.at[model.Residual], c.config.Dim})
	}
}

func unknownStep(step model.Step) error {
	return fmt.Errorf("cuda: %w: the step %T", ErrUnsupported, step)
}
