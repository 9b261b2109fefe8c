package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/a472be26/cusp/infer/quant"
)

// Head widths of real models, and some that no vector divides.
var headDims = []int{1, 2, 7, 8, 15, 20, 32, 40, 64, 72, 80, 96, 100, 128, 256}

// halves rounds x to binary16 and puts the result at an odd place in memory.
// x is replaced by what the encoding holds.
func halves(x []float32, offset int) []uint16 {
	room := make([]uint16, offset+len(x))
	for i, v := range x {
		room[offset+i] = quant.ToF16(v)
		x[i] = quant.FromF16(room[offset+i])
	}
	return room[offset : offset+len(x) : offset+len(x)]
}

// inPages cuts what pages of some size hold into such pages, as bytes.
func inPages[T uint16 | float32](x []T, size int) (pages [][]byte) {
	for page := range slices.Chunk(x, size) {
		pages = append(pages, unsafe.Slice((*byte)(unsafe.Pointer(&page[0])), len(page)*int(unsafe.Sizeof(page[0]))))
	}
	return pages
}

// attention is one call's operands between guards.
type attention struct {
	n, ld, ldq    int
	dst, rows     *guard // rows are queries or weights
	held          *guard // what the pages hold, one after the other
	half, singles [][]byte
}

func newAttention(r *rand.Rand, n, width, inputs, held, pageSize, offset int) *attention {
	a := &attention{n: n, ld: width + offset, ldq: inputs + offset%3}
	a.dst = newGuard("dst", offset, values(r, (n-1)*a.ld+width))
	a.rows = newGuard("rows", offset/2, values(r, (n-1)*a.ldq+inputs))
	a.held = newGuard("pages", offset, values(r, held))
	a.half = inPages(halves(a.held.x, offset), pageSize)
	a.singles = inPages(a.held.x, pageSize)
	return a
}

func (a *attention) check(t *testing.T) {
	t.Helper()
	a.dst.check(t)
	a.rows.check(t)
	a.held.check(t)
}

// eachAttention runs f for every head, number of queries and start.
func eachAttention(t *testing.T, f func(t *testing.T, headDim, n, offset int)) {
	for _, headDim := range headDims {
		for n := 1; n <= 17; n++ {
			for _, offset := range offsets {
				if testing.Short() && (n+headDim+offset)%4 != 0 {
					continue
				}
				f(t, headDim, n, offset)
			}
		}
	}
}

// wantGaps fails if the space between the rows of dst changed.
func wantGaps(t *testing.T, was, dst []float32, n, ld, width int) {
	t.Helper()
	for q := range n - 1 {
		for i := q*ld + width; i < (q+1)*ld; i++ {
			if dst[i] != was[i] {
				t.Fatalf("query %d of %d: wrote %d beyond its %d values", q, n, i-q*ld-width, width)
			}
		}
	}
}

func TestScores(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		eachAttention(t, func(t *testing.T, headDim, n, offset int) {
			pages, size := 1+(headDim+n+offset)%3, headDim*PageTokens
			tokens := pages * PageTokens
			a := newAttention(random(headDim, n, offset), n, tokens, headDim, pages*size, size, offset)
			was := slices.Clone(a.dst.x)
			Scores(a.dst.x, a.ld, a.rows.x, a.ldq, n, a.half, headDim)
			a.check(t)
			wantGaps(t, was, a.dst.x, n, a.ld, tokens)
			twin, alone := slices.Clone(was), make([]float32, tokens)
			ScoresF32(twin, a.ld, a.rows.x, a.ldq, n, a.singles, headDim)
			for q := range n {
				query, row := a.rows.x[q*a.ldq:][:headDim], a.dst.x[q*a.ld:][:tokens]
				for i, page := range a.half {
					Scores(alone[i*PageTokens:], 0, query, 0, 1, [][]byte{page}, headDim)
				}
				for p, got := range row {
					what := fmt.Sprintf("head of %d, query %d of %d, offset %d: score %d", headDim, q, n, offset, p)
					want, bound := score64(query, a.held.x[p/PageTokens*size:], p%PageTokens)
					near(t, what, got, want, bound)
					if got != alone[p] || got != twin[q*a.ld+p] {
						t.Fatalf("%s is %v, alone %v, from float32 %v", what, got, alone[p], twin[q*a.ld+p])
					}
				}
			}
		})
	})
}

// score64 is the exact score of a position and the bound that Scores states.
func score64(query, keys []float32, position int) (sum, bound float64) {
	for d, v := range query {
		p := float64(v) * float64(keys[d*PageTokens+position])
		sum += p
		bound += math.Abs(p)
	}
	return sum, bound * float64(len(query)) * 0x1p-23
}

func TestMix(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		eachAttention(t, func(t *testing.T, headDim, n, offset int) {
			tokens := (headDim + 5*n + offset) % (3*PageTokens + 1)
			if n%3 == 0 {
				tokens = roundUp(tokens, PageTokens)
			}
			a := newAttention(random(headDim, n, offset), n, headDim, tokens, tokens*headDim, headDim*PageTokens, offset)
			was := slices.Clone(a.dst.x)
			Mix(a.dst.x, a.ld, a.rows.x, a.ldq, n, a.half, tokens, headDim)
			a.check(t)
			wantGaps(t, was, a.dst.x, n, a.ld, headDim)
			twin := slices.Clone(was)
			MixF32(twin, a.ld, a.rows.x, a.ldq, n, a.singles, tokens, headDim)
			for q := range n {
				weights, row := a.rows.x[q*a.ldq:][:tokens], a.dst.x[q*a.ld:][:headDim]
				alone := slices.Clone(was[q*a.ld:][:headDim])
				for i, page := range a.half { // two calls give what one does
					here := min(PageTokens, tokens-i*PageTokens)
					half := here / 2
					Mix(alone, headDim, weights[i*PageTokens:], 0, 1, [][]byte{page}, half, headDim)
					Mix(alone, headDim, weights[i*PageTokens+half:], 0, 1, [][]byte{page[half*headDim*2:]}, here-half, headDim)
				}
				for d, got := range row {
					what := fmt.Sprintf("head of %d, %d positions, query %d of %d, offset %d: value %d", headDim, tokens, q, n, offset, d)
					want, bound := mixed64(was[q*a.ld+d], weights, a.held.x, d, headDim)
					near(t, what, got, want, bound)
					if got != alone[d] || got != twin[q*a.ld+d] {
						t.Fatalf("%s is %v, alone %v, from float32 %v", what, got, alone[d], twin[q*a.ld+d])
					}
				}
			}
		})
	})
}

// mixed64 is the exact value and the bound that Mix states.
func mixed64(was float32, weights, values []float32, d, headDim int) (sum, bound float64) {
	sum, bound = float64(was), math.Abs(float64(was))
	for p, w := range weights {
		v := float64(w) * float64(values[p*headDim+d])
		sum += v
		bound += math.Abs(v)
	}
	return sum, bound * float64(len(weights)+1) * 0x1p-23
}

// All queries may be one: rows zero apart.
func TestScoresOfOneSharedQuery(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		r := random(3)
		keys, query := inPages(halves(values(r, 20*PageTokens), 0), 20*PageTokens), values(r, 20)
		dst := make([]float32, 11*PageTokens)
		Scores(dst, PageTokens, query, 0, 11, keys, 20)
		for i, v := range dst {
			if v != dst[i%PageTokens] {
				t.Fatalf("query %d differs from the first", i/PageTokens)
			}
		}
	})
}

// Queries and positions that are not there are no work, even without room.
func TestAttentionOfNothing(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		page := [][]byte{make([]byte, 4*8*PageTokens)}
		Scores(nil, 0, nil, 0, 0, page, 8)
		ScoresF32(nil, 0, nil, 0, 0, page, 8)
		Scores(nil, 0, make([]float32, 16), 8, 2, nil, 8)
		Mix(nil, 0, nil, 0, 0, nil, 0, 8)
		MixF32(nil, 0, nil, 0, 0, nil, 0, 8)
		PutKey(nil, 3, nil)
		PutValue(nil, 3, nil)
		dst := []float32{5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5}
		Mix(dst, 8, nil, 0, 2, nil, 0, 8)
		Mix(dst, 8, nil, 0, 2, [][]byte{nil}, 0, 8)
		if !slices.Equal(dst, slices.Repeat([]float32{5}, 16)) {
			t.Errorf("Mix of no positions changed dst: %v", dst)
		}
	})
}

func TestAttentionChecksItsShapes(t *testing.T) {
	f, h := make([]float32, 1000), make([]uint16, 1000)
	b, short := [][]byte{make([]byte, 1280)}, [][]byte{make([]byte, 1280), make([]byte, 639)}
	bad := map[string]func(){
		"Scores: dst":        func() { Scores(f[:31], 16, f, 20, 2, b, 20) },
		"Scores: queries":    func() { Scores(f, 16, f[:39], 20, 2, b, 20) },
		"Scores: keys":       func() { Scores(f, 32, f, 20, 2, short, 20) },
		"Scores: rows":       func() { Scores(f, 15, f, 20, 2, b, 20) },
		"Scores: two pages":  func() { Scores(f, 31, f, 20, 2, [][]byte{b[0], b[0]}, 20) },
		"Scores: n":          func() { Scores(f, 16, f, 20, -1, b, 20) },
		"Scores: ld":         func() { Scores(f, -16, f, 20, 2, b, 20) },
		"Scores: ldq":        func() { Scores(f, 16, f, -1, 2, b, 20) },
		"Scores: headDim":    func() { Scores(f, 16, f, 20, 2, b, -1) },
		"Scores: huge ld":    func() { Scores(f, math.MaxInt, f, 20, 3, b, 20) },
		"Scores: huge ldq":   func() { Scores(f, 16, f, math.MaxInt/2+1, 3, b, 20) },
		"ScoresF32: dst":     func() { ScoresF32(f[:31], 16, f, 20, 2, b, 20) },
		"ScoresF32: keys":    func() { ScoresF32(f, 32, f, 20, 2, short, 20) },
		"Scores: no head":    func() { Scores(f, 16, f, 20, 2, b, 0) },
		"Mix: no head":       func() { Mix(f, 20, f, 16, 2, b, 16, 0) },
		"Mix: dst":           func() { Mix(f[:39], 20, f, 16, 2, b, 16, 20) },
		"Mix: weights":       func() { Mix(f, 20, f[:31], 16, 2, b, 16, 20) },
		"Mix: values":        func() { Mix(f, 20, f, 32, 2, short, 32, 20) },
		"Mix: first page":    func() { Mix(f, 20, f, 32, 2, [][]byte{short[1], b[0]}, 17, 20) },
		"Mix: rows":          func() { Mix(f, 19, f, 16, 2, b, 16, 20) },
		"Mix: tokens":        func() { Mix(f, 20, f, 17, 2, b, 17, 20) },
		"Mix: no tokens":     func() { Mix(f, 20, f, 16, 2, b, -1, 20) },
		"MixF32: values":     func() { MixF32(f, 20, f, 32, 2, short, 24, 20) },
		"PutKey: page":       func() { PutKey(h[:319], 0, f[:20]) },
		"PutKey: position":   func() { PutKey(h, 16, f[:20]) },
		"PutValue: position": func() { PutValue(h, -1, f[:20]) },
		"PutValue: page":     func() { PutValue(h[:319], 0, f[:20]) },
		"PutKeyF32: page":    func() { PutKeyF32(f[:319], 0, f[:20]) },
		"PutValueF32: page":  func() { PutValueF32(f[:319], 15, f[:20]) },
		"SoftmaxStep: width": func() { SoftmaxStep(f, 32, 2, 24, f, f, f) },
		"SoftmaxStep: rows":  func() { SoftmaxStep(f, 31, 2, 32, f, f, f) },
		"SoftmaxStep: short": func() { SoftmaxStep(f[:63], 32, 2, 32, f, f, f) },
		"SoftmaxStep: keep":  func() { SoftmaxStep(f, 32, 2, 32, f, f[:1], f) },
		"Rotate: x":          func() { Rotate(f[:30], f[:8], 20) },
		"Rotate: turns":      func() { Rotate(f[:40], f[:22], 20) },
		"Rotate: odd turns":  func() { Rotate(f[:40], f[:7], 20) },
		"RotateHalves: head": func() { RotateHalves(f[:40], nil, 0) },
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
}

// eachFloat yields float32 bit patterns around every binary16, and others.
func eachFloat(yield func(float32)) {
	for h := range 1 << 16 {
		bits := math.Float32bits(quant.FromF16(uint16(h)))
		for _, d := range []uint32{0, 1, 0x0fff, 0x1000, 0x1001, 0x1fff, ^uint32(0)} {
			yield(math.Float32frombits(bits + d))
		}
	}
	for bits := uint32(0); bits < 0xffff0000; bits += 0xffff {
		yield(math.Float32frombits(bits))
	}
}

func TestPutRoundsEveryValue(t *testing.T) {
	var all []float32
	eachFloat(func(v float32) { all = append(all, v) })
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		const headDim = 41 // the ends of vectors too
		keys, page := make([]uint16, headDim*PageTokens), make([]uint16, headDim*PageTokens)
		for i := 0; i+headDim <= len(all); i += headDim {
			position := i % PageTokens
			PutKey(keys, position, all[i:][:headDim])
			PutValue(page, position, all[i:][:headDim])
			for d, v := range all[i:][:headDim] {
				key, value, want := keys[d*PageTokens+position], page[position*headDim+d], quant.ToF16(v)
				if v != v && key == value && quant.FromF16(key) != quant.FromF16(key) {
					continue // NaN's payload is not promised
				}
				if key != want || value != want {
					t.Fatalf("%v (%#08x) is stored as key %#04x and value %#04x, want %#04x", v, math.Float32bits(v), key, value, want)
				}
			}
		}
	})
}

// TestPutTouchesItsPositionOnly also compares the float32 pages.
func TestPutTouchesItsPositionOnly(t *testing.T) {
	const rest = 0x1234
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		for _, headDim := range headDims {
			for position := range PageTokens {
				r := random(headDim, position)
				x := newGuard("x", position, values(r, headDim))
				halves(x.x, 0)
				room := slices.Repeat([]uint16{rest}, headDim*PageTokens+2*guardWords)
				keys := room[guardWords:][:headDim*PageTokens]
				page := slices.Clone(room)[guardWords:][:headDim*PageTokens]
				keys32, page32 := make([]float32, len(keys)), make([]float32, len(page))
				PutKey(keys, position, x.x)
				PutValue(page, position, x.x)
				PutKeyF32(keys32, position, x.x)
				PutValueF32(page32, position, x.x)
				for i := range keys {
					wantKey, wantValue := float32(0), float32(0)
					if i%PageTokens == position {
						wantKey = x.x[i/PageTokens]
					}
					if i/headDim == position {
						wantValue = x.x[i%headDim]
					}
					checkStored(t, "key", keys[i], keys32[i], wantKey, i%PageTokens == position, rest)
					checkStored(t, "value", page[i], page32[i], wantValue, i/headDim == position, rest)
				}
				for i, h := range room {
					if (i < guardWords || i >= guardWords+len(keys)) && h != rest {
						t.Fatalf("PutKey wrote at %d, outside its page of %d", i-guardWords, len(keys))
					}
				}
			}
		}
	})
}

func checkStored(t *testing.T, what string, half uint16, single, want float32, written bool, rest uint16) {
	t.Helper()
	if single != want {
		t.Fatalf("%s in float32 is %v, want %v", what, single, want)
	}
	if !written && half != rest || written && quant.FromF16(half) != want {
		t.Fatalf("%s is %#04x, want %v (written: %v)", what, half, want, written)
	}
}

func TestSoftmaxStep(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		for n := PageTokens; n <= 24*PageTokens; n += PageTokens {
			r := random(n)
			scores := values(r, n)
			for i := range scores {
				scores[i] *= 40
			}
			scores[r.IntN(n)] = float32(math.Inf(-1))
			weights, sum := softmaxBySteps(slices.Clone(scores), 128)
			var want float64
			largest := float64(slices.Max(scores))
			for _, s := range scores {
				want += math.Exp(float64(s) - largest)
			}
			bound := want * (0x1p-20 + float64(n)*0x1p-23)
			near(t, fmt.Sprintf("sum of %d", n), sum, want, bound)
			for i, w := range weights {
				x := float64(scores[i]) - largest
				if e := math.Exp(x); x > -87 { // differences are rounded, over and over
					near(t, fmt.Sprintf("weight %d of %d", i, n), w, e, e*(0x1p-19-x*0x1p-22))
				}
			}
		}
	})
}

// softmaxStep is the step of one query.
func softmaxStep(scores []float32, largest, sum float32) (newLargest, keep, newSum float32) {
	l, k, s := []float32{largest}, []float32{0}, []float32{sum}
	SoftmaxStep(scores, 0, 1, len(scores), l, k, s)
	return l[0], k[0], s[0]
}

// softmaxBySteps is what the values' rescaling between steps amounts to.
func softmaxBySteps(scores []float32, step int) (weights []float32, sum float32) {
	largest, keep := float32(math.Inf(-1)), float32(0)
	for from := 0; from < len(scores); from += step {
		part := scores[from:min(from+step, len(scores))]
		largest, keep, sum = softmaxStep(part, largest, sum)
		Scale(keep, scores[:from])
	}
	return scores, sum
}

// Queries do not change each other's results, and nothing is written between
// their rows.
func TestSoftmaxStepOfMany(t *testing.T) {
	inf := float32(math.Inf(1))
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		for n := 1; n <= 17; n++ {
			for _, width := range []int{PageTokens, 2 * PageTokens, 3 * PageTokens, 8 * PageTokens} {
				r, ld := random(n, width), width+n%5
				x := newGuard("scores", n%7, values(r, (n-1)*ld+width))
				was, keep := slices.Clone(x.x), values(r, n)
				largest, sum := values(r, n), values(r, n)
				for i := range largest {
					switch i % 4 {
					case 1:
						largest[i] = 10 // nothing new
					case 2:
						largest[i], sum[i] = -inf, 0
					}
				}
				wantLargest, wantSum := slices.Clone(largest), slices.Clone(sum)
				SoftmaxStep(x.x, ld, n, width, largest, keep, sum)
				x.check(t)
				wantGaps(t, was, x.x, n, ld, width)
				for q := range n {
					row := was[q*ld:][:width]
					l, k, s := softmaxStep(row, wantLargest[q], wantSum[q])
					if l != largest[q] || k != keep[q] || s != sum[q] || !slices.Equal(row, x.x[q*ld:][:width]) {
						t.Fatalf("query %d of %d, width %d: %v %v %v, alone %v %v %v", q, n, width, largest[q], keep[q], sum[q], l, k, s)
					}
				}
			}
		}
	})
}

// More masked positions at the end change nothing.
func TestSoftmaxStepMasked(t *testing.T) {
	inf := float32(math.Inf(1))
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		for seen := range 64 {
			short := slices.Repeat([]float32{-inf}, 128)
			copy(short, values(random(seen), seen))
			long := slices.Clone(short)
			short = short[:roundUp(max(seen, 1), PageTokens)]
			l1, k1, s1 := softmaxStep(short, 0.25, 3)
			l2, k2, s2 := softmaxStep(long, 0.25, 3)
			if l1 != l2 || k1 != k2 || s1 != s2 || !slices.Equal(short, long[:len(short)]) {
				t.Fatalf("%d scores and masked ones: %v %v %v of %d, %v %v %v of %d", seen, l1, k1, s1, len(short), l2, k2, s2, len(long))
			}
			for i, w := range long[seen:] {
				if w != 0 {
					t.Fatalf("masked position %d has the weight %v", seen+i, w)
				}
			}
		}
	})
}

func TestSoftmaxStepEnds(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		masked := func() []float32 { return slices.Repeat([]float32{-inf}, 2*PageTokens) }
		row := masked()
		if l, k, s := softmaxStep(row, -inf, 0); l != -inf || k != 1 || s != 0 || !slices.Equal(row, make([]float32, len(row))) {
			t.Errorf("nothing seen: %v %v %v %v, want -Inf 1 0 and zeros", l, k, s, row)
		}
		if l, k, s := softmaxStep(masked(), 2, 3); l != 2 || k != 1 || s != 3 {
			t.Errorf("nothing new: %v %v %v, want 2 1 3", l, k, s)
		}
		if l, k, s := softmaxStep(nil, 2, 3); l != 2 || k != 1 || s != 3 {
			t.Errorf("nothing at all: %v %v %v, want 2 1 3", l, k, s)
		}
		row = masked()
		row[5] = 7
		if l, k, s := softmaxStep(row, -inf, 0); l != 7 || k != 0 || s != 1 || row[5] != 1 {
			t.Errorf("the first one seen: %v %v %v, weight %v, want 7 0 1, weight 1", l, k, s, row[5])
		}
		for _, fault := range []float32{nan, inf} {
			for at := range 2 * PageTokens {
				for _, rest := range []float32{-inf, 1, fault} {
					row := slices.Repeat([]float32{rest}, 2*PageTokens)
					row[at] = fault
					for _, before := range []float32{-inf, 1} {
						l, _, s := softmaxStep(slices.Clone(row), before, 0)
						if s == s {
							t.Fatalf("%v at %d among %v gives the sum %v, want NaN", fault, at, rest, s)
						}
						if _, _, s = softmaxStep(values(random(at), PageTokens), l, s); s == s {
							t.Fatalf("%v at %d among %v: the step after gives the sum %v, want NaN", fault, at, rest, s)
						}
					}
				}
			}
		}
	})
}

// A whole attention by pages against a plain one.
func TestPagedAttention(t *testing.T) {
	const headDim, heads, tokens = 64, 7, 300
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		r := random(11)
		queries, keys, vals := values(r, heads*headDim), values(r, tokens*headDim), values(r, tokens*headDim)
		got := pagedAttention(queries, keys, vals, heads, headDim, tokens)
		for h := range heads {
			want := plainAttention(queries[h*headDim:][:headDim], keys, vals, headDim)
			for d, w := range want {
				near(t, fmt.Sprintf("head %d, value %d", h, d), got[h*headDim+d], w, 1e-5)
			}
		}
	})
}

// pagedAttention replaces keys and values by what pages of binary16 hold.
func pagedAttention(queries, keys, vals []float32, heads, headDim, tokens int) []float32 {
	size := headDim * PageTokens
	pages := roundUp(tokens, PageTokens) / PageTokens
	keyPages, valuePages := make([]uint16, pages*size), make([]uint16, pages*size)
	for t := range tokens {
		halves(keys[t*headDim:][:headDim], 0)
		halves(vals[t*headDim:][:headDim], 0)
		PutKey(keyPages[t/PageTokens*size:], t%PageTokens, keys[t*headDim:][:headDim])
		PutValue(valuePages[t/PageTokens*size:], t%PageTokens, vals[t*headDim:][:headDim])
	}
	inKeys, inValues := inPages(keyPages, size), inPages(valuePages, size)
	return attendBySteps(heads, headDim, tokens, func(dst []float32, ld, from, to int) {
		Scores(dst, ld, queries, headDim, heads, inKeys[from:to], headDim)
	}, func(dst, weights []float32, ldw, from, to, tokens int) {
		Mix(dst, headDim, weights, ldw, heads, inValues[from:to], tokens, headDim)
	})
}

// attendBySteps is attention by stretches of 8 pages, with the scores of some
// pages and what mixes their values.
func attendBySteps(heads, headDim, tokens int, score func(dst []float32, ld, from, to int), mix func(dst, weights []float32, ldw, from, to, tokens int)) []float32 {
	const pages = 8
	const step = pages * PageTokens
	dst, scores := make([]float32, heads*headDim), make([]float32, heads*step)
	largest, sum, keep := slices.Repeat([]float32{negativeInfinity}, heads), make([]float32, heads), make([]float32, heads)
	for first := 0; first*PageTokens < tokens; first += pages {
		left := min(step, tokens-first*PageTokens)
		width := roundUp(left, PageTokens)
		last := first + width/PageTokens
		score(scores, step, first, last)
		for h := range heads {
			for i := left; i < width; i++ {
				scores[h*step+i] = negativeInfinity
			}
		}
		SoftmaxStep(scores, step, heads, width, largest, keep, sum)
		for h := range heads {
			Scale(keep[h], dst[h*headDim:][:headDim])
		}
		mix(dst, scores, step, first, last, left)
	}
	for h := range heads {
		Scale(1/sum[h], dst[h*headDim:][:headDim])
	}
	return dst
}

func plainAttention(query, keys, vals []float32, headDim int) []float64 {
	dst, sum := make([]float64, headDim), 0.0
	for t := range len(keys) / headDim {
		score, _ := dot64(query, keys[t*headDim:][:headDim])
		w := math.Exp(score)
		sum += w
		for d, v := range vals[t*headDim:][:headDim] {
			dst[d] += w * float64(v)
		}
	}
	for d := range dst {
		dst[d] /= sum
	}
	return dst
}

// FuzzAttention gives every tier any bits and compares with the portable one.
func FuzzAttention(f *testing.F) {
	f.Add(uint8(3), uint8(20), uint8(16), []byte{0, 60, 0, 188, 255, 123, 1, 0, 0, 124, 0, 126})
	f.Add(uint8(16), uint8(65), uint8(1), []byte{0, 0, 128, 63})
	f.Add(uint8(8), uint8(7), uint8(9), []byte{255, 255, 127, 127, 1})
	f.Fuzz(func(t *testing.T, queries, dim, positions uint8, bits []byte) {
		n, headDim, tokens := int(queries)%17+1, int(dim)%80+1, int(positions)%(3*PageTokens+1)
		if len(bits) == 0 {
			return
		}
		at := func(i int) byte { return bits[i%len(bits)] }
		const width = 3 * PageTokens
		held := make([]uint16, headDim*width)
		for i := range held {
			held[i] = uint16(at(2*i)) | uint16(at(2*i+1))<<8
		}
		pages := inPages(held, headDim*PageTokens)
		rows := make([]float32, n*max(headDim, width))
		for i := range rows {
			rows[i] = float32(int8(at(3*i))) / 16
		}
		wantScores, wantMixed := make([]float32, n*width), make([]float32, n*headDim)
		scoresGeneric[uint16](wantScores, width, rows, headDim, n, pages, headDim)
		mixGeneric[uint16](wantMixed, headDim, rows, width, n, pages, tokens, headDim)
		for _, tier := range tiers() {
			scores, mixed := make([]float32, len(wantScores)), make([]float32, len(wantMixed))
			tier.scores(scores, width, rows, headDim, n, pages, headDim)
			if tokens > 0 {
				tier.mix(mixed, headDim, rows, width, n, pages, tokens, headDim)
			}
			// The largest product is 8 * 65504, and there are 80 of them at most.
			wantAlike(t, tier.name+" scores", scores, wantScores, 80*80*8*65504*0x1p-22)
			wantAlike(t, tier.name+" mixed", mixed, wantMixed, 80*80*8*65504*0x1p-22)
		}
	})
}

// wantAlike takes NaN and infinities for alike: sums of large ones may be either.
func wantAlike(t *testing.T, what string, got, want []float32, bound float64) {
	t.Helper()
	finite := func(v float32) bool { return v-v == 0 }
	for i, v := range got {
		if finite(v) != finite(want[i]) || finite(v) && math.Abs(float64(v)-float64(want[i])) > bound {
			t.Fatalf("%s: value %d is %v, want %v", what, i, v, want[i])
		}
	}
}

// BenchmarkAttention is a group of heads over 1024 positions, as in a decode, or
// a tile of a prompt.
func BenchmarkAttention(b *testing.B) {
	const pages, stretch = 64, 8
	const ld = stretch * PageTokens
	for _, c := range []struct{ n, headDim int }{{1, 64}, {4, 64}, {7, 64}, {8, 128}, {14, 64}, {16, 64}} {
		r := random(c.n)
		size := c.headDim * PageTokens
		keys, vals := inPages(halves(values(r, pages*size), 0), size), inPages(halves(values(r, pages*size), 0), size)
		queries, dst, scores := values(r, c.n*c.headDim), make([]float32, c.n*c.headDim), values(r, c.n*ld)
		largest, keep, sum := make([]float32, c.n), make([]float32, c.n), make([]float32, c.n)
		for _, tier := range tiers() {
			run := func(name string, f func(from int)) {
				b.Run(fmt.Sprintf("%s/%s/%dx%d", tier.name, name, c.n, c.headDim), func(b *testing.B) {
					old := active
					active = tier
					defer func() { active = old }()
					for b.Loop() {
						for from := 0; from < pages; from += stretch {
							f(from)
						}
					}
					b.ReportMetric(float64(b.N*pages*size*c.n)/b.Elapsed().Seconds()/1e9, "GMAC/s")
				})
			}
			run("Scores", func(from int) { Scores(scores, ld, queries, c.headDim, c.n, keys[from:][:stretch], c.headDim) })
			run("Softmax", func(int) { SoftmaxStep(scores, ld, c.n, ld, largest, keep, sum) })
			run("Mix", func(from int) { Mix(dst, c.headDim, scores, ld, c.n, vals[from:][:stretch], ld, c.headDim) })
		}
	}
}

func TestAttentionDoesNotAllocate(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		const n, headDim = 3, 68 // the last values are the portable ones' on most tiers
		halves, singles := make([]uint16, 2*headDim*PageTokens), make([]float32, 2*headDim*PageTokens)
		inHalves, inSingles := inPages(halves, headDim*PageTokens), inPages(singles, headDim*PageTokens)
		queries, scores, dst := make([]float32, n*headDim), make([]float32, n*2*PageTokens), make([]float32, n*headDim)
		allocs := testing.AllocsPerRun(10, func() {
			PutKey(halves, 1, queries[:headDim])
			PutValue(halves, 1, queries[:headDim])
			Scores(scores, 2*PageTokens, queries, headDim, n, inHalves, headDim)
			ScoresF32(scores, 2*PageTokens, queries, headDim, n, inSingles, headDim)
			SoftmaxStep(scores, 2*PageTokens, n, 2*PageTokens, dst, queries, queries[n:])
			Mix(dst, headDim, scores, 2*PageTokens, n, inHalves, PageTokens+1, headDim)
			MixF32(dst, headDim, scores, 2*PageTokens, n, inSingles, PageTokens+1, headDim)
		})
		if allocs != 0 {
			t.Errorf("allocates %v times", allocs)
		}
	})
}
