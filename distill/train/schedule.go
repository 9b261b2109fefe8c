package train

import "math"

// learningRate of a step counted from 0: a linear rise over the warm-up, then half a cosine down to MinLR at the last step.
func (o Options) learningRate(step int) float64 {
	if step < o.WarmupSteps {
		return o.LR * float64(step+1) / float64(o.WarmupSteps)
	}
	rest := max(1, o.Steps-1-o.WarmupSteps)
	done := min(1, float64(step-o.WarmupSteps)/float64(rest))
	return o.MinLR + (o.LR-o.MinLR)*(1+math.Cos(math.Pi*done))/2
}
