package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

func TestGemm(t *testing.T) {
	dims := [][3]int{{1, 1, 1}, {8, 32, 16}, {7, 31, 5}, {9, 33, 257}, {65, 70, 300}, {6, 16, 8}, {130, 1030, 20}, {20, 64, 513}}
	eachTier(t, func(t *testing.T, tier *tier) {
		for _, d := range dims {
			for mode := range 8 {
				testGemm(t, tier, d[0], d[1], d[2], mode&1 != 0, mode&2 != 0, mode&4 != 0)
			}
		}
	})
}

func testGemm(t *testing.T, tier *tier, m, n, k int, transA, transB, add bool) {
	r := rand.New(rand.NewPCG(uint64(m), uint64(n)))
	const gap = 3
	a, lda := stored(r, m, k, transA, gap)
	b, ldb := stored(r, k, n, transB, gap)
	ldc := n + gap
	c := values(r, m*ldc)
	if !add {
		for i := range c {
			if i%ldc < n {
				c[i] = float32(math.NaN())
			}
		}
	}
	was := append([]float32(nil), c...)
	left, right := operand{a, lda, !transA}, operand{b, ldb, transB}
	g := products.New().(*product)
	g.tier, g.m, g.n, g.k = tier, m, n, k
	g.a, g.b, g.c, g.ldc, g.accumulate = left, right, c, ldc, add
	p := NewPool(2)
	defer p.Close()
	g.run(p)
	name := fmt.Sprintf("%dx%dx%d transA=%v transB=%v add=%v", m, n, k, transA, transB, add)
	for i := range c {
		row, col := i/ldc, i%ldc
		if col >= n {
			if c[i] != was[i] {
				t.Fatalf("%s: wrote beside C at row %d, column %d", name, row, col)
			}
			continue
		}
		var want, bound float64
		for p := range k {
			x := float64(left.at(row, p)) * float64(right.at(col, p))
			want += x
			bound += math.Abs(x)
		}
		if add {
			want += float64(was[i])
			bound += math.Abs(float64(was[i]))
		}
		if err := math.Abs(want - float64(c[i])); !(err <= bound*float64(k+1)*0x1p-23) {
			t.Fatalf("%s: C[%d,%d] is %v, want %v", name, row, col, c[i], want)
		}
	}
}

func (o operand) at(line, k int) float32 {
	if o.along {
		return o.x[line*o.ld+k]
	}
	return o.x[k*o.ld+line]
}

func stored(r *rand.Rand, rows, cols int, trans bool, gap int) ([]float32, int) {
	if trans {
		rows, cols = cols, rows
	}
	return values(r, (rows-1)*(cols+gap)+cols), cols + gap
}

func TestGemmEmpty(t *testing.T) {
	c := []float32{1, 2, 9, 3, 4}
	Gemm(false, false, 2, 2, 0, nil, 0, nil, 2, c, 3, true)
	Gemm(false, false, 0, 2, 5, nil, 5, nil, 2, c, 3, false)
	if !slices.Equal(c, []float32{1, 2, 9, 3, 4}) {
		t.Errorf("a product with nothing in it changed C to %v", c)
	}
	Gemm(false, false, 2, 2, 0, nil, 0, nil, 2, c, 3, false)
	if !slices.Equal(c, []float32{0, 0, 9, 0, 0}) {
		t.Errorf("a sum of nothing is %v, want zeros", c)
	}
}

func TestGemmPanics(t *testing.T) {
	x := make([]float32, 12)
	for name, f := range map[string]func(){
		"short a":         func() { Gemm(false, false, 4, 1, 4, x, 4, x, 1, x, 1, false) },
		"short b":         func() { Gemm(false, true, 1, 4, 4, x, 4, x, 4, x, 4, false) },
		"short c":         func() { Gemm(false, false, 4, 4, 1, x, 1, x, 4, x, 4, false) },
		"stride of a":     func() { Gemm(false, false, 2, 2, 4, x, 3, x, 2, x, 2, false) },
		"transposed a":    func() { Gemm(true, false, 4, 2, 2, x, 3, x, 2, x, 2, false) },
		"a without value": func() { Gemm(false, false, 1, 1, 1, nil, 1, x, 1, x, 1, false) },
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

// Concurrent products share the threads, also while their number changes, and
// give what each gives alone.
func TestGemmConcurrent(t *testing.T) {
	const m, n, k = 90, 96, 90 // above gemmParallel
	a, b := values(random(1), m*k), values(random(2), k*n)
	want := make([]float32, m*n)
	SetGemmThreads(1)
	Gemm(false, false, m, n, k, a, k, b, n, want, n, false)
	var callers sync.WaitGroup
	for range 3 {
		callers.Go(func() {
			got := make([]float32, m*n)
			for range 20 {
				Gemm(false, false, m, n, k, a, k, b, n, got, n, false)
				if !slices.Equal(got, want) {
					t.Error("the product depends on what else runs")
					return
				}
			}
		})
	}
	for threads := range 4 {
		SetGemmThreads(threads)
	}
	callers.Wait()
}

func BenchmarkGemm(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range []struct {
		name           string
		transA, transB bool
		m, n, k        int
	}{
		{"forward", false, true, 4000, 512, 512},
		{"backward", false, false, 4000, 512, 512},
		{"weights", true, false, 512, 512, 4000},
		{"vocab", false, true, 1000, 4096, 384},
	} {
		x, lda := stored(r, s.m, s.k, s.transA, 0)
		y, ldb := stored(r, s.k, s.n, s.transB, 0)
		c := make([]float32, s.m*s.n)
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/%d", s.name, threads), func(b *testing.B) {
				SetGemmThreads(threads)
				for b.Loop() {
					Gemm(s.transA, s.transB, s.m, s.n, s.k, x, lda, y, ldb, c, s.n, false)
				}
				b.ReportMetric(float64(s.m)*float64(s.n)*float64(s.k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFMA/s")
			})
		}
	}
}
