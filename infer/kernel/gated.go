package kernel

import "fmt"

// gated is the rest of a job whose products go through an activation into
// another batch.
type gated struct {
	dst      *Activations
	activate func(dst, gate, up []float32)
	rows     int // of a unit: whole panels, spans and steps
}

// MatMulGated makes dst the batch of the vectors activate(gate*x, up*x), one for
// each of x, in int8: what a feed-forward layer's second product reads. Between
// that and two MatMul, an activation and a Set is no difference but the time,
// since the float32 products of some rows with all vectors are still in the cache
// when they are activated and quantized, and none of them goes to memory.
//
// Both matrices must be quantized and have as many rows, a multiple of 32. up may
// be nil; activate then gets nil for it. activate works value by value: it may be
// given any of them together.
func MatMulGated(p *Pool, dst, x *Activations, gate, up *Weights, activate func(dst, gate, up []float32)) {
	j := takeJob()
	j.add(gate, x)
	if up != nil {
		j.add(up, x)
	}
	j.checkGated()
	dst.x = nil
	dst.shape(x.n, gate.Rows)
	dst.makeRoom()
	if x.n > 0 {
		j.prepare(p)
		j.runGated(p, gated{dst: dst, activate: activate})
	}
	j.give()
}

func (j *job) checkGated() {
	rows := j.products[0].W.Rows
	for i := range j.products {
		if w := j.products[i].W; !Quantized(w.Kind) || w.Rows != rows || rows%stepCols != 0 || w.Cols == 0 {
			panic(fmt.Sprintf("kernel: gated products of %d x %d in %s: must be quantized, with equal rows, a multiple of %d", w.Rows, w.Cols, w.Kind, stepCols))
		}
	}
}

// runGated spreads units of rows over p.
func (j *job) runGated(p *Pool, g gated) {
	rows := j.products[0].W.Rows
	g.rows = roundUp(divUp(rows, partsPerThread*p.Threads()), stepCols)
	if j.x.n >= spanBatch {
		g.rows = min(g.rows, cachedRows)
	}
	j.gated = g
	j.spread(p, divUp(rows, g.rows), j.gatePart)
}

// cachedRows is a unit whose products with some hundred vectors fit the
// second-level cache: three panels of 16 rows, twice.
const cachedRows = 3 * stepCols

// runGatePart does the units of one part.
func (j *job) runGatePart(part int) {
	all := j.products[0].W.Rows
	units := divUp(all, j.gated.rows)
	s := takeWorkspace()
	for unit := units * part / j.parts; unit < units*(part+1)/j.parts; unit++ {
		first := unit * j.gated.rows
		j.gateRows(s, first, min(j.gated.rows, all-first))
	}
	s.give()
}

// gateRows does some rows with all vectors.
func (j *job) gateRows(s *workspace, first, rows int) {
	for i := range j.products {
		s.halves[i] = resized(s.halves[i], j.x.n*rows)
		j.panelRange(s, &j.products[i], first/active.lanes, (first+rows)/active.lanes, s.halves[i], rows)
	}
	gate, up := s.halves[0], []float32(nil)
	if len(j.products) > 1 {
		up = s.halves[1]
	}
	j.gated.activate(gate, gate, up)
	j.gated.dst.put(gate, rows, first/stepCols)
}
