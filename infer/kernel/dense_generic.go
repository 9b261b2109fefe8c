package kernel

import (
	"unsafe"

	"github.com/a472be26/cusp/infer/quant"
)

// denseGeneric are the tiles of 1, 2 and more vectors.
func denseGeneric(kind quant.Type) []denseFunc {
	var all []denseFunc
	for vectors := 1; vectors <= maxDenseVectors; vectors++ {
		all = append(all, tileDenseGeneric(kind, vectors))
	}
	return all
}

func tileDenseGeneric(kind quant.Type, vectors int) denseFunc {
	size := kind.BlockBytes()
	return func(dst *float32, ld int, w *byte, stride int, x *float32, ldx, n, _ int) {
		ds := unsafe.Slice(dst, (vectors-1)*ld+denseRows)
		ws := unsafe.Slice(w, (denseRows-1)*stride+n*size)
		xs := unsafe.Slice(x, (vectors-1)*ldx+n)
		var room [denseCols]float32
		row := room[:n]
		for r := range denseRows {
			quant.Decode(kind, row, ws[r*stride:][:n*size]) // fails for other lengths only
			for v := range vectors {
				ds[v*ld+r] += dotGeneric(row, xs[v*ldx:][:n])
			}
		}
	}
}
