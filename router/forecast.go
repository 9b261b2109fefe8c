package router

import "time"

// Forecast predicts, from what was seen of questions of the same class, what will
// become of one here. Implementations are safe for concurrent use.
type Forecast interface {
	// Predict returns the probability that the local answer will be in doubt, and
	// how long it will take; 0 for what is not known.
	Predict(q Question) (doubt float64, took time.Duration)
	// Learn is told of every local answer, and how long it took.
	Learn(q Question, local LocalAnswer, doubted bool, took time.Duration)
}

// EarlyStart says when the cloud is asked while the local model still works.
type EarlyStart struct {
	Doubt float64       // from this predicted probability of doubt on; 0: never for that
	Slow  time.Duration // from this predicted time of the local answer on; 0: never for that
}

// foresee asks the forecast, if there is one.
func (a *asking) foresee() {
	if a.Forecast == nil {
		return
	}
	limits := a.EarlyStart
	doubt, took := a.Forecast.Predict(a.q)
	s := &a.signals
	s.Foreseen, s.EarlyFrom, s.Slow = doubt, limits.Doubt, limits.Slow > 0 && took >= limits.Slow
	a.foreseen = took
}
