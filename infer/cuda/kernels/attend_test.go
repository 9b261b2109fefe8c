//go:build cuda

package kernels_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/a472be26/cusp/infer/cuda/driver"
	"github.com/a472be26/cusp/infer/cuda/kernels"
	"github.com/a472be26/cusp/infer/quant"
)

// attention is a case: some sequences in one batch.
type attention struct {
	kind                    string
	heads, kvHeads, headDim int
	window                  int
	limit                   float32
	slopes, biases, whole   bool
	sequences               []span
}

// span is the positions of a sequence that a pass computes.
type span struct{ position, rows int }

func attentions() (all []attention) {
	for _, kind := range []string{"f32", "f16", "i8"} {
		all = append(all,
			attention{kind: kind, heads: 4, kvHeads: 2, headDim: 64, sequences: []span{{0, 5}, {17, 1}, {300, 1}}},
			attention{kind: kind, heads: 14, kvHeads: 2, headDim: 20, sequences: []span{{255, 3}, {0, 1}, {520, 2}}},
			attention{kind: kind, heads: 16, kvHeads: 1, headDim: 128, window: 40, limit: 5, sequences: []span{{600, 2}, {3, 1}, {140, 1}}},
			attention{kind: kind, heads: 3, kvHeads: 3, headDim: 6, slopes: true, sequences: []span{{250, 17}}},
			attention{kind: kind, heads: 2, kvHeads: 1, headDim: 7, biases: true, window: 300, sequences: []span{{500, 30}}},
			attention{kind: kind, heads: 2, kvHeads: 2, headDim: 80, biases: true, whole: true, sequences: []span{{0, 40}, {0, 270}}},
			attention{kind: kind, heads: 8, kvHeads: 4, headDim: 256, sequences: []span{{200, 4}}},
		)
	}
	return all
}

// Attention equals a naive one over what the pages hold; it has the same bits
// split or not, and however rows are cut into tiles.
func TestAttend(t *testing.T) {
	t.Parallel()
	for i, c := range attentions() {
		t.Run(fmt.Sprintf("%d_%s_%dx%d", i, c.kind, c.heads, c.headDim), func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, d *device) { testAttend(t, d, c, uint64(i)) })
		})
	}
}

// store is a batch with its keys and values in pages.
type store struct {
	attention
	d                    *device
	cache                buffer
	pageBytes, headBytes int
	tables               [][]int32     // pages of every sequence
	keys, values         [][][]float64 // [sequence][position][kvHeads*headDim], as they come back
	queries              []float32
	rows                 int
	slopeValues, biased  []float32
}

const reach = 20

func testAttend(t *testing.T, d *device, c attention, seed uint64) {
	s := fill(t, d, c, seed)
	group := c.heads / c.kvHeads
	most := kernels.TileQueries / group
	whole := s.attend(s.tiles(most), false)
	want, tolerance := s.naive()
	near(t, "naive", whole, want, func(i int) float64 { return tolerance[i/c.headDim] })
	same(t, "split", s.attend(s.tiles(most), true), whole)
	same(t, "rows alone", s.attend(s.tiles(1), false), whole)
	same(t, "rows alone, split", s.attend(s.tiles(1), true), whole)
	if most > 2 {
		same(t, "tiles of 2", s.attend(s.tiles(2), true), whole)
	}
}

// fill stores keys and values of all positions.
func fill(t *testing.T, d *device, c attention, seed uint64) *store {
	r := rand.New(rand.NewPCG(seed, 11))
	s := &store{attention: c, d: d, headBytes: kernels.HeadBytes(c.kind, c.headDim)}
	// A page has two layers here, of which the second is used.
	s.pageBytes = 2 * c.kvHeads * s.headBytes
	pages := 0
	for _, q := range c.sequences {
		pages += ceil(q.position+q.rows, kernels.PageTokens)
	}
	order := r.Perm(pages + 3)
	s.cache = room[byte](d, len(order)*s.pageBytes) // what was never written is NaN
	for _, q := range c.sequences {
		n := q.position + q.rows
		var table []int32
		for range ceil(n, kernels.PageTokens) {
			table, order = append(table, int32(order[0])), order[1:]
		}
		s.tables = append(s.tables, table)
		s.put(r, table, n)
		s.rows += q.rows
	}
	for range s.rows * c.heads * c.headDim {
		s.queries = append(s.queries, float32(r.NormFloat64()))
	}
	s.slopeValues, s.biased = random(r, c.heads), random(r, c.heads*(2*reach+1))
	return s
}

func (s *store) layer() buffer {
	b := s.cache
	b.at += driver.DevicePointer(s.kvHeads * s.headBytes)
	return b
}

// put stores n positions of a sequence, and a row that goes nowhere.
func (s *store) put(r *rand.Rand, table []int32, n int) {
	width, ld := s.kvHeads*s.headDim, s.kvHeads*s.headDim+3
	keys, values := random(r, (n+1)*ld), random(r, (n+1)*ld)
	slots := make([]int32, n+1)
	for i := range n {
		slots[i] = table[i/kernels.PageTokens]*kernels.PageTokens + int32(i%kernels.PageTokens)
	}
	slots[n] = -1
	s.d.launch("store_"+s.kind, driver.Dim{X: s.kvHeads, Y: n + 1}, x(32), 0, s.layer(), int64(s.pageBytes), int64(s.headBytes),
		put(s.d, keys), put(s.d, values), put(s.d, slots), n+1, s.kvHeads, s.headDim, ld)
	back := func(v []float32) (out [][]float64) {
		for i := range n {
			row := make([]float64, 0, width)
			for h := range s.kvHeads {
				row = append(row, s.rounded(v[i*ld+h*s.headDim:][:s.headDim])...)
			}
			out = append(out, row)
		}
		return out
	}
	s.keys, s.values = append(s.keys, back(keys)), append(s.values, back(values))
}

// rounded is what storage makes of a head.
func (s *store) rounded(v []float32) []float64 {
	out := make([]float64, len(v))
	var largest float32
	for _, x := range v {
		largest = max(largest, float32(math.Abs(float64(x))))
	}
	for i, x := range v {
		switch s.kind {
		case "f32":
			out[i] = float64(x)
		case "f16":
			out[i] = float64(quant.FromF16(quant.ToF16(x)))
		case "i8":
			if largest > 0 {
				out[i] = math.Round(float64(x*(127/largest))) * float64(largest/127)
			}
		}
	}
	return out
}

// tile of a launch.
type tile struct{ sequence, row, rows, position, end, partial int }

// tiles cuts the rows of every sequence.
func (s *store) tiles(most int) (all []tile) {
	row, partial := 0, 0
	for i, q := range s.sequences {
		for r := 0; r < q.rows; r += most {
			t := tile{i, row, min(most, q.rows-r), q.position + r, 0, partial}
			t.end = t.position + t.rows
			if s.whole {
				t.end = q.position + q.rows
			}
			all = append(all, t)
			row += t.rows
			partial += s.segments(t)
		}
	}
	return all
}

func (s *store) segments(t tile) int {
	first := 0
	if s.window > 0 {
		first = max(0, t.position+1-s.window)
	}
	return ceil(t.end, kernels.SegmentTokens) - first/kernels.SegmentTokens
}

func (s *store) attend(tiles []tile, split bool) []float32 {
	var table []int32
	var starts []int
	for _, pages := range s.tables {
		starts, table = append(starts, len(table)), append(table, pages...)
	}
	var raw []byte
	longest, partials := 0, 0
	for _, t := range tiles {
		causal := 1
		if s.whole {
			causal = 0
		}
		for _, v := range []int{t.row, t.rows, t.position, t.end, starts[t.sequence], t.partial, causal, 0} {
			raw = binary.LittleEndian.AppendUint32(raw, uint32(v))
		}
		longest, partials = max(longest, s.segments(t)), partials+s.segments(t)
	}
	dst := room[float32](s.d, s.rows*s.heads*s.headDim)
	tileBuffer := s.d.upload(raw, 0)
	var slopes, biases, room0 any
	if s.slopes {
		slopes = put(s.d, s.slopeValues)
	}
	if s.biases {
		biases = put(s.d, s.biased)
	}
	args := func(split int) []any {
		return []any{dst, put(s.d, s.queries), s.layer(), int64(s.pageBytes), int64(s.headBytes), tileBuffer, put(s.d, table), room0,
			s.heads, s.kvHeads, s.headDim, float32(0.125), s.window, s.limit, slopes, biases, reach, split}
	}
	shared := kernels.AttendShared(s.headDim)
	if !split {
		s.d.launch("attend_"+s.kind, driver.Dim{X: 1, Y: s.kvHeads, Z: len(tiles)}, x(128), shared, args(0)...)
		return take[float32](dst)
	}
	partial := room[float32](s.d, partials*s.kvHeads*kernels.TileQueries*(s.headDim+2))
	room0 = partial
	s.d.launch("attend_"+s.kind, driver.Dim{X: longest, Y: s.kvHeads, Z: len(tiles)}, x(128), shared, args(1)...)
	s.d.launch("attend_merge", driver.Dim{X: s.kvHeads, Y: len(tiles)}, x(128), 0, dst, partial, tileBuffer, s.heads, s.kvHeads, s.headDim, s.window)
	take[float32](partial)
	return take[float32](dst)
}

// naive computes all in float64.
func (s *store) naive() (out, tolerance []float64) {
	row := 0
	for i, q := range s.sequences {
		for r := range q.rows {
			for h := range s.heads {
				head, off := s.naiveHead(i, q, q.position+r, h, s.queries[(row*s.heads+h)*s.headDim:][:s.headDim])
				out, tolerance = append(out, head...), append(tolerance, off)
			}
			row++
		}
	}
	return out, tolerance
}

// naiveHead also returns how far float32 may be off: by what the largest score's
// products lose, times the largest value.
func (s *store) naiveHead(sequence int, q span, position, head int, query []float32) (out []float64, tolerance float64) {
	from, end := 0, position+1
	if s.whole {
		end = q.position + q.rows
	}
	if s.window > 0 {
		from = max(0, position+1-s.window)
	}
	kv := head / (s.heads / s.kvHeads) * s.headDim
	var scores []float64
	var size, value float64
	largest := math.Inf(-1)
	for p := from; p < end; p++ {
		var score, products float64
		for d, v := range query {
			product := float64(v) * 0.125 * s.keys[sequence][p][kv+d]
			score, products = score+product, products+math.Abs(product)
			value = max(value, math.Abs(s.values[sequence][p][kv+d]))
		}
		size = max(size, products+1)
		if s.limit != 0 {
			score = float64(s.limit) * math.Tanh(score/float64(s.limit))
		}
		if s.slopes {
			score -= float64(s.slopeValues[head]) * float64(position-p)
		}
		if s.biases {
			score += float64(s.biased[head*(2*reach+1)+min(max(p-position, -reach), reach)+reach])
		}
		scores, largest = append(scores, score), max(largest, score)
	}
	var sum float64
	out = make([]float64, s.headDim)
	for i, score := range scores {
		w := math.Exp(score - largest)
		sum += w
		for d := range out {
			out[d] += w * s.values[sequence][from+i][kv+d]
		}
	}
	for d := range out {
		out[d] /= sum
	}
	return out, size * value * 0x1p-21
}

func TestCopyPage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *device) {
		const size = 4096 + 16
		data := make([]byte, 3*size)
		for i := range data {
			data[i] = byte(i / 7)
		}
		b := put(d, data)
		d.launch("copy_page", x(ceil(size, 4096)), x(256), 0, b, int64(size), 2, 0)
		copy(data[2*size:], data[:size])
		if got := take[byte](b); string(got) != string(data) {
			t.Error("other bytes than those of the page")
		}
	})
}
