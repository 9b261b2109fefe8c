package model

import (
	"math"

	"github.com/a472be26/cusp/infer/kernel"
)

// attention lets every row look back at the positions of its own sequence, a
// head of queries at a time. Groups of query heads share a head of keys.
type attention struct {
	heads, group, headDim int
	scale                 float32
	scores                [][]float32 // per part: [Context]
	part                  func(int)   // one part of the work at hand; bound once, so that a pass does not allocate

	// The work at hand, set by run.
	parts   int
	layer   int
	rows    []row
	queries *vectors // [Heads*HeadDim]
	mixed   *vectors // [Heads*HeadDim], the result
}

// Below this many values read, handing work to other threads costs more than
// it saves.
const parallelValues = 16 << 10

func newAttention(c Config, limits Limits) *attention {
	a := &attention{
		heads:   c.Heads,
		group:   c.Heads / c.KVHeads,
		headDim: c.HeadDim,
		scale:   float32(1 / math.Sqrt(float64(c.HeadDim))),
	}
	for range 2 * limits.Threads {
		a.scores = append(a.scores, make([]float32, limits.Context))
	}
	a.part = a.runPart
	return a
}

// run attends in one layer, whose cache already holds the rows themselves.
func (a *attention) run(pool *kernel.Pool, layer int, rows []row, queries, mixed *vectors) {
	a.layer, a.rows, a.queries, a.mixed = layer, rows, queries, mixed
	values := 0
	for i := range rows {
		values += (rows[i].position + 1) * a.headDim * a.heads
	}
	a.parts = len(a.scores)
	if values < parallelValues || pool.Threads() == 1 {
		a.parts = 1
	}
	pool.Run(a.parts, a.part)
}

// runPart takes every parts-th head of every row, so that short and long rows
// spread evenly.
func (a *attention) runPart(part int) {
	for item := part; item < len(a.rows)*a.heads; item += a.parts {
		i, head := item/a.heads, item%a.heads
		from, to := head*a.headDim, (head+1)*a.headDim
		a.head(a.mixed.each[i][from:to], a.queries.each[i][from:to], &a.rows[i], head/a.group, a.scores[part])
	}
}

// head sets dst to the mean of the values up to the row's position, weighted by
// softmax(query . keys / sqrt(HeadDim)).
func (a *attention) head(dst, query []float32, r *row, head int, scores []float32) {
	scores = scores[:r.position+1]
	keys, values := r.cache.head(a.layer, head, len(scores))
	for t := range scores {
		scores[t] = a.scale * kernel.Dot(query, keys[t*a.headDim:(t+1)*a.headDim])
	}
	kernel.Softmax(scores)
	clear(dst)
	for t, weight := range scores {
		kernel.Axpy(weight, values[t*a.headDim:(t+1)*a.headDim], dst)
	}
}
