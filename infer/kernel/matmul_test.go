package kernel

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/a472be26/cusp/infer/quant"
)

// panelTypes are those that go through panels.
var panelTypes = []quant.Type{
	quant.Q8_0, quant.Q4_0, quant.Q4_1, quant.Q5_0, quant.Q5_1, quant.IQ4_NL, quant.MXFP4,
	quant.Q2_K, quant.Q3_K, quant.Q4_K, quant.Q5_K, quant.Q6_K, quant.IQ4_XS,
}

// halvesAt are where the blocks of a type hold binary16 numbers.
var halvesAt = map[quant.Type][]int{
	quant.Q8_0: {0}, quant.Q4_0: {0}, quant.Q4_1: {0, 2}, quant.Q5_0: {0}, quant.Q5_1: {0, 2}, quant.IQ4_NL: {0},
	quant.Q2_K: {80, 82}, quant.Q3_K: {108}, quant.Q4_K: {0, 2}, quant.Q5_K: {0, 2}, quant.Q6_K: {208}, quant.IQ4_XS: {0},
}

// randomWeights makes blocks of any bytes, of which many are extreme, and of
// finite scales of all kinds.
func randomWeights(r *rand.Rand, kind quant.Type, rows, cols int) *Weights {
	w := &Weights{Kind: kind, Rows: rows, Cols: cols}
	w.Data = make([]byte, rows*w.rowBytes())
	for i := range w.Data {
		w.Data[i] = []byte{byte(r.Uint32()), 0x80, 0x7f, 0xff, byte(r.Uint32()), byte(r.Uint32())}[r.IntN(6)]
	}
	scales := []uint16{0x3c00, 0xbc00, 0x0001, 0x8401, 0x2e66, 0, 0x5640, 0x1234}
	for b := 0; b < len(w.Data); b += kind.BlockBytes() {
		for _, at := range halvesAt[kind] {
			binary.LittleEndian.PutUint16(w.Data[b+at:], scales[r.IntN(len(scales))])
		}
		if kind == quant.MXFP4 {
			w.Data[b] = byte(120 + r.IntN(16))
		}
	}
	return w
}

// activations are values with many at the ends of the range, and their sizes
// differ from block to block.
func activations(r *rand.Rand, n, cols int) []float32 {
	x := values(r, n*cols)
	for i := range x {
		switch r.IntN(4) {
		case 0:
			x[i] = 1
		case 1:
			x[i] = -1
		}
		x[i] *= float32(int(1) << (i / stepCols % 5))
	}
	return x
}

// product64 is the exact product of row r of w with vector v as the portable
// quantizer takes it, and the bound that MatMul states.
func product64(w *Weights, r int, x []float32) (sum, bound float64) {
	group, _, _ := w.Kind.Groups()
	block := w.Kind.BlockSize()
	for at := 0; at < w.Cols; at += block {
		var b unpacked
		quant.Unpack(w.Kind, w.Data[r*w.rowBytes()+at/block*w.Kind.BlockBytes():], b.codes[:], b.scales[:], b.mins[:])
		for s := 0; s < block; s += stepCols {
			var q [stepCols]int8
			_, _, d := quantizeBlock(q[:], x[at+s:][:stepCols])
			for i, v := range q {
				g := (s + i) / group
				scaled := float64(b.scales[g]) * float64(b.codes[s+i]) * float64(v) * float64(d)
				least := float64(b.mins[g]) * float64(v) * float64(d)
				sum += scaled - least
				bound += math.Abs(scaled) + math.Abs(least)
			}
		}
	}
	return sum, bound * float64(2*w.Cols/16+4) * 0x1p-23
}

func testMatMul(t *testing.T, p *Pool, kind quant.Type, rows, cols, n, offset int) {
	t.Helper()
	r := random(int(kind), rows, cols, n)
	w := randomWeights(r, kind, rows, cols)
	w.Data = unaligned(w.Data, offset)
	x := newGuard("x", offset, activations(r, n, cols))
	name := fmt.Sprintf("%s %d x %d, %d vectors, offset %d", kind, rows, cols, n, offset)
	dst := newGuard(name, offset, make([]float32, n*rows))
	var a Activations
	a.Set(x.x, n, cols)
	MatMul(p, &a, Product{w, dst.x})
	dst.check(t)
	for v := range n {
		for i := range rows {
			want, bound := product64(w, i, x.x[v*cols:][:cols])
			near(t, fmt.Sprintf("%s: row %d of vector %d", name, i, v), dst.x[v*rows+i], want, bound)
		}
	}
}

func TestMatMul(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		for _, kind := range panelTypes {
			block := kind.BlockSize()
			for i, rows := range []int{1, 15, 16, 33} {
				for n := range 18 {
					if testing.Short() && (n+i)%3 > 0 {
						continue // each n still meets some of the rows
					}
					testMatMul(t, p, kind, rows, block*(1+(n+i)%4), n, offsets[(n+i)%len(offsets)])
				}
			}
			testMatMul(t, p, kind, 35, 1280, 5, 3) // several chunks, and the last is short
		}
	})
}

// A result must not depend on the company: vectors, products, threads.
func TestMatMulAloneAndTogether(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		for _, kind := range panelTypes {
			const rows, cols = 70, 768
			for _, n := range []int{2, 3, 5, 7, 8, 16, 31, 33} {
				if testing.Short() && n != 3 && n != 7 && n != 31 {
					continue // both widths of turnedFuncs, and tiles of all sizes
				}
				r := random(int(kind), n)
				w := [2]*Weights{randomWeights(r, kind, rows, cols), randomWeights(r, quant.Q8_0, 5, cols)}
				x := activations(r, n, cols)
				dst := [2][]float32{make([]float32, n*rows), make([]float32, n*5)}
				var a Activations
				a.Set(x, n, cols)
				MatMul(p, &a, Product{w[0], dst[0]}, Product{w[1], dst[1]})
				for v := range n {
					for i := range w {
						alone := make([]float32, w[i].Rows)
						a.Set(x[v*cols:], 1, cols)
						MatMul(nil, &a, Product{w[i], alone})
						if got := dst[i][v*len(alone):][:len(alone)]; !slices.Equal(got, alone) {
							t.Fatalf("%s: vector %d of %d, product %d: %v, alone %v", kind, v, n, i, got, alone)
						}
					}
				}
			}
		}
	})
}

// On one thread, several spans of panels and what is left of them give, in several
// chunks, what each vector gives alone.
func TestSpans(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		const rows, cols, n = (batchSpan+5)*maxLanes + 3, 1280, 20 // tiles of 16 and 4
		for _, kind := range panelTypes {
			r := random(int(kind))
			w, x, got, want := randomWeights(r, kind, rows, cols), activations(r, n, cols), make([]float32, n*rows), make([]float32, rows)
			var a Activations
			a.Set(x, n, cols)
			MatMul(nil, &a, Product{w, got})
			for v := range n {
				a.Set(x[v*cols:], 1, cols)
				MatMul(nil, &a, Product{w, want})
				if at := firstDifference(got[v*rows:][:rows], want); at >= 0 {
					t.Fatalf("%s: vector %d, row %d: %v, alone %v", kind, v, at, got[v*rows+at], want[at])
				}
			}
		}
	})
}

// Streams of rows give what panels of them give, also where rows are left over, and on
// tiers that do not use them.
func TestStreams(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	eachTier(t, func(t *testing.T, tier *tier) {
		streams, panels := *tier, *tier
		streams.streaming, panels.streaming = true, false
		vectors, heights := []int{1, 2, 4, 5, 8, 15}, []int{16, 40, 32 * 16, 33*16 + 5}
		if !tier.streaming {
			vectors, heights = []int{1, 5}, []int{40, 12*8 + 5}
		}
		for _, kind := range panelTypes {
			for _, n := range vectors {
				for _, rows := range heights {
					const cols = 2048 // 32 rows of Q8_0 and 64 of Q4_0 are a multiple of 4096 bytes
					r := random(int(kind), n, rows)
					w := randomWeights(r, kind, rows, cols)
					x := activations(r, n, cols)
					got, want := newGuard("dst", 0, make([]float32, n*rows)), make([]float32, n*rows)
					var a Activations
					a.Set(x, n, cols)
					useTier(t, &streams)
					MatMul(p, &a, Product{w, got.x})
					got.check(t)
					useTier(t, &panels)
					MatMul(p, &a, Product{w, want})
					if !slices.Equal(got.x, want) {
						t.Fatalf("%s: %d rows, %d vectors: streams and panels differ", kind, rows, n)
					}
				}
			}
		}
	})
}

func TestSameSet(t *testing.T) {
	t.Parallel()
	for stride, want := range map[int]bool{952: false, 4031: false, 4032: true, 4096: true, 4159: true, 4160: false, 32 * 2176: true, 31 * 2176: false} {
		if got := sameSet(stride); got != want {
			t.Errorf("sameSet(%d) = %v", stride, got)
		}
	}
}

// Every packer must make what packAny makes, bit for bit.
func TestPack(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		for _, kind := range panelTypes {
			f := tier.pack[kind]
			if f == nil {
				continue
			}
			group, mins, _ := kind.Groups()
			for blocks := 1; blocks <= batchSteps*stepCols/kind.BlockSize(); blocks++ {
				r := random(int(kind), blocks)
				const skipped = 2 // blocks of a row behind the chunk
				w := randomWeights(r, kind, 2*tier.lanes, (blocks+skipped)*kind.BlockSize())
				data := unaligned(w.Data, offsets[blocks%len(offsets)])
				n := blocks * kind.BlockSize() / stepCols
				got, want := newPanel(), newPanel()
				fill(got.steps, 0xa5)
				fill(want.steps, 0xa5)
				f(&got.steps[0], &got.mins[0], &data[0], w.rowBytes(), tier.lanes*w.rowBytes(), n)
				tier.packAny(kind, want, new(unpacked), data, w.rowBytes(), tier.lanes, n)
				if !slices.Equal(got.steps, want.steps) {
					t.Fatalf("%s: %d blocks: step bytes differ from byte %d of %d", kind, blocks, firstDifference(got.steps, want.steps), tier.stepBytes(group))
				}
				size := n * stepCols / group * tier.lanes
				if mins && !slices.Equal(got.mins[:size], want.mins[:size]) {
					t.Fatalf("%s: %d blocks: minima %v, want %v", kind, blocks, got.mins[:size], want.mins[:size])
				}
			}
		}
	})
}

func fill(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}

func firstDifference[T comparable](a, b []T) int {
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return -1
}

// With scales of one nothing is rounded, the sum must be exact. All codes are
// extreme in turn, and so are the vectors' bytes: no kernel may saturate.
func TestTilesExact(t *testing.T) {
	ones := map[quant.Type]func(block []byte){
		quant.Q8_0: func(b []byte) { binary.LittleEndian.PutUint16(b, 0x3c00) },
		quant.Q6_K: func(b []byte) {
			fill(b[192:208], 1)
			binary.LittleEndian.PutUint16(b[208:], 0x3c00)
		},
	}
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		for kind, one := range ones {
			for seed := range 200 {
				testExact(t, random(seed), tier, kind, one)
			}
		}
	})
}

func testExact(t *testing.T, r *rand.Rand, tier *tier, kind quant.Type, one func(block []byte)) {
	t.Helper()
	const cols = 256
	w := randomWeights(r, kind, tier.lanes, cols)
	if r.IntN(2) == 0 {
		fill(w.Data, []byte{0, 0xff, 0x80, 0x7f}[r.IntN(4)])
	}
	for b := 0; b < len(w.Data); b += kind.BlockBytes() {
		one(w.Data[b:])
	}
	x := make([]float32, cols)
	for i := range x {
		x[i] = float32([]int{127, -127, r.IntN(255) - 127}[r.IntN(3)])
	}
	if sign := r.IntN(3); sign < 2 {
		for i := range x {
			x[i] = float32(127 - sign*254)
		}
	}
	for i := 0; i < cols; i += stepCols {
		x[i] = 127
	}
	got := make([]float32, tier.lanes)
	var a Activations
	a.Set(x, 1, cols)
	MatMul(nil, &a, Product{w, got})
	for i, v := range got {
		if want, _ := product64(w, i, x); float64(v) != want {
			t.Fatalf("%s: row %d is %v, want %v", kind, i, v, want)
		}
	}
}

// Kernels for small codes rely on their range.
func TestSmallCodes(t *testing.T) {
	for _, kind := range panelTypes {
		least, most := int8(0), int8(0)
		w := randomWeights(random(1), kind, 64, 256)
		for at := 0; at < len(w.Data); at += kind.BlockBytes() {
			var b unpacked
			quant.Unpack(kind, w.Data[at:], b.codes[:], b.scales[:], b.mins[:])
			least, most = min(least, slices.Min(b.codes[:])), max(most, slices.Max(b.codes[:]))
		}
		if small := least >= -32 && most <= 31; small != smallCodes(kind) {
			t.Errorf("%s has codes from %d to %d, smallCodes says %v", kind, least, most, !small)
		}
	}
}

func TestQuantize(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	special := [][]float32{{}, {1}, {-1, 0.5}, {0x1p-119}, {0x1p-120}, {1e-45}, {3e38, -3e38}, {nan, 1}, {1, inf}, {-inf},
		{127, 0.5, -0.5, 1.5, -1.5, 2.5, 126.5, -126.5, 0.49999997}}
	eachTier(t, func(t *testing.T, tier *tier) {
		for i, s := range special {
			x := make([]float32, 64)
			copy(x[32:], s)
			sameQuantized(t, fmt.Sprintf("case %d", i), tier, x, 1)
		}
		for n := 1; n < 20; n++ {
			x := newGuard("x", offsets[n%len(offsets)], values(random(n), n*160))
			sameQuantized(t, "random", tier, x.x, n)
		}
	})
}

// sameQuantized compares n vectors with the portable quantizer, bit for bit,
// and both with the definition of the planes.
func sameQuantized(t *testing.T, name string, tier *tier, x []float32, n int) {
	t.Helper()
	quantized := func() *Activations {
		a := new(Activations)
		a.Set(x, n, len(x)/n)
		a.quantize(nil)
		return a
	}
	useTier(t, tier)
	got := quantized()
	useTier(t, generic())
	want := quantized()
	for i, b := range want.data {
		if got.data[i] != b {
			t.Fatalf("%s: byte %d is %d, want %d", name, i, got.data[i], b)
		}
	}
	if !slices.Equal(got.bias16, want.bias16) {
		t.Fatalf("%s: bias16 is %v, want %v", name, got.bias16, want.bias16)
	}
}

func TestSums(t *testing.T) {
	const n, cols = 11, 96
	var a Activations
	a.Set(values(random(3), n*cols), n, cols)
	a.quantize(nil)
	a.sumUp()
	for _, tile := range a.tiles {
		for v := range tile.n {
			for s := range cols / stepCols {
				var q [stepCols]int8
				low, high, d := quantizeBlock(q[:], a.vector(tile.from + v)[s*stepCols:][:stepCols])
				at := tile.from*a.steps() + s*tile.n
				if a.sums32[at+v] != d*float32(low+high) || a.sums16[2*at+v] != d*float32(low) || a.sums16[2*at+tile.n+v] != d*float32(high) {
					t.Fatalf("step %d of vector %d has the sums %v, %v and %v", s, tile.from+v, a.sums32[at+v], a.sums16[2*at+v], a.sums16[2*at+tile.n+v])
				}
			}
		}
	}
}

func TestRoundAway(t *testing.T) {
	for v := float32(0); v <= 127.5; v = math.Nextafter32(v, 128) + v*0x1p-14 {
		for _, v := range []float32{v, -v, math.Nextafter32(float32(int(v))+0.5, 0), float32(int(v)) + 0.5} {
			if want := math.Round(float64(v)); want <= 127 && float64(roundAway(v)) != want {
				t.Fatalf("roundAway(%v) is %d, want %v", v, roundAway(v), want)
			}
		}
	}
}

func TestMatMulDoesNotAllocate(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	var a, gated Activations
	r := random(1)
	w, gate := randomWeights(r, quant.Q4_K, 300, 512), randomWeights(r, quant.Q4_K, 320, 512)
	x, dst := values(r, 7*512), make([]float32, 7*300)
	dense, _ := denseWeights(r, quant.BF16, 299, 512)
	narrow, _ := denseWeights(r, quant.F16, 299, 500)
	pass := func() {
		a.Set(x, 7, 512)
		MatMul(p, &a, Product{w, dst}, Product{w, dst}, Product{dense, dst})
		MatMulGated(p, &gated, &a, gate, gate, SwiGLU)
		a.Set(x, 7, 500)
		MatMul(p, &a, Product{narrow, dst})
	}
	pass()
	if allocs := testing.AllocsPerRun(20, pass); allocs != 0 {
		t.Errorf("MatMul allocates %v times", allocs)
	}
}

// BenchmarkMatMul reads 71 MB of Q8_0, more than most caches hold: bytes of weights for one
// vector, multiply-accumulates for many. One tier, type, number of threads and
// of vectors: -bench 'MatMul/avx2/Q8_0/threads=1/n=1$'.
func BenchmarkMatMul(b *testing.B) {
	const rows, cols = 32 << 10, 2048
	for _, tier := range benchTiers() {
		b.Run(tier.name, func(b *testing.B) {
			useTier(b, tier)
			for _, kind := range Types() {
				b.Run(kind.String(), func(b *testing.B) {
					w := benchWeights(kind, rows, cols)
					for _, threads := range []int{1, 2} {
						for _, n := range []int{1, 2, 4, 8, 16, 128} {
							b.Run(fmt.Sprintf("threads=%d/n=%d", threads, n), func(b *testing.B) { benchMatMul(b, w, threads, n) })
						}
					}
				})
			}
		})
	}
}

// benchWeights are random; the dense ones finite, as denormals and infinities
// would take longer.
func benchWeights(kind quant.Type, rows, cols int) *Weights {
	if !denseType(kind) {
		return randomWeights(random(1), kind, rows, cols)
	}
	w, _ := denseWeights(random(1), kind, rows, cols)
	return w
}

// benchTiers are all but the portable one, where there are others.
func benchTiers() []*tier {
	if native := native(); len(native) > 0 {
		return native
	}
	return tiers()
}

func benchMatMul(b *testing.B, w *Weights, threads, n int) {
	p := NewPool(threads)
	defer p.Close()
	var a Activations
	x, dst := values(random(1), n*w.Cols), make([]float32, n*w.Rows)
	b.SetBytes(int64(len(w.Data)))
	for b.Loop() {
		a.Set(x, n, w.Cols)
		MatMul(p, &a, Product{w, dst})
	}
	b.ReportMetric(float64(w.Rows*w.Cols)*float64(n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
}

func FuzzQuantize(f *testing.F) {
	f.Add(uint32(0x7f800000), uint32(1), uint32(0x3f800000))
	f.Add(uint32(0x03ffffff), uint32(0x04000000), uint32(0))
	f.Add(uint32(0x7fc00001), uint32(0xff800000), uint32(0x7f7fffff))
	f.Fuzz(func(t *testing.T, a, b, c uint32) {
		x := make([]float32, 32)
		for i := range x {
			x[i] = math.Float32frombits([]uint32{a, b, c}[i%3])
		}
		for _, tier := range tiers() {
			sameQuantized(t, tier.name, tier, x, 1)
		}
	})
}

// FuzzMatMul multiplies any bytes: all tiers stay within the bound, or agree
// that there is none.
func FuzzMatMul(f *testing.F) {
	f.Add([]byte{0x80, 0x7f, 0xff}, int8(127), uint8(0))
	f.Add([]byte{0, 0x3c, 0x80}, int8(-127), uint8(9))
	f.Fuzz(func(t *testing.T, data []byte, edge int8, pick uint8) {
		if len(data) == 0 {
			return
		}
		kind := panelTypes[int(pick)%len(panelTypes)]
		w := randomWeights(random(int(edge)), kind, 17, 256)
		for i := range w.Data {
			if i%3 > 0 {
				w.Data[i] = data[i%len(data)]
			}
		}
		for b := 0; b < len(w.Data); b += kind.BlockBytes() {
			for _, at := range halvesAt[kind] {
				w.Data[b+at+1] &= 0x3f // finite whatever the data
			}
			if kind == quant.MXFP4 {
				w.Data[b] = 127
			}
		}
		x := make([]float32, 256)
		for i := range x {
			x[i] = float32(edge) + float32(data[(i*7)%len(data)])
		}
		for _, tier := range tiers() {
			useTier(t, tier)
			var a Activations
			got := make([]float32, 17)
			a.Set(x, 1, 256)
			MatMul(nil, &a, Product{w, got})
			for i, v := range got {
				want, bound := product64(w, i, x)
				near(t, fmt.Sprintf("%s, %s, row %d", tier.name, kind, i), v, want, bound)
			}
		}
	})
}

func TestMatMulPanics(t *testing.T) {
	var a Activations
	a.Set(make([]float32, 128), 2, 64)
	w := func(kind quant.Type, rows, cols, size int) *Weights {
		return &Weights{kind, rows, cols, make([]byte, size)}
	}
	dst := make([]float32, 4)
	for name, f := range map[string]func(){
		"short weights":     func() { MatMul(nil, &a, Product{w(quant.Q8_0, 2, 64, 135), dst}) },
		"odd columns":       func() { MatMul(nil, &a, Product{w(quant.Q8_0, 2, 60, 136), dst}) },
		"other columns":     func() { MatMul(nil, &a, Product{w(quant.Q8_0, 2, 32, 136), dst}) },
		"short destination": func() { MatMul(nil, &a, Product{w(quant.Q8_0, 2, 64, 136), dst[:3:3]}) },
		"unknown type":      func() { MatMul(nil, &a, Product{w(quant.Type(24), 2, 64, 136), dst}) },
		"short activations": func() { a.Set(make([]float32, 63), 2, 32) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}
