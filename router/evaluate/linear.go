package evaluate

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
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
	Rate   float64 // 0.5
	Decay  float64 // L2 penalty of the inputs that an example has; 0
	// Plain takes steps of the rate, which falls to nothing in a straight line,
	// instead of AdaGrad's. Inputs that are rare then weigh little.
	Plain bool
	Seed  uint64
}

// TrainLinear fits a Linear on the cross entropy, one example at a time in an
// order drawn by seed. Steps are AdaGrad's (Duchi, Hazan, Singer, 2011), with one
// sum of squares for all weights of an input. Vectors have indices below inputs,
// labels are below classes.
func TrainLinear(inputs, classes int, vectors []Sparse, labels []int, o LinearOptions) *Linear {
	if o.Epochs == 0 {
		o.Epochs = 10
	}
	if o.Rate == 0 {
		o.Rate = 0.5
	}
	m := &Linear{classes, make([]float32, inputs*classes), make([]float32, classes)}
	squares := make([]float64, inputs+1) // the last is the bias'
	r := rand.New(rand.NewPCG(o.Seed, 1))
	order := r.Perm(len(vectors))
	steps := float64(o.Epochs * len(order))
	for epoch := range o.Epochs {
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for k, i := range order {
			rate := func(at int, square float64) float64 {
				squares[at] += square
				return o.Rate / (math.Sqrt(squares[at]) + 1e-6)
			}
			if o.Plain {
				now := o.Rate * (1 - float64(epoch*len(order)+k)/steps)
				rate = func(int, float64) float64 { return now }
			}
			m.step(vectors[i], labels[i], o.Decay, rate)
		}
	}
	return m
}

// step goes down the slope of one example; rate says how far, by an input and
// the square of its slope.
func (m *Linear) step(x Sparse, label int, decay float64, rate func(at int, square float64) float64) {
	slope := m.Probabilities(x)
	slope[label]--
	size := 0.
	for _, g := range slope {
		size += float64(g) * float64(g)
	}
	move := func(w []float32, at int, value, decay float64) {
		r := rate(at, size*value*value)
		shrink, factor := float32(1-r*decay*value*value), float32(r*value)
		for c, g := range slope {
			w[c] = w[c]*shrink - factor*g
		}
	}
	for k, at := range x.At {
		move(m.row(at), int(at), float64(x.Value[k]), decay)
	}
	move(m.bias, len(m.weights)/m.classes, 1, 0)
}

// row is the weights of an input, [classes].
func (m *Linear) row(at uint32) []float32 {
	return m.weights[int(at)*m.classes : (int(at)+1)*m.classes]
}

// Probabilities are those of the classes, [classes].
func (m *Linear) Probabilities(x Sparse) []float32 {
	out := append([]float32(nil), m.bias...)
	for k, at := range x.At {
		v := x.Value[k]
		for c, w := range m.row(at) {
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
	counts, words := counter{}, plainWords(text)
	counts.words(words)
	for _, w := range words {
		letters := []rune(" " + w + " ")
		for n := 3; n <= 4; n++ {
			for k := 0; k+n <= len(letters); k++ {
				counts.add('c', string(letters[k:k+n]))
			}
		}
	}
	return counts.vector(func(uint32) float32 { return 1 })
}

func plainWords(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// counter counts hashed n-grams.
type counter map[uint32]float32

func (c counter) add(kind byte, parts ...string) { c[hashed(kind, parts)]++ }

// words adds words and pairs of them.
func (c counter) words(words []string) {
	for i, w := range words {
		c.add('w', w)
		if i > 0 {
			c.add('p', words[i-1], w)
		}
	}
}

// vector weighs the counts and makes them a vector of length 1.
func (c counter) vector(weight func(at uint32) float32) Sparse {
	var x Sparse
	norm := float32(0)
	for _, at := range slices.Sorted(maps.Keys(c)) {
		v := c[at] * weight(at)
		x.At, x.Value = append(x.At, at), append(x.Value, v)
		norm += v * v
	}
	norm = float32(math.Sqrt(float64(norm)))
	for i := range x.Value {
		x.Value[i] /= norm
	}
	return x
}

// Rarity weighs words and pairs of them by how few texts have them: the inverse
// document frequency.
type Rarity struct {
	texts float64
	in    map[uint32]float64
}

// NewRarity counts texts.
func NewRarity(texts []string) *Rarity {
	r := &Rarity{float64(len(texts)), map[uint32]float64{}}
	for _, text := range texts {
		c := counter{}
		c.words(plainWords(text))
		for at := range c {
			r.in[at]++
		}
	}
	return r
}

// Words is a text as a vector of length 1 over its words and pairs of them.
func (r *Rarity) Words(text string) Sparse {
	c := counter{}
	c.words(plainWords(text))
	return c.vector(func(at uint32) float32 { return float32(1 + math.Log((1+r.texts)/(1+r.in[at]))) })
}
