package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// near fails unless got is within bound of want.
func near(t *testing.T, what string, got float32, want, bound float64) {
	t.Helper()
	if !(math.Abs(float64(got)-want) <= bound) {
		t.Fatalf("%s is %v, want %v within %g", what, got, want, bound)
	}
}

// eachVector runs f for every length and start; x and y lie between guards
// that are checked afterwards.
func eachVector(t *testing.T, f func(t *testing.T, x, y []float32)) {
	for _, n := range lengths {
		for _, offset := range offsets {
			r := random(n, offset)
			x := newGuard(fmt.Sprintf("x, length %d, offset %d", n, offset), offset, values(r, n))
			y := newGuard(fmt.Sprintf("y, length %d, offset %d", n, offset), offset/2, values(r, n))
			f(t, x.x, y.x)
			x.check(t)
			y.check(t)
		}
	}
}

func TestDot(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		eachVector(t, func(t *testing.T, x, y []float32) {
			want, bound := dot64(x, y)
			near(t, fmt.Sprintf("Dot of %d", len(x)), tier.dot(x, y), want, bound)
		})
	})
}

// dot64 is the exact product and the bound that Dot states.
func dot64(x, y []float32) (sum, bound float64) {
	for i := range x {
		p := float64(x[i]) * float64(y[i])
		sum += p
		bound += math.Abs(p)
	}
	return sum, bound * float64(len(x)) * 0x1p-23
}

func TestAxpy(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		eachVector(t, func(t *testing.T, x, y []float32) {
			was := append([]float32(nil), y...)
			tier.axpy(0.75, x, y)
			for i := range y {
				near(t, "Axpy", y[i], 0.75*float64(x[i])+float64(was[i]), 0x1p-22)
			}
		})
	})
}

func TestScale(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		eachVector(t, func(t *testing.T, x, _ []float32) {
			was := slices.Clone(x)
			Scale(0.3, x)
			for i, v := range was {
				if want := 0.3 * v; x[i] != want {
					t.Fatalf("%d of %d: 0.3 * %v is %v, want %v", i, len(x), v, x[i], want)
				}
			}
		})
		Scale(2, nil)
	})
}

func TestRMSNorm(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		eachVector(t, func(t *testing.T, x, weight []float32) {
			sum, _ := dot64(x, x)
			scale := 1 / math.Sqrt(sum/float64(len(x))+1e-5)
			dst := newGuard("dst", 1, x)
			for _, out := range [][]float32{dst.x, x} { // apart, then in place
				was := append([]float32(nil), x...)
				RMSNorm(out, x, weight, 1e-5)
				for i := range out {
					want := float64(was[i]) * scale * float64(weight[i])
					near(t, "RMSNorm", out[i], want, math.Abs(want)*(float64(len(x))+4)*0x1p-23)
				}
			}
			dst.check(t)
		})
	})
}

func TestSwiGLU(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		eachVector(t, func(t *testing.T, gate, up []float32) {
			for i := range gate {
				gate[i] *= 20
			}
			want := make([]float64, len(gate))
			for i, g := range gate {
				want[i] = float64(g) / (1 + math.Exp(-float64(g))) * float64(up[i])
			}
			dst := newGuard("dst", 1, gate)
			tier.swiglu(dst.x, gate, up)
			dst.check(t)
			overGate, overUp := slices.Clone(gate), slices.Clone(up)
			tier.swiglu(overGate, overGate, up)
			tier.swiglu(overUp, gate, overUp)
			for i, got := range dst.x {
				near(t, "SwiGLU", got, want[i], math.Abs(want[i])*0x1p-20)
				if overGate[i] != got || overUp[i] != got {
					t.Fatalf("SwiGLU in place is %v over gate and %v over up, apart %v", overGate[i], overUp[i], got)
				}
			}
		})
	})
}

func TestSwiGLUEnds(t *testing.T) {
	gates := []float32{1e30, -1e30, 100, -100, 88.5, -88.5, 0, float32(math.Inf(1))}
	want := []float32{1e30, 0, 100, 0, 88.5, 0, 0, float32(math.Inf(1))}
	eachTier(t, func(t *testing.T, tier *tier) {
		dst := make([]float32, len(gates))
		tier.swiglu(dst, gates, []float32{1, 1, 1, 1, 1, 1, 1, 1})
		for i := range want {
			if math.Abs(float64(dst[i]-want[i])) > 1e-30 && dst[i] != want[i] {
				t.Errorf("SwiGLU(%v, 1) is %v, want %v", gates[i], dst[i], want[i])
			}
		}
	})
}

func TestMax(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		eachVector(t, func(t *testing.T, x, _ []float32) {
			for at := range x {
				x[at] = 3
				if got := tier.largest(x); got != 3 {
					t.Fatalf("Max of %d with 3 at %d is %v", len(x), at, got)
				}
				x[at] = -0.5
			}
			if got := tier.largest(x); got != -0.5 {
				t.Fatalf("Max of %d times -0.5 is %v", len(x), got)
			}
		})
	})
}

// TestExp walks the whole range in steps of a few hundred float32 values.
func TestExp(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		var x []float32
		for v := float32(-87); v < 88.3; v += 0.0037 {
			x = append(x, v)
		}
		got := make([]float32, len(x))
		tier.expSum(got, x, 0)
		for i, v := range x {
			want := math.Exp(float64(v))
			near(t, fmt.Sprintf("exp(%v)", v), got[i], want, want*0x1p-21)
		}
	})
}

func TestExpEnds(t *testing.T) {
	inf := float32(math.Inf(1))
	x := []float32{-inf, -1e30, -88, 0, 88.5, 1e30, inf, float32(math.NaN())}
	want := []float32{0, 0, 0, 1, inf, inf, inf, float32(math.NaN())}
	eachTier(t, func(t *testing.T, tier *tier) {
		for _, n := range []int{7, 8} { // the scalar end, then a whole vector
			got := make([]float32, n)
			tier.expSum(got, x[:n], 0)
			for i, v := range got {
				if v != want[i] && !(v != v && want[i] != want[i]) {
					t.Errorf("exp(%v) is %v, want %v", x[i], v, want[i])
				}
			}
		}
	})
}

func TestSoftmax(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		eachVector(t, func(t *testing.T, x, _ []float32) {
			var sum float64
			want := make([]float64, len(x))
			for i := range x {
				x[i] = x[i]*30 + 500
				want[i] = math.Exp(float64(x[i]) - 500)
				sum += want[i]
			}
			Softmax(x)
			for i := range x {
				w := want[i] / sum
				near(t, "Softmax", x[i], w, w*(0x1p-20+float64(len(x))*0x1p-23))
			}
		})
	})
}

func TestSoftmaxMasked(t *testing.T) {
	inf := float32(math.Inf(1))
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		x := make([]float32, 19)
		for i := range x {
			x[i] = -inf
		}
		x[4], x[17] = 1, 1
		Softmax(x)
		for i, p := range x {
			if want := float32(0.5); i == 4 || i == 17 {
				if p != want {
					t.Errorf("probability %d is %v, want %v", i, p, want)
				}
			} else if p != 0 {
				t.Errorf("masked probability %d is %v, want 0", i, p)
			}
		}
	})
}

func TestSoftmaxShowsFaults(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		for _, fault := range []float32{inf, nan} {
			for at := range 19 {
				x := make([]float32, 19)
				x[at] = fault
				if Softmax(x); x[0] == x[0] {
					t.Errorf("a row with %v at %d gives %v, want NaN", fault, at, x[0])
				}
			}
		}
		x := []float32{-inf, -inf, -inf}
		if Softmax(x); x[0] == x[0] {
			t.Errorf("a row of -Inf gives %v, want NaN", x[0])
		}
	})
}

func FuzzExp(f *testing.F) {
	for _, x := range []float32{0, 1, -1, 87, -87.4, -87.314285, 88.4, float32(math.Inf(-1))} {
		f.Add(x)
	}
	f.Fuzz(func(t *testing.T, v float32) {
		for _, tier := range tiers() {
			x := []float32{v, v, v, v, v, v, v, v, v}
			tier.expSum(x, x, 0)
			want := math.Exp(float64(v))
			for _, got := range x {
				ok := math.Abs(float64(got)-want) <= want*0x1p-21
				switch {
				case v != v:
					ok = got != got
				case v < -87.33: // subnormal or zero
					ok = got >= 0 && float64(got) <= 1.19e-38
				case v > 88.37: // close to the largest float32, or beyond
					ok = float64(got) >= 2.3e38
				}
				if !ok {
					t.Fatalf("%s: exp(%v) is %v, want %v", tier.name, v, got, want)
				}
			}
		}
	})
}
