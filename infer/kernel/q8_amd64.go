package kernel

// The assembly below takes at least one row and one block. x points to the
// first plane of a Q8, plane bytes long.

//go:noescape
func q8RowsAVX512(dst *float32, w *byte, rows, blocks int, x *int8, plane int)

//go:noescape
func q8Rows4AVX512(dst *float32, ld int, w *byte, rows, blocks int, x *[4]*int8, plane int)

//go:noescape
func q8RowsAVX2(dst *float32, w *byte, rows, blocks int, x *int8, plane int)

//go:noescape
func q8Rows4AVX2(dst *float32, ld int, w *byte, rows, blocks int, x *[4]*int8, plane int)

//go:noescape
func quantizeAVX2(q *int8, plane int, x *float32, blocks int)

func q8RowsVNNI(dst []float32, w []byte, x *Q8) {
	if len(dst) > 0 {
		q8RowsAVX512(&dst[0], &w[0], len(dst), x.blocks, &x.q[0], x.plane())
	}
}

func q8Rows4VNNI(dst []float32, ld int, w []byte, rows int, xs []*Q8) {
	q8Rows4AVX512(&dst[0], ld, &w[0], rows, xs[0].blocks, firsts(xs), xs[0].plane())
}

func q8RowsVector(dst []float32, w []byte, x *Q8) {
	if len(dst) > 0 {
		q8RowsAVX2(&dst[0], &w[0], len(dst), x.blocks, &x.q[0], x.plane())
	}
}

func q8Rows4Vector(dst []float32, ld int, w []byte, rows int, xs []*Q8) {
	q8Rows4AVX2(&dst[0], ld, &w[0], rows, xs[0].blocks, firsts(xs), xs[0].plane())
}

func quantizeVector(q *Q8, x []float32) {
	quantizeAVX2(&q.q[0], q.plane(), &x[0], q.blocks)
}
