package router

import "github.com/a472be26/cusp/router/calibrate"

// Watch keeps a promise under review while it is relied on. Implementations are
// safe for concurrent use, and return at once.
type Watch interface {
	// Threshold is what confidences must reach now: the calibration's threshold,
	// or more while its promise is in doubt.
	Threshold(c *calibrate.Calibration) float64
	// Review is told of every answered question whose local answer the promise is
	// about, wherever the answer came from.
	Review(r Review)
}

// Review is what became of a question whose local answer had a confidence.
type Review struct {
	Question   Question
	Local      LocalAnswer
	Confidence float64
	Decision   Decision
	Answer     Answer // that was given
	// Early is set where the cloud was asked under the same id, and its answer was
	// not needed when it had not come: it comes as a late one.
	Early bool
}

// promised reports whether the promise is about the local answer: it was made on
// whole greedy answers that the model gave as its own.
func (s Signals) promised() bool {
	return s.Calibrated && !s.LocalFailed && !s.Sampled && !s.Declined && !s.Truncated
}
