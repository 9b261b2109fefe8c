//go:build cuda

package cuda

import (
	"math"
	"math/bits"

	"github.com/a472be26/cusp/infer/cuda/driver"
	"github.com/a472be26/cusp/infer/cuda/kernels"
	"github.com/a472be26/cusp/infer/model"
)

// mostLeaders is how many leaders a sequence may want.
func mostLeaders(c model.Config) int {
	if c.Kind == model.Encoder || c.Gives {
		return 0
	}
	return min(kernels.MaxTopK, c.Vocab)
}

// leaders is where those of some rows are, in one piece of memory.
type leaders struct {
	rows, each  int
	ids, logits int // int32 and float32 [rows][each]
	sums        int // float32 [rows][2]: the largest logit, and the sum of exponentials above it
	size        int
}

func arrangeLeaders(rows, each int) leaders {
	part := roundUp(4*rows*each, 16)
	return leaders{rows: rows, each: each, logits: part, sums: 2 * part, size: 2*part + 8*rows}
}

// leaders are those of the rows behind the ones that are wanted whole.
func (s shape) leaders() leaders { return arrangeLeaders(s.answers-s.whole, s.each) }

// roundLeaders is what n leaders are rounded up to, so that shapes come again.
func roundLeaders(c model.Config, n int) int {
	return min(1<<bits.Len(uint(n-1)), mostLeaders(c))
}

// give copies a row's leaders from the host's memory.
func (a leaders) give(from *driver.Host, row int, to *model.Leaders) {
	copy(to.IDs, part[int32](from, a.ids+4*row*a.each, a.each))
	copy(to.Logits, part[float32](from, a.logits+4*row*a.each, a.each))
	sum := part[float32](from, a.sums+8*row, 2)[1]
	to.Rest = float32(math.Log(float64(sum)))
}

// answer copies to the host what is wanted of the logits: those of the first rows
// whole, of the others the leaders.
type answer struct {
	topK  *driver.Function
	width int
}

func (o *answer) put(l *launcher) {
	st, s := l.state, l.what.shape
	whole := 4 * s.whole * o.width
	l.download(st.answers, st.logits, whole)
	a := s.leaders()
	if a.rows == 0 {
		return
	}
	at := func(place int) driver.DevicePointer { return st.leaders + driver.DevicePointer(place) }
	l.args.Reset().Pointer(st.logits + driver.DevicePointer(whole)).Pointer(at(a.ids)).Pointer(at(a.logits)).Pointer(at(a.sums)).
		Int(a.rows).Int(o.width).Int(a.each).Long(int64(o.width))
	l.launch(o.topK, a.rows, 1, 1, 256, 0)
	l.download(st.led, st.leaders, a.size)
}
