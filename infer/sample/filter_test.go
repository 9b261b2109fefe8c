package sample

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/a472be26/cusp/infer/kernel"
)

// keepPlain sorts the whole vocabulary before every cut. total is the sum of all
// probabilities, and entropy theirs.
func keepPlain(work []float32, o Options, total, entropy float64) (kept []candidate) {
	for id, p := range work {
		if p > 0 {
			kept = append(kept, candidate{int32(id), p})
		}
	}
	byProb := func(a, b candidate) int { return cmp.Or(cmp.Compare(b.prob, a.prob), cmp.Compare(a.id, b.id)) }
	slices.SortFunc(kept, byProb)
	if o.TopK > 0 {
		kept = kept[:min(o.TopK, len(kept))]
		total, entropy = massPlain(kept), 0
		for _, c := range kept {
			p := float64(c.prob) / total
			entropy -= p * math.Log(p)
		}
	}
	if o.typical() {
		score := func(c candidate) float32 { return float32(math.Abs(math.Log(float64(c.prob)/total) + entropy)) }
		slices.SortFunc(kept, func(a, b candidate) int {
			return cmp.Or(cmp.Compare(score(a), score(b)), cmp.Compare(a.id, b.id))
		})
		kept = cutPlain(kept, o.TypicalP*total)
		total = massPlain(kept)
		slices.SortFunc(kept, byProb)
	}
	if o.nucleus() {
		kept = cutPlain(kept, o.TopP*total)
	}
	peak := slices.MinFunc(kept, byProb).prob
	return slices.DeleteFunc(kept, func(c candidate) bool { return c.prob < float32(o.MinP)*peak })
}

func massPlain(kept []candidate) (sum float64) {
	for _, c := range kept {
		sum += float64(c.prob)
	}
	return sum
}

func cutPlain(kept []candidate, enough float64) []candidate {
	var sum float64
	for i, c := range kept {
		if sum += float64(c.prob); sum >= enough {
			return kept[:i+1]
		}
	}
	return kept
}

// Vocabularies around the sizes of steps and words, with many equal logits and
// without, in every order.
func TestFiltersMatchPlain(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for _, vocab := range []int{1, 2, 63, 64, 65, 255, 256, 257, 1000, 5001} {
		s := New(vocab)
		logits := make([]float32, vocab)
		for _, kind := range []string{"spread", "peaked", "equals", "rising", "falling", "masked"} {
			for i := range logits {
				switch kind {
				case "spread":
					logits[i] = float32(r.NormFloat64() * 2)
				case "peaked":
					logits[i] = float32(r.NormFloat64() * 9)
				case "equals":
					logits[i] = float32(r.IntN(4))
				case "rising":
					logits[i] = float32(i) / 100
				case "falling":
					logits[i] = -float32(i) / 100
				case "masked":
					logits[i] = float32(math.Inf(-1))
					if i%7 == 0 {
						logits[i] = r.Float32()
					}
				}
			}
			for _, o := range []Options{
				{TopK: 1}, {TopK: 40}, {TopK: 300}, {TopK: math.MaxInt},
				{TopP: 0.05}, {TopP: 0.5}, {TopP: 0.9}, {TopP: 0.999}, {TopP: 1, MinP: 0.5},
				{TypicalP: 0.05}, {TypicalP: 0.5}, {TypicalP: 0.95}, {TypicalP: 0.9999}, {TopK: 30, TypicalP: 0.7},
				{TypicalP: 0.9, TopP: 0.8}, {TopK: 60, TypicalP: 0.95, TopP: 0.9, MinP: 0.05}, {TypicalP: 0.3, MinP: 0.5},
				{MinP: 0.01}, {MinP: 1}, {TopP: 0.95, MinP: 0.02}, {TopK: 20, TopP: 0.8}, {TopK: 50, TopP: 0.9, MinP: 0.1},
			} {
				if err := s.Reset(o, nil); err != nil {
					t.Fatal(err)
				}
				best, _ := kernel.Leaders(logits)
				total, entropy := s.exponentials(logits, logits[best])
				want := keepPlain(slices.Clone(s.work), o, total, entropy)
				s.keep(logits, logits[best])
				got := s.kept
				if o.TopK == 0 && !o.nucleus() && !o.typical() { // in the tokens' order
					slices.SortFunc(want, func(a, b candidate) int { return cmp.Compare(a.id, b.id) })
				}
				if !slices.Equal(got, want) {
					t.Fatalf("%s vocabulary of %d, %+v: %d kept, want %d", kind, vocab, o, len(got), len(want))
				}
			}
		}
	}
}

// Drawing from everything gives what the temperature makes of the
// probabilities, across blocks.
func TestDrawFromAll(t *testing.T) {
	t.Parallel()
	const vocab = 2*block + 100
	s := New(vocab)
	logits := slices.Repeat([]float32{float32(math.Inf(-1))}, vocab)
	ids := []int{3, block - 1, block, 2*block + 99}
	for i, id := range ids {
		logits[id] = float32(math.Log(float64(i + 1)))
	}
	for _, temperature := range []float64{1, 0.5, 2, 1e-300} {
		if err := s.Reset(Options{Temperature: temperature, Seed: 5}, nil); err != nil {
			t.Fatal(err)
		}
		var total float64
		for i := range ids {
			total += math.Pow(float64(i+1)/4, 1/temperature)
		}
		const draws = 400
		count := map[int32]int{}
		for range draws {
			c, err := s.Sample(logits)
			if err != nil {
				t.Fatal(err)
			}
			count[c.ID]++
		}
		drawn := 0
		for i, id := range ids {
			want := math.Pow(float64(i+1)/4, 1/temperature) / total
			if got := float64(count[int32(id)]) / draws; math.Abs(got-want) > 0.08 { // three standard errors
				t.Errorf("temperature %v: token %d came with frequency %.3f, want %.3f", temperature, id, got, want)
			}
			drawn += count[int32(id)]
		}
		if drawn != draws {
			t.Errorf("temperature %v: %d draws of tokens with probability zero", temperature, draws-drawn)
		}
	}
}

// BenchmarkSample is one token of a large vocabulary.
func BenchmarkSample(b *testing.B) {
	const vocab = 152064
	r := rand.New(rand.NewPCG(1, 2))
	logits := make([]float32, vocab)
	for i := range logits {
		logits[i] = float32(r.NormFloat64() * 3)
	}
	logits[777], logits[99999] = 24, 23 // as sure as models are
	text := make([]int32, 5000)
	for i := range text {
		text[i] = r.Int32N(300)
	}
	for _, c := range []struct {
		name string
		o    Options
	}{
		{"greedy", Options{}},
		{"temperature", Options{Temperature: 0.7}},
		{"min-p", Options{Temperature: 1, MinP: 0.05}},
		{"top-p", Options{Temperature: 0.7, TopP: 0.9}},
		{"top-k,top-p", Options{Temperature: 0.7, TopK: 40, TopP: 0.9}},
		{"typical", Options{Temperature: 1, TypicalP: 0.95}},
		{"mirostat", Options{Temperature: 1, Mirostat: Mirostat{Tau: 5}}},
		{"repetition", Options{RepetitionPenalty: 1.1}},
		{"frequency", Options{FrequencyPenalty: 0.1}},
		{"DRY", Options{DRY: DRY{Multiplier: 0.8}}},
		{"bias", Options{LogitBias: map[int32]float64{5: 1, 6: Ban}}},
		{"top-logprobs", Options{Top: MaxTop}},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := New(vocab)
			if err := s.Reset(c.o, text); err != nil {
				b.Fatal(err)
			}
			s.Accept(777)
			for b.Loop() {
				if _, err := s.Sample(logits); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
