package model

import "github.com/a472be26/cusp/infer/kernel"

// pass is the run state: what forward passes, one after another, write to. Every
// buffer holds one row per token of the batch. An architecture's forward is a
// sequence of its steps.
type pass struct {
	config Config
	pool   *kernel.Pool
	batch  *batch // what is computed now: texts or sources
	n      int    // rows that are computed: all of the batch, or after narrow the wanted ones

	residual  *vectors // [Dim]
	normed    *vectors // [Dim]
	queries   *vectors // [Heads*HeadDim]
	keys      *vectors // [KVHeads*HeadDim]
	values    *vectors // [KVHeads*HeadDim]
	mixed     *vectors // [Heads*HeadDim] values weighted by attention
	projected *vectors // [Dim] what a half layer adds to the residual stream
	gates     *vectors // [FFN]
	ups       *vectors // [FFN]

	attention *attention
	ropes     []rope     // of the model, within this run's context
	turns     []*vectors // [ropes], each [RopeDim]: cosines and sines of the rows' positions
	routing   *routing   // nil without experts
	wanted    []Sequence // the batch, for its logits
	texts     *batch     // the sequences' tokens
	sources   *batch     // what they answer, nil unless the model is an EncoderDecoder

	rowwise  *rowwise
	rowStep  // what rowwise does to a row
	products []kernel.Product
}

func newPass(c Config, ropes []*rope, limits Limits, kv *pagedKV) *pass {
	p := &pass{
		config:    c,
		pool:      kernel.NewPool(limits.Threads),
		texts:     newBatch(c, limits, kv),
		residual:  newVectors(limits.Rows, c.Dim),
		normed:    newVectors(limits.Rows, c.Dim),
		queries:   newVectors(limits.Rows, c.Heads*c.HeadDim),
		keys:      newVectors(limits.Rows, c.KVHeads*c.HeadDim),
		values:    newVectors(limits.Rows, c.KVHeads*c.HeadDim),
		mixed:     newVectors(limits.Rows, c.Heads*c.HeadDim),
		projected: newVectors(limits.Rows, c.Dim),
		gates:     newVectors(limits.Rows, c.FFN),
		ups:       newVectors(limits.Rows, c.FFN),
	}
	p.batch = p.texts
	if c.Kind == EncoderDecoder {
		p.sources = newSources(c, limits, kv)
	}
	for _, r := range ropes {
		p.ropes = append(p.ropes, r.within(limits.Context))
		p.turns = append(p.turns, newVectors(limits.Rows, c.RopeDim))
	}
	if c.Experts > 0 {
		p.routing = newRouting(c, limits.Rows)
	}
	p.attention = newAttention(p, limits, kv)
	p.rowwise = newRowwise(func(i int) { p.do(p, i) })
	return p
}

// begin lays the sequences' tokens out as rows.
func (p *pass) begin(sequences []Sequence) error {
	p.batch = p.texts
	if err := p.batch.fill(sequences); err != nil {
		return err
	}
	if p.sources != nil {
		if err := p.sources.fillSources(sequences); err != nil {
			return err
		}
	}
	p.n, p.wanted = len(p.batch.rows), sequences
	for r := range p.ropes {
		for i, row := range p.batch.rows {
			p.ropes[r].turns(p.turns[r].each[i], row.position)
		}
	}
	return nil
}

// embed looks the tokens up.
func (p *pass) embed(embedding *matrix) {
	for i, row := range p.batch.rows {
		embedding.row(p.residual.each[i], int(row.token))
	}
}

// addPositions adds what was learned for every position.
func (p *pass) addPositions(positions *matrix) {
	for i, row := range p.batch.rows {
		positions.row(p.normed.each[i], row.position)
	}
	p.add(p.normed)
}

// rowStep is what is done to every row, and with what.
type rowStep struct {
	do         func(p *pass, i int)
	dst, src   *vectors
	other      *vectors
	norm       *norm
	factor     float32
	activation activation
}

// eachRow does a step with every row, each of about the given width.
func (p *pass) eachRow(width int, s rowStep) {
	p.rowStep = s
	p.rowwise.run(p.pool, p.n, width)
}

// normalize sets dst to the normalized src.
func (p *pass) normalize(dst, src *vectors, n *norm) {
	p.eachRow(src.width, rowStep{do: normalizeRow, dst: dst, src: src, norm: n})
}

func normalizeRow(p *pass, i int) { p.norm.apply(p.dst.each[i], p.src.each[i]) }

// add adds x to the residual stream.
func (p *pass) add(x *vectors) {
	p.eachRow(x.width, rowStep{do: addRow, dst: p.residual, src: x})
}

func addRow(p *pass, i int) { kernel.Axpy(1, p.src.each[i], p.dst.each[i]) }

// addNormed adds x to the residual stream and normalizes that.
func (p *pass) addNormed(x *vectors, n *norm) {
	p.add(x)
	p.normalize(p.residual, p.residual, n)
}

// scale multiplies x by a factor.
func (p *pass) scale(x *vectors, factor float32) {
	p.eachRow(x.width, rowStep{do: scaleRow, dst: x, factor: factor})
}

func scaleRow(p *pass, i int) { kernel.Scale(p.factor, p.dst.each[i]) }

// product is a matrix and where its products with rows go.
type product struct {
	weight *linear
	dst    *vectors
}

// into pairs a matrix with the place for its products.
func into(dst *vectors, weight *linear) product { return product{weight, dst} }

// multiply computes products of the rows of x with several matrices at once.
func (p *pass) multiply(x *vectors, products ...product) {
	if p.n == 0 {
		return
	}
	p.products = p.products[:0]
	for _, q := range products {
		p.products = append(p.products, kernel.Product{W: &q.weight.Weights, Dst: q.dst.flat})
	}
	x.inputs.Set(x.flat, p.n, x.width)
	kernel.MatMul(p.pool, &x.inputs, p.products...)
	for _, q := range products {
		for i := 0; q.weight.bias != nil && i < p.n; i++ {
			kernel.Axpy(1, q.weight.bias, q.dst.each[i])
		}
	}
}

// deliverHidden copies the residual stream to where it is wanted.
func (p *pass) deliverHidden() {
	from := p.residual.flat
	for _, s := range p.wanted {
		n := len(s.Tokens) * p.config.Dim
		copy(s.Hidden, from[:n])
		from = from[n:]
	}
}

// narrow leaves only the rows whose logits are wanted: behind the attention of
// the last layer nobody looks at the others.
func (p *pass) narrow() {
	for i, last := range p.batch.answers {
		copy(p.residual.each[i], p.residual.each[last])
		copy(p.normed.each[i], p.normed.each[last])
		copy(p.mixed.each[i], p.mixed.each[last])
	}
	p.n = len(p.batch.answers)
}

// predict multiplies the rows of x, after narrow, with the head and delivers the
// logits.
func (p *pass) predict(x *vectors, head *linear) {
	dst := p.batch.logits(p.wanted)
	if dst == nil {
		return
	}
	x.inputs.Set(x.flat, p.n, x.width)
	kernel.MatMul(p.pool, &x.inputs, kernel.Product{W: &head.Weights, Dst: dst})
	for n := head.Rows; head.bias != nil && len(dst) >= n; dst = dst[n:] {
		kernel.Axpy(1, head.bias, dst[:n])
	}
	p.batch.deliver(p.wanted)
}

// capLogits replaces those that were delivered by limit*tanh(logit/limit).
func (p *pass) capLogits(limit float32) {
	for _, s := range p.wanted {
		kernel.SoftCap(s.Logits, limit)
	}
}
