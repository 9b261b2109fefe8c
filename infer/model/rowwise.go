package model

import "github.com/a472be26/cusp/infer/kernel"

// rowwise does something with each row of a batch on the threads of a pool.
// What it does is bound once, so that a pass does not allocate.
type rowwise struct {
	row  func(i int)
	part func(part int)

	// The work at hand, set by run.
	rows, parts int
}

// Below this many values, handing rows to other threads costs more than it
// saves.
const parallelRows = 16 << 10

func newRowwise(row func(i int)) *rowwise {
	w := &rowwise{row: row}
	w.part = w.runPart
	return w
}

// run does rows 0 to n-1, of the given width.
func (w *rowwise) run(pool *kernel.Pool, n, width int) {
	w.rows, w.parts = n, min(n, pool.Threads())
	if n*width < parallelRows {
		w.parts = 1
	}
	pool.Run(w.parts, w.part)
}

func (w *rowwise) runPart(part int) {
	for i := w.rows * part / w.parts; i < w.rows*(part+1)/w.parts; i++ {
		w.row(i)
	}
}
