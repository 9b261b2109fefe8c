package model

import "github.com/a472be26/cusp/infer/kernel"

// Step is one thing that a pass does with all rows of its batch. There are no
// other steps than those in this file; run is how the CPU takes them. A step
// must not let a row's result depend on the other rows of the batch, nor
// allocate.
type Step interface{ run(p *pass) }

// Embed sets Residual to the vectors of the tokens.
type Embed struct{ Table *Matrix } // [Vocab][Dim]

// Take sets Residual to Sequence.Input; see Program.Split.
type Take struct{}

// AddPositions adds to Residual the vectors of the positions.
type AddPositions struct{ Table *Matrix } // [Context][Dim]

// AddVector adds to Residual the same values in every row.
type AddVector struct{ Values []float32 } // [Dim]

// NormalizeRows sets Dst to the normalized Src, which may be the same. Vectors longer
// than the norm's weights are normalized piece by piece.
type NormalizeRows struct {
	Dst, Src Buffer
	Norm     *Norm
}

// Add adds Src to Residual.
type Add struct{ Src Buffer }

// Scale multiplies Dst by a factor.
type Scale struct {
	Dst    Buffer
	Factor float32
}

// Multiply sets every product's Dst to the product of its matrix with Src, and
// adds its bias.
type Multiply struct {
	Src      Buffer
	Products []Product
}

// Product is a matrix and where its products with rows go.
type Product struct {
	Weight *Linear
	Dst    Buffer
}

// Activate activates Dst in place, and multiplies it with Ups unless that is
// None.
type Activate struct {
	How      Activation
	Dst, Ups Buffer
}

// Store rotates Queries and Keys as the look says, and keeps Keys and Values of
// the rows' positions as those of a layer.
type Store struct {
	Layer int
	Look  *Look
}

// Attend sets Mixed to the values that the rows see in a layer, weighted.
type Attend struct {
	Layer int
	Look  *Look
}

// Narrow leaves, of Residual, Normed and Mixed, only the rows whose logits are
// wanted, in their order: all that follows works on these. Without any, the rest
// does nothing.
type Narrow struct{}

var narrowed = []Buffer{Residual, Normed, Mixed}

// Sparse sets Projected to what the experts that Scores choose make of Normed,
// weighted.
type Sparse struct {
	*Experts
	steps [][]Step // of each, from Chosen to Projected
}

// Predict sets the logits that are wanted to the products of the head with Src.
type Predict struct {
	Src  Buffer
	Head *Linear
}

// CapLogits replaces the logits by Limit*tanh(logit/Limit).
type CapLogits struct{ Limit float32 }

// DeliverHidden gives Residual to the sequences that want hidden states.
type DeliverHidden struct{}

func (s *Embed) run(p *pass) {
	for i, row := range p.batch.Rows {
		s.Table.row(p.buffers[Residual].each[i], int(row.Token))
	}
}

func (s *Take) run(p *pass) {
	to := p.buffers[Residual].flat
	for _, q := range p.wanted {
		to = to[copy(to, q.Input):]
	}
}

func (s *AddPositions) run(p *pass) {
	for i, row := range p.batch.Rows {
		s.Table.row(p.buffers[Normed].each[i], row.Position)
	}
	p.eachRow(Residual, rowStep{do: addRow, src: p.buffers[Normed]})
}

func (s *AddVector) run(p *pass) {
	p.eachRow(Residual, rowStep{do: addVectorRow, vector: s.Values})
}

func addVectorRow(p *pass, i int) { kernel.Axpy(1, p.vector, p.dst.each[i]) }

func (s *NormalizeRows) run(p *pass) {
	p.eachRow(s.Dst, rowStep{do: normalizeRow, src: p.buffers[s.Src], norm: s.Norm})
}

func normalizeRow(p *pass, i int) { p.norm.apply(p.dst.each[i], p.src.each[i]) }

func (s *Add) run(p *pass) {
	p.eachRow(Residual, rowStep{do: addRow, src: p.buffers[s.Src]})
}

func addRow(p *pass, i int) { kernel.Axpy(1, p.src.each[i], p.dst.each[i]) }

func (s *Scale) run(p *pass) {
	p.eachRow(s.Dst, rowStep{do: scaleRow, factor: s.Factor})
}

func scaleRow(p *pass, i int) { kernel.Scale(p.factor, p.dst.each[i]) }

func (s *Multiply) run(p *pass) {
	if p.n == 0 {
		return
	}
	x := p.buffers[s.Src]
	x.inputs.Set(x.flat, p.n, x.width)
	s.times(p, &x.inputs)
}

// times multiplies x.
func (s *Multiply) times(p *pass, x *kernel.Activations) {
	p.products = p.products[:0]
	for _, q := range s.Products {
		p.products = append(p.products, kernel.Product{W: &q.Weight.Weights, Dst: p.buffers[q.Dst].flat})
	}
	kernel.MatMul(p.pool, x, p.products...)
	for _, q := range s.Products {
		for i := 0; q.Weight.Bias != nil && i < p.n; i++ {
			kernel.Axpy(1, q.Weight.Bias, p.buffers[q.Dst].each[i])
		}
	}
}

func (s *Activate) run(p *pass) {
	p.eachRow(s.Dst, rowStep{do: activateRow, other: p.buffers[s.Ups], activation: s.How})
}

func activateRow(p *pass, i int) {
	var up []float32
	if p.other.width > 0 {
		up = p.other.each[i]
	}
	p.activation.apply(p.dst.each[i], p.dst.each[i], up)
}

func (s *Store) run(p *pass) { p.attention.store(s.Layer, s.Look) }

func (s *Attend) run(p *pass) { p.attention.read(s.Layer, s.Look) }

func (s *Narrow) run(p *pass) {
	for i, last := range p.batch.Answers {
		for _, b := range narrowed {
			copy(p.buffers[b].each[i], p.buffers[b].each[last])
		}
	}
	p.n = len(p.batch.Answers)
}

func (s *Sparse) run(p *pass) { p.routing.run(p, s) }

func (s *Predict) run(p *pass) {
	dst := p.logits()
	if dst == nil {
		return
	}
	x := p.buffers[s.Src]
	x.inputs.Set(x.flat, p.n, x.width)
	kernel.MatMul(p.pool, &x.inputs, kernel.Product{W: &s.Head.Weights, Dst: dst})
	for n := s.Head.Rows; s.Head.Bias != nil && len(dst) >= n; dst = dst[n:] {
		kernel.Axpy(1, s.Head.Bias, dst[:n])
	}
	p.deliver()
}

func (s *CapLogits) run(p *pass) {
	for _, q := range p.wanted {
		kernel.SoftCap(q.Logits, s.Limit)
	}
}

func (s *DeliverHidden) run(p *pass) {
	from := p.buffers[Residual].flat
	for _, q := range p.wanted {
		n := len(q.Tokens) * p.config.Dim
		copy(q.Hidden, from[:n])
		from = from[n:]
	}
}
