package calibrate

// FeatureNames are the inputs of the rule, in order; quantiles over the tokens
// of one answer.
var FeatureNames = []string{
	"logprob_min", "logprob_p10", "logprob_p50", "logprob_mean",
	"margin_min", "margin_p10", "margin_p50", "tokens_log",
}

// Rule is a logistic regression over standardized features.
type Rule struct {
	Features []string  `json:"features"`
	Mean     []float64 `json:"mean"`
	Scale    []float64 `json:"scale"`
	Weights  []float64 `json:"weights"`
	Bias     float64   `json:"bias"`
}

// Isotonic is a non-decreasing step function, linearly interpolated between
// its points.
type Isotonic struct {
	X []float64 `json:"x"` // scores, increasing
	Y []float64 `json:"y"` // probabilities, non-decreasing
}
