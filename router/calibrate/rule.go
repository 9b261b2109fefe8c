package calibrate

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// Rule is a logistic regression over standardized features.
type Rule struct {
	Features []string  `json:"features"`
	Mean     []float64 `json:"mean"`
	Scale    []float64 `json:"scale"`
	Weights  []float64 `json:"weights"`
	Bias     float64   `json:"bias"`
}

// Score is the log-odds, not yet calibrated, that an answer is right.
func (r *Rule) Score(features []float64) float64 {
	score := r.Bias
	for i, f := range features {
		score += r.Weights[i] * (f - r.Mean[i]) / r.Scale[i]
	}
	return score
}

// ridge is the L2 penalty of fitRule relative to one sample; it keeps the
// Newton steps finite when the classes are separable.
const ridge = 1e-2

// fitRule maximizes the penalized likelihood by Newton's method (iteratively
// reweighted least squares).
func fitRule(names []string, features [][]float64, correct []bool) (Rule, error) {
	r := standardized(names, features)
	n := len(names) + 1 // the last weight is the bias
	w := mat.NewVecDense(n, nil)
	for range 50 {
		grad, hess := r.derivatives(features, correct, w)
		var step mat.VecDense
		if err := step.SolveVec(hess, grad); err != nil {
			return Rule{}, fmt.Errorf("fit rule: %w", err)
		}
		w.SubVec(w, &step)
		if mat.Norm(&step, 2) < 1e-8 {
			break
		}
	}
	r.Weights, r.Bias = w.RawVector().Data[:n-1], w.AtVec(n-1)
	return r, nil
}

// standardized is a rule without weights that knows the features' mean and scale.
func standardized(names []string, features [][]float64) Rule {
	r := Rule{Features: names}
	column := make([]float64, len(features))
	for j := range names {
		for i, f := range features {
			column[i] = f[j]
		}
		mean, scale := stat.MeanStdDev(column, nil)
		if !(scale > 1e-9) {
			scale = 1
		}
		r.Mean, r.Scale = append(r.Mean, mean), append(r.Scale, scale)
	}
	return r
}

// derivatives of the penalized negative log-likelihood at w.
func (r *Rule) derivatives(features [][]float64, correct []bool, w *mat.VecDense) (*mat.VecDense, *mat.SymDense) {
	n := w.Len()
	grad, hess := mat.NewVecDense(n, nil), mat.NewSymDense(n, nil)
	for j := range n - 1 { // the bias is not penalized
		grad.SetVec(j, ridge*w.AtVec(j))
		hess.SetSym(j, j, ridge)
	}
	hess.SetSym(n-1, n-1, 1e-9)
	x := mat.NewVecDense(n, nil)
	for i, f := range features {
		for j := range f {
			x.SetVec(j, (f[j]-r.Mean[j])/r.Scale[j])
		}
		x.SetVec(n-1, 1)
		p := 1 / (1 + math.Exp(-mat.Dot(x, w)))
		y := 0.0
		if correct[i] {
			y = 1
		}
		grad.AddScaledVec(grad, p-y, x)
		hess.SymRankOne(hess, p*(1-p), x)
	}
	return grad, hess
}
