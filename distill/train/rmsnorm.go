package train

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/a472be26/cusp/infer/kernel"
)

// rmsnorm computes y = weight * x / sqrt(mean(x²) + eps) for each row.
type rmsnorm struct {
	weight, grad []float32 // [dim]
	eps          float32
	scale        []float32 // [n]: 1/sqrt(mean(x²)+eps) of the last forward
	partial      []float32 // [ranges, dim]: the gradient's sums, one row per range of rows
}

// rowGrain is the number of rows that one worker takes at a time.
const rowGrain = 32

// forward writes y [n, dim] from x [n, dim].
func (r *rmsnorm) forward(w workers, y, x *tensor.Dense) {
	n, dim := x.Shape()[0], len(r.weight)
	r.scale = sized(r.scale, n)
	ys, xs := values(y), values(x)
	w.run(n, rowGrain, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			row, out := xs[i*dim:(i+1)*dim], ys[i*dim:(i+1)*dim]
			scale := float32(1 / math.Sqrt(float64(kernel.Dot(row, row)/float32(dim)+r.eps)))
			r.scale[i] = scale
			for j, v := range row {
				out[j] = v * scale * r.weight[j]
			}
		}
	})
}

// backward adds to dx [n, dim] and writes the weight's gradient, from dy [n, dim] and the x of forward:
// dx += s*w*dy - x * s³/dim * sum(dy*w*x), dw = sum over rows of dy*x*s, where s is the row's scale.
func (r *rmsnorm) backward(w workers, dx, dy, x *tensor.Dense) {
	n, dim := x.Shape()[0], len(r.weight)
	ranges := (n + rowGrain - 1) / rowGrain
	r.partial = sized(r.partial, ranges*dim)
	dxs, dys, xs := values(dx), values(dy), values(x)
	w.run(n, rowGrain, func(lo, hi int) {
		sums := r.partial[lo/rowGrain*dim:][:dim]
		clear(sums)
		for i := lo; i < hi; i++ {
			at, end := i*dim, (i+1)*dim
			r.backwardRow(dxs[at:end], dys[at:end], xs[at:end], sums, r.scale[i])
		}
	})
	clear(r.grad)
	for c := range ranges {
		kernel.Axpy(1, r.partial[c*dim:(c+1)*dim], r.grad)
	}
}

func (r *rmsnorm) backwardRow(dx, dy, x, sums []float32, scale float32) {
	weight := r.weight[:len(x)]
	dx, dy, sums = dx[:len(x)], dy[:len(x)], sums[:len(x)]
	var inner float32
	for j, v := range x {
		g := dy[j] * v
		inner += g * weight[j]
		sums[j] += g * scale
	}
	pull := inner * scale * scale * scale / float32(len(x))
	for j, v := range x {
		dx[j] += scale*weight[j]*dy[j] - pull*v
	}
}

// sized returns a slice of n elements, the same memory where its capacity suffices. Old contents may remain.
func sized[T any](buffer []T, n int) []T {
	if cap(buffer) < n {
		return make([]T, n, n+n/8)
	}
	return buffer[:n]
}
