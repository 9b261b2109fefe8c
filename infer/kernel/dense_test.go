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

// denseTypes are those that are multiplied in float32.
var denseTypes = []quant.Type{quant.F32, quant.F16, quant.BF16}

// denseWeights are random, and as float32 what their encoding holds.
func denseWeights(r *rand.Rand, kind quant.Type, rows, cols int) (*Weights, []float32) {
	w := &Weights{Kind: kind, Rows: rows, Cols: cols}
	x := values(r, rows*cols)
	w.Data = make([]byte, rows*w.rowBytes())
	if err := quant.Encode(kind, w.Data, x); err != nil {
		panic(err)
	}
	if err := quant.Decode(kind, x, w.Data); err != nil {
		panic(err)
	}
	return w, x
}

// denseCase is a product to test; offset is where weights, vectors and sums
// start.
type denseCase struct {
	kind                  quant.Type
	rows, cols, n, offset int
}

func (c denseCase) String() string {
	return fmt.Sprintf("%s %d x %d, %d vectors, offset %d", c.kind, c.rows, c.cols, c.n, c.offset)
}

// test compares all of the product with the exact one, and each vector with
// what it gives alone, bit for bit.
func (c denseCase) test(t *testing.T, p *Pool) {
	t.Helper()
	r := random(int(c.kind), c.rows, c.cols, c.n)
	w, decoded := denseWeights(r, c.kind, c.rows, c.cols)
	w.Data = unaligned(w.Data, c.offset)
	x := newGuard("x", c.offset, values(r, c.n*c.cols))
	dst := newGuard(c.String(), c.offset, values(r, c.n*c.rows)) // of which nothing may stay
	alone := make([]float32, c.rows)
	var a, single Activations
	a.Set(x.x, c.n, c.cols)
	MatMul(p, &a, Product{w, dst.x})
	dst.check(t)
	for v := range c.n {
		vector := x.x[v*c.cols:][:c.cols]
		single.Set(vector, 1, c.cols)
		MatMul(nil, &single, Product{w, alone})
		if got := dst.x[v*c.rows:][:c.rows]; !slices.Equal(got, alone) {
			t.Fatalf("%s: vector %d gives %v, alone %v", c, v, got, alone)
		}
		for i, got := range alone {
			want, bound := dot64(decoded[i*c.cols:][:c.cols], vector)
			near(t, fmt.Sprintf("%s: row %d of vector %d", c, i, v), got, want, bound)
		}
	}
}

func TestMatMulDense(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		for _, kind := range denseTypes {
			for i, cols := range lengths {
				for n := range 15 {
					if testing.Short() && (n+i)%3 > 0 {
						continue // each n still meets some of the columns
					}
					denseCase{kind, 1 + (5*i+n)%19, cols, n, offsets[(n+i)%len(offsets)]}.test(t, p)
				}
			}
			for i, cols := range []int{denseCols - 1, denseCols, denseCols + 1, denseCols + denseStep, 2*denseCols + 37} {
				denseCase{kind, 5 + i, cols, 7, 1}.test(t, p)
			}
			denseCase{kind, 2*denseBlock + 7, 70, 14, 3}.test(t, p)
		}
	})
}

// A result must not depend on the other products either, nor on the threads.
func TestMatMulDenseBesideOthers(t *testing.T) {
	const rows, cols, n = 300, 288, 9
	p := NewPool(3)
	defer p.Close()
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		r := random(1)
		x := values(r, n*cols)
		var a Activations
		a.Set(x, n, cols)
		var products []Product
		for _, kind := range denseTypes {
			w, _ := denseWeights(r, kind, rows, cols)
			products = append(products, Product{w, make([]float32, n*rows)}, Product{randomWeights(r, quant.Q8_0, 5, cols), make([]float32, n*5)})
		}
		MatMul(p, &a, products...)
		for i, q := range products {
			alone := make([]float32, len(q.Dst))
			MatMul(nil, &a, Product{q.W, alone})
			if !slices.Equal(q.Dst, alone) {
				t.Fatalf("product %d, %s: beside others it differs", i, q.W.Kind)
			}
		}
	})
}

// Every value of 16 bits as every tier reads it, the hardware's conversions
// included.
func TestDenseReadsEveryHalf(t *testing.T) {
	const cols, at = denseStep, 2
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		for _, kind := range []quant.Type{quant.F16, quant.BF16} {
			w := &Weights{Kind: kind, Rows: 1 << 16, Cols: cols, Data: make([]byte, 2*cols<<16)}
			for bits := range w.Rows {
				binary.LittleEndian.PutUint16(w.Data[2*(bits*cols+at):], uint16(bits))
			}
			got, decoded := make([]float32, w.Rows), make([]float32, w.Rows*cols)
			var a Activations
			a.Set(append(make([]float32, at), append([]float32{1}, make([]float32, cols)...)...), 1, cols)
			MatMul(nil, &a, Product{w, got})
			if err := quant.Decode(kind, decoded, w.Data); err != nil {
				t.Fatal(err)
			}
			for bits, v := range got {
				if want := decoded[bits*cols+at]; v != want && (v == v || want == want) {
					t.Fatalf("%s: %#04x reads as %v, want %v", kind, bits, v, want)
				}
			}
		}
	})
}

func TestDenseNaN(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		for _, kind := range denseTypes {
			const rows, cols = 6, 37
			for at := range cols {
				x := values(random(1), 2*cols)
				x[cols+at] = float32(math.NaN())
				w, _ := denseWeights(random(2), kind, rows, cols)
				dst := make([]float32, 2*rows)
				var a Activations
				a.Set(x, 2, cols)
				MatMul(nil, &a, Product{w, dst})
				for i, v := range dst {
					if isNaN := v != v; isNaN != (i >= rows) {
						t.Fatalf("%s: with a NaN in column %d of the second vector, value %d is %v", kind, at, i, v)
					}
				}
			}
		}
	})
}

func FuzzMatMulDense(f *testing.F) {
	f.Add(uint8(0), uint8(4), uint16(16), uint8(6), uint8(0))
	f.Add(uint8(1), uint8(67), uint16(1040), uint8(1), uint8(3))
	f.Add(uint8(2), uint8(3), uint16(2049), uint8(13), uint8(1))
	f.Fuzz(func(t *testing.T, kind, rows uint8, cols uint16, n, offset uint8) {
		c := denseCase{denseTypes[int(kind)%len(denseTypes)], int(rows), int(cols) % (3 * denseCols), int(n) % 20, int(offset) % 16}
		if c.rows*c.cols*c.n > 1<<18 {
			return
		}
		for _, tier := range tiers() {
			useTier(t, tier)
			c.test(t, nil)
		}
	})
}
