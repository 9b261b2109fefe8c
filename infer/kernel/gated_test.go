package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/a472be26/cusp/infer/quant"
)

// TestMatMulGated compares with the same in steps: the batch is the same byte for
// byte, and so is what a product makes of it.
func TestMatMulGated(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	activations := map[string]func(dst, gate, up []float32){"SwiGLU": SwiGLU, "GELU": GELU}
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		for i, kind := range panelTypes {
			for _, rows := range []int{32, 160, 1312} {
				for _, n := range []int{1, 2, 7, 16, 35} {
					if testing.Short() && (i+n+rows/32)%4 > 0 || rows > 160 && (kind != quant.Q8_0 || tier.name == "generic") {
						continue
					}
					r := random(int(kind), rows, n)
					cols := 2 * kind.BlockSize()
					gate, up := randomWeights(r, kind, rows, cols), randomWeights(r, quant.Q8_0, rows, cols)
					x := values(r, n*cols)
					for name, activate := range activations {
						name = fmt.Sprintf("%s of %s %d x %d, %d vectors", name, kind, rows, cols, n)
						testMatMulGated(t, name, p, x, n, gate, up, activate)
						testMatMulGated(t, name+", no ups", p, x, n, gate, nil, func(dst, gate, up []float32) {
							if up != nil {
								t.Errorf("%s: ups that nobody gave", name)
							}
							GELUTanh(dst, gate, gate)
						})
					}
				}
			}
		}
	})
}

func testMatMulGated(t *testing.T, name string, p *Pool, x []float32, n int, gate, up *Weights, activate func(dst, gate, up []float32)) {
	t.Helper()
	var a, got, want Activations
	rows := gate.Rows
	a.Set(x, n, gate.Cols)
	MatMulGated(p, &got, &a, gate, up, activate)

	gates, ups := make([]float32, n*rows), make([]float32, n*rows)
	MatMul(p, &a, Product{gate, gates})
	if up != nil {
		MatMul(p, &a, Product{up, ups})
	} else {
		ups = nil
	}
	activate(gates, gates, ups)
	want.Set(gates, n, rows)
	want.quantize(nil)
	if !slices.Equal(got.data, want.data) || !slices.Equal(got.bias16, want.bias16) || !slices.Equal(got.tiles, want.tiles) {
		t.Fatalf("%s: not the batch that the steps make", name)
	}
	down := randomWeights(random(n), quant.Q4_1, 19, rows)
	one, other := make([]float32, n*19), make([]float32, n*19)
	MatMul(p, &got, Product{down, one})
	MatMul(p, &want, Product{down, other})
	for i := range one {
		if math.Float32bits(one[i]) != math.Float32bits(other[i]) {
			t.Fatalf("%s: product %d is %v, in steps %v", name, i, one[i], other[i])
		}
	}
}

func TestMatMulGatedRefuses(t *testing.T) {
	w := func(kind quant.Type, rows, cols int) *Weights {
		return &Weights{Kind: kind, Rows: rows, Cols: cols, Data: make([]byte, rows*cols*4)}
	}
	var a, floats, dst Activations
	a.Set(make([]float32, 64), 1, 64)
	floats.Set(make([]float32, 64), 1, 64)
	MatMulGated(nil, &dst, &a, w(quant.Q8_0, 64, 64), nil, func(_, _, _ []float32) {})
	for name, do := range map[string]func(){
		"dense":            func() { MatMulGated(nil, &dst, &a, w(quant.F16, 64, 64), nil, SwiGLU) },
		"rows differ":      func() { MatMulGated(nil, &dst, &a, w(quant.Q8_0, 64, 64), w(quant.Q8_0, 32, 64), SwiGLU) },
		"half a step":      func() { MatMulGated(nil, &dst, &a, w(quant.Q8_0, 48, 64), nil, SwiGLU) },
		"columns differ":   func() { MatMulGated(nil, &dst, &a, w(quant.Q8_0, 32, 96), nil, SwiGLU) },
		"dense after int8": func() { MatMul(nil, &dst, Product{w(quant.F32, 4, 64), make([]float32, 4)}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			do()
		}()
	}
}
