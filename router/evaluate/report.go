package evaluate

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/a472be26/cusp/router/calibrate"
)

// Report is what a calibration is worth, measured on the half of the answers
// that tested its threshold.
type Report struct {
	Calibration *calibrate.Calibration `json:"-"`
	Model       string                 `json:"model"`
	Questions   int                    `json:"questions"` // of the test half, declined ones included in proportion
	Alpha       float64                `json:"alpha"`
	Delta       float64                `json:"delta"`
	Threshold   float64                `json:"threshold"`
	Coverage    float64                `json:"coverage"` // share of answers that are given
	Local       float64                `json:"local"`    // share of all questions, declined ones included
	Risk        float64                `json:"risk"`     // wrong of those that are given
	Bound       float64                `json:"bound"`
	ECE         float64                `json:"ece"`
	AURC        float64                `json:"aurc"`
	Reliability []Bin                  `json:"reliability"`
	Curves      []NamedCurve           `json:"risk_coverage"`
	Costs       []Cost                 `json:"costs,omitempty"`
}

// NamedCurve is the risk-coverage curve of one score.
type NamedCurve struct {
	Score  string      `json:"score"`
	AURC   float64     `json:"aurc"`
	Points []RiskPoint `json:"points"`
}

// Calibrate fits a calibration to labelled answers and reports on it. Model is
// the SHA-256 of the weights; declines are kept with the calibration.
func Calibrate(records []Record, o calibrate.Options, model string, declines []string) (*Report, error) {
	answers, err := Answered(records)
	if err != nil {
		return nil, err
	}
	if o.Features == nil && all(answers, func(r Record) bool { return r.Features != nil }) {
		o.Features = featuresOf(answers[0])
	}
	c, err := calibrate.Fit(Samples(records), o)
	if err != nil {
		return nil, err
	}
	c.Model, c.Declines = model, declines
	fit, test := halves(answers, o.Seed)
	r := &Report{Calibration: &c, Model: model, Alpha: c.Alpha, Delta: c.Delta, Threshold: c.Threshold, Coverage: c.Coverage, Bound: c.Bound}
	r.Risk = float64(c.AcceptedWrong) / float64(max(c.Accepted, 1))
	r.Local = c.Coverage * float64(len(answers)) / float64(len(records))
	r.Questions = len(records)
	for _, s := range Scores(answers) {
		if s.Name == OursName {
			s.Learn = learnRule(o.Features)
		}
		_, scores, err := s.Learn(fit, test)
		if err != nil {
			return nil, err
		}
		judged := beside(scores, test)
		curve := RiskCurve(judged)
		r.Curves = append(r.Curves, NamedCurve{s.Name, AURC(curve), thin(curve)})
		if s.Name == OursName {
			r.Reliability, r.ECE = Reliability(judged, 15)
			r.AURC = AURC(curve)
		}
	}
	return r, nil
}

// featuresOf are the names of a record's features in the order of FeatureNames.
func featuresOf(r Record) []string {
	return slices.DeleteFunc(slices.Clone(calibrate.FeatureNames), func(name string) bool { _, ok := r.Features[name]; return !ok })
}

// halves are the records that calibrate.Fit splits in the same way.
func halves(answers []Record, seed uint64) (fit, test []Record) {
	order := calibrate.Order(len(answers), seed)
	for i, at := range order {
		if i < len(order)/2 {
			fit = append(fit, answers[at])
		} else {
			test = append(test, answers[at])
		}
	}
	return fit, test
}

// Price is what a model in the cloud takes for a million tokens.
type Price struct {
	Input  float64 `json:"input"`
	Output float64 `json:"output"`
}

// Cost compares asking the cloud everything with asking it what is not
// answered locally, for a thousand questions.
type Cost struct {
	Model string  `json:"model"`
	All   float64 `json:"all"`
	Asked float64 `json:"asked"`
}

// Reckon adds the costs at these prices, by the mean length of questions and
// answers: tokens where they are known, else a quarter of the letters.
func (r *Report) Reckon(records []Record, prices map[string]Price) error {
	var in, out float64
	for _, rec := range records {
		prompt := float64(rec.PromptTokens)
		if prompt == 0 {
			prompt = float64(utf8.RuneCountInString(rec.Question)) / 4
		}
		answer := float64(len(rec.Tokens))
		if answer == 0 {
			answer = float64(utf8.RuneCountInString(rec.Answer)) / 4
		}
		in, out = in+prompt/float64(len(records)), out+answer/float64(len(records))
	}
	for _, name := range slices.Sorted(maps.Keys(prices)) {
		p := prices[name]
		if !(p.Input >= 0 && p.Output >= 0) {
			return fmt.Errorf("price of %s is %v and %v, want no less than 0", name, p.Input, p.Output)
		}
		total := 1000 * (in*p.Input + out*p.Output) / 1e6
		r.Costs = append(r.Costs, Cost{name, total, total * (1 - r.Local)})
	}
	return nil
}

// Print writes the report as tables.
func (r *Report) Print(w io.Writer) error {
	c := r.Calibration
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintf(t, "promise\tat most %g%% of the answers given locally are wrong, with confidence %g%%\n", 100*r.Alpha, 100*(1-r.Delta))
	if c.Threshold >= calibrate.Impossible {
		fmt.Fprintf(t, "threshold\tnone keeps the promise: everything goes to the cloud\n")
	} else {
		fmt.Fprintf(t, "threshold\t%.4f\n", r.Threshold)
	}
	fmt.Fprintf(t, "found on\t%d answers; as many made rule and curve; %d more were declined by the model\n", c.Samples, c.PassedOn)
	fmt.Fprintf(t, "given\t%d of them (%.1f%%), %d wrong (%.2f%%); the bound is %.2f%%\n", c.Accepted, 100*r.Coverage, c.AcceptedWrong, 100*r.Risk, 100*r.Bound)
	fmt.Fprintf(t, "of all questions\t%.1f%% stay local\n", 100*r.Local)
	fmt.Fprintf(t, "calibration error\t%.4f (ECE, %d bins)\n", r.ECE, len(r.Reliability))
	for _, cost := range r.Costs {
		fmt.Fprintf(t, "cost with %s\t%.4g for 1000 questions instead of %.4g: %.1f%% saved\n", cost.Model, cost.Asked, cost.All, 100*r.Local)
	}
	fmt.Fprint(t, "\nscore\tarea under risk and coverage\n")
	for _, curve := range r.Curves {
		fmt.Fprintf(t, "%s\t%.4f\n", curve.Score, curve.AURC)
	}
	return t.Flush()
}

// ModelOf is the SHA-256 that the records name, empty if they name none. Two
// different ones are an error: no calibration is right for both.
func ModelOf(records []Record) (string, error) {
	model := ""
	for i, r := range records {
		switch {
		case r.Model == "" || r.Model == model:
		case model == "":
			model = r.Model
		default:
			return "", fmt.Errorf("record %d is of the weights %.12s, those before of %.12s: calibrate each model by itself", i+1, r.Model, model)
		}
	}
	return model, nil
}

// ErrNoModel says that nothing names the weights.
var ErrNoModel = errors.New("neither the records nor a model say which weights answered; a calibration belongs to one set of weights")
