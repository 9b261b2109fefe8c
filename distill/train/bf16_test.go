package train

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestBF16AgreesWithRoundedOperands covers tile and block edges, odd depths and all four orders of the operands.
func TestBF16AgreesWithRoundedOperands(t *testing.T) {
	t.Parallel()
	if !hasBF16 {
		t.Log("this processor has no AVX512_BF16: products stay in float32 here")
		return
	}
	r := rand.New(rand.NewPCG(61, 1))
	for _, size := range [][3]int{{1, 1, 1}, {8, 32, 16}, {9, 33, 17}, {7, 31, 15}, {70, 40, 33}, {65, 130, 600}, {24, 1060, 48}, {130, 64, 1025}} {
		m, n, k := size[0], size[1], size[2]
		for _, transposed := range [][2]bool{{false, false}, {true, false}, {false, true}, {true, true}} {
			a, b, c := random(r, m*k, 1), random(r, k*n, 1), random(r, m*(n+3), 1)
			g := productBF16{m: m, n: n, k: k, c: c, ldc: n + 3}
			g.a, g.b = side{a, k, true}, side{b, n, false}
			if transposed[0] {
				g.a = side{a, m, false}
			}
			if transposed[1] {
				g.b = side{b, k, true}
			}
			g.run(2)
			for i := 0; i < m; i += 1 + m/13 {
				for j := 0; j < n; j += 1 + n/17 {
					want, size := 0.0, 0.0
					for p := range k {
						v := rounded(g.a.at(i, p)) * rounded(g.b.at(j, p))
						want += v
						size += math.Abs(v)
					}
					if got := float64(c[i*(n+3)+j]); math.Abs(got-want) > 1e-6*size*math.Sqrt(float64(k)) {
						t.Fatalf("%v, transposed %v: element %d, %d is %v, want %v", g, transposed, i, j, got, want)
					}
				}
			}
		}
	}
}

func (s side) at(line, p int) float32 {
	if s.along {
		return s.x[line*s.ld+p]
	}
	return s.x[p*s.ld+line]
}

func rounded(x float32) float64 {
	return float64(math.Float32frombits(uint32(roundBF16(x)) << 16))
}

func TestRoundBF16(t *testing.T) {
	t.Parallel()
	for bits, want := range map[uint32]uint16{
		0x3f800000: 0x3f80, 0x3f808000: 0x3f80, 0x3f818000: 0x3f82, 0x3f808001: 0x3f81, 0xbf80ffff: 0xbf81,
		0x7f7fffff: 0x7f80, 0x7f800000: 0x7f80, 0x7f800001: 0x7fc0, 0: 0, 0x80000000: 0x8000,
	} {
		if got := roundBF16(math.Float32frombits(bits)); got != want {
			t.Errorf("%08x rounds to %04x, want %04x", bits, got, want)
		}
	}
}

// TestMixedGradientIsClose compares a whole backward pass with the one in float32.
func TestMixedGradientIsClose(t *testing.T) {
	t.Parallel()
	c := wideShape
	gradient := func(mixed bool) []float32 {
		value, grad := make([]float32, c.Parameters()), make([]float32, c.Parameters())
		initialize(c, value, 5)
		m := newModel(c, 2, value, grad)
		m.arena.engine = Engine{mixed: mixed, workers: 2}
		var b batch
		b.reset()
		for _, e := range tinyExamples(rand.New(rand.NewPCG(62, 1)), c.Vocab, 40) {
			b.add(e)
		}
		l := loss{share: 0.5, temperature: 2}
		l.forwardBackward(2, m.forward(&b), &b)
		m.backward(m.logits, &b)
		return grad
	}
	var gap, size float64
	got, want := gradient(true), gradient(false)
	for i := range want {
		gap += math.Pow(float64(got[i]-want[i]), 2)
		size += math.Pow(float64(want[i]), 2)
	}
	if ratio := math.Sqrt(gap / size); ratio > 0.01 {
		t.Errorf("the gradients differ by %.2g of their norm", ratio)
	}
}
