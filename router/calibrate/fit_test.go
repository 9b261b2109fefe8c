package calibrate

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// world draws answers whose tokens tell something, not everything, of whether
// they are right.
func world(n int, seed uint64) []Sample {
	r := rand.New(rand.NewPCG(seed, 1))
	samples := make([]Sample, n)
	for i := range samples {
		doubt := math.Pow(r.Float64(), 3) // most questions are easy
		s := Sample{Correct: r.Float64() > 0.6*doubt, Declined: r.Float64() < 0.1}
		for range 5 + r.IntN(20) {
			s.Tokens = append(s.Tokens, Token{
				LogProb: float32(-2 * doubt * r.Float64()),
				Margin:  float32((1 - doubt) * 8 * r.Float64()),
			})
		}
		samples[i] = s
	}
	return samples
}

func TestFitIsDeterministic(t *testing.T) {
	t.Parallel()
	a, err := Fit(world(1000, 5), Options{Alpha: 0.05, Delta: 0.1, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	b, _ := Fit(world(1000, 5), Options{Alpha: 0.05, Delta: 0.1, Seed: 7})
	e := world(1, 6)[0].Evidence
	if a.Threshold != b.Threshold || a.Confidence(e) != b.Confidence(e) {
		t.Error("two fits of the same data differ")
	}
}

func TestFitOfAHopelessModel(t *testing.T) {
	t.Parallel()
	samples := world(1000, 5)
	for i := range samples {
		samples[i].Correct = i%2 == 0
	}
	c, err := Fit(samples, Options{Alpha: 0.01, Delta: 0.05, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if c.Threshold != Impossible || c.Coverage != 0 {
		t.Errorf("threshold %v with coverage %v for a coin flip, want %v and 0", c.Threshold, c.Coverage, Impossible)
	}
}

func TestFitRefuses(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func() (Calibration, error){
		"too few samples": func() (Calibration, error) { return Fit(world(50, 1), Options{Alpha: 0.05, Delta: 0.1, Seed: 1}) },
		"alpha of 0":      func() (Calibration, error) { return Fit(world(500, 1), Options{Alpha: 0, Delta: 0.1, Seed: 1}) },
		"delta of NaN": func() (Calibration, error) {
			return Fit(world(500, 1), Options{Alpha: 0.05, Delta: math.NaN(), Seed: 1})
		},
	} {
		if _, err := call(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Values of the exact bound from the definition: P(Binomial(n, p) <= wrong) = delta.
func TestUpperBound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		wrong, n int
		delta    float64
		want     float64
	}{
		{0, 59, 0.05, 0.0495}, // 1 - 0.05^(1/59)
		{0, 10, 0.05, 0.2589}, // 1 - 0.05^(1/10)
		{1, 10, 0.05, 0.3942},
		{10, 10, 0.05, 1},
		{0, 0, 0.05, 1},
	} {
		if got := UpperBound(c.wrong, c.n, c.delta); math.Abs(got-c.want) > 1e-4 {
			t.Errorf("UpperBound(%d, %d, %v) = %.4f, want %.4f", c.wrong, c.n, c.delta, got, c.want)
		}
	}
}

func TestIsotonic(t *testing.T) {
	t.Parallel()
	f := fitIsotonic([]float64{1, 2, 3, 3, 4, 5}, []bool{false, true, false, true, true, true})
	if err := f.check(); err != nil {
		t.Fatal(err)
	}
	for x, want := range map[float64][2]float64{-9: {0, 0.5}, 9: {0.5, 1}} {
		if y := f.At(x); y < want[0] || y > want[1] {
			t.Errorf("At(%v) = %v, want within %v", x, y, want)
		}
	}
	if f.At(math.NaN()) != 0 {
		t.Error("a score that is not a number must have probability 0")
	}
}

func TestFeaturesAreFinite(t *testing.T) {
	t.Parallel()
	inf := float32(math.Inf(-1))
	nan := float32(math.NaN())
	for _, tokens := range [][]Token{{{}}, {{inf, nan}, {nan, inf}}, {{3, -4}}} {
		for _, answer := range []string{"", "{", `{"a":[1e999,{"b":{}}],"c":{"d":"\u0000","e":-1e400}}`, "\xff"} {
			got, err := Features(Evidence{tokens, "\xff 12 ab", answer}, FeatureNames)
			if err != nil {
				t.Fatal(err)
			}
			for i, f := range got {
				if math.IsNaN(f) || math.IsInf(f, 0) {
					t.Errorf("%s of %v, %q is %v", FeatureNames[i], tokens, answer, f)
				}
			}
		}
	}
	if _, err := Features(Evidence{Tokens: []Token{{}}}, []string{"mood"}); err == nil {
		t.Error("an unknown feature was computed")
	}
}

func TestTextFeatures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		question, answer string
		want             map[string]float64
	}{
		"copied and made up": {"Set the Desk Lamp to 50", `{"intent":"HassLightSet","slots":{"brightness":50,"name":"desk lamp","area":"Attic"}}`, map[string]float64{
			"values_text": 2, "values_number": 1, "values_new": 1, "numbers_new": 0, "longest_value": 2, "left_words": 3, "left_share": 0.5,
			"question_numbers": 1, "copied_words_log": math.Log1p(2), "question_words_log": math.Log1p(6)}},
		"Chinese":             {"打开客厅的灯", `{"intent":"HassTurnOn","slots":{"area":"客厅"}}`, map[string]float64{"longest_value": 2, "left_words": 4, "values_new": 0}},
		"a number from words": {"in five minutes", `{"name":"timer","arguments":{"minutes":5}}`, map[string]float64{"values_text": 0, "numbers_new": 1}},
		"arguments alone":     {"lamp lamp", `{"name":"lamp","other":"lamp","deep":[["lamp"]]}`, map[string]float64{"values_text": 3, "values_repeated": 2}},
		"calls behind a text": {"x", "no JSON\n{\"a\":\"x\"}", map[string]float64{"values_text": 0}},
		"two calls":           {"x y", "{\"a\":\"x\"}\n{\"a\":\"y\"}", map[string]float64{"values_text": 2, "left_words": 0}},
		"prose":               {"why?", "because", map[string]float64{"values_text": 0, "values_new": 0, "left_words": 1}},
	} {
		for feature, want := range c.want {
			got, err := Features(Evidence{[]Token{{}}, c.question, c.answer}, []string{feature})
			if err != nil || math.Abs(got[0]-want) > 1e-12 {
				t.Errorf("%s: %s is %v, want %v (%v)", name, feature, got, want, err)
			}
		}
	}
}

// What devices have in the field is still read, and judges as it did.
func TestReadVersion1(t *testing.T) {
	t.Parallel()
	const text = `{"version":1,"model":"ab","rule":{"features":["logprob_min","logprob_p10","logprob_p50","logprob_mean","margin_min","margin_p10","margin_p50","tokens_log"],
		"mean":[0,0,0,0,0,0,0,0],"scale":[1,1,1,1,1,1,1,1],"weights":[0,0,0,0,0.5,0,0,0],"bias":1},
		"isotonic":{"x":[0,4],"y":[0.2,1]},"alpha":0.05,"delta":0.05,"threshold":0.7,"samples":300,"coverage":0.5,"declines":["no"]}`
	c, err := Read([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Confidence(Evidence{Tokens: []Token{{-1, 2}, {0, 9}}}); math.Abs(got-0.6) > 1e-9 { // 0.5*2 + 1 = 2, halfway
		t.Errorf("confidence %v, want 0.6", got)
	}
	if _, err := Read([]byte(strings.Replace(text, `"logprob_min",`, `"tokens_log",`, 1))); err == nil {
		t.Error("version 1 with other features was read")
	}
}

func TestHistogram(t *testing.T) {
	t.Parallel()
	h := NewHistogram(4)
	for _, j := range []Judged{{0, false}, {0.25, true}, {0.74, false}, {1, true}, {7, true}, {math.NaN(), false}} {
		h.Add(j)
	}
	if !slices.Equal(h.Answers, []int{2, 1, 1, 2}) || !slices.Equal(h.Wrong, []int{2, 0, 1, 0}) {
		t.Errorf("%+v", *h)
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	good, err := Fit(world(1500, 3), Options{Alpha: 0.1, Delta: 0.1, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		damage func(*Calibration)
		ok     bool
	}{
		"whole": {func(*Calibration) {}, true},
		"some features": {func(c *Calibration) {
			c.Rule.Features, c.Rule.Mean, c.Rule.Scale, c.Rule.Weights = []string{"tokens_log"}, []float64{0}, []float64{1}, []float64{1}
		}, true},
		"no histogram":      {func(c *Calibration) { c.Histogram = nil }, true},
		"version 3":         {func(c *Calibration) { c.Version = 3 }, false},
		"threshold of zero": {func(c *Calibration) { c.Threshold = 0 }, false},
		"other features":    {func(c *Calibration) { c.Rule.Features = []string{"length"} }, false},
		"no features":       {func(c *Calibration) { c.Rule = Rule{} }, false},
		"short weights":     {func(c *Calibration) { c.Rule.Weights = c.Rule.Weights[:2] }, false},
		"scale of zero":     {func(c *Calibration) { c.Rule.Scale = make([]float64, len(FeatureNames)) }, false},
		"no curve":          {func(c *Calibration) { c.Isotonic = Isotonic{} }, false},
		"falling curve":     {func(c *Calibration) { c.Isotonic = Isotonic{X: []float64{1, 2}, Y: []float64{0.9, 0.1}} }, false},
		"more wrong":        {func(c *Calibration) { c.Histogram = &Histogram{[]int{1}, []int{2}} }, false},
		"uneven histogram":  {func(c *Calibration) { c.Histogram = &Histogram{[]int{1}, nil} }, false},
	} {
		damaged := good
		c.damage(&damaged)
		if err := damaged.Check(); (err == nil) != c.ok {
			t.Errorf("%s: Check = %v", name, err)
		}
	}
	if _, err := Read([]byte(`{"version":"one"}`)); err == nil {
		t.Error("a version that is no number was read")
	}
	h := good.Histogram
	if got := [3]int{sum(h.Answers), good.Accepted, good.Samples}; got[0] != got[2] || got[1] == 0 || UpperBound(good.AcceptedWrong, good.Accepted, 0.1) != good.Bound || good.Bound > 0.1 {
		t.Errorf("the counts %v do not fit: %+v", got, good)
	}
}

func sum(counts []int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

func FuzzRead(f *testing.F) {
	good, err := Fit(world(1500, 3), Options{Alpha: 0.1, Delta: 0.1, Seed: 1})
	if err != nil {
		f.Fatal(err)
	}
	text, err := json.Marshal(good)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text, "turn on the lamp", `{"intent":"x","slots":{"name":"lamp"}}`)
	f.Add([]byte(`{"version":2,"rule":{"features":[]}}`), "", "[[[[")
	f.Fuzz(func(t *testing.T, text []byte, question, answer string) {
		c, err := Read(text)
		if err != nil {
			return
		}
		if p := c.Confidence(Evidence{[]Token{{-1, 1}}, question, answer}); !(p >= 0 && p <= 1) {
			t.Errorf("confidence %v", p)
		}
	})
}
