package sample

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// evens is a mask that lets even ids come.
type evens struct{}

var _ Mask = evens{}

func (evens) Mask(logits []float32) {
	for i := 1; i < len(logits); i += 2 {
		logits[i] = float32(math.Inf(-1))
	}
}
func (evens) Accept(int32) {}

// prepared is a sampler behind a prompt and the beginning of an answer.
func prepared(t testing.TB, vocab int, o Options, prompt, answer []int32) *Sampler {
	t.Helper()
	s := New(vocab)
	if err := s.Reset(o, prompt); err != nil {
		t.Fatal(err)
	}
	for _, id := range answer {
		s.Accept(id)
	}
	return s
}

func edited(t testing.TB, s *Sampler, logits ...float32) []float32 {
	t.Helper()
	if _, err := s.edit(logits); err != nil {
		t.Fatal(err)
	}
	return slices.Clone(s.work)
}

// Frequency and presence are those of the answer, all of it, and not of the prompt.
func TestCountsAreOfTheAnswer(t *testing.T) {
	t.Parallel()
	o := Options{FrequencyPenalty: 0.5, PresencePenalty: 0.25}
	s := prepared(t, 3, o, []int32{0, 0, 2}, []int32{1, 2, 1})
	if got, want := edited(t, s, 1, 1, -1), []float32{1, -0.25, -1.75}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for range 3 * RepetitionWindow {
		s.Accept(0)
	}
	if got, want := edited(t, s, 1, 1, -1)[1], float32(-0.25); got != want {
		t.Errorf("a token of long ago has %v, want %v", got, want)
	}
	if err := s.Reset(o, nil); err != nil {
		t.Fatal(err)
	}
	if got, want := edited(t, s, 1, 1, -1), []float32{1, 1, -1}; !slices.Equal(got, want) {
		t.Errorf("after the reset: got %v, want %v", got, want)
	}
}

func TestLogitBias(t *testing.T) {
	t.Parallel()
	gone := float32(math.Inf(-1))
	for name, c := range map[string]struct {
		bias map[int32]float64
		o    Options
		want []float32
	}{
		"added":               {map[int32]float64{0: 1.5, 2: -0.5}, Options{}, []float32{2.5, 2, 2.5}},
		"banned":              {map[int32]float64{1: Ban, 2: math.Inf(-1)}, Options{}, []float32{1, gone, gone}},
		"forced":              {map[int32]float64{0: Force, 2: 99}, Options{}, []float32{1, gone, gone}},
		"two forced compete":  {map[int32]float64{0: Force, 1: Force, 2: Ban}, Options{}, []float32{1, 2, gone}},
		"penalties come next": {map[int32]float64{0: 1, 1: Ban}, Options{RepetitionPenalty: 2}, []float32{1, gone, 3}},
		"and leave bans":      {map[int32]float64{1: Ban}, Options{FrequencyPenalty: -100, RepetitionPenalty: 0.01}, []float32{200, gone, 3}},
	} {
		c.o.LogitBias = c.bias
		s := prepared(t, 3, c.o, nil, []int32{0, 1})
		if got := edited(t, s, 1, 2, 3); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

// Neither a bias nor a mask may leave nothing.
func TestNothingLeft(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"all banned":            {LogitBias: map[int32]float64{0: Ban, 1: Ban}},
		"forced against a mask": {LogitBias: map[int32]float64{1: Force}, Mask: evens{}},
	} {
		s := prepared(t, 2, o, nil, nil)
		if _, err := s.Sample([]float32{1, 2}); !errors.Is(err, errNoToken) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// counting is a mask that lets the next multiple of three come.
type counting struct{ next, seen int32 }

func (c *counting) Mask(logits []float32) {
	for i := range logits {
		if i != int(c.next) {
			logits[i] = float32(math.Inf(-1))
		}
	}
}
func (c *counting) Accept(id int32) { c.seen++; c.next = id + 3 }

// A mask decides before anything else does, sees what came, and the model's own
// log-probability stays what it was.
func TestMask(t *testing.T) {
	t.Parallel()
	logits := make([]float32, 30)
	for i := range logits {
		logits[i] = float32(-i)
	}
	for _, o := range []Options{
		{}, {Temperature: 1}, {Temperature: 1, TopK: 2}, {Temperature: 1, TopP: 0.5}, {Temperature: 1, TypicalP: 0.5},
		{Temperature: 1, Mirostat: Mirostat{Tau: 2}}, {Temperature: 1, MinP: 0.9, RepetitionPenalty: 3},
	} {
		m := &counting{}
		o.Mask = m
		s := prepared(t, len(logits), o, []int32{5, 6}, nil)
		for want := int32(0); want < 30; want += 3 {
			c, err := s.Sample(logits)
			if err != nil || c.ID != want {
				t.Fatalf("%+v: token %d, error %v, want %d", o, c.ID, err, want)
			}
			if p := -float64(want) - math.Log(1/(1-1/math.E)); math.Abs(float64(c.LogProb)-p) > 1e-4 {
				t.Errorf("log-probability of %d is %v, want %v", want, c.LogProb, p)
			}
			s.Accept(c.ID)
		}
		if m.seen != 10 {
			t.Errorf("the mask saw %d tokens, want the 10 of the answer", m.seen)
		}
	}
}

// The likeliest are those of the model, whatever the options do to them.
func TestTop(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for _, vocab := range []int{1, 5, 300, 5000} {
		logits := make([]float32, vocab)
		for i := range logits {
			logits[i] = float32(r.NormFloat64()*3 - 20)
		}
		if vocab == 300 {
			for i := 3; i < vocab; i++ {
				logits[i] = float32(math.Inf(-1))
			}
		}
		var total float64
		for _, x := range logits {
			total += math.Exp(float64(x))
		}
		for _, k := range []int{1, 7, 20} {
			s := prepared(t, vocab, Options{Top: k, Temperature: 1, RepetitionPenalty: 5, TopK: 2, LogitBias: map[int32]float64{0: Ban}}, []int32{0}, nil)
			if vocab > 1 {
				if _, err := s.Sample(logits); err != nil {
					t.Fatal(err)
				}
			} else {
				s.findTop(logits, logits[0], 0)
			}
			want := slices.DeleteFunc(slices.Sorted(slices.Values(logits)), func(x float32) bool { return math.IsInf(float64(x), -1) })
			slices.Reverse(want)
			got := s.Top()
			if len(got) != min(k, len(want)) {
				t.Fatalf("vocabulary of %d: %d of the likeliest, want %d", vocab, len(got), min(k, len(want)))
			}
			for i, l := range got {
				if p := float64(want[i]) - math.Log(total); logits[l.ID] != want[i] || math.Abs(float64(l.LogProb)-p) > 1e-4 {
					t.Errorf("place %d: %+v, want logit %v, log-probability %v", i, l, want[i], p)
				}
			}
		}
	}
}

// dryPlain compares every suffix with every place, as DRY is defined.
func dryPlain(d DRY, breakers [][]int32, text []int32, id int32) float64 {
	text = text[max(0, len(text)-d.Range):]
	if slices.ContainsFunc(breakers, func(q []int32) bool { return len(q) == 1 && q[0] == id }) {
		return 0
	}
	limit := behindBreaker(breakers, text)
	longest := 0
	for at := 1; at < len(text); at++ {
		if text[at] != id {
			continue
		}
		n := 0 // tokens before at that are also the last ones
		for n < min(at, limit) && text[at-1-n] == text[len(text)-1-n] {
			n++
		}
		longest = max(longest, n)
	}
	if longest < d.AllowedLength {
		return 0
	}
	return d.Multiplier * math.Pow(d.Base, float64(longest-d.AllowedLength))
}

// behindBreaker is how many tokens come after the breaker that begins last, the
// longest one if several begin there.
func behindBreaker(breakers [][]int32, text []int32) int {
	for begin := len(text) - 1; begin >= 0; begin-- {
		longest := 0
		for _, q := range breakers {
			if rest := text[begin:]; len(q) <= len(rest) && slices.Equal(rest[:len(q)], q) {
				longest = max(longest, len(q))
			}
		}
		if longest > 0 {
			return len(text) - begin - longest
		}
	}
	return len(text)
}

func TestDRYMatchesPlain(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	penalized := 0
	for range 2000 {
		vocab, text := 2+r.IntN(5), make([]int32, r.IntN(80))
		for i := range text {
			text[i] = int32(r.IntN(vocab))
		}
		d := DRY{Multiplier: 0.1 + r.Float64(), Base: 1 + r.Float64(), AllowedLength: 1 + r.IntN(4), Range: 1 + r.IntN(90)}
		breakers := [][]int32{{int32(r.IntN(9))}, nil, {int32(r.IntN(9)), int32(r.IntN(4))}, {int32(r.IntN(9)), int32(r.IntN(4)), int32(r.IntN(4))}}
		breakers = breakers[:r.IntN(len(breakers)+1)]
		d.Breakers = NewBreakers(breakers)
		s := prepared(t, vocab, Options{DRY: d}, text[:len(text)/2], text[len(text)/2:])
		for id, x := range edited(t, s, make([]float32, vocab)...) {
			want := -dryPlain(d, breakers, text, int32(id))
			if want != 0 {
				penalized++
			}
			if math.Abs(float64(x)-want) > 1e-4*max(1, -want) {
				t.Fatalf("%+v, %v: token %d has %v, want %v", d, text, id, x, want)
			}
		}
	}
	if penalized < 1000 {
		t.Errorf("only %d penalties: the test shows little", penalized)
	}
}

// Frequencies of draws fit the probabilities: the chi-square statistic of 31
// degrees of freedom is above 66 once in 5000 times, and here the seeds are fixed.
func TestDrawsFitTheDistribution(t *testing.T) {
	t.Parallel()
	const vocab, draws = 32, 40000
	r := rand.New(rand.NewPCG(8, 9))
	logits := make([]float32, vocab)
	for i := range logits {
		logits[i] = float32(r.NormFloat64())
	}
	for i, o := range []Options{
		{Temperature: 1}, {Temperature: 0.6}, {Temperature: 2}, {Temperature: 1, TopP: 0.9}, {Temperature: 1.5, TopK: 20},
		{Temperature: 1, TypicalP: 0.8}, {Temperature: 1, MinP: 0.1}, {Temperature: 0.8, Mirostat: Mirostat{Tau: 3, Eta: 1e-12}},
	} {
		o.Seed = uint64(i)
		s := prepared(t, vocab, o, nil, nil)
		var count [vocab]float64
		for range draws {
			c, err := s.Sample(logits)
			if err != nil {
				t.Fatal(err)
			}
			count[c.ID]++
		}
		chi, left := 0., 0.
		probs := s.left()
		for id, n := range count {
			want := draws * probs[strconv.Itoa(id)]
			if want == 0 {
				left += n
				continue
			}
			chi += (n - want) * (n - want) / want
		}
		if chi > 66 || left > 0 {
			t.Errorf("%+v: chi-square %.1f, %v draws of what was cut off", o, chi, left)
		}
	}
}

// Typical may take the likeliest token out: then the likeliest of the others has
// to survive a low temperature.
func TestTypicalAtLowTemperature(t *testing.T) {
	t.Parallel()
	logits := make([]float32, 3000)
	logits[5] = 7      // a quarter of all, and much less surprising than expected
	logits[99] = 0.001 // the likeliest of what is left
	for _, temperature := range []float64{1, 1e-5} {
		s := prepared(t, len(logits), Options{Temperature: temperature, TypicalP: 0.5}, nil, nil)
		c, err := s.Sample(logits)
		if err != nil || c.ID == 5 || temperature < 1 && c.ID != 99 {
			t.Errorf("temperature %v: token %d, error %v", temperature, c.ID, err)
		}
	}
}

// Whatever options and logits: an error, or a token of the vocabulary that may
// come, and the same one again.
func FuzzSample(f *testing.F) {
	f.Add(uint64(1), []byte{1, 2, 3, 4, 5, 6, 7, 8}, 1., 0, 0., 0., 0., 0., 0., 0., 0., 0., 0., int32(0), 0., false)
	f.Add(uint64(2), []byte{0, 255, 128, 127, 9}, 0.5, 3, 0.5, 0.9, 0.1, 1.3, 0.2, 0.3, 2., 1.5, 0., int32(2), -100., false)
	f.Add(uint64(3), []byte{0, 0, 0}, 100., 1, 1., 1., 1., 0.01, -100., -100., 100., 100., 5., int32(1), 100., true)
	f.Add(uint64(4), []byte{255, 0}, 1e-300, 0, 1e-9, 1e-9, 1e-9, 100., 100., 100., 1., 1., 1e-9, int32(0), 100., true)
	f.Fuzz(func(t *testing.T, seed uint64, raw []byte, temperature float64, topK int, typicalP, topP, minP, repetition, frequency, presence, multiplier, base, tau float64, id int32, by float64, mask bool) {
		o := Options{
			Temperature: temperature, TopK: topK, TypicalP: typicalP, TopP: topP, MinP: minP, RepetitionPenalty: repetition,
			FrequencyPenalty: frequency, PresencePenalty: presence, DRY: DRY{Multiplier: multiplier, Base: base, Breakers: NewBreakers([][]int32{{id}, {id, id}})},
			Mirostat: Mirostat{Tau: tau}, LogitBias: map[int32]float64{id: by}, Seed: seed, Top: int(seed % (MaxTop + 1)),
		}
		if mask {
			o.Mask = evens{}
		}
		if len(raw) == 0 || len(raw) > 5000 {
			return
		}
		first, second := fuzzed(t, o, raw), fuzzed(t, o, raw)
		if !slices.Equal(first, second) {
			t.Errorf("%+v: %v and then %v", o, first, second)
		}
	})
}

// fuzzed is up to 12 tokens from logits that are made of bytes.
func fuzzed(t *testing.T, o Options, raw []byte) (ids []int32) {
	s := New(len(raw))
	if s.Reset(o, []int32{0, int32(len(raw) - 1)}) != nil {
		return nil
	}
	logits := fuzzedLogits(raw)
	for range 12 {
		c, err := s.Sample(logits)
		if err != nil {
			return append(ids, -1)
		}
		switch {
		case c.ID < 0 || int(c.ID) >= len(raw):
			t.Fatalf("%+v: token %d of %d", o, c.ID, len(raw))
		case logits[c.ID] == float32(math.Inf(-1)), o.Mask != nil && c.ID%2 == 1, o.LogitBias[c.ID] <= Ban:
			t.Fatalf("%+v: token %d cannot come", o, c.ID)
		case len(s.Top()) > o.Top:
			t.Fatalf("%d of the likeliest, not %d", len(s.Top()), o.Top)
		}
		s.Accept(c.ID)
		ids = append(ids, c.ID)
	}
	return ids
}

// fuzzedLogits has ordinary ones and the largest and the smallest.
func fuzzedLogits(raw []byte) []float32 {
	logits := make([]float32, len(raw))
	for i, b := range raw {
		switch logits[i] = (float32(b) - 128) / 8; b {
		case 0:
			logits[i] = float32(math.Inf(-1))
		case 1:
			logits[i] = -math.MaxFloat32
		case 255:
			logits[i] = 3e38
		case 254:
			logits[i] = 1e4
		}
	}
	return logits
}
