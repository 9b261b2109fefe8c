package model

// Program is what an architecture does with a batch, as data: the steps that
// every pass takes, in their order, each over all rows of the batch. It is
// written once, when a model is loaded, and read by whatever runs it: the CPU
// (runner.go) or another back end, which finds in it all that a pass computes,
// and the weights as they lie in the file. Nothing changes it any more.
type Program struct {
	Config Config
	Ropes  []*Rope
	Reads  []Step // of an EncoderDecoder: over the source texts that begin in a pass, before Steps
	Steps  []Step // over the sequences' tokens
}

// Programmed is what a Model may be beside: one that shows its program.
type Programmed interface{ Program() *Program }

// Buffer names one of the places where steps leave their results: a vector for
// every row of the batch, which stays there from step to step.
type Buffer uint8

const (
	None      Buffer = iota
	Residual         // [Dim] the residual stream
	Normed           // [Dim]
	Queries          // [Heads*HeadDim]
	Keys             // [KVHeads*HeadDim]
	Values           // [KVHeads*HeadDim]
	Mixed            // [Heads*HeadDim] values weighted by attention
	Projected        // [Dim] what a half layer adds to the residual stream
	Gates            // [FFN]
	Ups              // [FFN]
	Scores           // [Experts] that a router gives
	Chosen           // [Dim] inputs of one expert, 0 without experts

	Buffers = iota // how many there are, None included
)

// Width is how many values a row has in a buffer.
func (c Config) Width(b Buffer) int {
	switch b {
	case Residual, Normed, Projected:
		return c.Dim
	case Queries, Mixed:
		return c.Heads * c.HeadDim
	case Keys, Values:
		return c.KVHeads * c.HeadDim
	case Gates, Ups:
		return c.FFN
	case Scores:
		return c.Experts
	case Chosen:
		if c.Experts > 0 {
			return c.Dim
		}
	}
	return 0
}

// window is that of the layer that sees most; 0: one sees all, or none attends.
func (p *Program) window() (most int) {
	for _, s := range p.Steps {
		a, ok := s.(*Attend)
		if !ok {
			continue
		}
		if a.Look.Window == 0 {
			return 0
		}
		most = max(most, a.Look.Window)
	}
	return most
}

func (p *Program) do(s Step) { p.Steps = append(p.Steps, s) }

// read writes what is done with the source texts before all else.
func (p *Program) read(write func()) {
	steps := p.Steps
	p.Steps = nil
	write()
	p.Reads, p.Steps = p.Steps, steps
}

// embed looks the tokens up.
func (p *Program) embed(embedding *Matrix) { p.do(&Embed{embedding}) }

// addPositions adds what was learned for every position.
func (p *Program) addPositions(positions *Matrix) { p.do(&AddPositions{positions}) }

// addVector adds the same vector to every row of the residual stream.
func (p *Program) addVector(x []float32) { p.do(&AddVector{x}) }

// normalize sets dst to the normalized src.
func (p *Program) normalize(dst, src Buffer, n *Norm) { p.do(&NormalizeRows{dst, src, n}) }

// add adds x to the residual stream.
func (p *Program) add(x Buffer) { p.do(&Add{x}) }

// addNormed adds x to the residual stream and normalizes that.
func (p *Program) addNormed(x Buffer, n *Norm) {
	p.add(x)
	p.normalize(Residual, Residual, n)
}

// scale multiplies x by a factor.
func (p *Program) scale(x Buffer, factor float32) { p.do(&Scale{x, factor}) }

// multiply computes products of the rows of x with several matrices at once.
func (p *Program) multiply(x Buffer, products ...Product) { p.do(&Multiply{x, products}) }

// into pairs a matrix with the place for its products.
func into(dst Buffer, weight *Linear) Product { return Product{weight, dst} }

// activate activates gates, in place, and multiplies them with ups unless that
// is None.
func (p *Program) activate(how Activation, gates, ups Buffer) { p.do(&Activate{how, gates, ups}) }

// narrow leaves only the rows whose logits are wanted: behind the attention of
// the last layer nobody looks at the others.
func (p *Program) narrow() { p.do(&Narrow{}) }

// deliverHidden copies the residual stream to where it is wanted.
func (p *Program) deliverHidden() { p.do(&DeliverHidden{}) }

// predict multiplies the rows of x, after narrow, with the head and delivers the
// logits.
func (p *Program) predict(x Buffer, head *Linear) { p.do(&Predict{x, head}) }

// capLogits replaces those that were delivered by limit*tanh(logit/limit).
func (p *Program) capLogits(limit float32) { p.do(&CapLogits{limit}) }
