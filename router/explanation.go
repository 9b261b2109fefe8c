package router

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Explanation is what would become of a question, and why. It holds nothing of what
// the guard found in it, and no answer.
type Explanation struct {
	Private    bool           `json:"private"`              // it must not leave the device
	Stays      Reason         `json:"stays,omitempty"`      // why, if its asker did not say so
	Detail     string         `json:"detail,omitempty"`     // of that: a rule, or categories
	Redactions map[string]int `json:"redactions,omitempty"` // values that the cloud would not see, by category

	Rules  []Tried `json:"rules"` // that were tried, in order
	Effect Effect  `json:"effect"`

	Spent    Spent     `json:"spent"`
	Link     Link      `json:"link"`
	Governor *Governor `json:"governor,omitempty"`
	Early    bool      `json:"early"`                     // the cloud would be asked while the local model works
	Foreseen *float64  `json:"foreseen_doubt,omitempty"`  // predicted probability of doubt; absent without a forecast
	TookS    float64   `json:"foreseen_took_s,omitempty"` // predicted time of the local answer, in seconds

	Local    *LocalOutcome `json:"local"` // null: the local model is not asked
	Decision Decision      `json:"decision"`
	Then     *Decision     `json:"then,omitempty"` // if the cloud does not answer in time; with the route cloud
}

// Link is the state of the way to the cloud.
type Link struct {
	Configured bool `json:"configured"`
	Up         bool `json:"up"`
}

// LocalOutcome is what the decision sees of a local answer.
type LocalOutcome struct {
	Error            string   `json:"error,omitempty"`
	Model            string   `json:"model,omitempty"`
	Confidence       *float64 `json:"confidence"` // null without a calibration
	Threshold        *float64 `json:"threshold"`
	Doubt            Reason   `json:"doubt,omitempty"` // empty: none
	PromptTokens     int      `json:"prompt_tokens"`
	CompletionTokens int      `json:"completion_tokens"`
	TookMS           float64  `json:"took_ms"`
}

// Explain says what Answer would do with a question at this moment. The local model
// answers it where Answer would have it do so; the cloud is not asked, and nothing is
// recorded, counted or learned.
func (r *Router) Explain(ctx context.Context, q Question) (Explanation, error) {
	a := r.begin(q, nil)
	e := Explanation{
		Private: a.signals.Private, Stays: a.signals.Stays, Detail: a.screened.Detail, Redactions: a.screened.Redactions,
		Rules: []Tried{}, Effect: a.effect, Governor: a.governor, TookS: a.foreseen.Seconds(),
		Link: Link{a.signals.Cloud != CloudNone, a.signals.Up},
	}
	if r.Policy != nil {
		e.Rules = r.Policy.Trace(a.q)
	}
	if r.Budget != nil {
		e.Spent = r.Budget.Spent()
	}
	if r.Forecast != nil {
		e.Foreseen = &a.signals.Foreseen
	}
	if e.Decision = Spare(a.signals); e.Decision.Route == RouteCloud {
		return e, nil
	}
	e.Early = Early(a.signals)
	if err := a.askLocal(ctx); err != nil {
		return e, err
	}
	a.decide()
	e.Decision, e.Local = a.decision, a.outcome()
	if e.Decision.Route == RouteCloud {
		e.Then = a.otherwise()
	}
	return e, nil
}

// otherwise is the decision if the cloud is asked and late.
func (a *asking) otherwise() *Decision {
	s := a.signals
	s.after(context.DeadlineExceeded)
	d := Decide(s)
	return &d
}

func (a *asking) outcome() *LocalOutcome {
	o := &LocalOutcome{
		Model: a.local.Model.String(), Doubt: a.signals.doubt(), PromptTokens: a.local.PromptTokens, CompletionTokens: len(a.local.Tokens),
		TookMS: float64(a.took.Microseconds()) / 1000,
	}
	if a.failure != nil {
		o.Error = a.failure.Error()
	}
	if s := a.signals; s.Calibrated {
		o.Confidence, o.Threshold = &s.Confidence, new(max(s.Threshold, s.Raised))
	}
	return o
}

// Text is the explanation in lines, each ending in a line feed.
func (e Explanation) Text() string {
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-10s %s\n", name, fmt.Sprintf(format, args...))
	}
	row("decision", "%s", e.sentence())
	row("because", "%s: %s", e.Decision.Reason, meaning[e.Decision.Reason])
	if c := e.Decision.Cause; c != "" {
		row("", "local answer: %s: %s", c, meaning[c])
	}
	if e.Then != nil && !e.Effect.First && e.Spent.Wait == "" {
		row("else", "if the cloud does not answer in time: %s, %s", orNone(e.Then.Route), e.Then.Reason)
	}
	row("privacy", "%s", e.screening())
	for _, t := range e.Rules {
		row("rule", "%s: %s", t.Rule, t.outcome())
	}
	if len(e.Rules) == 0 {
		row("rules", "none")
	}
	row("local", "%s", e.Local.sentence())
	if e.Foreseen != nil && (*e.Foreseen > 0 || e.TookS > 0) {
		row("foreseen", "in doubt with probability %.2f, after %.3g s%s", *e.Foreseen, e.TookS, meanwhile(e.Early))
	} else if e.Early {
		row("early", "the cloud is asked while the local model works")
	}
	row("budgets", "%s", e.Spent.sentence())
	row("cloud", "%s", e.Link.sentence())
	if g := e.Governor; g != nil {
		row("governor", "%s%s, prefers %s", g.Level, g.because(), g.Prefer)
	}
	return b.String()
}

func (e Explanation) sentence() string {
	switch {
	case e.Decision.Route == RouteLocal:
		return "local: the local answer is given, and the promise is about it"
	case e.Decision.Route == RouteProvisional:
		return "provisional: the local answer is given, without the promise"
	case e.Decision.Route == "":
		return "none: nothing can answer"
	case e.Local != nil && e.Local.Error == "" && (e.Effect.First || e.Spent.Wait != "" && !e.Effect.Exempt):
		return "provisional, then cloud: the local answer is given at once, the cloud's follows as a correction"
	case e.Local == nil:
		return "cloud, without asking the local model first"
	}
	return "cloud: its answer is waited for"
}

func (e Explanation) screening() string {
	var hidden []string
	for _, c := range slices.Sorted(maps.Keys(e.Redactions)) {
		hidden = append(hidden, fmt.Sprintf("%d %s", e.Redactions[c], c))
	}
	switch {
	case e.Stays != "" && e.Detail != "":
		return fmt.Sprintf("it stays on the device: %s (%s)", e.Stays, e.Detail)
	case e.Stays != "":
		return fmt.Sprintf("it stays on the device: %s", e.Stays)
	case e.Private:
		return "it stays on the device: its asker said so"
	case len(hidden) > 0:
		return "it may leave, with placeholders for " + strings.Join(hidden, ", ")
	}
	return "it may leave as it is"
}

func (t Tried) outcome() string {
	if t.Matched {
		return "matched"
	}
	return "no match: " + t.Missed
}

func (o *LocalOutcome) sentence() string {
	switch {
	case o == nil:
		return "not asked"
	case o.Error != "":
		return "failed: " + o.Error
	}
	confidence := "no calibration"
	if o.Confidence != nil {
		confidence = strings.Trim(Receipt{Confidence: o.Confidence, Threshold: o.Threshold}.comparison(), " ()")
	}
	return fmt.Sprintf("%s, confidence %s, %d tokens in, %d out, %.1f ms", o.Model, confidence, o.PromptTokens, o.CompletionTokens, o.TookMS)
}

func (s Spent) sentence() string {
	var parts []string
	for _, p := range []string{s.Cloud, s.Joules, s.Wait} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if len(parts) == 0 {
		return "nothing is used up"
	}
	return "USED UP: " + strings.Join(parts, "; ")
}

func (l Link) sentence() string {
	switch {
	case !l.Configured:
		return "not configured"
	case l.Up:
		return "up"
	}
	return "down; a question that goes there waits for it"
}

func meanwhile(yes bool) string {
	if yes {
		return "; the cloud is asked meanwhile"
	}
	return ""
}

func orNone(r Route) Route {
	if r == "" {
		return "none"
	}
	return r
}
