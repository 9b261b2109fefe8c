package kernel

import "fmt"

// gated is the rest of a job whose products go through an activation into
// another batch.
type gated struct {
	dst      *Activations
	activate func(dst, gate, up []float32)
	rows     int // that are done before they are activated
}

// cachedRows is how many rows' products with some hundred vectors fit the
// second-level cache: three panels of 16 rows, twice.
const cachedRows = 3 * stepCols

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

func (j *job) runGated(p *Pool, g gated) {
	rows := j.products[0].W.Rows
	g.rows = rows
	if j.x.n >= spanBatch {
		g.rows = cachedRows
	}
	j.gated = g
	j.spread(p, rows/stepCols, j.gatePart)
}

// runGatePart does the rows of one part.
func (j *job) runGatePart(part int) {
	from, to := j.cut(part)*stepCols, j.cut(part+1)*stepCols
	s := takeWorkspace()
	for ; from < to; from += j.gated.rows {
		j.gateRows(s, from, min(j.gated.rows, to-from))
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
