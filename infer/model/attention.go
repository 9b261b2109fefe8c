package model

import (
	"math"
	"sync/atomic"

	"github.com/a472be26/cusp/infer/kernel"
	"github.com/a472be26/cusp/infer/quant"
)

// attention lets every row look at positions: back at those of its own sequence,
// at all of them, or at those of the text that the sequence answers.
//
// A unit of work is a tile of rows and one head of keys: all queries that read
// the same keys, which are the tile's rows times the query heads of a group.
// Positions are read in chunks with an online softmax (arXiv 2205.14135), so
// that no buffer is as long as the context. Every segment of positions starts a
// softmax of its own, and the segments are merged in their order. Chunks and
// segments lie at fixed positions; that and the kernels' promise make the
// result of a row the same whatever tile it is in and however many threads
// there are.
type attention struct {
	pass         *pass // queries, keys and values in, mixed out
	kv           *pagedKV
	heads, group int // of queries, and how many of them share a head of keys
	headDim      int
	spaces       []*workspace   // one per thread
	split        *split         // nil where nothing is ever split
	place, look  func(part int) // bound once, so that a pass does not allocate

	// The work at hand, set by store and read.
	layer    int
	how      *Look
	parts    int
	segments int          // into which every tile is split; 1: not split
	next     atomic.Int64 // the first item that nobody took
}

// Sees is what a row looks at.
type Sees uint8

const (
	Past   Sees = iota // the positions of its sequence, up to its own
	Whole              // all of them, of a sequence that is one pass
	Across             // those of the source text
)

// Look is how the rows of a layer look.
type Look struct {
	Sees   Sees
	Rope   *Rope     // that turns queries and keys, nil for none
	Scale  float32   // of the products of queries and keys
	Window int       // positions that are seen, the row's own included; 0: all
	Limit  float32   // scores become limit*tanh(score/limit), 0: they do not
	Slopes []float32 // [Heads] subtracted from the score per position of distance (ALiBi), nil for none
	Biases *Biases   // added to the score by distance, nil for none
}

// plainLook sees all positions and scales by the square root of the head's
// width.
func plainLook(c Config, r *Rope) Look {
	return Look{Rope: r, Scale: float32(1 / math.Sqrt(float64(c.HeadDim)))}
}

// directed is plainLook in some direction, without rotation.
func directed(c Config, to Sees) Look {
	l := plainLook(c, nil)
	l.Sees = to
	return l
}

// First is the first position that a row at a position sees.
func (l *Look) First(position int) int {
	if l.Window == 0 {
		return 0
	}
	return max(0, position+1-l.Window)
}

const (
	// chunkTokens is how many positions are scored at a time.
	chunkTokens = 8 * PageTokens
	// segmentTokens is how many positions a softmax goes over before it is
	// merged, and the least that a thread takes of a long sequence.
	segmentTokens = 4 * chunkTokens
	// tileQueries is how many queries read a page together, if a single row
	// has no more: their scores of a chunk fit the first-level cache, and
	// AVX-512 takes half of them at a time.
	tileQueries = 28
	// Below this many values read, handing work to other threads costs more
	// than it saves.
	parallelValues = 16 << 10
	// Below this many values, so does the storing of keys and values.
	parallelPlace = 8 << 10
)

// tileRows is how many rows of a sequence make a tile.
func tileRows(c Config) int { return max(1, tileQueries*c.KVHeads/c.Heads) }

func newAttention(p *pass, limits Limits, kv *pagedKV) *attention {
	c := p.config
	a := &attention{pass: p, kv: kv, heads: c.Heads, group: c.Heads / c.KVHeads, headDim: c.HeadDim}
	queries := tileRows(c) * a.group
	for range limits.Threads {
		a.spaces = append(a.spaces, newWorkspace(queries, c.HeadDim, kv.kind))
	}
	if segments := (limits.Context + segmentTokens - 1) / segmentTokens; limits.Threads > 1 && segments > 1 {
		a.split = newSplit(2*limits.Threads, segments, queries, c.HeadDim)
	}
	a.place, a.look = a.placePart, a.lookPart
	return a
}

// store rotates queries and keys, and keeps keys and values.
func (a *attention) store(layer int, how *Look) {
	a.layer, a.how = layer, how
	a.parts = a.pass.pool.Threads()
	if len(a.pass.batch.Rows)*a.headDim*a.heads < parallelPlace {
		a.parts = 1
	}
	a.pass.pool.Run(a.parts, a.place)
}

// read attends to what is kept. Few items are split, so that every thread has
// work.
func (a *attention) read(layer int, how *Look) {
	a.layer, a.how = layer, how
	pool, tiles := a.pass.pool, a.pass.batch.tiles
	items, values, longest := len(tiles)*a.kv.heads, 0, 0
	for i := range tiles {
		t := &tiles[i]
		values += t.rows * (t.end(how) - how.First(t.position)) * a.headDim * a.heads
		longest = max(longest, t.segments(how))
	}
	a.segments = 1
	if a.split != nil && items < len(a.split.done) {
		a.segments = longest
	}
	a.parts = min(pool.Threads(), items*a.segments)
	if values < parallelValues {
		a.parts = 1
	}
	a.next.Store(0)
	pool.Run(a.parts, a.look)
}

// placePart rotates and stores a range of rows.
func (a *attention) placePart(part int) {
	p, tiles := a.pass, a.pass.batch.tiles
	for i := len(tiles) * part / a.parts; i < len(tiles)*(part+1)/a.parts; i++ {
		t := &tiles[i]
		for r := range t.rows {
			row, position := t.first+r, t.position+r
			a.rotate(p.buffers[Queries].each[row], row)
			a.rotate(p.buffers[Keys].each[row], row)
			a.kv.put(t.pages[position/PageTokens], position%PageTokens, a.layer, p.buffers[Keys].each[row], p.buffers[Values].each[row])
		}
	}
}

// rotate turns the heads of a row.
func (a *attention) rotate(x []float32, row int) {
	r := a.how.Rope
	switch {
	case r == nil:
	case r.Pairs == HalfApart:
		kernel.RotateHalves(x, a.pass.turns[r.Index].each[row], a.headDim)
	default:
		kernel.Rotate(x, a.pass.turns[r.Index].each[row], a.headDim)
	}
}

// lookPart takes one item after another.
func (a *attention) lookPart(part int) {
	w, tiles := a.spaces[part], a.pass.batch.tiles
	all := int64(len(tiles) * a.kv.heads * a.segments)
	for {
		item := int(a.next.Add(1) - 1)
		if int64(item) >= all {
			return
		}
		unit, segment := item/a.segments, item%a.segments
		t, head := &tiles[unit/a.kv.heads], unit%a.kv.heads
		if a.segments == 1 {
			a.whole(w, t, head)
		} else if segment < t.segments(a.how) {
			a.portion(w, t, head, unit, segment)
		}
	}
}

// whole attends to all segments.
func (a *attention) whole(w *workspace, t *tile, head int) {
	a.load(w, t, head)
	a.segment(w, t, head, 0, &w.total)
	for s := 1; s < t.segments(a.how); s++ {
		a.segment(w, t, head, s, &w.part)
		w.total.merge(&w.part, t.rows*a.group, a.headDim)
	}
	a.deliver(&w.total, t, head)
}

// portion attends to one segment; whoever is the last to finish one of the
// unit's merges all of them.
func (a *attention) portion(w *workspace, t *tile, head, unit, segment int) {
	a.load(w, t, head)
	sums := a.split.sums[unit]
	a.segment(w, t, head, segment, &sums[segment])
	if int(a.split.done[unit].Add(1)) < t.segments(a.how) {
		return
	}
	a.split.done[unit].Store(0)
	for s := 1; s < t.segments(a.how); s++ {
		sums[0].merge(&sums[s], t.rows*a.group, a.headDim)
	}
	a.deliver(&sums[0], t, head)
}

// load gathers the queries of a tile that read the head of keys.
func (a *attention) load(w *workspace, t *tile, head int) {
	width := a.group * a.headDim
	for r := range t.rows {
		copy(w.queries[r*width:(r+1)*width], a.pass.buffers[Queries].each[t.first+r][head*width:])
	}
	kernel.Scale(a.how.Scale, w.queries[:t.rows*width])
	if w.int8 != nil {
		w.int8.Load(w.queries, t.rows*a.group)
	}
}

// segment sets out to what the tile's queries see in one of its segments.
func (a *attention) segment(w *workspace, t *tile, head, segment int, out *softmaxSum) {
	n := t.rows * a.group
	out.reset(n, a.headDim)
	seen := a.how.First(t.position)
	segment += seen / segmentTokens
	end := min((segment+1)*segmentTokens, t.end(a.how))
	// Chunks lie at fixed positions, whatever the tile; those that not even its
	// first row sees are passed over.
	for from := max(segment*segmentTokens, seen/chunkTokens*chunkTokens); from < end; from += chunkTokens {
		a.chunk(w, t, head, from, min(chunkTokens, end-from), out)
	}
}

// chunk adds to out what the tile's queries see in a chunk of positions.
func (a *attention) chunk(w *workspace, t *tile, head, from, tokens int, out *softmaxSum) {
	n := t.rows * a.group
	pages := t.seen(a.how)[from/PageTokens : (from+tokens+PageTokens-1)/PageTokens]
	width := len(pages) * PageTokens
	a.kv.scores(w, n, pages, a.layer, head)
	if !a.finished(t, from, tokens, width) {
		for q := range n {
			a.finish(w.scores[q*chunkTokens:][:width], head*a.group+q%a.group, t.position+q/a.group, from, tokens)
		}
	}
	kernel.SoftmaxStep(w.scores, chunkTokens, n, width, out.largest, w.keep, out.sum)
	for q, keep := range w.keep[:n] {
		if keep != 1 {
			kernel.Scale(keep, out.mixed[q*a.headDim:(q+1)*a.headDim])
		}
	}
	a.kv.mix(out.mixed, w, n, tokens)
}

// finished says that finish would change nothing in any row of a tile: products
// are the scores, and all rows see all positions.
func (a *attention) finished(t *tile, from, tokens, width int) bool {
	l := a.how
	return l.Limit == 0 && l.Slopes == nil && l.Biases == nil && tokens == width &&
		(l.Sees != Past || from+width <= t.position+1) && l.First(t.position+t.rows-1) <= from
}

// finish makes scores of products with some positions from one on, for a head of
// queries of a row at a position.
func (a *attention) finish(scores []float32, head, position, from, tokens int) {
	if a.how.Limit != 0 {
		kernel.SoftCap(scores, a.how.Limit)
	}
	if a.how.Slopes != nil {
		slope := a.how.Slopes[head]
		for i := range scores {
			scores[i] -= slope * float32(position-from-i)
		}
	}
	if a.how.Biases != nil {
		a.how.Biases.add(scores, head, from-position)
	}
	seen := tokens
	if a.how.Sees == Past {
		seen = min(position+1-from, len(scores))
	}
	hide(scores[max(seen, 0):])
	if first := a.how.First(position) - from; first > 0 {
		hide(scores[:min(first, len(scores))])
	}
}

// deliver divides by the sums and puts the results where they belong.
func (a *attention) deliver(s *softmaxSum, t *tile, head int) {
	for q := range t.rows * a.group {
		mixed := s.mixed[q*a.headDim : (q+1)*a.headDim]
		kernel.Scale(1/s.sum[q], mixed)
		copy(a.pass.buffers[Mixed].each[t.first+q/a.group][(head*a.group+q%a.group)*a.headDim:], mixed)
	}
}

var negativeInfinity = float32(math.Inf(-1))

// hide masks scores.
func hide(scores []float32) {
	for i := range scores {
		scores[i] = negativeInfinity
	}
}

// workspace is what a thread needs to attend.
type workspace struct {
	queries     []float32 // [queries][headDim], scaled
	scores      []float32 // [queries][chunkTokens], then weights
	keep        []float32 // [queries] of what is mixed already
	total, part softmaxSum

	keys, values [][]byte           // of a chunk's pages
	int8         *kernel.Attention8 // for keys and values in Q8_0, else nil
}

func newWorkspace(queries, headDim int, kind quant.Type) *workspace {
	const pages = chunkTokens / PageTokens
	w := &workspace{
		queries: make([]float32, queries*headDim),
		scores:  make([]float32, queries*chunkTokens),
		keep:    make([]float32, queries),
		total:   newSoftmaxSum(queries, headDim),
		part:    newSoftmaxSum(queries, headDim),
		keys:    make([][]byte, pages),
		values:  make([][]byte, pages),
	}
	if kind == quant.Q8_0 {
		w.int8 = kernel.NewAttention8(queries, pages, headDim)
	}
	return w
}

// softmaxSum is a running softmax of some queries over positions: with the
// weights exp(score - largest), their sum and the sum of the values weighted.
type softmaxSum struct {
	largest, sum []float32 // [queries]
	mixed        []float32 // [queries][headDim]
}

func newSoftmaxSum(queries, headDim int) softmaxSum {
	return softmaxSum{
		largest: make([]float32, queries),
		sum:     make([]float32, queries),
		mixed:   make([]float32, queries*headDim),
	}
}

func (s *softmaxSum) reset(n, headDim int) {
	hide(s.largest[:n])
	clear(s.sum[:n])
	clear(s.mixed[:n*headDim])
}

// merge adds the positions of o to those of s, for n queries.
func (s *softmaxSum) merge(o *softmaxSum, n, headDim int) {
	for q := range n {
		if o.sum[q] == 0 { // saw nothing
			continue
		}
		largest := max(s.largest[q], o.largest[q])
		keep, add := exp(s.largest[q]-largest), exp(o.largest[q]-largest)
		s.largest[q], s.sum[q] = largest, s.sum[q]*keep+o.sum[q]*add
		mixed := s.mixed[q*headDim : (q+1)*headDim]
		if keep != 1 {
			kernel.Scale(keep, mixed)
		}
		kernel.Axpy(add, o.mixed[q*headDim:(q+1)*headDim], mixed)
	}
}

// exp is 1 at once for the larger of two.
func exp(x float32) float32 {
	if x == 0 {
		return 1
	}
	return float32(math.Exp(float64(x)))
}

// split is room for tiles whose segments are computed by several threads.
type split struct {
	sums [][]softmaxSum // [units][segments]
	done []atomic.Int32 // [units] segments that are finished
}

// newSplit takes its room in one piece, of which only what is used becomes
// memory.
func newSplit(units, segments, queries, headDim int) *split {
	s := &split{done: make([]atomic.Int32, units), sums: make([][]softmaxSum, units)}
	room := make([]float32, units*segments*queries*(headDim+2))
	take := func(n int) []float32 {
		taken := room[:n:n]
		room = room[n:]
		return taken
	}
	for u := range s.sums {
		for range segments {
			s.sums[u] = append(s.sums[u], softmaxSum{largest: take(queries), sum: take(queries), mixed: take(queries * headDim)})
		}
	}
	return s
}
