package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// pages8 is a head of keys and values in pages of INT8 of the active tier, and
// what they hold.
type pages8 struct {
	headDim      int
	keys, values [][]byte
	key, value   [][]float32 // [position][headDim] as they were put
	dk           [][]float64 // [position][steps]
	dv           []float64   // [position]
	k, v         [][]int     // [position][headDim]
}

// rubbish is what pages hold where nothing was written: its floats are NaN.
const rubbish = 0xff

func newPages8(headDim int, key, value [][]float32) *pages8 {
	p := &pages8{headDim: headDim, key: key, value: value}
	for i := range key {
		if i%PageTokens == 0 {
			p.keys = append(p.keys, slices.Repeat([]byte{rubbish}, KeyBytes8(headDim)))
			p.values = append(p.values, slices.Repeat([]byte{rubbish}, ValueBytes8(headDim)))
		}
		PutKey8(p.keys[i/PageTokens], i%PageTokens, key[i])
		PutValue8(p.values[i/PageTokens], i%PageTokens, value[i])
		k, dk := rounded(key[i], stepCols)
		v, dv := rounded(value[i], headDim)
		p.k, p.dk, p.v, p.dv = append(p.k, k), append(p.dk, dk), append(p.v, v), append(p.dv, dv[0])
	}
	return p
}

// rounded is the definition of INT8 with a scale for each group values.
func rounded(x []float32, group int) (q []int, d []float64) {
	for from := 0; from < len(x); from += group {
		block := x[from:min(from+group, len(x))]
		largest := float32(0)
		for _, v := range block {
			largest = max(largest, float32(math.Abs(float64(v))))
		}
		d = append(d, float64(largest/127))
		for _, v := range block {
			if largest < smallestScaled {
				q = append(q, 0)
				continue
			}
			q = append(q, int(math.Round(float64(v*(127/largest)))))
		}
	}
	return q, d
}

func rows8(r *rand.Rand, n, width int) [][]float32 {
	rows := make([][]float32, n)
	for i := range rows {
		rows[i] = values(r, width)
		for j := range rows[i] {
			rows[i][j] *= float32(1 + (i*7+j)%5)
		}
	}
	return rows
}

// score is that of a key by the definition, and the bounds of what the code
// makes of it and of what rounding to INT8 does to the product of the numbers.
func (p *pages8) score(query []float32, position int) (defined, bound, exact, loss float64) {
	q, dq := rounded(query, stepCols)
	for s, d := range dq {
		dot := 0
		for c := s * stepCols; c < min((s+1)*stepCols, p.headDim); c++ {
			k := p.k[position][c]
			dot += q[c] * k
			exact += float64(query[c]) * float64(p.key[position][c])
			loss += math.Abs(float64(query[c]))*p.dk[position][s]/2 + math.Abs(float64(k))*p.dk[position][s]*d/2
		}
		term := d * p.dk[position][s] * float64(dot)
		defined += term
		bound += math.Abs(term)
	}
	return defined, bound * float64(len(dq)+2) * 0x1p-23, exact, loss*(1+0x1p-20) + 1e-30
}

// mixed is a number of dst by the definition, and the same bounds.
func (p *pages8) mixed(was float32, weights []float32, d int) (defined, bound, exact, loss float64) {
	defined, exact, bound = float64(was), float64(was), math.Abs(float64(was))
	scaled := make([]float32, roundUp(len(weights), stepCols))
	for i, w := range weights {
		scaled[i] = w * float32(p.dv[i])
		exact += float64(w) * float64(p.value[i][d])
		loss += float64(w) * p.dv[i] / 2
	}
	codes, dw := rounded(scaled, stepCols)
	for from := 0; from < len(weights); from += PageTokens {
		dot := 0
		for i := from; i < min(from+PageTokens, len(weights)); i++ {
			dot += codes[i] * p.v[i][d]
			loss += dw[i/stepCols] / 2 * math.Abs(float64(p.v[i][d]))
		}
		term := dw[from/stepCols] * float64(dot)
		defined += term
		bound += math.Abs(term)
	}
	pages := float64(len(weights)/PageTokens + 2)
	return defined, bound * (pages + 1) * 0x1p-23, exact, loss*(1+0x1p-16) + bound*(pages+1)*0x1p-23 + 1e-30
}

// eachAttention8 runs f with some positions for every head and number of queries.
func eachAttention8(t *testing.T, f func(t *testing.T, p *pages8, n, offset int)) {
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		for _, headDim := range headDims {
			for n := 1; n <= 33; n++ {
				if (n+headDim)%8 != 0 && (testing.Short() || n > 17) {
					continue
				}
				r := random(headDim, n)
				tokens := 1 + r.IntN(5*PageTokens)
				f(t, newPages8(headDim, rows8(r, tokens, headDim), rows8(r, tokens, headDim)), n, offsets[n%len(offsets)])
			}
		}
	})
}

func TestScores8(t *testing.T) {
	eachAttention8(t, func(t *testing.T, p *pages8, n, offset int) {
		a := NewAttention8(n, len(p.keys), p.headDim)
		queries := slices.Concat(rows8(random(n, 3), n, p.headDim)...)
		ld := PageTokens + offset
		dst := newGuard("dst", offset, values(random(1), (n-1)*ld+PageTokens))
		was, alone := slices.Clone(dst.x), make([]float32, PageTokens)
		for i := range p.keys {
			a.Load(queries, n)
			a.Scores(dst.x, ld, p.keys[i:i+1])
			dst.check(t)
			wantGaps(t, was, dst.x, n, ld, PageTokens)
			for q := range n {
				query := queries[q*p.headDim:][:p.headDim]
				a.Load(query, 1)
				a.Scores(alone, 0, p.keys[i:i+1])
				for position := i * PageTokens; position < min((i+1)*PageTokens, len(p.key)); position++ {
					got := dst.x[q*ld+position%PageTokens]
					what := fmt.Sprintf("head of %d, query %d of %d: score %d", p.headDim, q, n, position)
					defined, bound, exact, loss := p.score(query, position)
					near(t, what, got, defined, bound)
					near(t, what+" of the numbers", got, exact, loss)
					if got != alone[position%PageTokens] {
						t.Fatalf("%s is %v, alone %v", what, got, alone[position%PageTokens])
					}
				}
			}
		}
	})
}

func TestMix8(t *testing.T) {
	eachAttention8(t, func(t *testing.T, p *pages8, n, offset int) {
		tokens := len(p.value)
		a := NewAttention8(n, len(p.values), p.headDim)
		ld, ldw := p.headDim+offset, tokens+offset%3
		dst := newGuard("dst", offset, values(random(1), (n-1)*ld+p.headDim))
		weights := newGuard("weights", offset/2, values(random(2), (n-1)*ldw+tokens))
		for i, w := range weights.x {
			weights.x[i] = w * w
		}
		was := slices.Clone(dst.x)
		a.Load(make([]float32, n*p.headDim), n)
		a.Mix(dst.x, ld, weights.x, ldw, p.values, tokens)
		dst.check(t)
		weights.check(t)
		wantGaps(t, was, dst.x, n, ld, p.headDim)
		for q := range n {
			row, mine := weights.x[q*ldw:][:tokens], dst.x[q*ld:][:p.headDim]
			alone := slices.Clone(was[q*ld:][:p.headDim])
			a.Load(make([]float32, p.headDim), 1)
			a.Mix(alone, 0, row, 0, p.values, tokens)
			for d, got := range mine {
				what := fmt.Sprintf("head of %d, %d positions, query %d of %d: value %d", p.headDim, tokens, q, n, d)
				defined, bound, exact, loss := p.mixed(was[q*ld+d], row, d)
				near(t, what, got, defined, bound)
				near(t, what+" of the numbers", got, exact, loss)
				if got != alone[d] {
					t.Fatalf("%s is %v, alone %v", what, got, alone[d])
				}
			}
		}
	})
}

// Positions that a query does not see have weights of zero, and change nothing.
func TestMix8OfMorePositions(t *testing.T) {
	const headDim, n, seen, tokens = 40, 5, 37, 75
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		r := random(9)
		p := newPages8(headDim, rows8(r, tokens, headDim), rows8(r, tokens, headDim))
		a := NewAttention8(n, len(p.values), headDim)
		a.Load(make([]float32, n*headDim), n)
		weights := values(r, n*len(p.values)*PageTokens)
		for i, w := range weights {
			weights[i] = w * w
			if i%(len(p.values)*PageTokens) >= seen {
				weights[i] = 0
			}
		}
		short, long := make([]float32, n*headDim), make([]float32, n*headDim)
		a.Mix(short, headDim, weights, len(p.values)*PageTokens, p.values[:3], seen)
		a.Mix(long, headDim, weights, len(p.values)*PageTokens, p.values, tokens)
		if !slices.Equal(short, long) {
			t.Errorf("with positions that nobody sees\n%v, without\n%v", long, short)
		}
	})
}

// Sums of products of bytes are exact on every tier: numbers that INT8 holds
// exactly give integers.
func TestAttention8Exact(t *testing.T) {
	const tokens = 4 * PageTokens
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		for _, headDim := range []int{32, 64, 96, 128, 256} {
			for _, sign := range []float32{1, -1} {
				r := random(headDim)
				whole := func(n, width int, low int) [][]float32 {
					rows := make([][]float32, n)
					for i := range rows {
						rows[i] = make([]float32, width)
						for j := range rows[i] {
							rows[i][j] = float32(max(low, -127) + r.IntN(128-max(low, -127)))
							if j%stepCols == 0 || i%3 == 0 { // a block's largest, and rows of extremes
								rows[i][j] = 127
								if low < 0 && i%2 == 0 {
									rows[i][j] *= sign
								}
							}
						}
					}
					return rows
				}
				p := newPages8(headDim, whole(tokens, headDim, -127), whole(tokens, headDim, -127))
				queries, weights := whole(17, headDim, -127), whole(17, tokens, 0)
				a := NewAttention8(17, len(p.keys), headDim)
				scores, mixed := make([]float32, 17*tokens), make([]float32, 17*headDim)
				a.Load(slices.Concat(queries...), 17)
				a.Scores(scores, tokens, p.keys)
				a.Mix(mixed, headDim, slices.Concat(weights...), tokens, p.values, tokens)
				for q := range queries {
					for i := range tokens {
						if want, _ := dot64(queries[q], p.key[i]); float64(scores[q*tokens+i]) != want {
							t.Fatalf("head of %d: score %d of query %d is %v, want %v", headDim, i, q, scores[q*tokens+i], want)
						}
					}
					for d := range headDim {
						want := 0.0
						for i, w := range weights[q] {
							want += float64(w) * float64(p.value[i][d])
						}
						if got := mixed[q*headDim+d]; float64(got) != want {
							t.Fatalf("head of %d: value %d of query %d is %v, want %v", headDim, d, q, got, want)
						}
					}
				}
			}
		}
	})
}

// A stored key or value changes what belongs to its position and nothing else:
// what the others hold, and what lies beside the page.
func TestPut8(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		for _, headDim := range headDims {
			r := random(headDim)
			rows := rows8(r, 2*PageTokens, headDim)
			for name, f := range map[string]struct {
				size int
				put  func(page []byte, position int, x []float32)
			}{"key": {KeyBytes8(headDim), PutKey8}, "value": {ValueBytes8(headDim), PutValue8}} {
				room := slices.Repeat([]byte{0x55}, f.size+2*64)
				page, fresh := room[64:][:f.size:f.size], make([]byte, f.size)
				for position := range PageTokens {
					f.put(page, position, rows[position+PageTokens])
				}
				for _, position := range r.Perm(PageTokens) { // over what was there
					f.put(page, position, rows[position])
				}
				for position := range PageTokens {
					f.put(fresh, position, rows[position])
				}
				if !slices.Equal(page, fresh) {
					t.Fatalf("%s, head of %d: the order of the positions shows", name, headDim)
				}
				for i, b := range room {
					if (i < 64 || i >= 64+f.size) && b != 0x55 {
						t.Fatalf("%s, head of %d: wrote at %d of a page of %d", name, headDim, i-64, f.size)
					}
				}
			}
		}
	})
}

// What is no number shows in what it belongs to, and only there.
func TestAttention8Faults(t *testing.T) {
	const headDim, at = 40, 5
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		for _, fault := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
			r := random(4)
			key, value := rows8(r, PageTokens, headDim), rows8(r, PageTokens, headDim)
			key[at][37], value[at][37] = fault, fault
			p := newPages8(headDim, key, value)
			a := NewAttention8(2, 1, headDim)
			scores, mixed := make([]float32, 2*PageTokens), make([]float32, 2*headDim)
			a.Load(slices.Concat(rows8(r, 2, headDim)...), 2)
			a.Scores(scores, PageTokens, p.keys)
			for i, s := range scores {
				if (s != s) != (i%PageTokens == at) {
					t.Errorf("a key with %v: score %d is %v", fault, i%PageTokens, s)
				}
			}
			a.Mix(mixed, headDim, slices.Repeat([]float32{0.5}, 2*PageTokens), PageTokens, p.values, PageTokens)
			for d, v := range mixed {
				if v == v {
					t.Errorf("a value with %v: number %d is %v", fault, d%headDim, v)
				}
			}
		}
	})
}

func TestPagedAttention8(t *testing.T) {
	const headDim, heads, tokens = 64, 7, 300
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		r := random(11)
		queries := values(r, heads*headDim)
		Scale(0.125, queries)
		p := newPages8(headDim, rows8(r, tokens, headDim), rows8(r, tokens, headDim))
		got := pagedAttention8(p, queries, heads)
		keys, vals := slices.Concat(p.key...), slices.Concat(p.value...)
		for h := range heads {
			norm, miss := 0.0, 0.0
			for d, w := range plainAttention(queries[h*headDim:][:headDim], keys, vals, headDim) {
				norm += w * w
				miss += (float64(got[h*headDim+d]) - w) * (float64(got[h*headDim+d]) - w)
			}
			if e := math.Sqrt(miss / norm); !(e < 0.02) {
				t.Errorf("head %d is off by %.2g of its length", h, e)
			}
		}
	})
}

func pagedAttention8(p *pages8, queries []float32, heads int) []float32 {
	a := NewAttention8(heads, 8, p.headDim)
	a.Load(queries, heads)
	return attendBySteps(heads, p.headDim, len(p.key), func(dst []float32, ld, from, to int) {
		a.Scores(dst, ld, p.keys[from:to])
	}, func(dst, weights []float32, ldw, from, to, tokens int) {
		a.Mix(dst, p.headDim, weights, ldw, p.values[from:to], tokens)
	})
}

func TestAttention8ChecksItsShapes(t *testing.T) {
	f := make([]float32, 1000)
	keys, vals := make([]byte, KeyBytes8(20)), [][]byte{make([]byte, ValueBytes8(20)), make([]byte, ValueBytes8(20))}
	a := NewAttention8(3, 2, 20)
	a.Load(f, 2)
	bad := map[string]func(){
		"no queries":          func() { NewAttention8(0, 1, 20) },
		"no pages":            func() { NewAttention8(1, 0, 20) },
		"no head":             func() { NewAttention8(1, 1, 0) },
		"Load: queries":       func() { a.Load(f[:39], 2) },
		"Load: n":             func() { a.Load(f, 4) },
		"Load: negative n":    func() { a.Load(f, -1) },
		"Scores: dst":         func() { a.Scores(f[:31], 16, [][]byte{keys}) },
		"Scores: rows":        func() { a.Scores(f, 15, [][]byte{keys}) },
		"Scores: huge ld":     func() { a.Scores(f, math.MaxInt, [][]byte{keys}) },
		"Scores: keys":        func() { a.Scores(f, 32, [][]byte{keys, keys[1:]}) },
		"Mix: dst":            func() { a.Mix(f[:39], 20, f, 32, vals, 32) },
		"Mix: rows":           func() { a.Mix(f, 19, f, 32, vals, 32) },
		"Mix: weights":        func() { a.Mix(f, 20, f[:63], 32, vals, 32) },
		"Mix: values":         func() { a.Mix(f, 20, f, 32, [][]byte{vals[0], vals[1][1:]}, 32) },
		"Mix: pages":          func() { a.Mix(f, 20, f, 32, slices.Repeat(vals, 2), 32) },
		"Mix: tokens":         func() { a.Mix(f, 20, f, 64, vals, 33) },
		"Mix: no tokens":      func() { a.Mix(f, 20, f, 64, vals, -1) },
		"PutKey8: page":       func() { PutKey8(keys[1:], 0, f[:20]) },
		"PutKey8: position":   func() { PutKey8(keys, 16, f[:20]) },
		"PutValue8: page":     func() { PutValue8(vals[0][1:], 0, f[:20]) },
		"PutValue8: negative": func() { PutValue8(vals[0], -1, f[:20]) },
	}
	for name, call := range bad {
		func() {
			defer func() {
				if message, ok := recover().(string); !ok || !strings.HasPrefix(message, "kernel: ") {
					t.Errorf("%s: no message of the kernel's own, but %v", name, message)
				}
			}()
			call()
		}()
	}
	a.Load(nil, 0) // no queries are no work
	a.Scores(nil, 0, [][]byte{keys})
	a.Mix(nil, 0, nil, 0, vals, 32)
}

func TestAttention8DoesNotAllocate(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		const most, headDim = 31, 68
		a := NewAttention8(most, 2, headDim)
		keys, vals := [][]byte{make([]byte, KeyBytes8(headDim))}, [][]byte{make([]byte, ValueBytes8(headDim)), make([]byte, ValueBytes8(headDim))}
		f, dst := make([]float32, most*headDim), make([]float32, most*headDim)
		n := 0
		if allocs := testing.AllocsPerRun(most, func() {
			n = n%most + 1
			PutKey8(keys[0], 1, f[:headDim])
			PutValue8(vals[0], 1, f[:headDim])
			a.Load(f, n)
			a.Scores(dst, PageTokens, keys)
			a.Mix(dst, headDim, f, 2*PageTokens, vals, 20)
		}); allocs != 0 {
			t.Errorf("allocates %v times", allocs)
		}
	})
}

// FuzzAttention8 stores any numbers on every tier and compares with the portable
// one.
func FuzzAttention8(f *testing.F) {
	f.Add(uint8(3), uint8(20), uint8(16), []byte{0, 0, 128, 63, 0, 0, 0, 192, 1, 2, 3, 4})
	f.Add(uint8(16), uint8(65), uint8(1), []byte{0, 0, 192, 127, 5, 0, 128, 63})
	f.Add(uint8(8), uint8(32), uint8(40), []byte{255, 255, 127, 127, 1, 0, 0, 0, 9})
	f.Add(uint8(0), uint8(0), uint8(0), []byte{0})
	f.Fuzz(func(t *testing.T, queries, dim, positions uint8, bits []byte) {
		n, headDim, tokens := int(queries)%17+1, int(dim)%80+1, int(positions)%(3*PageTokens)+1
		if len(bits) == 0 {
			return
		}
		at := func(i int) float32 {
			var b uint32
			for j := range 4 {
				b = b<<8 | uint32(bits[(4*i+3-j)%len(bits)])
			}
			return math.Float32frombits(b)
		}
		rows := func(n, width, from int, limit float64) [][]float32 {
			out := make([][]float32, n)
			for i := range out {
				for j := range width {
					out[i] = append(out[i], float32(math.Remainder(float64(at(from+i*width+j)), limit)))
				}
			}
			return out
		}
		key, value, query := rows(tokens, headDim, 0, 1e3), rows(tokens, headDim, 5, 1e3), slices.Concat(rows(n, headDim, 9, 1e3)...)
		weights := slices.Concat(rows(n, roundUp(tokens, PageTokens), 2, 1)...)
		for i, w := range weights {
			weights[i] = float32(math.Abs(float64(w)))
		}
		old := active
		defer func() { active = old }()
		var wantScores, wantMixed []float32
		for _, tier := range tiers() {
			active = tier
			p := newPages8(headDim, key, value)
			a := NewAttention8(n, len(p.keys), headDim)
			a.Load(query, n)
			scores, mixed := make([]float32, n*len(p.keys)*PageTokens), make([]float32, n*headDim)
			a.Scores(scores, len(p.keys)*PageTokens, p.keys)
			for i := range scores { // positions that were never written
				if i%(len(p.keys)*PageTokens) >= tokens {
					scores[i] = 0
				}
			}
			a.Mix(mixed, headDim, weights, roundUp(tokens, PageTokens), p.values, tokens)
			if tier == tiers()[0] || wantScores == nil {
				wantScores, wantMixed = scores, mixed
			}
			wantAlike(t, tier.name+" scores", scores, wantScores, 80*500*500*8*0x1p-23)
			wantAlike(t, tier.name+" mixed", mixed, wantMixed, 48*500*8*0x1p-23)
		}
	})
}

// BenchmarkAttention8 is a group of heads over 1024 positions, as in a decode;
// Mix has the rounding of the weights in it.
func BenchmarkAttention8(b *testing.B) {
	const pages, stretch = 64, 8
	for _, c := range []struct{ n, headDim int }{{1, 64}, {4, 64}, {7, 64}, {14, 64}, {8, 128}} {
		r := random(c.n)
		for _, tier := range tiers() {
			old := active
			active = tier
			p := newPages8(c.headDim, rows8(r, pages*PageTokens, c.headDim), rows8(r, pages*PageTokens, c.headDim))
			a := NewAttention8(c.n, stretch, c.headDim)
			dst, scores := make([]float32, c.n*c.headDim), make([]float32, c.n*stretch*PageTokens)
			a.Load(slices.Concat(rows8(r, c.n, c.headDim)...), c.n)
			run := func(name string, bytes int, f func(from int)) {
				b.Run(fmt.Sprintf("%s/%s/%dx%d", tier.name, name, c.n, c.headDim), func(b *testing.B) {
					b.SetBytes(int64(bytes))
					active = tier
					defer func() { active = old }()
					for b.Loop() {
						for from := 0; from < pages; from += stretch {
							f(from)
						}
					}
				})
			}
			run("Scores", pages*KeyBytes8(c.headDim), func(from int) {
				a.Scores(scores, stretch*PageTokens, p.keys[from:][:stretch])
			})
			for i := range scores {
				scores[i] = r.Float32()
			}
			run("Mix", pages*ValueBytes8(c.headDim), func(from int) {
				a.Mix(dst, c.headDim, scores, stretch*PageTokens, p.values[from:][:stretch], stretch*PageTokens)
			})
			run("Put", pages*(KeyBytes8(c.headDim)+ValueBytes8(c.headDim)), func(from int) {
				for i := range stretch * PageTokens {
					PutKey8(p.keys[from+i/PageTokens], i%PageTokens, p.key[i])
					PutValue8(p.values[from+i/PageTokens], i%PageTokens, p.value[i])
				}
			})
			active = old
		}
	}
}
