package router

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestRules(t *testing.T) {
	t.Parallel()
	sure := fakeLocal{text: "a b", finish: "stop", confidence: 0.99}
	unsure := fakeLocal{text: "a b", finish: "stop", confidence: 0.2}
	broken := fakeLocal{err: errors.New("no weights")}
	for name, c := range map[string]struct {
		local  Local
		e      Effect
		q      Question
		route  Route
		reason Reason
		took   time.Duration
		asked  int
		late   int
	}{
		"kept, good":            {sure, Effect{Route: RouteLocal}, Question{}, RouteLocal, ReasonConfident, time.Second, 0, 0},
		"kept, in doubt":        {unsure, Effect{Route: RouteLocal}, Question{}, RouteProvisional, ReasonPolicy, time.Second, 0, 0},
		"sent":                  {sure, Effect{Route: RouteCloud}, Question{}, RouteCloud, ReasonPolicy, 3 * time.Second, 1, 0},
		"sent, but private":     {sure, Effect{Route: RouteCloud}, Question{Privacy: Private}, RouteLocal, ReasonConfident, time.Second, 0, 0},
		"sent, private, doubt":  {unsure, Effect{Route: RouteCloud}, Question{Privacy: Private}, RouteProvisional, ReasonPrivate, time.Second, 0, 0},
		"sent, short wait":      {sure, Effect{Route: RouteCloud, Wait: 2 * time.Second}, Question{}, RouteLocal, ReasonConfident, 3 * time.Second, 1, 1},
		"first, in doubt":       {unsure, Effect{First: true}, Question{}, RouteProvisional, ReasonFollows, time.Second, 1, 1},
		"first, good":           {sure, Effect{First: true}, Question{}, RouteLocal, ReasonConfident, time.Second, 0, 0},
		"first, private":        {unsure, Effect{First: true}, Question{Privacy: Private}, RouteProvisional, ReasonPrivate, time.Second, 0, 0},
		"first, no local model": {broken, Effect{First: true}, Question{}, RouteCloud, ReasonNoLocalModel, 4 * time.Second, 1, 0},
		"short wait":            {unsure, Effect{Wait: time.Second}, Question{}, RouteProvisional, ReasonDeadline, 2 * time.Second, 1, 1},
		"deadline":              {unsure, Effect{Deadline: 3 * time.Second}, Question{}, RouteProvisional, ReasonDeadline, 3 * time.Second, 1, 1},
		"nothing":               {unsure, Effect{}, Question{}, RouteCloud, ReasonBelowThreshold, 4 * time.Second, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				late := 0
				cloud := &pacedCloud{takes: 3 * time.Second, text: "x", late: func(Question, CloudAnswer) { late++ }}
				c.e.Rule = "the rule"
				r := &Router{Local: pacedLocal{c.local, time.Second}, Cloud: cloud, Policy: wishes(c.e)}
				begun, shown := time.Now(), ""
				a, err := r.Answer(t.Context(), c.q, func(d Delta) error { shown += d.Text; return nil })
				if err != nil {
					t.Fatal(err)
				}
				if a.Receipt.Route != c.route || a.Receipt.Reason != c.reason || shown != a.Text || a.Receipt.Rule != "the rule" {
					t.Errorf("shown %q, receipt %+v", shown, a.Receipt)
				}
				if took := time.Since(begun); took != c.took {
					t.Errorf("took %v, want %v", took, c.took)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if len(cloud.asked) != c.asked || late != c.late {
					t.Errorf("asked %d times, %d late", len(cloud.asked), late)
				}
			})
		})
	}
}

// purse is a budget.
type purse struct {
	spent    Spent
	refuses  bool
	reserved int
	settled  []error
	waited   time.Duration
	exempt   bool
	joules   float64
}

func (p *purse) Spent() Spent { return p.spent }
func (p *purse) Reserve(_ Question, exempt bool) error {
	if p.refuses && !exempt {
		return ErrBudget
	}
	p.reserved++
	p.exempt = exempt
	return nil
}
func (p *purse) Settle(_ Question, _ CloudAnswer, err error) { p.settled = append(p.settled, err) }
func (p *purse) Waited(d time.Duration)                      { p.waited += d }
func (p *purse) Drew(joules float64)                         { p.joules += joules }

func TestBudgets(t *testing.T) {
	t.Parallel()
	sure := fakeLocal{text: "a b", finish: "stop", confidence: 0.99}
	unsure := fakeLocal{text: "a b", finish: "stop", confidence: 0.2}
	money := Spent{Cloud: "budget of money"}
	for name, c := range map[string]struct {
		local    Local
		p        purse
		e        Effect
		q        Question
		route    Route
		reason   Reason
		reserved int
		waited   time.Duration
	}{
		"something left":       {unsure, purse{}, Effect{}, Question{}, RouteCloud, ReasonBelowThreshold, 1, time.Second},
		"money":                {unsure, purse{spent: money}, Effect{}, Question{}, RouteProvisional, ReasonBudget, 0, 0},
		"money, good":          {sure, purse{spent: money}, Effect{}, Question{}, RouteLocal, ReasonConfident, 0, 0},
		"money, sent by rule":  {unsure, purse{spent: money}, Effect{Route: RouteCloud}, Question{}, RouteProvisional, ReasonBudget, 0, 0},
		"money, early":         {unsure, purse{spent: money}, Effect{Early: new(true)}, Question{}, RouteProvisional, ReasonBudget, 0, 0},
		"money, exempt":        {unsure, purse{spent: money, refuses: true}, Effect{Exempt: true}, Question{}, RouteCloud, ReasonBelowThreshold, 1, time.Second},
		"money, private":       {unsure, purse{spent: money}, Effect{}, Question{Privacy: Private}, RouteProvisional, ReasonPrivate, 0, 0},
		"gone in the meantime": {unsure, purse{refuses: true}, Effect{}, Question{}, RouteProvisional, ReasonBudget, 0, 0},
		"gone, early":          {unsure, purse{refuses: true}, Effect{Early: new(true)}, Question{}, RouteProvisional, ReasonBudget, 0, 0},
		"joules":               {sure, purse{spent: Spent{Joules: "x"}}, Effect{}, Question{}, RouteCloud, ReasonBudget, 1, time.Second},
		"joules, private":      {sure, purse{spent: Spent{Joules: "x"}}, Effect{}, Question{Privacy: Private}, RouteLocal, ReasonConfident, 0, 0},
		"joules and money":     {sure, purse{spent: Spent{Joules: "x", Cloud: "y"}}, Effect{}, Question{}, RouteLocal, ReasonConfident, 0, 0},
		"waiting":              {unsure, purse{spent: Spent{Wait: "budget of wait"}}, Effect{}, Question{}, RouteProvisional, ReasonFollows, 1, 0},
		"waiting, exempt":      {unsure, purse{spent: Spent{Wait: "x"}}, Effect{Exempt: true}, Question{}, RouteCloud, ReasonBelowThreshold, 1, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := &Router{Local: c.local, Cloud: &pacedCloud{takes: time.Second, text: "x"}, Policy: wishes(c.e), Budget: &c.p}
				a, err := r.Answer(t.Context(), c.q, nil)
				if err != nil {
					t.Fatal(err)
				}
				if a.Receipt.Route != c.route || a.Receipt.Reason != c.reason {
					t.Errorf("%+v", a.Receipt)
				}
				if c.reason == ReasonBudget && c.p.spent.Cloud != "" && !strings.Contains(a.Receipt.Detail, c.p.spent.Cloud) {
					t.Errorf("the detail does not name the budget: %q", a.Receipt.Detail)
				}
				if c.p.reserved != c.reserved || len(c.p.settled) != c.reserved || c.p.waited != c.waited {
					t.Errorf("reserved %d, settled %v, waited %v", c.p.reserved, c.p.settled, c.p.waited)
				}
			})
		})
	}
}

// Explaining asks the local model and nobody else, and agrees with what is done.
func TestExplain(t *testing.T) {
	t.Parallel()
	sure := fakeLocal{text: "secret words", finish: "stop", confidence: 0.99}
	unsure := fakeLocal{text: "secret words", finish: "stop", confidence: 0.2}
	for name, c := range map[string]struct {
		local Local
		e     Effect
		spent Spent
		q     Question
		says  []string
	}{
		"good":     {sure, Effect{}, Spent{}, Question{}, []string{"decision   local", "confident", "0.990 >= 0.900", "it may leave as it is", "rule       : matched"}},
		"doubt":    {unsure, Effect{Rule: "r"}, Spent{}, Question{}, []string{"decision   cloud: its answer", "below_threshold", "else       if the cloud does not answer in time: provisional, deadline", "rule       r: matched"}},
		"private":  {unsure, Effect{}, Spent{}, Question{Privacy: Private}, []string{"decision   provisional", "private", "its asker said so"}},
		"kept":     {unsure, Effect{Route: RouteLocal}, Spent{}, Question{}, []string{"decision   provisional", "policy"}},
		"sent":     {unsure, Effect{Route: RouteCloud}, Spent{}, Question{}, []string{"decision   cloud, without asking", "policy", "local      not asked"}},
		"first":    {unsure, Effect{First: true}, Spent{}, Question{}, []string{"decision   provisional, then cloud"}},
		"no money": {unsure, Effect{}, Spent{Cloud: "budget of money"}, Question{}, []string{"decision   provisional", "budget", "USED UP: budget of money"}},
		"early":    {unsure, Effect{Early: new(true)}, Spent{}, Question{}, []string{"early      the cloud is asked while"}},
	} {
		cloud := &pacedCloud{}
		recorded := 0
		p := &purse{spent: c.spent}
		r := &Router{Local: c.local, Cloud: cloud, Policy: wishes(c.e), Budget: p, Watch: &raised{threshold: 0.9},
			Record: func(Question, string, Answer) { recorded++ }}
		e, err := r.Explain(t.Context(), c.q)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range c.says {
			if !strings.Contains(e.Text(), want) {
				t.Errorf("%s: no %q in\n%s", name, want, e.Text())
			}
		}
		if strings.Contains(e.Text(), "secret") || len(cloud.asked)+recorded+p.reserved > 0 || p.joules != 0 {
			t.Errorf("%s: something was done, or told", name)
		}
	}
}
