//go:build cuda

package kernels_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/a472be26/cusp/infer/cuda/driver"
	"github.com/a472be26/cusp/infer/cuda/kernels"
	"github.com/a472be26/cusp/infer/kernel"
)

// samePlanes says that quantized planes are those of values.
func samePlanes(t *testing.T, what string, got planes, values []float32) {
	t.Helper()
	want := got.q.d.quantize(values, got.n, got.cols)
	if !slices.Equal(take[int8](got.q), take[int8](want.q)) || !slices.Equal(take[int32](got.halves), take[int32](want.halves)) {
		t.Errorf("%s: other codes than of its result", what)
	}
	same(t, what+", scales", take[float32](got.d), take[float32](want.d))
}

func (d *device) emptyPlanes(n, cols int) planes {
	return planes{room[int8](d, n*cols), room[float32](d, n*cols/32), room[int32](d, n*cols/32), n, cols}
}

func TestNorm(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *device) {
		for i, width := range []int{1, 20, 64, 96, 256, 300, 896, 2048} {
			for _, centred := range []int{0, 1} {
				testNorm(t, d, width, centred, i%2 == 0, uint64(i))
			}
		}
	})
}

func testNorm(t *testing.T, d *device, width, centred int, extra bool, seed uint64) {
	what := fmt.Sprintf("width %d, centred %d, addend and bias %v", width, centred, extra)
	r := rand.New(rand.NewPCG(seed, 9))
	const pieces, eps = 3, 1e-5
	values, addend, weight, bias := random(r, pieces*width), random(r, pieces*width), random(r, width), random(r, width)
	x0, dst, block := put(d, values), room[float32](d, pieces*width), 256
	if width <= 256 {
		block = 32
	}
	args := []any{x0, nil, put(d, weight), nil, dst, nil, nil, nil, width, float32(eps), centred}
	if extra {
		args[1], args[3] = put(d, addend), put(d, bias)
		for i := range values {
			values[i] += addend[i]
		}
	}
	p := d.emptyPlanes(pieces, width/32*32)
	if width%32 == 0 {
		args[5], args[6], args[7] = p.q, p.d, p.halves
	}
	d.launch("norm", x(pieces), x(block), 0, args...)
	same(t, what+", sums", take[float32](x0), values)
	want := make([]float32, pieces*width)
	for i := range pieces {
		row := want[i*width:][:width]
		if centred == 1 {
			kernel.LayerNorm(row, values[i*width:][:width], weight, eps)
		} else {
			kernel.RMSNorm(row, values[i*width:][:width], weight, eps)
		}
		if extra {
			kernel.Axpy(1, bias, row)
		}
	}
	got := take[float32](dst)
	near(t, what, got, wide(want), func(i int) float64 { return 1e-5 * (1 + math.Abs(float64(weight[i%width]))*5) })
	if width%32 == 0 {
		samePlanes(t, what, p, got)
	}
	// Alone a row has the same bits, in place too.
	last := put(d, values[2*width:])
	args[0], args[1], args[4], args[5], args[6], args[7] = last, nil, last, nil, nil, nil
	d.launch("norm", x(1), x(block), 0, args...)
	same(t, what+", alone", take[float32](last), got[2*width:])
}

func TestActivate(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *device) {
		r := rand.New(rand.NewPCG(2, 9))
		const n, cols, ld = 2, 320, 400
		gate, up := random(r, n*ld), random(r, n*ld)
		gate[0], gate[1], gate[2], gate[3] = 90, -90, 0, -0.001
		for kind, reference := range []func(x float64) float64{
			func(x float64) float64 { return x / (1 + math.Exp(-x)) },
			func(x float64) float64 { return x / 2 * (1 + math.Erf(x/math.Sqrt2)) },
			func(x float64) float64 { return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))) },
			func(x float64) float64 { return max(x, 0) },
			math.Tanh,
			func(x float64) float64 { return x },
		} {
			for _, gated := range []bool{false, true} {
				what := fmt.Sprintf("kind %d, gated %v", kind, gated)
				dst, p := room[float32](d, n*cols), d.emptyPlanes(n, cols)
				args := []any{put(d, gate), nil, dst, p.q, p.d, p.halves, n, cols, ld, kind}
				var want []float64
				for i := range n * cols {
					at := i/cols*ld + i%cols
					v := reference(float64(gate[at]))
					if gated {
						v *= float64(up[at])
					}
					want = append(want, v)
				}
				if gated {
					args[1] = put(d, up)
				}
				d.launch("activate", driver.Dim{X: ceil(cols, 256), Y: n}, x(256), 0, args...)
				got := take[float32](dst)
				near(t, what, got, want, func(i int) float64 { return 2e-6 * (math.Abs(want[i]) + math.Abs(float64(up[i/cols*ld+i%cols])) + 1) })
				samePlanes(t, what, p, got)
			}
		}
	})
}

func TestFlat(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *device) {
		r := rand.New(rand.NewPCG(4, 9))
		const n, width = 3, 331
		a, b := random(r, n*width), random(r, n*width)
		flat := x(ceil(n*width, 256))
		want := make([]float64, n*width)
		run := func(name string, tolerance float64, f func(i int) float64, grid driver.Dim, args ...any) {
			t.Helper()
			dst := put(d, a)
			d.launch(name, grid, x(256), 0, append([]any{dst}, args...)...)
			for i := range want {
				want[i] = f(i)
			}
			near(t, name, take[float32](dst), want, func(i int) float64 { return tolerance * (math.Abs(want[i]) + 1) })
		}
		run("add", 2e-7, func(i int) float64 { return float64(a[i]) + 0.5*float64(b[i]) }, flat, put(d, b), float32(0.5), int64(n*width))
		run("scale", 1e-7, func(i int) float64 { return float64(a[i]) * 3 }, flat, float32(3), int64(n*width))
		run("soft_cap", 1e-5, func(i int) float64 { return 30 * math.Tanh(float64(a[i])/30) }, flat, float32(30), int64(n*width))
		rows := driver.Dim{X: ceil(width, 256), Y: n}
		run("add_bias", 2e-7, func(i int) float64 { return float64(a[i]) + float64(b[i%width]) }, rows, put(d, b[:width]), n, width)
		ids := []int32{2, 2, 0}
		run("gather", 0, func(i int) float64 { return float64(b[int(ids[i/width])*width+i%width]) }, rows, put(d, b), put(d, ids), n, width)
	})
}

func TestRotate(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *device) {
		r := rand.New(rand.NewPCG(5, 9))
		for _, c := range []struct{ heads, headDim, ropeDim int }{{1, 2, 2}, {3, 64, 64}, {5, 80, 32}, {9, 6, 4}} {
			for apart := range 2 {
				const n = 3
				ld := c.heads*c.headDim + 5
				values, turns := random(r, n*ld), random(r, n*c.ropeDim)
				b := put(d, values)
				d.launch("rotate", driver.Dim{X: ceil(c.heads*c.ropeDim/2, 128), Y: n}, x(128), 0, b, put(d, turns), n, c.heads, c.headDim, c.ropeDim, ld, apart)
				for i := range n {
					row := values[i*ld:][:c.heads*c.headDim]
					if apart == 1 {
						kernel.RotateHalves(row, turns[i*c.ropeDim:][:c.ropeDim], c.headDim)
					} else {
						kernel.Rotate(row, turns[i*c.ropeDim:][:c.ropeDim], c.headDim)
					}
				}
				near(t, fmt.Sprintf("%+v, apart %d", c, apart), take[float32](b), wide(values), func(i int) float64 { return 1e-3 * math.Max(1e-3, math.Abs(float64(values[i]))*1e-3) * 8 })
			}
		}
	})
}

// Experts are the largest, in the order of their numbers.
func TestRoute(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *device) {
		r := rand.New(rand.NewPCG(6, 9))
		for _, c := range []struct{ n, all, used, sum int }{{3, 8, 2, 1}, {2, 100, 8, 0}, {1, 1, 1, 1}, {2, kernels.MaxExperts, 5, 1}} {
			scores := random(r, c.n*c.all)
			if c.all == 8 {
				copy(scores, []float32{1, 3, 2, 3, 3, 0, 0, 0}) // the first of equals
			}
			ids, weights := room[int32](d, c.n*c.used), room[float32](d, c.n*c.used)
			d.launch("route", x(c.n), x(32), 0, put(d, scores), ids, weights, c.n, c.all, c.used, c.sum)
			var wantIDs []int32
			var want []float64
			for i := range c.n {
				row := slices.Clone(scores[i*c.all:][:c.all])
				kernel.Softmax(row)
				chosen, total := largest(row, c.used)
				slices.Sort(chosen)
				for _, e := range chosen {
					w := float64(row[e])
					if c.sum == 1 {
						w /= total
					}
					wantIDs, want = append(wantIDs, int32(e)), append(want, w)
				}
			}
			if got := take[int32](ids); !slices.Equal(got, wantIDs) {
				t.Errorf("%+v: %v, want %v", c, got, wantIDs)
			}
			near(t, fmt.Sprintf("%+v", c), take[float32](weights), want, func(i int) float64 { return 1e-5 * want[i] })
		}
	})
}

// largest are the first k indexes of the largest values, and their sum.
func largest(v []float32, k int) (at []int, sum float64) {
	for i := range v {
		at = append(at, i)
	}
	slices.SortStableFunc(at, func(a, b int) int {
		switch {
		case v[a] > v[b]:
			return -1
		case v[a] < v[b]:
			return 1
		}
		return 0
	})
	for _, i := range at[:k] {
		sum += float64(v[i])
	}
	return at[:k], sum
}

func TestMixExperts(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *device) {
		r := rand.New(rand.NewPCG(7, 9))
		const n, used, dim = 3, 2, 300
		y, weights, before := random(r, n*used*dim), random(r, n*used), random(r, n*dim)
		for add := range 2 {
			dst := put(d, before)
			d.launch("mix_experts", driver.Dim{X: ceil(dim, 256), Y: n}, x(256), 0, dst, put(d, y), put(d, weights), n, used, dim, add)
			var want []float64
			for i := range n * dim {
				v := float64(add) * float64(before[i])
				for k := range used {
					v += float64(weights[i/dim*used+k]) * float64(y[(i/dim*used+k)*dim+i%dim])
				}
				want = append(want, v)
			}
			near(t, fmt.Sprintf("add %d", add), take[float32](dst), want, func(i int) float64 { return 1e-4 })
		}
	})
}

func TestTopK(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *device) {
		r := rand.New(rand.NewPCG(8, 9))
		for _, c := range []struct{ vocab, k int }{{1, 1}, {64, 64}, {300, 1}, {5000, 40}, {5000, 64}} {
			const n = 2
			ld := c.vocab + 3
			logits := random(r, n*ld)
			for i := range c.vocab / 3 {
				logits[r.IntN(len(logits))] = []float32{0, float32(math.Copysign(0, -1)), 2, -2, 7}[i%5] // equal ones
			}
			ids, values, sums := room[int32](d, n*c.k), room[float32](d, n*c.k), room[float32](d, n*2)
			d.launch("top_k", x(n), x(256), 0, put(d, logits), ids, values, sums, n, c.vocab, c.k, int64(ld))
			gotIDs, gotValues, gotSums := take[int32](ids), take[float32](values), take[float32](sums)
			for i := range n {
				row := logits[i*ld:][:c.vocab]
				want, _ := largest(row, c.k)
				var sum float64
				for _, v := range row {
					sum += math.Exp(float64(v) - float64(row[want[0]]))
				}
				for k, at := range want {
					got := int(gotIDs[i*c.k+k])
					// The two zeros count as different, and -0 as the smaller one.
					if row[got] != row[at] || row[at] != 0 && got != at || gotValues[i*c.k+k] != row[at] {
						t.Fatalf("%+v, row %d: place %d is %d (%v), want %d (%v)", c, i, k, got, gotValues[i*c.k+k], at, row[at])
					}
				}
				if gotSums[2*i] != row[want[0]] || math.Abs(float64(gotSums[2*i+1])-sum) > 1e-4*sum {
					t.Fatalf("%+v, row %d: largest and sum %v, want %v and %v", c, i, gotSums[2*i:][:2], row[want[0]], sum)
				}
			}
		}
	})
}

// Where a logit is no number, or none is one, the sum is no number either.
func TestTopKOfNoNumbers(t *testing.T) {
	t.Parallel()
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	each(t, func(t *testing.T, d *device) {
		for _, row := range [][]float32{{1, nan, 2}, {1, -nan, 2}, {1, inf, 2}, {-inf, -inf, -inf}} {
			ids, values, sums := room[int32](d, 2), room[float32](d, 2), room[float32](d, 2)
			d.launch("top_k", x(1), x(256), 0, put(d, row), ids, values, sums, 1, 3, 2, int64(3))
			if sum := take[float32](sums)[1]; sum == sum {
				t.Errorf("%v: the sum is %v", row, sum)
			}
		}
	})
}

// Probes do what they are said to do, and end.
func TestProbes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *device) {
		r := rand.New(rand.NewPCG(9, 9))
		words := make([]int32, 4*1000)
		var all int32
		for i := range words {
			words[i] = int32(r.Uint32())
			if i/4%256 < 32 { // the first warp's, which delivers what it read
				all ^= words[i]
			}
		}
		src := put(d, words)
		one := room[int32](d, 1)
		d.launch("probe_read", x(1), x(256), 0, one, src, int64(len(words)))
		if got := take[int32](one)[0]; got != all {
			t.Errorf("probe_read read %x, want %x", got, all)
		}
		for _, name := range []string{"probe_dp4a", "probe_mma", "probe_fma"} {
			out := room[int32](d, 512)
			d.launch(name, x(2), x(256), 0, out, 2)
			if slices.Contains(take[int32](out), -1) {
				t.Errorf("%s left results out", name)
			}
		}
	})
}
