package model

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/a472be26/cusp/infer/quant"
)

// What rows see, over several chunks and segments, in every direction and with
// everything that changes scores, beside the obvious float64.
func TestLooks(t *testing.T) {
	t.Parallel()
	const heads, reach = 4, 128
	rng := rand.New(rand.NewPCG(1, 2))
	slopes := []float32{0.5, 0.25, 0.01, 0}
	table := &Biases{Buckets: 8, Values: normal(rng, heads*8), Reach: reach, Bucket: make([]uint8, 2*reach+1)}
	for i := range table.Bucket {
		table.Bucket[i] = uint8(relativeBucket(i-reach, 8, reach, true))
	}
	for name, l := range map[string]Look{
		"past":                        {Scale: 0.4},
		"past, in a window, by slope": {Scale: 0.4, Window: 600, Slopes: slopes},
		"past, by distance":           {Scale: 0.4, Biases: table},
		"whole":                       {Sees: Whole, Scale: 0.4},
		"whole, by distance":          {Sees: Whole, Scale: 1, Biases: table},
		"whole, capped":               {Sees: Whole, Scale: 1, Limit: 2},
		"across":                      {Sees: Across, Scale: 0.4},
	} {
		for _, threads := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s on %d threads", name, threads), func(t *testing.T) {
				checkLook(t, &l, heads, threads, quant.F32, 2e-5)
			})
		}
		t.Run(name+" in INT8", func(t *testing.T) { checkLook(t, &l, heads, 2, quant.Q8_0, 0.1) })
	}
}

// checkLook attends with two sequences of one pass.
func checkLook(t *testing.T, l *Look, heads, threads int, kind quant.Type, bound float64) {
	t.Helper()
	const width, long, short, sources = 8, 1100, 3, 700
	c := Config{Vocab: 2, Dim: heads * width, Layers: 2, Heads: heads, KVHeads: heads / 2, HeadDim: width, FFN: 1, Context: long, Kind: EncoderDecoder}
	kv, err := newPagedKV(c, 3*pagesOf(long), kind)
	if err != nil {
		t.Fatal(err)
	}
	defer kv.Close()
	p := newPass(c, nil, Limits{Threads: threads, Sequences: 2, Rows: long + short, Context: long}, kv, []Step{&Store{}, &Attend{}})
	defer p.pool.Close()
	for i := range kv.data { // never written positions hold anything; as floats this is NaN
		kv.data[i] = 0xff
	}
	table := func(i int) []int32 {
		pages := make([]int32, pagesOf(long))
		for j := range pages {
			pages[j] = int32(3*j + i)
		}
		return pages
	}
	batch := []Sequence{
		{Pages: table(0), Tokens: make([]int32, long), Source: make([]int32, sources), SourcePages: table(1)},
		{Pages: table(2), Tokens: make([]int32, short), Source: make([]int32, sources), SourcePages: table(1)},
	}
	batch[1].Source = batch[1].Source[:sources-1] // one less of the same
	if err := p.texts.Fill(batch); err != nil {
		t.Fatal(err)
	}
	p.n = len(p.batch.Rows)
	rng := rand.New(rand.NewPCG(3, 4))
	copy(p.buffers[Queries].flat, normal(rng, len(p.buffers[Queries].flat)))
	copy(p.buffers[Keys].flat, normal(rng, len(p.buffers[Keys].flat)))
	copy(p.buffers[Values].flat, normal(rng, len(p.buffers[Values].flat)))
	if l.Sees == Across { // what is looked at is the first sequence's beginning
		for i := range sources {
			kv.put(batch[0].SourcePages[i/PageTokens], i%PageTokens, 1, p.buffers[Keys].each[i], p.buffers[Values].each[i])
		}
		p.attention.read(1, l)
	} else {
		p.attention.store(1, l)
		p.attention.read(1, l)
	}
	for row, first, n := 0, 0, long; row < p.n; row++ {
		if row%17 > 1 && row < long-20 {
			continue // the obvious takes its time
		}
		if row >= long {
			first, n = long, short
		}
		for head := range heads {
			from, to := first, first+n
			switch l.Sees {
			case Past:
				from, to = first+l.First(row-first), row+1
			case Across:
				from, to = 0, sources-first/long
			}
			want := naiveLook(p, l, row, head, from, to)
			for i, x := range p.buffers[Mixed].each[row][head*width:][:width] {
				if !(math.Abs(float64(x)-want[i]) <= bound) {
					t.Fatalf("row %d, head %d, value %d: %v, want %v", row, head, i, x, want[i])
				}
			}
		}
	}
}

func pagesOf(tokens int) int { return (tokens + PageTokens - 1) / PageTokens }

func normal(rng *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(rng.NormFloat64())
	}
	return out
}

// naiveLook is what a head of queries of a row makes of the keys and values of
// some rows. It does not know across from a look in both directions.
func naiveLook(p *pass, l *Look, row, head, from, to int) []float64 {
	width := p.config.HeadDim
	group := p.config.Heads / p.config.KVHeads
	at := head / group * width
	out, sum := make([]float64, width), 0.0
	for seen := from; seen < to; seen++ {
		score := 0.0
		for d := range width {
			score += float64(p.buffers[Queries].each[row][head*width+d]) * float64(p.buffers[Keys].each[seen][at+d])
		}
		score *= float64(l.Scale)
		if l.Limit != 0 {
			score = float64(l.Limit) * math.Tanh(score/float64(l.Limit))
		}
		if l.Slopes != nil {
			score -= float64(l.Slopes[head]) * float64(row-seen)
		}
		if b := l.Biases; b != nil {
			distance := min(max(seen-row, -b.Reach), b.Reach)
			score += float64(b.Values[head*b.Buckets+int(b.Bucket[distance+b.Reach])])
		}
		weight := math.Exp(score)
		sum += weight
		for d := range width {
			out[d] += weight * float64(p.buffers[Values].each[seen][at+d])
		}
	}
	for d := range out {
		out[d] /= sum
	}
	return out
}

// The buckets of T5Attention._relative_position_bucket of transformers, around
// the borders.
func TestRelativeBucket(t *testing.T) {
	t.Parallel()
	distances := []int{0, 1, -1, -3, 3, -7, 7, -8, 8, -11, -12, 16, -16, -22, -23, -32, 32, -63, -64, 64, -90, -91, -127, -128, 128, -1000, 1000}
	for _, c := range []struct {
		both           bool
		buckets, reach int
		want           []int
	}{
		{true, 32, 128, []int{0, 17, 1, 3, 19, 7, 23, 8, 24, 8, 9, 26, 10, 10, 11, 12, 28, 13, 14, 30, 14, 15, 15, 15, 31, 15, 31}},
		{true, 16, 128, []int{0, 9, 1, 3, 11, 4, 12, 4, 12, 5, 5, 13, 5, 5, 6, 6, 14, 7, 7, 15, 7, 7, 7, 7, 15, 7, 15}},
		{true, 8, 40, []int{0, 5, 1, 2, 6, 2, 6, 2, 6, 3, 3, 7, 3, 3, 3, 3, 7, 3, 3, 7, 3, 3, 3, 3, 7, 3, 7}},
		{false, 32, 128, []int{0, 0, 1, 3, 0, 7, 0, 8, 0, 11, 12, 0, 16, 18, 18, 21, 0, 26, 26, 0, 29, 29, 31, 31, 0, 31, 0}},
		{false, 16, 128, []int{0, 0, 1, 3, 0, 7, 0, 8, 0, 8, 9, 0, 10, 10, 11, 12, 0, 13, 14, 0, 14, 15, 15, 15, 0, 15, 0}},
		{false, 8, 40, []int{0, 0, 1, 3, 0, 4, 0, 5, 0, 5, 5, 0, 6, 6, 7, 7, 0, 7, 7, 0, 7, 7, 7, 7, 0, 7, 0}},
	} {
		for i, distance := range distances {
			if got := relativeBucket(distance, c.buckets, c.reach, c.both); got != c.want[i] {
				t.Errorf("distance %d in %d buckets up to %d, both ways %v: %d, want %d", distance, c.buckets, c.reach, c.both, got, c.want[i])
			}
		}
	}
}
