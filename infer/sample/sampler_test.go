package sample

import (
	"math"
	"slices"
	"testing"
)

// logits of the probabilities 0.4, 0.3, 0.15, 0.1, 0.05, shifted by 3, which a
// softmax does not see.
func fixture() []float32 {
	var out []float32
	for _, p := range []float64{0.1, 0.4, 0.05, 0.3, 0.15} {
		out = append(out, float32(math.Log(p)+3))
	}
	return out
}

// The expected distributions are worked out by hand from the probabilities of
// fixture.
func TestDistribution(t *testing.T) {
	t.Parallel()
	root := math.Sqrt(0.1) + math.Sqrt(0.4) + math.Sqrt(0.05) + math.Sqrt(0.3) + math.Sqrt(0.15)
	cases := []struct {
		name    string
		options Options
		recent  []int32
		want    [5]float64
	}{
		{"greedy", Options{}, nil, [5]float64{0, 1, 0, 0, 0}},
		{"plain", Options{Temperature: 1}, nil, [5]float64{0.1, 0.4, 0.05, 0.3, 0.15}},
		{"temperature 0.5 squares", Options{Temperature: 0.5}, nil, [5]float64{0.01 / 0.285, 0.16 / 0.285, 0.0025 / 0.285, 0.09 / 0.285, 0.0225 / 0.285}},
		{"temperature 2 takes roots", Options{Temperature: 2}, nil, [5]float64{
			math.Sqrt(0.1) / root, math.Sqrt(0.4) / root, math.Sqrt(0.05) / root, math.Sqrt(0.3) / root, math.Sqrt(0.15) / root}},
		{"top-k 2", Options{Temperature: 1, TopK: 2}, nil, [5]float64{0, 4. / 7, 0, 3. / 7, 0}},
		{"top-k beyond the vocabulary", Options{Temperature: 1, TopK: 99}, nil, [5]float64{0.1, 0.4, 0.05, 0.3, 0.15}},
		{"top-p stops at the one that reaches it", Options{Temperature: 1, TopP: 0.75}, nil, [5]float64{0, 0.4 / 0.85, 0, 0.3 / 0.85, 0.15 / 0.85}},
		{"top-p always keeps one", Options{Temperature: 1, TopP: 0.01}, nil, [5]float64{0, 1, 0, 0, 0}},
		{"top-p of what top-k left", Options{Temperature: 1, TopK: 2, TopP: 0.55}, nil, [5]float64{0, 1, 0, 0, 0}},
		{"min-p a third of the best", Options{Temperature: 1, MinP: 1. / 3}, nil, [5]float64{0, 0.4 / 0.85, 0, 0.3 / 0.85, 0.15 / 0.85}},
		{"min-p of one", Options{Temperature: 1, MinP: 1}, nil, [5]float64{0, 1, 0, 0, 0}},
		{"all at once", Options{Temperature: 0.5, TopK: 4, TopP: 0.9, MinP: 0.5}, nil, [5]float64{0, 16. / 25, 0, 9. / 25, 0}},
		{"penalty moves greedy on", Options{RepetitionPenalty: 1.5}, []int32{1}, [5]float64{0, 0, 0, 1, 0}},
		{"penalty of an absent token", Options{RepetitionPenalty: 1.5}, []int32{0, 2}, [5]float64{0, 1, 0, 0, 0}},
	}
	for _, c := range cases {
		got := frequencies(t, c.options, c.recent)
		for id := range got {
			if math.Abs(got[id]-c.want[id]) > 0.006 {
				t.Errorf("%s: token %d came with frequency %.3f, want %.3f (all: %.3f)", c.name, id, got[id], c.want[id], got)
			}
			if c.want[id] == 0 && got[id] != 0 {
				t.Errorf("%s: token %d was drawn, but must be cut off", c.name, id)
			}
		}
	}
}

// frequencies draws often: the standard error of 100000 draws is below 0.0016.
func frequencies(t *testing.T, o Options, recent []int32) (out [5]float64) {
	t.Helper()
	const draws = 100000
	s := New(5)
	o.Seed = 11
	if err := s.Reset(o, nil); err != nil {
		t.Fatal(err)
	}
	for _, id := range recent {
		s.Accept(id)
	}
	logits := fixture()
	for range draws {
		c, err := s.Sample(logits)
		if err != nil {
			t.Fatal(err)
		}
		out[c.ID] += 1. / draws
	}
	if !slices.Equal(logits, fixture()) {
		t.Fatal("sampling changed the logits")
	}
	return out
}

// The penalty multiplies negative logits, and divides positive ones.
func TestPenaltySigns(t *testing.T) {
	t.Parallel()
	s := New(3)
	if err := s.Reset(Options{RepetitionPenalty: 2}, nil); err != nil {
		t.Fatal(err)
	}
	s.Accept(0)
	s.Accept(1)
	s.Accept(1) // twice counts once
	if _, err := s.edit([]float32{3, -1, 1}); err != nil {
		t.Fatal(err)
	}
	if want := []float32{1.5, -2, 1}; !slices.Equal(s.work, want) {
		t.Errorf("got %v, want %v", s.work, want)
	}
	for range RepetitionWindow {
		s.Accept(2)
	}
	if _, err := s.edit([]float32{3, -1, 1}); err != nil {
		t.Fatal(err)
	}
	if want := []float32{3, -1, 0.5}; !slices.Equal(s.work, want) {
		t.Errorf("beyond the window: got %v, want %v", s.work, want)
	}
}

// A penalty that drives logits beyond float32 must leave something to draw.
func TestPenaltyOfExtremeLogits(t *testing.T) {
	t.Parallel()
	s := New(3)
	for _, penalty := range []float64{0.01, 0.5, 100} {
		if err := s.Reset(Options{Temperature: 1, RepetitionPenalty: penalty}, nil); err != nil {
			t.Fatal(err)
		}
		for id := range int32(3) {
			s.Accept(id)
		}
		if c, err := s.Sample([]float32{3e38, 1, -3e38}); err != nil || c.ID != 0 {
			t.Errorf("penalty %v: got %+v, %v: want token 0", penalty, c, err)
		}
	}
}

// The confidence is that of the model, whatever the options choose.
func TestConfidence(t *testing.T) {
	t.Parallel()
	s := New(5)
	for _, o := range []Options{{}, {Temperature: 2, Seed: 3}, {Temperature: 1, TopK: 2}, {RepetitionPenalty: 9, Temperature: 1}} {
		if err := s.Reset(o, nil); err != nil {
			t.Fatal(err)
		}
		s.Accept(1)
		c, err := s.Sample(fixture())
		if err != nil {
			t.Fatal(err)
		}
		probs := []float64{0.1, 0.4, 0.05, 0.3, 0.15}
		if math.Abs(float64(c.LogProb)-math.Log(probs[c.ID])) > 1e-5 {
			t.Errorf("%+v: log-probability of token %d is %v, want %v", o, c.ID, c.LogProb, math.Log(probs[c.ID]))
		}
		if math.Abs(float64(c.Margin)-math.Log(4./3)) > 1e-5 {
			t.Errorf("%+v: margin is %v, want %v", o, c.Margin, math.Log(4./3))
		}
	}
}

func TestSeed(t *testing.T) {
	t.Parallel()
	draw := func(seed uint64) (ids []int32) {
		s := New(5)
		if err := s.Reset(Options{Temperature: 1, Seed: seed}, nil); err != nil {
			t.Fatal(err)
		}
		for range 50 {
			c, err := s.Sample(fixture())
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, c.ID)
		}
		return ids
	}
	if !slices.Equal(draw(7), draw(7)) {
		t.Error("the same seed gave different tokens")
	}
	if slices.Equal(draw(7), draw(8)) {
		t.Error("different seeds gave the same 50 tokens")
	}
}

func TestTies(t *testing.T) {
	t.Parallel()
	s := New(4)
	c, err := s.Sample([]float32{1, 2, 2, 0})
	if err != nil || c.ID != 1 || c.Margin != 0 {
		t.Errorf("got %+v, %v: want the first of equals, margin 0", c, err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	nan, inf := math.NaN(), float32(math.Inf(1))
	s := New(2)
	for _, o := range []Options{{Temperature: -1}, {Temperature: nan}, {TopK: -1}, {TopP: 1.1}, {TopP: nan}, {MinP: -0.1}, {RepetitionPenalty: -2}, {RepetitionPenalty: 1e-300}, {RepetitionPenalty: nan}} {
		if err := s.Reset(o, nil); err == nil {
			t.Errorf("options %+v were accepted", o)
		}
	}
	for _, logits := range [][]float32{{1}, {float32(nan), 1}, {1, float32(nan)}, {inf, 1}, {-inf, -inf}} {
		if _, err := s.Sample(logits); err == nil {
			t.Errorf("logits %v were accepted", logits)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	s := New(5)
	logits := fixture()
	for _, o := range []Options{
		{}, {Temperature: 0.7}, {Temperature: 0.7, TopP: 0.9}, {Temperature: 0.7, MinP: 0.1},
		{Temperature: 0.7, TopK: 3, TopP: 0.9, MinP: 0.05, RepetitionPenalty: 1.1},
	} {
		if err := s.Reset(o, nil); err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() {
			c, _ := s.Sample(logits)
			s.Accept(c.ID)
		}); n != 0 {
			t.Errorf("%+v: %v allocations per token", o, n)
		}
	}
}
