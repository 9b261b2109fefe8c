package train

import (
	"math/rand/v2"
	"strings"
	"testing"

	"gorgonia.org/tensor"
)

// TestEngineAgreesWithTheStandardOne multiplies through the library's public interface on both engines.
func TestEngineAgreesWithTheStandardOne(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(51, 1))
	for _, size := range [][3]int{{1, 1, 1}, {1, 5, 7}, {7, 5, 1}, {5, 1, 7}, {33, 17, 65}} {
		m, n, k := size[0], size[1], size[2]
		for _, transposed := range [][2]bool{{false, false}, {true, false}, {false, true}, {true, true}} {
			a, b := random(r, m*k, 1), random(r, k*n, 1)
			product := func(e tensor.Engine) []float32 {
				c, err := operandTensor(e, a, m, k, transposed[0]).MatMul(operandTensor(e, b, k, n, transposed[1]))
				if err != nil {
					t.Fatalf("%v, transposed %v on %T: %v", size, transposed, e, err)
				}
				return values(tensor.New(tensor.WithShape(m, n), tensor.WithBacking(c.Data())))
			}
			if m*n*k > 1 && relativeGap(product(Engine{}), product(tensor.StdEng{})) > 1e-5 {
				t.Errorf("%v, transposed %v: the engines disagree", size, transposed)
			}
		}
	}
}

// operandTensor is a rows x cols tensor over data; transposed is stored the other way round and turned by a view.
func operandTensor(e tensor.Engine, data []float32, rows, cols int, transposed bool) *tensor.Dense {
	if !transposed {
		return tensor.New(tensor.WithShape(rows, cols), tensor.WithBacking(data), tensor.WithEngine(e))
	}
	x := tensor.New(tensor.WithShape(cols, rows), tensor.WithBacking(data), tensor.WithEngine(e))
	if err := x.T(); err != nil {
		panic(err)
	}
	return x
}

func TestEngineRefuses(t *testing.T) {
	t.Parallel()
	f32 := func(rows, cols int) tensor.Tensor { return empty(rows, cols) }
	f64 := tensor.New(tensor.Of(tensor.Float64), tensor.WithShape(2, 2))
	for name, test := range map[string]struct {
		a, b, c tensor.Tensor
		want    string
	}{
		"type":   {f64, f32(2, 2), f32(2, 2), "left operand"},
		"rank":   {f32(2, 2), tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(2, 2, 2)), f32(2, 2), "right operand"},
		"inner":  {f32(2, 3), f32(2, 2), f32(2, 2), "does not give"},
		"result": {f32(2, 3), f32(3, 2), f32(3, 2), "does not give"},
	} {
		if err := (Engine{}).MatMul(test.a, test.b, test.c); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, test.want)
		}
	}
}

func TestStepsAllocateNoActivations(t *testing.T) {
	r := newRun(tiny, shortData(), short())
	for range 40 { // until the arena has seen the largest batch
		if _, err := r.step(); err != nil {
			t.Fatal(err)
		}
	}
	before := &r.model.arena.memory[0]
	for range 40 {
		if _, err := r.step(); err != nil {
			t.Fatal(err)
		}
	}
	if before != &r.model.arena.memory[0] {
		t.Error("the arena still grows")
	}
}
