package policy

import (
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/match"
)

// Policy is a [router.Policy] whose rules can be replaced while it is asked.
type Policy struct {
	now   func() time.Time
	rules atomic.Pointer[[]compiled]
}

var _ router.Policy = (*Policy)(nil)

// compiled is a rule ready to be tried.
type compiled struct {
	effect     router.Effect
	conditions []condition
}

// condition is one key of a rule.
type condition struct {
	key string
	met func(*view) bool
}

// view is a question as conditions see it.
type view struct {
	subject       match.Subject
	bytes, tokens int
	language      string
	private       bool
	now           time.Time
}

// New compiles rules; now is the clock whose location counts for hours and days.
func New(rules []Rule, now func() time.Time) (*Policy, error) {
	p := &Policy{now: now}
	return p, p.Set(rules)
}

// Set replaces all rules, or none if there is anything wrong with them.
func (p *Policy) Set(rules []Rule) error {
	var errs []error
	for _, problem := range Check(rules) {
		errs = append(errs, problem)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	all := make([]compiled, 0, len(rules))
	for _, r := range rules {
		all = append(all, compiled{r.effect(), r.conditions()})
	}
	p.rules.Store(&all)
	return nil
}

// conditions are those of a checked rule, in the order in which they are tried: the
// cheap ones first.
func (r Rule) conditions() (all []condition) {
	add := func(wanted bool, key string, met func(*view) bool) {
		if wanted {
			all = append(all, condition{key, met})
		}
	}
	size := func(v *view) int {
		if r.Unit == "tokens" {
			return v.tokens
		}
		return v.bytes
	}
	add(r.Private != nil, "private", func(v *view) bool { return v.private == *r.Private })
	add(r.LongerThan > 0, "longer_than", func(v *view) bool { return size(v) > r.LongerThan })
	add(r.ShorterThan > 0, "shorter_than", func(v *view) bool { return size(v) < r.ShorterThan })
	add(len(r.Language) > 0, "language", func(v *view) bool { return slices.Contains(r.Language, v.language) })
	add(len(r.Hours) > 0, "hours", anyHours(r.Hours))
	add(len(r.Days) > 0, "days", anyDays(r.Days))
	for _, p := range r.parts() {
		m, _ := match.New(p.rule) // checked
		add(true, p.key, func(v *view) bool { return m.Match(v.subject) })
	}
	return all
}

func (p *Policy) view(q router.Question) *view {
	v := &view{
		subject:  match.Subject{Client: q.Client(), Topic: q.Topic, Tools: q.ToolNames(), Texts: []string{q.Asked()}},
		language: Language(q.Asked()), private: q.Privacy == router.Private, now: p.now(),
	}
	v.bytes, v.tokens = q.Size()
	return v
}

// missed is the first condition that is not met, empty if all are.
func (c compiled) missed(v *view) string {
	for _, x := range c.conditions {
		if !x.met(v) {
			return x.key
		}
	}
	return ""
}

// Effect implements [router.Policy].
func (p *Policy) Effect(q router.Question) router.Effect {
	rules := *p.rules.Load()
	if len(rules) == 0 {
		return router.Effect{}
	}
	v := p.view(q)
	for _, r := range rules {
		if r.missed(v) == "" {
			return r.effect
		}
	}
	return router.Effect{}
}

// Trace implements [router.Policy].
func (p *Policy) Trace(q router.Question) []router.Tried {
	all, v := []router.Tried{}, p.view(q)
	for _, r := range *p.rules.Load() {
		t := router.Tried{Rule: r.effect.Rule, Missed: r.missed(v)}
		t.Matched = t.Missed == ""
		all = append(all, t)
		if t.Matched {
			break
		}
	}
	return all
}
