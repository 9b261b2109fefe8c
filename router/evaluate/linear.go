package evaluate

import (
	"math"
	"math/rand/v2"
	"strings"
	"unicode"
)

// Sparse is a vector of which most is zero.
type Sparse struct {
	At    []uint32
	Value []float32
}

// Linear is a softmax regression over sparse vectors.
type Linear struct {
	classes int
	weights []float32 // [inputs][classes]
	bias    []float32 // [classes]
}

// LinearOptions say how a Linear is trained. Zeros take defaults.
type LinearOptions struct {
	Epochs int     // 10
	Rate   float64 // of AdaGrad; 0.2
	Decay  float64 // L2 penalty; 0
	Seed   uint64
}

// TrainLinear fits a Linear by AdaGrad (Duchi, Hazan, Singer, 2011) on the cross
// entropy, one example at a time in an order drawn by seed. Vectors have
// indices below inputs, labels are below classes.
func TrainLinear(inputs, classes int, vectors []Sparse, labels []int, o LinearOptions) *Linear {
	if o.Epochs == 0 {
		o.Epochs = 10
	}
	if o.Rate == 0 {
		o.Rate = 0.2
	}
	m := &Linear{classes, make([]float32, inputs*classes), make([]float32, classes)}
	squares, biasSquares := make([]float32, inputs*classes), make([]float32, classes)
	order := rand.New(rand.NewPCG(o.Seed, 1)).Perm(len(vectors))
	shuffle := rand.New(rand.NewPCG(o.Seed, 2))
	step := func(w, s *float32, g float32) {
		g += float32(o.Decay) * *w
		*s += g * g
		*w -= float32(o.Rate) * g / (float32(math.Sqrt(float64(*s))) + 1e-6)
	}
	for range o.Epochs {
		shuffle.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, i := range order {
			slope := m.Probabilities(vectors[i])
			slope[labels[i]]--
			for k, at := range vectors[i].At {
				from := int(at) * classes
				for c, g := range slope {
					step(&m.weights[from+c], &squares[from+c], g*vectors[i].Value[k])
				}
			}
			for c, g := range slope {
				step(&m.bias[c], &biasSquares[c], g)
			}
		}
	}
	return m
}

// Probabilities are those of the classes, [classes].
func (m *Linear) Probabilities(x Sparse) []float32 {
	out := append([]float32(nil), m.bias...)
	for k, at := range x.At {
		v := x.Value[k]
		for c, w := range m.weights[int(at)*m.classes : (int(at)+1)*m.classes] {
			out[c] += v * w
		}
	}
	best, sum := out[0], float32(0)
	for _, z := range out {
		best = max(best, z)
	}
	for c, z := range out {
		out[c] = float32(math.Exp(float64(z - best)))
		sum += out[c]
	}
	for c := range out {
		out[c] /= sum
	}
	return out
}

// ngramBits is how many bits the hash of an n-gram has.
const ngramBits = 16

// NGramInputs is the dimension of NGrams' vectors.
const NGramInputs = 1 << ngramBits

// hashed is FNV-1a over a kind and its parts.
func hashed(kind byte, parts []string) uint32 {
	h := uint32(2166136261)
	mix := func(b byte) { h = (h ^ uint32(b)) * 16777619 }
	mix(kind)
	for _, p := range parts {
		for _, b := range []byte(p) {
			mix(b)
		}
		mix(0)
	}
	return (h ^ h>>ngramBits) & (NGramInputs - 1)
}

// NGrams is a text as a vector of length 1: its words, pairs of words, and
// runs of 3 and 4 characters, hashed.
func NGrams(text string) Sparse {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	counts := map[uint32]float32{}
	var order []uint32
	add := func(kind byte, parts ...string) {
		at := hashed(kind, parts)
		if counts[at] == 0 {
			order = append(order, at)
		}
		counts[at]++
	}
	for i, w := range words {
		add('w', w)
		if i > 0 {
			add('p', words[i-1], w)
		}
		letters := []rune(" " + w + " ")
		for n := 3; n <= 4; n++ {
			for k := 0; k+n <= len(letters); k++ {
				add('c', string(letters[k:k+n]))
			}
		}
	}
	var x Sparse
	norm := float32(0)
	for _, at := range order {
		norm += counts[at] * counts[at]
	}
	norm = float32(math.Sqrt(float64(norm)))
	for _, at := range order {
		x.At, x.Value = append(x.At, at), append(x.Value, counts[at]/norm)
	}
	return x
}
