package router

import "errors"

// Guard keeps on the device what must not leave it. Implementations are safe for
// concurrent use.
type Guard interface {
	// Screen judges a question before anything else is done with it.
	Screen(q Question) Screened
}

// Screened says what may become of a question.
type Screened struct {
	Stays      Reason         // why the question must not leave; empty if it may
	Detail     string         // of that, for people; nothing of the question's texts
	Redactions map[string]int // values that the cloud does not get to see, by category
	// Veil stands between the question and the cloud, which sees what is left of
	// it, and puts into the answer what was left out; nil if nothing is. Asked
	// with an error of ErrWithheld the question has not left.
	Veil func(Cloud) Cloud
}

// ErrWithheld means that a question could not be made fit to leave the device.
var ErrWithheld = errors.New("the question was withheld")

// screen asks the guard, if there is one. What must not leave is private from here
// on, whatever its asker said.
func (r *Router) screen(q *Question) Screened {
	if r.Guard == nil || q.Privacy != Public {
		return Screened{}
	}
	s := r.Guard.Screen(*q)
	if s.Stays != "" {
		q.Privacy = Private
	}
	return s
}

// cloud is the way to the cloud for a screened question.
func (s Screened) cloud(c Cloud) Cloud {
	if s.Veil == nil {
		return c
	}
	return s.Veil(c)
}
