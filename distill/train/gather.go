package train

import "gorgonia.org/tensor"

// gather copies the named rows of x [n, dim] to y [len(rows), dim].
func gather(y, x *tensor.Dense, rows []int32) {
	dim := x.Shape()[1]
	ys, xs := values(y), values(x)
	for i, r := range rows {
		copy(ys[i*dim:(i+1)*dim], xs[int(r)*dim:])
	}
}

// scatter is the backward of gather: it writes dx [n, dim], zero outside the named rows, which are distinct.
func scatter(dx, dy *tensor.Dense, rows []int32) {
	dim := dx.Shape()[1]
	dxs, dys := values(dx), values(dy)
	clear(dxs)
	for i, r := range rows {
		copy(dxs[int(r)*dim:(int(r)+1)*dim], dys[i*dim:])
	}
}
