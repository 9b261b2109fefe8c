package kernel

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/a472be26/cusp/infer/quant"
)

// q8Lengths are columns around every unrolled loop: one, two, odd and even
// numbers of blocks.
var q8Lengths = []int{32, 64, 96, 128, 160, 256, 288, 1024, 1056}

// q8Weights makes rows of random blocks that include the extreme bytes and
// scales of all kinds.
func q8Weights(r *rand.Rand, rows, cols int) []byte {
	w := make([]byte, rows*cols/q8Block*q8Bytes)
	scales := []uint16{0x3c00, 0xbc00, 0x0001, 0x8401, 0x2e66, 0, 0x5640}
	for b := 0; b < len(w); b += q8Bytes {
		binary.LittleEndian.PutUint16(w[b:], scales[r.IntN(len(scales))])
		for i := range q8Block {
			w[b+2+i] = []byte{byte(r.Uint32()), 0x80, 0x7f, byte(r.Uint32())}[r.IntN(4)]
		}
	}
	return w
}

// extremes are activations with many at the ends of the range.
func extremes(r *rand.Rand, n int) []float32 {
	x := values(r, n)
	for i := range x {
		switch r.IntN(4) {
		case 0:
			x[i] = 1
		case 1:
			x[i] = -1
		}
	}
	return x
}

// q8Dot64 is the exact product of a row with x and the bound that MatVecQ8
// states.
func q8Dot64(row []byte, x *Q8) (sum, bound float64) {
	for b := range x.blocks {
		block := row[b*q8Bytes:][:q8Bytes]
		var dot, magnitude float64
		for i, v := range x.q[b*q8Block:][:q8Block] {
			p := float64(int8(block[2+i])) * float64(v)
			dot += p
			magnitude += math.Abs(p)
		}
		scale := float64(quant.FromF16(binary.LittleEndian.Uint16(block))) * float64(x.d[b*8])
		sum += dot * scale
		bound += magnitude * math.Abs(scale)
	}
	return sum, bound * float64(x.blocks+8) * 0x1p-23
}

func quantized(tier *tier, x []float32) *Q8 {
	q := new(Q8)
	q.resize(len(x) / q8Block)
	tier.quantize(q, x)
	return q
}

func TestMatVecQ8(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		for _, cols := range q8Lengths {
			for _, rows := range []int{1, 2, 5} {
				for _, offset := range offsets {
					testMatVecQ8(t, tier, rows, cols, offset)
				}
			}
		}
	})
}

func testMatVecQ8(t *testing.T, tier *tier, rows, cols, offset int) {
	r := random(rows, cols, offset)
	w := unaligned(q8Weights(r, rows, cols), offset)
	x := quantized(tier, extremes(r, cols))
	name := fmt.Sprintf("%d x %d, offset %d", rows, cols, offset)
	dst := newGuard(name, offset, make([]float32, rows))
	tier.q8Rows(dst.x, w, x)
	dst.check(t)
	size := len(w) / rows
	for i, got := range dst.x {
		want, bound := q8Dot64(w[i*size:], x)
		near(t, name, got, want, bound)
	}
}

// One block with a scale of one: nothing is rounded, the sum must be exact.
func TestQ8IntegersExact(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		for seed := range 200 {
			r := random(seed)
			w := q8Weights(r, 1, q8Block)
			binary.LittleEndian.PutUint16(w, 0x3c00)
			x := quantized(tier, extremes(r, q8Block))
			for l := range 8 {
				x.d[l] = 1
			}
			var got [1]float32
			tier.q8Rows(got[:], w, x)
			if want, _ := q8Dot64(w, x); float64(got[0]) != want {
				t.Fatalf("seed %d: product is %v, want %v", seed, got[0], want)
			}
		}
	})
}

func TestMatMulQ8EqualsMatVecQ8(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		for _, cols := range []int{32, 96, 1024} {
			for tokens := range 10 {
				testMatMulQ8(t, p, 37, cols, tokens)
			}
		}
		testMatMulQ8(t, p, 300, 1024, 5) // several strips
	})
}

func testMatMulQ8(t *testing.T, p *Pool, rows, cols, tokens int) {
	r := random(rows, cols, tokens)
	w := q8Weights(r, rows, cols)
	xs := make([]*Q8, tokens)
	for i := range xs {
		xs[i] = new(Q8)
		xs[i].Quantize(extremes(r, cols))
	}
	dst := newGuard("dst", 1, make([]float32, tokens*rows))
	MatMulQ8(p, dst.x, w, rows, cols, xs)
	dst.check(t)
	want := make([]float32, rows)
	for i, x := range xs {
		MatVecQ8(nil, want, w, rows, cols, x)
		for j, v := range want {
			if got := dst.x[i*rows+j]; got != v {
				t.Fatalf("%d x %d: token %d of %d, row %d is %v, alone %v", rows, cols, i, tokens, j, got, v)
			}
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
			sameQuantized(t, fmt.Sprintf("case %d", i), quantized(tier, x), x)
		}
		for _, offset := range offsets {
			x := newGuard("x", offset, values(random(offset), 160))
			sameQuantized(t, "random", quantized(tier, x.x), x.x)
		}
	})
}

// sameQuantized compares with the portable quantizer, bit for bit, and with
// the definition of the planes.
func sameQuantized(t *testing.T, name string, got *Q8, x []float32) {
	t.Helper()
	want := quantized(generic(), x)
	for i := range want.q {
		if got.q[i] != want.q[i] {
			t.Fatalf("%s: q[%d] of %v is %d, want %d", name, i, x[i], got.q[i], want.q[i])
		}
	}
	for i := range want.bias {
		var sum int32
		for _, v := range got.q[4*i : 4*i+4] {
			sum += int32(v)
		}
		if got.bias[i] != -128*sum || want.bias[i] != -128*sum {
			t.Fatalf("%s: bias[%d] is %d, portable %d, want %d", name, i, got.bias[i], want.bias[i], -128*sum)
		}
		g, w := got.d[i], want.d[i]
		if g != w && !(g != g && w != w) {
			t.Fatalf("%s: d[%d] is %v, want %v", name, i, g, w)
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

func TestQuantizeIsReusable(t *testing.T) {
	var q Q8
	for _, n := range []int{1024, 96, 32, 0, 160, 2048} {
		x := values(random(n), n)
		q.Quantize(x)
		if q.Len() != n {
			t.Fatalf("Len is %d, want %d", q.Len(), n)
		}
		sameQuantized(t, fmt.Sprintf("length %d", n), &q, x)
	}
	x := values(random(1), 1024)
	if allocs := testing.AllocsPerRun(10, func() { q.Quantize(x); q.Quantize(x[:96]) }); allocs != 0 {
		t.Errorf("Quantize allocates %v times", allocs)
	}
}

func BenchmarkQ8(b *testing.B) {
	const rows, cols, tokens = 4096, 2048, 16
	w := q8Weights(random(1), rows, cols)
	xs := make([]*Q8, tokens)
	for i := range xs {
		xs[i] = new(Q8)
		xs[i].Quantize(values(random(i), cols))
	}
	dst := make([]float32, rows*tokens)
	for _, threads := range []int{1, 2} {
		p := NewPool(threads)
		defer p.Close()
		b.Run(fmt.Sprintf("MatVec/%d", threads), func(b *testing.B) {
			b.SetBytes(int64(len(w)))
			for b.Loop() {
				MatVecQ8(p, dst[:rows], w, rows, cols, xs[0])
			}
		})
		b.Run(fmt.Sprintf("MatMul/%d", threads), func(b *testing.B) {
			for b.Loop() {
				MatMulQ8(p, dst, w, rows, cols, xs)
			}
			b.ReportMetric(rows*cols*tokens*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
		})
	}
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
			sameQuantized(t, tier.name, quantized(tier, x), x)
		}
	})
}

func FuzzMatVecQ8(f *testing.F) {
	f.Add([]byte{0x80, 0x7f, 0xff}, int8(127))
	f.Add([]byte{0, 0x3c, 0x80}, int8(-127))
	f.Fuzz(func(t *testing.T, data []byte, edge int8) {
		if len(data) == 0 {
			return
		}
		const cols = 3 * q8Block
		w := make([]byte, 3*q8Bytes)
		x := make([]float32, cols)
		for i := range w {
			w[i] = data[i%len(data)]
		}
		for b := 0; b < len(w); b += q8Bytes {
			binary.LittleEndian.PutUint16(w[b:], 0x2e66) // finite whatever the data
		}
		for i := range x {
			x[i] = float32(edge) + float32(data[(i*7)%len(data)])
		}
		for _, tier := range tiers() {
			q := quantized(tier, x)
			var got [1]float32
			tier.q8Rows(got[:], w, q)
			want, bound := q8Dot64(w, q)
			near(t, tier.name, got[0], want, bound)
		}
	})
}

func TestQ8Panics(t *testing.T) {
	x := new(Q8)
	x.Quantize(make([]float32, 64))
	for name, f := range map[string]func(){
		"short weights":   func() { MatVecQ8(nil, make([]float32, 2), make([]byte, 135), 2, 64, x) },
		"odd columns":     func() { MatVecQ8(nil, make([]float32, 2), make([]byte, 136), 2, 60, x) },
		"other columns":   func() { MatVecQ8(nil, make([]float32, 2), make([]byte, 136), 2, 32, x) },
		"short dst":       func() { MatVecQ8(nil, make([]float32, 1, 1), make([]byte, 136), 2, 64, x) },
		"short dst of 2":  func() { MatMulQ8(nil, make([]float32, 3, 3), make([]byte, 136), 2, 64, []*Q8{x, x}) },
		"odd activations": func() { x.Quantize(make([]float32, 33)) },
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
