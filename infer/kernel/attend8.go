package kernel

import (
	"fmt"
	"unsafe"
)

// Attention8 attends over pages of INT8, for one thread:
//
//	Load the queries
//	for each stretch of pages:
//		Scores, and the rest as with pages of binary16
//		Mix
//
// Queries are rounded to INT8 in blocks of 32 as [Activations] are, and weights,
// times the scales of the values they go with, in blocks of 32 positions from the
// stretch's first on. Sums of products of bytes are exact; everything else is
// done in an order that does not depend on how many queries there are. So what a
// query gets does not depend on the others, bit for bit, as long as a stretch
// begins where it did.
type Attention8 struct {
	headDim, pages   int
	n                int // queries
	queries, weights Activations
	padded           []float32 // [n][steps*32] queries, unless heads are whole steps
	scaled           []float32 // [n][columns] weights times scales
	scales           []float32 // [columns] of the stretch's values
	mixed            []float32 // [n][wide], unless heads are that wide
}

// NewAttention8 has room for some queries and the pages of a stretch; it never
// allocates later.
func NewAttention8(queries, pages, headDim int) *Attention8 {
	if queries < 1 || pages < 1 || headDim < 1 {
		panic(fmt.Sprintf("kernel: NewAttention8 for %d queries of %d values over %d pages", queries, headDim, pages))
	}
	columns := roundUp(pages*PageTokens, stepCols)
	a := &Attention8{
		headDim: headDim, pages: pages,
		padded: make([]float32, queries*steps8(headDim)*stepCols),
		scaled: make([]float32, queries*columns),
		scales: make([]float32, columns),
		mixed:  make([]float32, queries*wide8(headDim)),
	}
	a.queries.reserve(queries, steps8(headDim)*stepCols)
	a.weights.reserve(queries, columns)
	return a
}

// Load takes n queries of headDim values, one after the other, of which nothing
// is kept.
func (a *Attention8) Load(queries []float32, n int) {
	checkRows("Attention8.Load", "queries", len(queries), n, a.headDim, a.headDim)
	a.checkQueries("Load", n)
	a.n = n
	cols := steps8(a.headDim) * stepCols
	if cols != a.headDim {
		for q := range n {
			row := a.padded[q*cols:][:cols]
			clear(row[copy(row, queries[q*a.headDim:][:a.headDim]):])
		}
		queries = a.padded
	}
	a.queries.Set(queries, n, cols)
	a.queries.quantizeHere()
}

// Scores sets dst[q*ld+p] to the product of query q with key p, for the
// PageTokens keys of each page: with q and k rounded, a float32 for each 32
// values,
//
//	dst[q*ld+i*PageTokens+p] = sum over blocks of dk*dq * (keys[i][p] . q)
//
// in their order. Positions that were never written give whatever the page
// holds.
func (a *Attention8) Scores(dst []float32, ld int, keys [][]byte) {
	a.checkScores(len(dst), ld, keys)
	steps := a.queries.steps()
	size := steps * active.stepBytes(stepCols)
	for i, page := range keys {
		for _, t := range a.queries.tiles {
			for first := 0; first < PageTokens; first += active.lanes {
				active.tiles32[t.kind](&dst[t.from*ld+i*PageTokens+first], ld, &page[first/active.lanes*size],
					a.queries.step(t, 0), a.queries.half(t, 0), steps, false)
			}
		}
	}
}

// Mix adds the first tokens values of a stretch of pages to dst, weighted, for
// the loaded queries:
//
//	dst[q*ld+d] += sum over p of weights[q*ldw+p] * values[p][d]
//
// page by page: with w the weights times the values' scales, rounded, to each of
// dst's numbers dw * (w . v) is added for every page. Weights must not be
// negative. dst must not overlap the rest.
func (a *Attention8) Mix(dst []float32, ld int, weights []float32, ldw int, values [][]byte, tokens int) {
	a.checkMix(len(dst), ld, len(weights), ldw, values, tokens)
	if a.n == 0 || tokens == 0 {
		return
	}
	a.weigh(weights, ldw, values, tokens)
	wide := wide8(a.headDim)
	if wide == a.headDim {
		a.mix(dst, ld, values)
		return
	}
	for q := range a.n {
		copy(a.mixed[q*wide:], dst[q*ld:][:a.headDim])
	}
	a.mix(a.mixed, wide, values)
	for q := range a.n {
		copy(dst[q*ld:][:a.headDim], a.mixed[q*wide:])
	}
}

// weigh rounds the weights, times the values' scales. Scales of positions that
// were never written may be anything.
func (a *Attention8) weigh(weights []float32, ldw int, values [][]byte, tokens int) {
	columns := roundUp(len(values)*PageTokens, stepCols)
	at := wide8(a.headDim) * PageTokens
	for i, page := range values {
		copy(a.scales[i*PageTokens:], floats(page[at:][:4*PageTokens]))
	}
	for q := range a.n {
		row := a.scaled[q*columns:][:columns]
		active.mulAll(row[:tokens], weights[q*ldw:][:tokens], a.scales[:tokens], 1)
		clear(row[tokens:])
	}
	a.weights.Set(a.scaled, a.n, columns)
	a.weights.quantizeHere()
}

// mix adds all pages to dst, whose rows are of whole lanes.
func (a *Attention8) mix(dst []float32, ld int, values [][]byte) {
	panels := wide8(a.headDim) / active.lanes
	for i, page := range values {
		for _, t := range a.weights.tiles {
			step := unsafe.Slice(a.weights.step(t, i/2), t.n*stepBytesX)
			half := unsafe.Slice(a.weights.half(t, i/2), 2*t.n)
			active.mix8[t.kind](&dst[t.from*ld], ld, &page[0], &step[i%2*PageTokens],
				&floats(step[t.n*stepCols:])[0], &half[i%2*t.n], panels)
		}
	}
}

func (a *Attention8) checkQueries(caller string, n int) {
	if most := len(a.scaled) / len(a.scales); n < 0 || n > most {
		panic(fmt.Sprintf("kernel: Attention8.%s of %d queries, where there is room for %d", caller, n, most))
	}
}

func (a *Attention8) checkScores(dst, ld int, keys [][]byte) {
	const caller = "Attention8.Scores"
	width := len(keys) * PageTokens
	checkRows(caller, "dst", dst, a.n, ld, width)
	for _, page := range keys {
		checkRows(caller, "keys", len(page), 1, 0, KeyBytes8(a.headDim))
	}
	if a.n > 1 && ld < width {
		panic(fmt.Sprintf("kernel: %s with rows of %d scores only %d apart", caller, width, ld))
	}
}

func (a *Attention8) checkMix(dst, ld, weights, ldw int, values [][]byte, tokens int) {
	const caller = "Attention8.Mix"
	if len(values) > a.pages || tokens < 0 || tokens > len(values)*PageTokens {
		panic(fmt.Sprintf("kernel: %s of %d positions of %d pages, of which there may be %d", caller, tokens, len(values), a.pages))
	}
	checkRows(caller, "dst", dst, a.n, ld, a.headDim)
	checkRows(caller, "weights", weights, a.n, ldw, tokens)
	for _, page := range values {
		checkRows(caller, "values", len(page), 1, 0, ValueBytes8(a.headDim))
	}
	if a.n > 1 && ld < a.headDim {
		panic(fmt.Sprintf("kernel: %s with rows of %d values only %d apart", caller, a.headDim, ld))
	}
}

// mix8Func adds a page's values to a tile of 1, 2, 4, 8 or 16 rows of dst:
//
//	dst[t*ld+lane] += d[t] * (codes of the lane . row t's bytes)
//
// for panels panels of lanes, one after the other in values and in dst. q has
// 16 bytes for every row, 32 apart, and bias -128 times their sums. The integer
// sum is exact; it becomes a float32, and one fused or unfused multiply-add
// follows.
type mix8Func func(dst *float32, ld int, values, q *byte, d *float32, bias *int32, panels int)

func mix8Generic(rows int) mix8Func {
	return func(dst *float32, ld int, values, q *byte, d *float32, _ *int32, panels int) {
		const size = genericLanes * PageTokens
		vs, qs, ds := unsafe.Slice(values, panels*size), unsafe.Slice(q, (rows-1)*stepCols+PageTokens), unsafe.Slice(d, rows)
		out := unsafe.Slice(dst, (rows-1)*ld+panels*genericLanes)
		for i := range panels * genericLanes {
			panel := vs[i/genericLanes*size:][:size]
			for t := range rows {
				dot := dotQuads(panel, qs[t*stepCols:][:PageTokens], i%genericLanes, 0, PageTokens/4)
				out[t*ld+i] += float32(ds[t] * float32(dot))
			}
		}
	}
}
