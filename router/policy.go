package router

import "time"

// Policy is what the owner of a device wants of some questions. Implementations are
// safe for concurrent use. No wish weakens the privacy of a question, and none makes
// a local answer better than its confidence: both are [Decide]'s.
type Policy interface {
	// Effect is what the first rule wants that matches the question, which was
	// screened before: what must not leave is private.
	Effect(q Question) Effect
	// Trace tells of every rule that was tried for the question, in order.
	Trace(q Question) []Tried
}

// Effect is what a rule wants. The zero value wants nothing.
type Effect struct {
	Rule     string        `json:"rule"`                  // its name, for receipts; empty: none matched
	Route    Route         `json:"route,omitempty"`       // RouteLocal: it stays here; RouteCloud: it goes there at once; empty: as its confidence says
	Wait     time.Duration `json:"wait_ns,omitempty"`     // for the cloud; 0: as configured
	Deadline time.Duration `json:"deadline_ns,omitempty"` // from its arrival, if its asker gave none that is sooner
	Early    *bool         `json:"early,omitempty"`       // whether the cloud is asked while the local model works; nil: as predicted
	First    bool          `json:"first,omitempty"`       // the provisional answer is given at once, the cloud's as a correction
	Exempt   bool          `json:"exempt,omitempty"`      // budgets do not hold it up; what it costs counts
}

// Tried is what became of one rule.
type Tried struct {
	Rule    string `json:"rule"`
	Matched bool   `json:"matched"`
	Missed  string `json:"missed,omitempty"` // the first condition that was not met
}

// apply asks the policy, if there is one.
func (a *asking) apply() {
	if a.Policy == nil {
		return
	}
	a.effect = a.Policy.Effect(a.q)
	e, s := a.effect, &a.signals
	s.Keep, s.Send, s.First, s.Early = e.Route == RouteLocal, e.Route == RouteCloud, e.First, e.Early
	if e.Deadline > 0 {
		if limit := a.start.Add(e.Deadline); a.q.Deadline.IsZero() || limit.Before(a.q.Deadline) {
			a.q.Deadline = limit
		}
	}
}
