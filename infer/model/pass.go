package model

import "github.com/a472be26/cusp/infer/kernel"

// pass is the run state: what forward passes, one after another, write to. Every
// buffer holds one row per token of the batch. The steps of a program work on
// it.
type pass struct {
	config  Config
	pool    *kernel.Pool
	batch   *Batch // what is computed now: texts or sources
	n       int    // rows that are computed: all of the batch, or after Narrow the wanted ones
	buffers [Buffers]*vectors

	attention *attention
	ropes     []Rope     // of the model, within this run's context
	turns     []*vectors // [ropes], each [RopeDim]: cosines and sines of the rows' positions
	routing   *routing   // nil without experts
	wanted    []Sequence // the batch, for its logits
	room      []float32  // [Sequences][Outputs] for the logits of several sequences
	texts     *Batch     // the sequences' tokens
	sources   *Batch     // what they answer, nil unless the model is an EncoderDecoder

	rowwise    *rowwise
	rowStep    // what rowwise does to a row
	products   []kernel.Product
	deliverOne func(sequence int) // deliverTo, bound once
}

// newPass makes room for what steps use.
func newPass(c Config, ropes []*Rope, limits Limits, kv *pagedKV, steps []Step) *pass {
	p := &pass{config: c, pool: kernel.NewPool(limits.Threads), texts: NewBatch(c, limits, kv.Pages())}
	for b := range p.buffers {
		rows := 0
		if uses(steps, Buffer(b)) {
			rows = limits.Rows
		}
		p.buffers[b] = newVectors(rows, c.Width(Buffer(b)))
	}
	p.batch = p.texts
	if c.Kind == EncoderDecoder {
		p.sources = NewSources(c, limits, kv.Pages())
	}
	for _, r := range ropes {
		p.ropes = append(p.ropes, r.Within(limits.Context))
		p.turns = append(p.turns, newVectors(limits.Rows, c.RopeDim))
	}
	if c.Experts > 0 {
		p.routing = newRouting(c, limits.Rows)
	}
	if limits.Sequences > 1 {
		p.room = make([]float32, limits.Sequences*c.Outputs())
	}
	p.attention = newAttention(p, limits, kv)
	p.rowwise = newRowwise(func(i int) { p.do(p, i) })
	p.deliverOne = p.deliverTo
	return p
}

// begin lays the sequences' tokens out as rows.
func (p *pass) begin(sequences []Sequence) error {
	if err := p.texts.Fill(sequences); err != nil {
		return err
	}
	if p.sources != nil {
		if err := p.sources.FillSources(sequences); err != nil {
			return err
		}
	}
	p.wanted = sequences
	p.turn(p.texts)
	for r := range p.ropes {
		for i, row := range p.batch.Rows {
			p.ropes[r].Turns(p.turns[r].each[i], row.Position)
		}
	}
	return nil
}

// turn turns to the rows of one of the two batches.
func (p *pass) turn(to *Batch) { p.batch, p.n = to, len(to.Rows) }

// run takes steps over the rows of a batch.
func (p *pass) run(rows *Batch, steps []Step) {
	p.turn(rows)
	for _, s := range steps {
		s.run(p)
	}
}

// rowStep is what is done to every row, and with what.
type rowStep struct {
	do         func(p *pass, i int)
	dst, src   *vectors
	other      *vectors
	vector     []float32
	norm       *Norm
	factor     float32
	activation Activation
}

// eachRow does a step with every row of a buffer.
func (p *pass) eachRow(dst Buffer, s rowStep) {
	s.dst = p.buffers[dst]
	p.rowStep = s
	p.rowwise.run(p.pool, p.n, s.dst.width)
}

// logits is where the products of the wanted rows go, nil if none is wanted. A
// single one goes straight to its sequence.
func (p *pass) logits() []float32 {
	switch len(p.batch.Answers) {
	case 0:
		return nil
	case 1:
		for _, s := range p.wanted {
			if s.Logits != nil {
				return s.Logits
			}
		}
	}
	return p.room
}

// deliver copies the logits of several sequences to where they are wanted.
func (p *pass) deliver() {
	if len(p.batch.Answers) > 1 {
		p.pool.Run(len(p.wanted), p.deliverOne)
	}
}

// deliverTo copies the logits of a wanted sequence, if it wants any.
func (p *pass) deliverTo(sequence int) {
	row := 0
	for _, s := range p.wanted[:sequence] {
		if s.Logits != nil {
			row++
		}
	}
	copy(p.wanted[sequence].Logits, p.room[row*p.config.Outputs():])
}
