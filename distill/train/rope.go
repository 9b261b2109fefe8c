package train

import (
	"math"

	"gorgonia.org/tensor"
)

// rope turns each adjacent pair of a query or key head by an angle that grows with the token's position, the order that
// GGUF files of the llama architecture expect (RoFormer, arXiv 2104.09864).
type rope struct {
	half     int       // pairs in one head
	cos, sin []float32 // [context, half]
}

func newRope(c Config) *rope {
	half := c.HeadDim() / 2
	r := &rope{half: half, cos: make([]float32, c.Context*half), sin: make([]float32, c.Context*half)}
	for pos := range c.Context {
		for i := range half {
			angle := float64(pos) * math.Pow(float64(c.RopeTheta), -float64(i)/float64(half))
			sin, cos := math.Sincos(angle)
			r.cos[pos*half+i], r.sin[pos*half+i] = float32(cos), float32(sin)
		}
	}
	return r
}

// forward turns the first heads of every row of x [n, width] in place; positions is [n].
func (r *rope) forward(w workers, x *tensor.Dense, heads int, positions []int32) {
	r.turn(w, x, heads, positions, 1)
}

// backward turns a gradient back in place: the transpose of a rotation is the rotation by the negative angle.
func (r *rope) backward(w workers, dx *tensor.Dense, heads int, positions []int32) {
	r.turn(w, dx, heads, positions, -1)
}

func (r *rope) turn(w workers, x *tensor.Dense, heads int, positions []int32, direction float32) {
	xs, width := values(x), x.Shape()[1]
	w.run(len(positions), rowGrain, func(lo, hi int) {
		for t := lo; t < hi; t++ {
			at := int(positions[t]) * r.half
			cos, sin := r.cos[at:at+r.half], r.sin[at:at+r.half]
			row := xs[t*width:][:heads*2*r.half]
			for ; len(row) > 0; row = row[2*r.half:] {
				turnHead(row[:2*r.half], cos, sin, direction)
			}
		}
	})
}

func turnHead(head, cos, sin []float32, direction float32) {
	for i, c := range cos {
		s := direction * sin[i]
		a, b := head[2*i], head[2*i+1]
		head[2*i], head[2*i+1] = a*c-b*s, a*s+b*c
	}
}
