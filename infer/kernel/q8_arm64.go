package kernel

// The assembly below takes at least one row and one block. x points to the
// first plane of a Q8, plane bytes long.

//go:noescape
func q8RowsDotProd(dst *float32, w *byte, rows, blocks int, x *int8, plane int)

//go:noescape
func q8Rows4DotProd(dst *float32, ld int, w *byte, rows, blocks int, x *[4]*int8, plane int)

//go:noescape
func q8RowsNEON(dst *float32, w *byte, rows, blocks int, x *int8, plane int)

//go:noescape
func q8Rows4NEON(dst *float32, ld int, w *byte, rows, blocks int, x *[4]*int8, plane int)

//go:noescape
func quantizeNEON(q *int8, plane int, x *float32, blocks int)

func q8RowsDot(dst []float32, w []byte, x *Q8) {
	if len(dst) > 0 {
		q8RowsDotProd(&dst[0], &w[0], len(dst), x.blocks, &x.q[0], x.plane())
	}
}

func q8Rows4Dot(dst []float32, ld int, w []byte, rows int, xs []*Q8) {
	q8Rows4DotProd(&dst[0], ld, &w[0], rows, xs[0].blocks, firsts(xs), xs[0].plane())
}

func q8RowsVector(dst []float32, w []byte, x *Q8) {
	if len(dst) > 0 {
		q8RowsNEON(&dst[0], &w[0], len(dst), x.blocks, &x.q[0], x.plane())
	}
}

func q8Rows4Vector(dst []float32, ld int, w []byte, rows int, xs []*Q8) {
	q8Rows4NEON(&dst[0], ld, &w[0], rows, xs[0].blocks, firsts(xs), xs[0].plane())
}

func quantizeVector(q *Q8, x []float32) {
	quantizeNEON(&q.q[0], q.plane(), &x[0], q.blocks)
}
