package router

import (
	"context"
	"errors"
	"time"
)

// Budget bounds what answers may cost. Implementations are safe for concurrent use.
type Budget interface {
	// Spent tells what is used up now.
	Spent() Spent
	// Reserve counts what asking the cloud may cost, durably, before it is asked. The
	// error is ErrBudget, unless the question is exempt, if that is no longer there.
	// A question that is reserved already is not counted again.
	Reserve(q Question, exempt bool) error
	// Settle counts what asking did cost in place of the reservation. After an error
	// that leaves the question on its way the reservation stays, until the late
	// answer is settled.
	Settle(q Question, c CloudAnswer, err error)
	// Waited counts the time that somebody waited for the cloud.
	Waited(d time.Duration)
	// Drew counts the energy of a local answer.
	Drew(joules float64)
}

// Spent says which budgets are used up. The texts are for people, and empty where
// there is something left: "money: 1.2 of 1 USD in this hour".
type Spent struct {
	Cloud  string `json:"cloud,omitempty"`  // money or bytes: the cloud is not asked
	Joules string `json:"joules,omitempty"` // the cloud is preferred, as when saving
	Wait   string `json:"wait,omitempty"`   // nobody waits for the cloud
}

// ErrBudget means that the cloud was not asked since a budget is used up.
var ErrBudget = errors.New("the budget is used up")

// spend asks the budget, if there is one, what it has left.
func (a *asking) spend() {
	if a.Budget == nil || a.effect.Exempt {
		return
	}
	spent, s := a.Budget.Spent(), &a.signals
	s.Spent = spent.Cloud != ""
	switch {
	case s.Spent:
		a.spent = spent.Cloud
	case spent.Joules != "" && s.Prefer != PreferCloud:
		s.Prefer, s.Strain, a.spent = PreferCloud, ReasonBudget, spent.Joules
	}
	if spent.Wait != "" && !s.First {
		s.First = true
		if a.spent == "" {
			a.spent = spent.Wait
		}
	}
}

// charged is the way to the cloud, with what it costs counted.
type charged struct {
	Cloud
	budget Budget
	exempt bool
}

// charge is c with its cost counted, c itself without a budget.
func (a *asking) charge(c Cloud) Cloud {
	if a.Budget == nil {
		return c
	}
	return charged{c, a.Budget, a.effect.Exempt}
}

// Ask implements [Cloud].
func (c charged) Ask(ctx context.Context, q Question, emit func(string) error) (CloudAnswer, error) {
	if err := c.budget.Reserve(q, c.exempt); err != nil {
		return CloudAnswer{}, err
	}
	answer, err := c.Cloud.Ask(ctx, q, emit)
	c.budget.Settle(q, answer, err)
	return answer, err
}
