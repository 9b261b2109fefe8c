package train

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestAdamWAgreesWithTheFormula compares with the algorithm as published, in float64.
func TestAdamWAgreesWithTheFormula(t *testing.T) {
	t.Parallel()
	const n, decaying = flatGrain + 100, flatGrain - 50
	o := Defaults()
	o.WeightDecay = 0.3
	r := rand.New(rand.NewPCG(41, 1))
	value := random(r, n, 1)
	want := make([]float64, n)
	for i, v := range value {
		want[i] = float64(v)
	}
	mean, square := make([]float64, n), make([]float64, n)
	a := newAdamW(n, decaying)
	for number := 1; number <= 5; number++ {
		const rate, scale = 0.01, 0.5
		grad := random(r, n, 1)
		a.step(2, o, number, rate, scale, value, grad)
		for i := range want {
			g := float64(grad[i]) * scale
			mean[i] = o.Beta1*mean[i] + (1-o.Beta1)*g
			square[i] = o.Beta2*square[i] + (1-o.Beta2)*g*g
			m := mean[i] / (1 - math.Pow(o.Beta1, float64(number)))
			v := square[i] / (1 - math.Pow(o.Beta2, float64(number)))
			decay := 0.0
			if i < decaying {
				decay = o.WeightDecay
			}
			want[i] -= rate * (m/(math.Sqrt(v)+o.Eps) + decay*want[i])
		}
	}
	for i := range want {
		if math.Abs(float64(value[i])-want[i]) > 1e-5 {
			t.Fatalf("parameter %d is %v, want %v", i, value[i], want[i])
		}
	}
}

func TestGradientNormAndClip(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(42, 1))
	grad := random(r, flatGrain+777, 1)
	var sum float64
	for _, g := range grad {
		sum += float64(g) * float64(g)
	}
	if got, want := newAdamW(0, 0).norm(2, grad), math.Sqrt(sum); math.Abs(got-want) > 1e-4*want {
		t.Errorf("norm %v, want %v", got, want)
	}
	for _, test := range []struct{ norm, limit, want float64 }{{4, 0, 1}, {0.5, 1, 1}, {1, 1, 1}, {4, 1, 0.25}} {
		if got := clipScale(test.norm, test.limit); got != test.want {
			t.Errorf("norm %v, limit %v: scale %v, want %v", test.norm, test.limit, got, test.want)
		}
	}
}

func TestLearningRate(t *testing.T) {
	t.Parallel()
	o := Options{Steps: 111, WarmupSteps: 10, LR: 1, MinLR: 0.2}
	for step, want := range map[int]float64{0: 0.1, 4: 0.5, 9: 1, 10: 1, 60: 0.6, 110: 0.2} {
		if got := o.learningRate(step); math.Abs(got-want) > 1e-9 {
			t.Errorf("step %d: %v, want %v", step, got, want)
		}
	}
	for _, o := range []Options{{Steps: 1, LR: 1}, {Steps: 2, WarmupSteps: 5, LR: 1}} {
		for step := range o.Steps {
			if got := o.learningRate(step); !(got > 0 && got <= 1) {
				t.Errorf("%d steps, %d of warm-up: rate %v at step %d", o.Steps, o.WarmupSteps, got, step)
			}
		}
	}
}

func TestAverage(t *testing.T) {
	t.Parallel()
	a := average{decay: 0.5, value: []float32{8, 0}}
	for number := 1; number <= 9; number++ {
		a.step(1, number, []float32{2, 4})
	}
	// From step 9 on the decay is the wanted one; by then the start is almost forgotten.
	before := a.value[0]
	a.step(1, 10, []float32{2, 4})
	if want := before + (2-before)/2; a.value[0] != want || math.Abs(float64(a.value[1])-4) > 0.01 {
		t.Errorf("average %v, want [%v 4]", a.value, want)
	}
}
