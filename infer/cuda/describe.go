//go:build cuda

package cuda

import (
	"math/bits"
	"unsafe"

	"github.com/a472be26/cusp/infer/cuda/driver"
	"github.com/a472be26/cusp/infer/cuda/kernels"
	"github.com/a472be26/cusp/infer/model"
)

// tile is a Tile of the kernels.
type tile struct {
	row, rows, position, end  int32
	pages, partial, causal, _ int32
}

// description is what a pass is told of its rows, in one piece of pinned memory
// that is copied to the device at the pass's beginning. Where its parts begin
// depends on the shape only, so that a graph finds them.
type description struct {
	config model.Config
	limits model.Limits
	ropes  []model.Rope
	views  [3]bool // which of model.Sees the program has

	host   *driver.Host
	device driver.DevicePointer
	shape  shape
	layout layout
}

// shape is all that launches depend on.
type shape struct {
	rows, answers, sequences int
	whole                    int // of the answers: the rows whose logits are wanted, which come first
	each                     int // leaders of the others, rounded up
	tiles                    int // of each view
	segments                 int // into which the longest tile is split, rounded up to a power of two; 0: none is
}

// layout is where the parts of a description begin.
type layout struct {
	tokens, positions, slots, answers int // int32: [rows], [rows], [rows], [answers]
	tiles                             [3]int
	turns                             int // [ropes][rows][RopeDim] float32
	pages, source                     int // [sequences][pagesOf(Context)] int32
	size                              int
}

func pagesOf(tokens int) int { return (tokens + model.PageTokens - 1) / model.PageTokens }

// rowsPerTile is how many rows of queries read keys together.
func rowsPerTile(c model.Config) int { return max(1, kernels.TileQueries*c.KVHeads/c.Heads) }

// largest is a shape that has room for all others.
func (d *description) largest() shape {
	return shape{rows: d.limits.Rows, answers: d.limits.Sequences, sequences: d.limits.Sequences, tiles: d.limits.Rows}
}

func (d *description) arrange(s shape) (l layout) {
	part := func(bytes int) int {
		at := l.size
		l.size += roundUp(bytes, 16)
		return at
	}
	l.tokens, l.positions, l.slots, l.answers = part(4*s.rows), part(4*s.rows), part(4*s.rows), part(4*s.answers)
	for v, used := range d.views {
		if used {
			l.tiles[v] = part(int(unsafe.Sizeof(tile{})) * s.tiles)
		}
	}
	l.turns = part(4 * len(d.ropes) * s.rows * d.config.RopeDim)
	table := 4 * s.sequences * pagesOf(d.limits.Context)
	l.pages = part(table)
	if d.views[model.Across] {
		l.source = part(table)
	}
	return l
}

// part is n numbers of pinned memory from a place on.
func part[T int32 | float32 | tile](h *driver.Host, at, n int) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(&h.Bytes[at])), n)
}

// fill writes down a batch. The rows are those of the batch's sequences, one after
// the other.
func (d *description) fill(b *model.Batch, sequences []model.Sequence, splitTiles int, sources bool) {
	d.shape = d.measure(b, sequences, splitTiles, sources)
	d.layout = d.arrange(d.shape)
	s, l, width := d.shape, d.layout, pagesOf(d.limits.Context)
	tokens, positions, slots := part[int32](d.host, l.tokens, s.rows), part[int32](d.host, l.positions, s.rows), part[int32](d.host, l.slots, s.rows)
	for i, row := range b.Rows {
		own := sequences[row.Sequence].Pages
		if sources {
			own = sequences[row.Sequence].SourcePages
		}
		tokens[i], positions[i] = row.Token, int32(row.Position)
		slots[i] = own[row.Position/model.PageTokens]*model.PageTokens + int32(row.Position%model.PageTokens)
	}
	d.fillAnswers(b, sequences)
	for r := range d.ropes {
		for i, row := range b.Rows {
			d.ropes[r].Turns(part[float32](d.host, l.turns+4*(r*s.rows+i)*d.config.RopeDim, d.config.RopeDim), row.Position)
		}
	}
	table := part[int32](d.host, l.pages, s.sequences*width)
	for i, q := range sequences {
		if sources {
			q.Pages = q.SourcePages
		}
		copy(table[i*width:(i+1)*width], q.Pages)
	}
	if d.views[model.Across] {
		table := part[int32](d.host, l.source, s.sequences*width)
		for i, q := range sequences {
			copy(table[i*width:(i+1)*width], q.SourcePages)
		}
	}
	for v, used := range d.views {
		if used {
			d.fillTiles(model.Sees(v), b.Rows, sequences)
		}
	}
}

// fillAnswers writes the rows whose logits are wanted, and then those whose leaders are.
func (d *description) fillAnswers(b *model.Batch, sequences []model.Sequence) {
	answers, whole, led := part[int32](d.host, d.layout.answers, d.shape.answers), 0, d.shape.whole
	for _, row := range b.Answers {
		at := &whole
		if sequences[b.Rows[row].Sequence].Leaders != nil {
			at = &led
		}
		answers[*at] = int32(row)
		*at++
	}
}

// runs calls f for the consecutive rows of every sequence, cut into tiles.
func (d *description) runs(rows []model.Row, f func(first, n, end int)) {
	most := rowsPerTile(d.config)
	for first := 0; first < len(rows); {
		end := first + 1
		for end < len(rows) && rows[end].Sequence == rows[first].Sequence {
			end++
		}
		for ; first < end; first += most {
			f(first, min(most, end-first), end)
		}
		first = end
	}
}

// measure is the shape of a batch.
func (d *description) measure(b *model.Batch, sequences []model.Sequence, splitTiles int, sources bool) shape {
	s := shape{rows: len(b.Rows), answers: len(b.Answers), sequences: len(sequences)}
	for _, row := range b.Answers {
		if l := sequences[b.Rows[row].Sequence].Leaders; l == nil {
			s.whole++
		} else {
			s.each = max(s.each, roundLeaders(d.config, len(l.IDs)))
		}
	}
	longest := 0
	d.runs(b.Rows, func(first, n, end int) {
		s.tiles++
		longest = max(longest, b.Rows[end-1].Position+1)
	})
	for _, q := range sequences {
		if d.views[model.Across] {
			longest = max(longest, len(q.Source))
		}
	}
	if segments := (longest + kernels.SegmentTokens - 1) / kernels.SegmentTokens; segments > 1 && s.tiles <= splitTiles {
		s.segments = 1 << bits.Len(uint(segments-1))
	}
	return s
}

// fillTiles writes the tiles of a view.
func (d *description) fillTiles(v model.Sees, rows []model.Row, sequences []model.Sequence) {
	tiles, i, width := part[tile](d.host, d.layout.tiles[v], d.shape.tiles), 0, pagesOf(d.limits.Context)
	d.runs(rows, func(first, n, end int) {
		from := rows[first]
		t := tile{row: int32(first), rows: int32(n), position: int32(from.Position), pages: int32(from.Sequence * width), partial: int32(i * d.shape.segments)}
		switch v {
		case model.Past:
			t.end, t.causal = t.position+t.rows, 1
		case model.Whole:
			t.end = int32(rows[end-1].Position + 1)
		case model.Across:
			t.end = int32(len(sequences[from.Sequence].Source))
		}
		tiles[i] = t
		i++
	})
}

// at is where the device has a part.
func (d *description) at(place int) driver.DevicePointer {
	return d.device + driver.DevicePointer(place)
}
