package train

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/a472be26/cusp/infer/kernel"
)

// residual joins a branch to the stream, y = branch * mask + x, with dropout on the branch. The mask is a function of
// the seed and the place, so backward computes it again instead of keeping it, and the order of work does not matter.
type residual struct {
	keep float32 // probability that an element stays; 1 is no dropout
	seed uint64  // of this step and this branch
}

// forward adds x [n, dim] to the branch [n, dim] in place.
func (r residual) forward(w workers, branch, x *tensor.Dense) {
	n, dim := x.Shape()[0], x.Shape()[1]
	bs, xs := values(branch), values(x)
	w.run(n, rowGrain, func(lo, hi int) {
		r.mask(bs, lo*dim, hi*dim)
		kernel.Axpy(1, xs[lo*dim:hi*dim], bs[lo*dim:hi*dim])
	})
}

// backward returns the branch's gradient: dy itself without dropout, else a masked copy in scratch [n, dim]. The
// stream's gradient is dy in both cases.
func (r residual) backward(w workers, scratch, dy *tensor.Dense) *tensor.Dense {
	if r.keep >= 1 {
		return dy
	}
	n, dim := dy.Shape()[0], dy.Shape()[1]
	ss, dys := values(scratch), values(dy)
	w.run(n, rowGrain, func(lo, hi int) {
		copy(ss[lo*dim:hi*dim], dys[lo*dim:hi*dim])
		r.mask(ss, lo*dim, hi*dim)
	})
	return scratch
}

// mask zeroes the dropped elements of x[lo:hi] and scales the others by 1/keep.
func (r residual) mask(x []float32, lo, hi int) {
	if r.keep >= 1 {
		return
	}
	limit, scale := uint32(float64(r.keep)*math.MaxUint32), 1/r.keep
	for i := lo; i < hi; i++ {
		if uint32(mix(r.seed+uint64(i))>>32) < limit {
			x[i] *= scale
		} else {
			x[i] = 0
		}
	}
}

// mix scrambles a counter into 64 random bits (the output function of SplitMix64).
func mix(x uint64) uint64 {
	x *= 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
