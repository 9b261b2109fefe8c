package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

func TestLayerNorm(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		eachVector(t, func(t *testing.T, x, weight []float32) {
			if len(x) == 0 {
				return
			}
			for i := range x {
				x[i] += 3 // far from its mean's being zero
			}
			var mean, variance float64
			for _, v := range x {
				mean += float64(v) / float64(len(x))
			}
			for _, v := range x {
				variance += (float64(v) - mean) * (float64(v) - mean) / float64(len(x))
			}
			was := slices.Clone(x)
			LayerNorm(x, x, weight, 0.1)
			for i, v := range was {
				want := (float64(v) - mean) / math.Sqrt(variance+0.1) * float64(weight[i])
				near(t, fmt.Sprintf("LayerNorm of %d: %d", len(x), i), x[i], want, 1e-5*(1+math.Abs(want)))
			}
		})
	})
}

// Points where the functions bend, and some where they are long flat.
var bends = []float32{0, 1e-8, -1e-8, 0.1, -0.1, 0.5, -0.7517916, 1, -1, 2.5, -2.5, 5, -5, 9, -9, 40, -40, 1000, -1000}

func TestGELU(t *testing.T) {
	exact := func(x float64) float64 { return x * 0.5 * (1 + math.Erf(x/math.Sqrt2)) }
	approximate := func(x float64) float64 {
		return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
	}
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		for name, f := range map[string]struct {
			kernel func(dst, gate, up []float32)
			want   func(float64) float64
		}{"GELU": {GELU, exact}, "GELUTanh": {GELUTanh, approximate}} {
			for _, n := range []int{0, 1, len(bends), geluBlock, geluBlock + 1, 3*geluBlock + 7} {
				gate, up := make([]float32, n), values(random(n), n)
				for i := range gate {
					gate[i] = bends[i%len(bends)]
				}
				alone, both := make([]float32, n), slices.Clone(gate)
				f.kernel(alone, gate, nil)
				f.kernel(both, both, up)
				for i, x := range gate {
					want := f.want(float64(x))
					what := fmt.Sprintf("%s(%v), %d of %d", name, x, i, n)
					near(t, what, alone[i], want, 1e-7+0x1p-18*math.Abs(want))
					near(t, what+" times up", both[i], want*float64(up[i]), 1e-7+0x1p-18*math.Abs(want))
				}
			}
		}
	})
}

func TestSoftCap(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		for _, limit := range []float32{0.5, 30, 50} {
			x := append(slices.Clone(bends), float32(math.Inf(1)), float32(math.Inf(-1)))
			was := slices.Clone(x)
			SoftCap(x, limit)
			for i, v := range was {
				want := float64(limit) * math.Tanh(float64(v)/float64(limit))
				near(t, fmt.Sprintf("SoftCap(%v, %v)", v, limit), x[i], want, float64(limit)*0x1p-20)
			}
		}
		SoftCap(nil, 1)
	})
}
