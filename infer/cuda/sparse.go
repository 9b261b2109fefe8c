//go:build cuda

package cuda

import (
	"github.com/a472be26/cusp/infer/cuda/driver"
	"github.com/a472be26/cusp/infer/cuda/kernels"
)

// sparse is a layer of experts: every row goes, once for each expert that it
// uses, through products that find the expert's matrices by its number.
type sparse struct {
	route, mix  *driver.Function
	gate, up    expertProduct
	activate    activate
	down        expertProduct
	scores      driver.DevicePointer
	projected   driver.DevicePointer
	all, used   int
	sumTo1, dim int
}

// expertProduct multiplies rows with the matrix of the expert that each uses.
type expertProduct struct {
	f      *driver.Function
	matrix driver.DevicePointer // the first expert's
	rows   int
	stride int64 // bytes from an expert's to the next one's
	dense  bool
	x      driver.DevicePointer
	planes planes
	cols   int
	share  int // vectors that read the same activations, one after the other
}

func (o *sparse) put(l *launcher) {
	room := l.state.experts
	l.args.Reset().Pointer(o.scores).Pointer(room.experts).Pointer(room.weights).Int(l.n).Int(o.all).Int(o.used).Int(o.sumTo1)
	l.launch(o.route, l.n, 1, 1, 32, 0)
	o.gate.put(l, o.used)
	o.up.put(l, o.used)
	o.activate.put(l)
	o.down.put(l, o.used)
	l.args.Reset().Pointer(o.projected).Pointer(room.outputs).Pointer(room.weights).Int(l.n).Int(o.used).Int(o.dim).Int(0)
	l.launch(o.mix, ceil(o.dim, 256), l.n, 1, 256, 0)
}

func (o *expertProduct) put(l *launcher, used int) {
	n := l.n * used
	l.args.Reset().Pointer(o.matrix).Int(1)
	if o.dense {
		l.args.Pointer(o.x)
	} else {
		l.args.Pointer(o.planes.q).Pointer(o.planes.d).Pointer(o.planes.halves)
	}
	l.args.Int(n).Int(o.cols).Int(0).Pointer(l.state.experts.experts).Long(o.stride).Int(o.share)
	l.launch(o.f, ceil(o.rows, kernels.RowsPerBlock), n, 1, 128, 0)
}
