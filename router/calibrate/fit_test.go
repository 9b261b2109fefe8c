package calibrate

import (
	"math"
	"math/rand/v2"
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

// The promise itself: over many fits, the share whose true error rate above
// the threshold exceeds alpha is at most delta (with room for the binomial
// noise of the count).
func TestFitKeepsThePromise(t *testing.T) {
	t.Parallel()
	const alpha, delta, fits = 0.05, 0.1, 60
	truth := world(40_000, 99)
	broken, covered := 0, 0.0
	for i := range fits {
		c, err := Fit(world(2_000, uint64(1000+i)), alpha, delta, uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		n, wrong := accepted(c.judge(truth), c.Threshold)
		covered += float64(n) / float64(len(truth)) / fits
		if n > 0 && float64(wrong)/float64(n) > alpha {
			broken++
		}
	}
	if broken > 12 { // P(more than 12 of 60 at a rate of 0.1) < 0.01
		t.Errorf("%d of %d fits broke the promise, want about %v at most", broken, fits, delta*fits)
	}
	if covered < 0.3 {
		t.Errorf("mean coverage is %.2f: the threshold is uselessly high", covered)
	}
}

func TestFitIsDeterministic(t *testing.T) {
	t.Parallel()
	a, err := Fit(world(1000, 5), 0.05, 0.1, 7)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := Fit(world(1000, 5), 0.05, 0.1, 7)
	tokens := world(1, 6)[0].Tokens
	if a.Threshold != b.Threshold || a.Confidence(tokens) != b.Confidence(tokens) {
		t.Error("two fits of the same data differ")
	}
}

func TestFitOfAHopelessModel(t *testing.T) {
	t.Parallel()
	samples := world(1000, 5)
	for i := range samples {
		samples[i].Correct = i%2 == 0
	}
	c, err := Fit(samples, 0.01, 0.05, 1)
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
		"too few samples": func() (Calibration, error) { return Fit(world(50, 1), 0.05, 0.1, 1) },
		"alpha of 0":      func() (Calibration, error) { return Fit(world(500, 1), 0, 0.1, 1) },
		"delta of NaN":    func() (Calibration, error) { return Fit(world(500, 1), 0.05, math.NaN(), 1) },
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
		for i, f := range Features(tokens) {
			if math.IsNaN(f) || math.IsInf(f, 0) {
				t.Errorf("%s of %v is %v", FeatureNames[i], tokens, f)
			}
		}
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	good, err := Fit(world(500, 3), 0.05, 0.1, 1)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		damage func(*Calibration)
		ok     bool
	}{
		"whole":             {func(*Calibration) {}, true},
		"version 2":         {func(c *Calibration) { c.Version = 2 }, false},
		"threshold of zero": {func(c *Calibration) { c.Threshold = 0 }, false},
		"other features":    {func(c *Calibration) { c.Rule.Features = []string{"length"} }, false},
		"short weights":     {func(c *Calibration) { c.Rule.Weights = c.Rule.Weights[:2] }, false},
		"scale of zero":     {func(c *Calibration) { c.Rule.Scale = make([]float64, len(FeatureNames)) }, false},
		"no curve":          {func(c *Calibration) { c.Isotonic = Isotonic{} }, false},
		"falling curve":     {func(c *Calibration) { c.Isotonic = Isotonic{X: []float64{1, 2}, Y: []float64{0.9, 0.1}} }, false},
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
}
