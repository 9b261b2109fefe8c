package train

import (
	"math"
	"math/rand/v2"
	"testing"

	"gorgonia.org/tensor"
)

// random fills a new slice from N(0, spread²).
func random(r *rand.Rand, n int, spread float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64() * spread)
	}
	return x
}

func randomMatrix(r *rand.Rand, rows, cols int) *tensor.Dense {
	return newMatrix(random(r, rows*cols, 1), rows, cols)
}

func empty(rows, cols int) *tensor.Dense { return newMatrix(make([]float32, rows*cols), rows, cols) }

// weighted is the sum of y times fixed weights: a scalar whose gradient with respect to y is those weights.
func weighted(y, weights *tensor.Dense) float64 {
	var sum float64
	for i, v := range values(y) {
		sum += float64(v) * float64(values(weights)[i])
	}
	return sum
}

// checkGradient compares grad, the gradient of objective with respect to x, with central differences at about 25 places.
func checkGradient(t *testing.T, name string, x, grad []float32, objective func() float64) {
	t.Helper()
	if len(x) != len(grad) {
		t.Fatalf("%s: %d values but %d gradients", name, len(x), len(grad))
	}
	var top float64
	for _, g := range grad {
		top = max(top, math.Abs(float64(g)))
	}
	if top < 1e-4 {
		t.Fatalf("%s: the largest gradient is %v, too small to be checked", name, top)
	}
	for i := 0; i < len(x); i += max(1, len(x)/25) {
		// An objective of some units is a sum of float32 values: its difference has this much noise.
		const h, rounding = 1.0 / 128, 1e-5
		old := x[i]
		x[i] = old + h
		above, hi := objective(), x[i]
		x[i] = old - h
		below, lo := objective(), x[i]
		x[i] = old
		numeric := (above - below) / (float64(hi) - float64(lo))
		if gap := math.Abs(numeric - float64(grad[i])); gap > 2e-3*(top+math.Abs(numeric))+rounding {
			t.Fatalf("%s: gradient %d is %v, central difference %v", name, i, grad[i], numeric)
		}
	}
}

func TestLinearGradient(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	x, dy, y, dx := randomMatrix(r, 5, 7), randomMatrix(r, 5, 3), empty(5, 3), empty(5, 7)
	value, grad := random(r, 21, 1), make([]float32, 21)
	l := newLinear(value, grad, 3, 7)
	objective := func() float64 { l.forward(y, x); return weighted(y, dy) }
	l.backward(dx, dy, x)
	checkGradient(t, "x", values(x), values(dx), objective)
	checkGradient(t, "weight", value, grad, objective)
}

func TestRMSNormGradient(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 1))
	const rows, dim = 2*rowGrain + 3, 6
	x, dy, y, dx := randomMatrix(r, rows, dim), randomMatrix(r, rows, dim), empty(rows, dim), empty(rows, dim)
	n := rmsnorm{weight: random(r, dim, 1), grad: make([]float32, dim), eps: 1e-5}
	objective := func() float64 { n.forward(2, y, x); return weighted(y, dy) }
	objective()
	n.backward(2, dx, dy, x)
	checkGradient(t, "x", values(x), values(dx), objective)
	checkGradient(t, "weight", n.weight, n.grad, objective)
}

func TestRMSNormBackwardAdds(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 2))
	x, dy, y, once, twice := randomMatrix(r, 2, 4), randomMatrix(r, 2, 4), empty(2, 4), empty(2, 4), empty(2, 4)
	n := rmsnorm{weight: random(r, 4, 1), grad: make([]float32, 4), eps: 1e-5}
	n.forward(1, y, x)
	n.backward(1, once, dy, x)
	copy(values(twice), values(once))
	n.backward(1, twice, dy, x)
	for i, v := range values(twice) {
		if want := 2 * values(once)[i]; math.Abs(float64(v-want)) > 1e-6 {
			t.Fatalf("value %d: %v, want %v", i, v, want)
		}
	}
}

func TestRopeGradient(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 1))
	turns := newRope(Config{Dim: 8, Heads: 2, KVHeads: 1, Context: 16, RopeTheta: 100})
	// Two query heads and a key head turn, the value head behind them does not.
	source, dy, y := randomMatrix(r, 5, 16), randomMatrix(r, 5, 16), empty(5, 16)
	positions := []int32{0, 1, 2, 9, 15}
	objective := func() float64 {
		copy(values(y), values(source))
		turns.forward(1, y, 3, positions)
		return weighted(y, dy)
	}
	dx := empty(5, 16)
	copy(values(dx), values(dy))
	turns.backward(1, dx, 3, positions)
	checkGradient(t, "x", values(source), values(dx), objective)
}

func TestAttentionGradient(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 1))
	a := attention{heads: 4, kvHeads: 2, headDim: 6}
	starts := []int32{0, 1, 6, 10}
	qkv, dout := randomMatrix(r, 10, a.width()), randomMatrix(r, 10, 24)
	out, dqkv := empty(10, 24), empty(10, a.width())
	objective := func() float64 { a.forward(2, out, qkv, starts); return weighted(out, dout) }
	objective()
	a.backward(2, dqkv, dout, qkv, starts)
	checkGradient(t, "qkv", values(qkv), values(dqkv), objective)
}

func TestAttentionSeesOnlyItsOwnPast(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 2))
	a := attention{heads: 2, kvHeads: 1, headDim: 4}
	starts := []int32{0, 4, 8}
	qkv, out := randomMatrix(r, 8, a.width()), empty(8, 8)
	a.forward(1, out, qkv, starts)
	before := append([]float32(nil), values(out)...)
	const changed = 2 // a token of the first example
	for i := range a.width() {
		values(qkv)[changed*a.width()+i] += 1
	}
	a.forward(1, out, qkv, starts)
	for row := range 8 {
		differs := false
		for c := range 8 {
			differs = differs || values(out)[row*8+c] != before[row*8+c]
		}
		if want := row == 2 || row == 3; differs != want {
			t.Errorf("row %d changed: %v, want %v", row, differs, want)
		}
	}
}

func TestSwigluGradient(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 1))
	gateUp, dy, y, d := randomMatrix(r, 3, 14), randomMatrix(r, 3, 7), empty(3, 7), empty(3, 14)
	objective := func() float64 { swiglu{}.forward(1, y, gateUp); return weighted(y, dy) }
	swiglu{}.backward(1, d, dy, gateUp)
	checkGradient(t, "gate and up", values(gateUp), values(d), objective)
}

func TestSwigluBackwardAtExtremes(t *testing.T) {
	t.Parallel()
	gateUp := newMatrix([]float32{-200, 0, 200, 1, 1, 1}, 1, 6)
	dy, d := newMatrix([]float32{1, 1, 1}, 1, 3), empty(1, 6)
	swiglu{}.backward(1, d, dy, gateUp)
	for i, want := range []float32{0, 0.5, 1, 0, 0, 200} {
		if got := values(d)[i]; math.Abs(float64(got-want)) > 1e-5 {
			t.Errorf("gradient %d is %v, want %v", i, got, want)
		}
	}
}

func TestEmbeddingGradient(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(6, 1))
	e := embedding{weight: random(r, 20, 1), grad: make([]float32, 20), dim: 4}
	tokens := []int32{1, 3, 1, 0}
	x, dx := empty(4, 4), randomMatrix(r, 4, 4)
	objective := func() float64 { e.forward(1, x, tokens); return weighted(x, dx) }
	e.backward(dx, tokens)
	checkGradient(t, "weight", e.weight, e.grad, objective)
}

func TestGatherGradient(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 1))
	x, y, dy, dx := randomMatrix(r, 5, 3), empty(2, 3), randomMatrix(r, 2, 3), randomMatrix(r, 5, 3)
	rows := []int32{1, 4}
	objective := func() float64 { gather(y, x, rows); return weighted(y, dy) }
	scatter(dx, dy, rows)
	checkGradient(t, "x", values(x), values(dx), objective)
}

func TestResidualGradient(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(8, 1))
	const rows, dim = rowGrain + 5, 8
	for _, keep := range []float32{1, 0.7} {
		branch, x, dy := randomMatrix(r, rows, dim), randomMatrix(r, rows, dim), randomMatrix(r, rows, dim)
		join, y := residual{keep: keep, seed: 42}, empty(rows, dim)
		objective := func() float64 {
			copy(values(y), values(branch))
			join.forward(2, y, x)
			return weighted(y, dy)
		}
		dbranch := join.backward(2, empty(rows, dim), dy)
		checkGradient(t, "branch", values(branch), values(dbranch), objective)
		checkGradient(t, "stream", values(x), values(dy), objective)
		zeros := 0
		for _, v := range values(dbranch) {
			if v == 0 {
				zeros++
			}
		}
		if want := float64(1-keep) * rows * dim; math.Abs(float64(zeros)-want) > 30 {
			t.Errorf("keep %v: %d of %d elements dropped", keep, zeros, rows*dim)
		}
	}
}

func TestLossGradient(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(9, 1))
	soft := []TopK{{ID: 3, Logit: 2}, {ID: 0, Logit: 1.5}, {ID: 7, Logit: -1}}
	b := &batch{rows: []int32{0, 1, 2}, targets: []int32{4, 3, 0}, weights: []float32{1, 0.5, 2}, soft: [][]TopK{nil, soft, soft[:2]}}
	for name, l := range map[string]loss{
		"cross-entropy": {temperature: 1},
		"smoothing":     {temperature: 1, smoothing: 0.1},
		"distillation":  {share: 0.6, temperature: 2},
		"all":           {share: 0.3, temperature: 1.5, smoothing: 0.05},
	} {
		logits, d := randomMatrix(r, 3, 11), empty(3, 11)
		objective := func() float64 {
			copy(values(d), values(logits))
			return l.forwardBackward(2, d, b).total
		}
		objective()
		grad := append([]float32(nil), values(d)...)
		checkGradient(t, name, values(logits), grad, objective)
	}
}

func TestLossIsZeroForTheTeacher(t *testing.T) {
	t.Parallel()
	soft := []TopK{{ID: 1, Logit: 4}, {ID: 2, Logit: 3}}
	b := &batch{rows: []int32{0}, targets: []int32{1}, weights: []float32{1}, soft: [][]TopK{soft}}
	l := loss{share: 0.5, temperature: 3}
	// The teacher's logits shifted by a constant, and something else outside its candidates.
	got := l.forwardBackward(1, newMatrix([]float32{5, 14, 13, -2}, 1, 4), b)
	if math.Abs(got.kl) > 1e-6 {
		t.Errorf("KL of equal distributions is %v", got.kl)
	}
	want := math.Log(math.Exp(5-14)+1+math.Exp(-1)+math.Exp(-16)) / 1
	if math.Abs(got.ce-want) > 1e-5 || math.Abs(got.total-want/2) > 1e-5 || got.accuracy != 1 {
		t.Errorf("loss %+v, want a cross-entropy of %v at half share and accuracy 1", got, want)
	}
}
