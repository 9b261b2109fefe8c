package train

import (
	"math/rand/v2"
	"testing"
)

// tiny is a shape that has everything: grouped queries, several layers, sizes that are no powers of two.
var tiny = Config{Vocab: 23, Dim: 24, Layers: 2, Heads: 4, KVHeads: 2, FFN: 20, Context: 16, RopeTheta: 1000, NormEps: 1e-5, Tied: true}

// tinyExamples are random sequences; some of their positions carry loss, some candidates.
func tinyExamples(r *rand.Rand, vocab, n int) Examples {
	var examples Examples
	for range n {
		length := 2 + r.IntN(10)
		e := Example{Tokens: make([]int32, length), Loss: make([]float32, length), Soft: make([][]TopK, length)}
		for i := range length {
			e.Tokens[i] = int32(r.IntN(vocab))
			e.Loss[i] = float32(r.IntN(3)) / 2
			if r.IntN(2) == 0 {
				e.Soft[i] = []TopK{{ID: int32(r.IntN(vocab / 2)), Logit: 1}, {ID: int32(vocab/2 + r.IntN(vocab/2)), Logit: 0.5}}
			}
		}
		e.Loss[length/2-1+length%2] = 1
		examples = append(examples, e)
	}
	return examples
}

func TestModelGradient(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config, *float64){
		"tied":      func(*Config, *float64) {},
		"untied":    func(c *Config, _ *float64) { c.Tied = false },
		"one layer": func(c *Config, _ *float64) { c.Layers = 1 },
		"dropout":   func(_ *Config, drop *float64) { *drop = 0.3 },
	} {
		c, drop := tiny, 0.0
		change(&c, &drop)
		r := rand.New(rand.NewPCG(10, 1))
		n := c.Parameters()
		// Larger weights than a fresh model's, so that no gradient is lost in rounding.
		value, grad := random(r, n, 0.5), random(r, n, 1)
		m := newModel(c, 2, value, grad)
		m.setDropout(drop, 7)
		var b batch
		b.reset()
		for _, e := range tinyExamples(r, c.Vocab, 5) {
			b.add(e)
		}
		l := loss{share: 0.4, temperature: 2, smoothing: 0.1}
		objective := func() float64 { return l.forwardBackward(2, m.forward(&b), &b).total }
		objective()
		m.backward(m.logits, &b)
		analytic := append([]float32(nil), grad...)
		for i, s := range newWeights(c, value).Tensors {
			lo := layout(c)[i].offset
			checkGradient(t, name+": "+s.Name, s.Data, analytic[lo:lo+len(s.Data)], objective)
		}
	}
}

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	if err := tiny.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"no layers":         func(c *Config) { c.Layers = 0 },
		"negative vocab":    func(c *Config) { c.Vocab = -1 },
		"huge":              func(c *Config) { c.FFN = maxDimension + 1 },
		"heads and dim":     func(c *Config) { c.Heads, c.KVHeads = 5, 5 },
		"odd head":          func(c *Config) { c.Heads, c.KVHeads = 8, 8 },
		"heads and kvheads": func(c *Config) { c.KVHeads = 3 },
		"theta":             func(c *Config) { c.RopeTheta = 0 },
		"eps":               func(c *Config) { c.NormEps = -1 },
	} {
		c := tiny
		change(&c)
		if err := c.Validate(); err == nil {
			t.Errorf("%s: %+v passes", name, c)
		}
	}
}
