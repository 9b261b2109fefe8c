package sample

import (
	"math"
	"slices"
	"strings"
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

// What is refused is named, with its value and its range.
func TestRefusals(t *testing.T) {
	t.Parallel()
	nan, inf := math.NaN(), float32(math.Inf(1))
	s := New(2)
	for _, c := range []struct {
		o    Options
		says string
	}{
		{Options{Temperature: -1}, "temperature is -1, not between 0 and 100"},
		{Options{Temperature: nan}, "temperature is NaN"},
		{Options{TopK: -1}, "top_k is -1, not 0 or more"},
		{Options{TypicalP: 1.5}, "typical_p is 1.5, not between 0 and 1"},
		{Options{TopP: 1.1}, "top_p is 1.1, not between 0 and 1"},
		{Options{TopP: nan}, "top_p is NaN"},
		{Options{MinP: -0.1}, "min_p is -0.1, not between 0 and 1"},
		{Options{RepetitionPenalty: -2}, "repetition_penalty is -2, not between 0.01 and 100"},
		{Options{RepetitionPenalty: 1e-300}, "repetition_penalty is 1e-300"},
		{Options{RepetitionPenalty: nan}, "repetition_penalty is NaN"},
		{Options{FrequencyPenalty: 101}, "frequency_penalty is 101, not between -100 and 100"},
		{Options{PresencePenalty: math.Inf(-1)}, "presence_penalty is -Inf"},
		{Options{DRY: DRY{Multiplier: -1}}, "dry_multiplier is -1, not between 0 and 100"},
		{Options{DRY: DRY{Base: 0.5}}, "dry_base is 0.5, not 0 or between 1 and 100"},
		{Options{DRY: DRY{AllowedLength: -1}}, "dry_allowed_length is -1, not 0 or more"},
		{Options{DRY: DRY{Range: 1 << 20}}, "dry_penalty_last_n is 1048576, not between 0 and 32768"},
		{Options{LogitBias: map[int32]float64{2: 1}}, "token 2, not one of the vocabulary of 2"},
		{Options{LogitBias: map[int32]float64{-1: 1}}, "token -1"},
		{Options{LogitBias: map[int32]float64{1: 100.5}}, "logit_bias of token 1 is 100.5, not between -100 and 100"},
		{Options{LogitBias: map[int32]float64{1: nan}}, "logit_bias of token 1 is NaN"},
		{Options{Mirostat: Mirostat{Tau: -1}}, "mirostat_tau is -1, not between 0 and 100"},
		{Options{Mirostat: Mirostat{Eta: 2}}, "mirostat_eta is 2, not between 0 and 1"},
		{Options{Top: 21}, "top_logprobs is 21, not between 0 and 20"},
	} {
		if err := s.Reset(c.o, nil); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("options %+v: error %v, want %q", c.o, err, c.says)
		}
	}
	for _, logits := range [][]float32{{1}, {float32(nan), 1}, {1, float32(nan)}, {inf, 1}, {-inf, -inf}} {
		if _, err := s.Sample(logits); err == nil {
			t.Errorf("logits %v were accepted", logits)
		}
	}
}

// Every option, alone and with others, and the widest windows.
var everything = []Options{
	{}, {Temperature: 0.7}, {Temperature: 0.7, TopP: 0.9}, {Temperature: 0.7, MinP: 0.1}, {Temperature: 1, TypicalP: 0.9},
	{Temperature: 1, TopK: 4, TypicalP: 0.9},
	{Temperature: 0.7, TopK: 3, TopP: 0.9, MinP: 0.05, RepetitionPenalty: 1.1},
	{FrequencyPenalty: 0.3}, {Temperature: 1, PresencePenalty: -0.5},
	{DRY: DRY{Multiplier: 1}}, {Temperature: 1, DRY: DRY{Multiplier: 1, AllowedLength: 1, Range: 50, Breakers: NewBreakers([][]int32{{2}, {3, 1}})}},
	{LogitBias: map[int32]float64{1: 3, 2: Ban, 3: -1}}, {Temperature: 1, LogitBias: map[int32]float64{1: Force, 2: Force}},
	{Temperature: 1, Mirostat: Mirostat{Tau: 1}}, {Mirostat: Mirostat{Tau: 1}}, {Top: 3}, {Temperature: 1, Top: MaxTop},
	{Temperature: 1, Mask: evens{}},
	{
		Temperature: 1.2, TopK: 4, TypicalP: 0.95, TopP: 0.95, MinP: 0.01, RepetitionPenalty: 1.1, FrequencyPenalty: 0.1, PresencePenalty: 0.1,
		DRY: DRY{Multiplier: 1, Breakers: NewBreakers([][]int32{{2}})}, LogitBias: map[int32]float64{1: 0.5}, Top: 5,
	},
}

func TestNoAllocation(t *testing.T) {
	s := New(5)
	logits := fixture()
	for _, o := range everything {
		if err := s.Reset(o, nil); err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(300, func() {
			c, err := s.Sample(logits)
			if err != nil {
				t.Fatal(err)
			}
			s.Accept(c.ID)
		}); n != 0 {
			t.Errorf("%+v: %v allocations per token", o, n)
		}
	}
}
