package sample

import (
	"cmp"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/kernel"
)

// leadersOf is the n tokens of the largest logits, found by sorting all.
func leadersOf(logits []float32, n int) (ids []int32, values []float32, rest float32) {
	for id := range logits {
		ids = append(ids, int32(id))
	}
	slices.SortStableFunc(ids, func(a, b int32) int { return cmp.Compare(logits[b], logits[a]) })
	ids = ids[:n]
	for _, id := range ids {
		values = append(values, logits[id])
	}
	return ids, values, kernel.LogSumExp(logits, values[0])
}

// sameChoices checks that some tokens, one after the other, are the same from leaders
// as from all logits, which next gives; false if the options want all.
func sameChoices(t *testing.T, vocab int, o Options, tokens int, next func() []float32) bool {
	t.Helper()
	whole, lead := prepared(t, vocab, o, []int32{0}, nil), prepared(t, vocab, o, []int32{0}, nil)
	need := lead.Leaders()
	if need == 0 {
		return false
	}
	for i := range tokens {
		logits := next()
		ids, values, rest := leadersOf(logits, min(need+i%3, vocab)) // more do no harm
		want, wantErr := whole.Sample(logits)
		got, err := lead.SampleLeaders(ids, values, rest)
		switch {
		case (err == nil) != (wantErr == nil):
			t.Fatalf("%+v, token %d: error %v, with all logits %v", o, i, err, wantErr)
		case err != nil:
			return true
		case got != want || !slices.Equal(lead.Top(), whole.Top()):
			t.Fatalf("%+v, token %d of vocabulary %d: %+v %v, with all logits %+v %v", o, i, vocab, got, lead.Top(), want, whole.Top())
		case !reflect.DeepEqual(lead.source, whole.source):
			t.Fatalf("%+v, token %d: other random numbers were drawn", o, i)
		}
		whole.Accept(want.ID)
		lead.Accept(got.ID)
	}
	return true
}

func TestLeadersSuffice(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(10, 11))
	for _, c := range []struct {
		o    Options
		want int // of a vocabulary of 1000
	}{
		{Options{}, 2},
		{Options{Top: 1}, 2},
		{Options{Top: 5}, 5},
		{Options{TopP: 0.9, MinP: 0.1}, 2}, // greedy
		{Options{Mirostat: Mirostat{Tau: 3}}, 2},
		{Options{TopK: 40}, 2},
		{Options{RepetitionPenalty: 1, LogitBias: nil}, 2},
		{Options{Temperature: 1, TopK: 1}, 2},
		{Options{Temperature: 0.7, TopK: 40}, 40},
		{Options{Temperature: 3, TopK: 64, Top: 20}, 64},
		{Options{Temperature: 1e-300, TopK: 8, Top: 20}, 20},
		{Options{Temperature: 0.7, TopK: 40, TopP: 0.9, MinP: 0.02}, 40},
		{Options{Temperature: 2, TopK: 50, TypicalP: 0.8, TopP: 0.95}, 50},
		{Options{Temperature: 1, TopK: math.MaxInt}, 1000},

		{Options{Temperature: 1}, 0},
		{Options{Temperature: 1, TopP: 0.9}, 0},
		{Options{Temperature: 1, MinP: 0.9}, 0},
		{Options{Temperature: 1, TypicalP: 0.9}, 0},
		{Options{Temperature: 1, TopK: 9, Mirostat: Mirostat{Tau: 3}}, 0},
		{Options{Mask: evens{}}, 0},
		{Options{LogitBias: map[int32]float64{0: 1}}, 0},
		{Options{RepetitionPenalty: 1.1}, 0},
		{Options{FrequencyPenalty: 0.1, Temperature: 1, TopK: 2}, 0},
		{Options{PresencePenalty: 0.1}, 0},
		{Options{DRY: DRY{Multiplier: 1}}, 0},
	} {
		c.o.Seed = 3
		if got := prepared(t, 1000, c.o, nil, nil).Leaders(); got != c.want {
			t.Errorf("%+v: %d leaders, want %d", c.o, got, c.want)
		}
		for _, vocab := range []int{1, 2, 3, 50, 1000} {
			for _, spread := range []float64{0.001, 3, 60} { // many equal probabilities, some, few
				led := sameChoices(t, vocab, c.o, 12, func() []float32 {
					logits := make([]float32, vocab)
					for i := range logits {
						logits[i] = float32(r.NormFloat64()*spread) + 20
						if r.IntN(9) == 0 {
							logits[i] = float32(math.Round(float64(logits[i])))
						}
					}
					return logits
				})
				if led != (c.want > 0) {
					t.Errorf("%+v, vocabulary of %d: chooses from leaders is %v", c.o, vocab, led)
				}
			}
		}
	}
}

// Leaders of logits that are no numbers are an error, and so are too few.
func TestLeadersRefused(t *testing.T) {
	t.Parallel()
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		o      Options
		ids    []int32
		logits []float32
		rest   float32
		says   string
	}{
		{Options{}, []int32{1, 2}, []float32{3, 2}, nan, "not finite (best is 3)"},
		{Options{}, []int32{1, 2}, []float32{inf, 2}, nan, "not finite (best is +Inf)"},
		{Options{}, []int32{1, 2}, []float32{3, 2}, inf, "not finite"},
		{Options{}, []int32{1, 2}, []float32{3, 2}, -1, "not finite"},
		{Options{}, []int32{1}, []float32{3}, 0, "1 leaders and 1 logits, but the options need 2"},
		{Options{}, nil, nil, 0, "0 leaders"},
		{Options{}, []int32{1, 2}, []float32{3}, 0, "2 leaders and 1 logits"},
		{Options{Temperature: 1}, []int32{1, 2}, []float32{3, 2}, 1, "need 0"},
		{Options{Temperature: 1, TopK: 3}, []int32{1, 2}, []float32{3, 2}, 1, "need 3"},
	} {
		_, err := prepared(t, 9, c.o, nil, nil).SampleLeaders(c.ids, c.logits, c.rest)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: error %v, want %q", c, err, c.says)
		}
	}
}

// Whatever options and logits: leaders choose what all logits choose.
func FuzzSampleLeaders(f *testing.F) {
	f.Add(uint64(1), []byte{1, 2, 3, 4, 5, 6, 7, 8}, 0., 0, 0., 0., 0.)
	f.Add(uint64(2), []byte{0, 255, 128, 127, 9}, 0.5, 3, 0.5, 0.9, 0.1)
	f.Add(uint64(3), []byte{0, 0, 0}, 100., 1, 1., 1., 1.)
	f.Add(uint64(4), []byte{255, 0, 254, 254, 1, 1}, 1e-300, 5, 1e-9, 1e-9, 1e-9)
	f.Fuzz(func(t *testing.T, seed uint64, raw []byte, temperature float64, topK int, typicalP, topP, minP float64) {
		o := Options{Temperature: temperature, TopK: topK, TypicalP: typicalP, TopP: topP, MinP: minP, Seed: seed, Top: int(seed % (MaxTop + 1))}
		if len(raw) == 0 || len(raw) > 5000 || o.Check(len(raw)) != nil {
			return
		}
		logits := fuzzedLogits(raw)
		sameChoices(t, len(raw), o, 12, func() []float32 { return logits })
	})
}
