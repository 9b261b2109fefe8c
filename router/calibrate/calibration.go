// Package calibrate turns the token probabilities of an answer, and how it
// relates to the question, into a calibrated probability that the answer is
// right, and finds the threshold above which a promise about the error rate
// holds.
//
// Everything here is plain arithmetic on plain structs: the same code runs on
// the device and in the trainer.
package calibrate

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Calibration belongs to one set of weights and travels with them in the
// bundle as calibration.json.
type Calibration struct {
	// Version of this format: 2, or 1, whose rules have the features over the
	// tokens alone and which ends with Declines.
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

	// What the threshold was found on, since version 2: of Samples answers
	// Accepted were at or above Threshold, AcceptedWrong of them wrong, so that
	// the error rate is at most Bound with confidence 1 - Delta. PassedOn is
	// how many others the model declined.
	Accepted      int     `json:"accepted,omitempty"`
	AcceptedWrong int     `json:"accepted_wrong,omitempty"`
	Bound         float64 `json:"bound,omitempty"`
	PassedOn      int     `json:"passed_on,omitempty"`
	// Histogram is of the confidences in the Samples; nil in version 1.
	Histogram *Histogram `json:"histogram,omitempty"`
}

// Confidence is the calibrated probability, 0 to 1, that an answer is right.
// An answer without tokens has confidence 0.
func (c *Calibration) Confidence(e Evidence) float64 {
	if len(e.Tokens) == 0 {
		return 0
	}
	features, err := Features(e, c.Rule.Features)
	if err != nil { // Check has seen to it
		return 0
	}
	return c.ConfidenceOf(features)
}

// ConfidenceOf is the same of the rule's inputs, in the order of Rule.Features.
func (c *Calibration) ConfidenceOf(features []float64) float64 {
	return c.Isotonic.At(c.Rule.Score(features))
}

// Declined reports whether the text is one by which the model passes a
// question on.
func (c *Calibration) Declined(text string) bool {
	return slices.Contains(c.Declines, strings.TrimSpace(text))
}

// Check refuses a calibration that could not have come from Fit, so that a
// damaged file errs to the cloud instead of answering.
func (c *Calibration) Check() error {
	n := len(c.Rule.Features)
	unknown := func(name string) bool { return !slices.Contains(FeatureNames, name) }
	switch {
	case c.Version != 1 && c.Version != 2:
		return fmt.Errorf("calibration: version is %d, this program reads 1 and 2", c.Version)
	case c.Version == 1 && !slices.Equal(c.Rule.Features, tokenFeatures),
		n == 0 || n > len(FeatureNames) || slices.ContainsFunc(c.Rule.Features, unknown):
		return fmt.Errorf("calibration: rule.features is %v, this program computes %v: calibrate the model again", c.Rule.Features, FeatureNames)
	case len(c.Rule.Mean) != n || len(c.Rule.Scale) != n || len(c.Rule.Weights) != n:
		return fmt.Errorf("calibration: rule has %d means, %d scales and %d weights, want %d of each", len(c.Rule.Mean), len(c.Rule.Scale), len(c.Rule.Weights), n)
	case slices.ContainsFunc(c.Rule.Scale, func(scale float64) bool { return !(scale > 0) }):
		return fmt.Errorf("calibration: rule.scale is %v, want all more than 0", c.Rule.Scale)
	case !(c.Threshold > 0):
		return fmt.Errorf("calibration: threshold is %v, want more than 0", c.Threshold)
	}
	if err := c.Histogram.check(); err != nil {
		return err
	}
	return c.Isotonic.check()
}

// Read decodes and checks a calibration.json.
func Read(data []byte) (*Calibration, error) {
	var c Calibration
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fmt.Errorf("calibration: %w", err)
	}
	return &c, c.Check()
}
