package router

import (
	"context"
	"errors"
	"testing"
)

// guardFunc is a Guard.
type guardFunc func(Question) Screened

var _ Guard = guardFunc(nil)

func (f guardFunc) Screen(q Question) Screened { return f(q) }

// renamed is a cloud behind a veil that asks for something else.
type renamed struct{ Cloud }

func (r renamed) Ask(ctx context.Context, q Question, emit func(string) error) (CloudAnswer, error) {
	q.Messages = []Message{{Role: "user", Content: "veiled"}}
	return r.Cloud.Ask(ctx, q, emit)
}

func TestGuard(t *testing.T) {
	t.Parallel()
	veil := func(c Cloud) Cloud { return renamed{c} }
	withheld := func(Cloud) Cloud {
		return cloudFunc(func(context.Context, func(string) error) (CloudAnswer, error) { return CloudAnswer{}, ErrWithheld })
	}
	hidden := map[string]int{"email": 2}
	for name, c := range map[string]struct {
		s       Screened
		route   Route
		reason  Reason
		sent    string
		hidden  int
		private bool
		detail  string
	}{
		"nothing":  {Screened{}, RouteCloud, ReasonBelowThreshold, "clear", 0, false, ""},
		"stays":    {Screened{Stays: ReasonPrivateRule, Detail: "rule x"}, RouteProvisional, ReasonPrivateRule, "", 0, true, "local answer: below_threshold; rule x"},
		"veiled":   {Screened{Redactions: hidden, Veil: veil}, RouteCloud, ReasonBelowThreshold, "veiled", 1, false, ""},
		"withheld": {Screened{Redactions: hidden, Veil: withheld}, RouteProvisional, ReasonUnredacted, "", 0, false, "local answer: below_threshold; the question was withheld"},
	} {
		sent, recorded := "", Question{}
		r := &Router{
			Local: fakeLocal{text: "a", finish: "stop", confidence: 0.2}, Cloud: questions(func(q Question) { sent = q.Messages[0].Content }),
			Guard: guardFunc(func(Question) Screened { return c.s }), Record: func(q Question, _ string, _ Answer) { recorded = q },
		}
		a, err := r.Answer(t.Context(), Question{Messages: []Message{{Role: "user", Content: "clear"}}}, nil)
		if err != nil || a.Receipt.Route != c.route || a.Receipt.Reason != c.reason || sent != c.sent || len(a.Receipt.Redactions) != c.hidden || a.Receipt.Detail != c.detail {
			t.Errorf("%s: receipt %+v, sent %q, error %v", name, a.Receipt, sent, err)
		}
		if (recorded.Privacy == Private) != c.private {
			t.Errorf("%s: recorded %+v", name, recorded)
		}
	}
}

// What its asker calls private is not searched: it stays anyway.
func TestGuardIsNotAskedForPrivateQuestions(t *testing.T) {
	t.Parallel()
	r := &Router{Local: fakeLocal{text: "a", confidence: 0.2}, Cloud: cloudFunc(func(context.Context, func(string) error) (CloudAnswer, error) {
		return CloudAnswer{}, errors.New("a private question left")
	}), Guard: guardFunc(func(Question) Screened { t.Error("screened"); return Screened{} })}
	if a, err := r.Answer(t.Context(), Question{Privacy: Private}, nil); err != nil || a.Receipt.Reason != ReasonPrivate {
		t.Errorf("%+v, %v", a.Receipt, err)
	}
}
