// Package calibrate turns the token probabilities of an answer into a
// calibrated probability that the answer is right, and finds the threshold
// above which a promise about the error rate holds.
//
// Everything here is plain arithmetic on plain structs: the same code runs on
// the device and in the trainer.
package calibrate

// Token is what the engine reports about one generated token.
type Token struct {
	LogProb float32 `json:"logprob"` // natural logarithm of the token's probability
	Margin  float32 `json:"margin"`  // log-probability of the best token less that of the second best, >= 0
}

// Calibration belongs to one set of weights and travels with them in the
// bundle as calibration.json.
type Calibration struct {
	// Version of this format; 1.
	Version int `json:"version"`
	// Model is the SHA-256 of the weights file that was calibrated, hexadecimal.
	Model string `json:"model"`
	// Rule maps features to a score; Isotonic maps the score to a probability.
	Rule     Rule     `json:"rule"`
	Isotonic Isotonic `json:"isotonic"`
	// Of the answers given locally at most Alpha are wrong, with confidence
	// 1 - Delta, when the confidence is at least Threshold. A Threshold above
	// 1 means that no threshold keeps the promise: nothing is answered locally.
	Alpha     float64 `json:"alpha"`
	Delta     float64 `json:"delta"`
	Threshold float64 `json:"threshold"`
	// Samples is how many held-out answers the threshold was found on.
	Samples int `json:"samples"`
	// Coverage is the share of held-out in-domain questions at or above Threshold.
	Coverage float64 `json:"coverage"`
	// Declines are texts by which this model says that a question is not its
	// own (compared after trimming space). A declined question goes to the cloud.
	Declines []string `json:"declines,omitempty"`
}
