package router

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/a472be26/cusp/router/calibrate"
)

// counted counts how often the local model is asked.
type counted struct {
	Local
	n *int
}

func (c counted) Answer(ctx context.Context, q Question, emit func(Delta) error) (LocalAnswer, error) {
	*c.n++
	return c.Local.Answer(ctx, q, emit)
}

// lateCloud stays silent when it is asked for the first time, and answers when it is
// asked again.
type lateCloud struct{ asked int }

func (*lateCloud) Up() bool { return true }

func (c *lateCloud) Ask(ctx context.Context, q Question, emit func(string) error) (CloudAnswer, error) {
	c.asked++
	if c.asked == 1 {
		<-ctx.Done()
		return CloudAnswer{}, ctx.Err()
	}
	return CloudAnswer{Text: "x", Finish: "stop", Model: "teacher"}, emit("x")
}

func TestSparedQuestions(t *testing.T) {
	t.Parallel()
	sure := fakeLocal{text: "a b", finish: "stop", confidence: 0.99}
	unsure := fakeLocal{text: "a b", finish: "stop", confidence: 0.2}
	broken := fakeLocal{err: errors.New("no weights")}
	answers, fails := &fakeCloud{pieces: []string{"x"}}, &fakeCloud{err: ErrRefused}
	silent := &fakeCloud{silent: true}
	hot := Governor{Level: "hot", Threads: 1, Prefer: PreferCloud, Reason: ReasonHot}
	balanced, busy := hot, hot
	balanced.Prefer, busy.Prefer, busy.Busy = PreferBalanced, PreferBalanced, true
	deadline := func() Question { return Question{Deadline: time.Now().Add(100 * time.Millisecond)} }
	for name, c := range map[string]struct {
		local  Local
		cloud  Cloud
		g      Governor
		q      Question
		text   string
		route  Route
		reason Reason
		detail string
		asked  int // the local model
		err    error
	}{
		"hot":                           {sure, answers, hot, Question{}, "x", RouteCloud, ReasonHot, "", 0, nil},
		"normal":                        {sure, answers, Governor{Level: "normal", Prefer: PreferLocal}, Question{}, "a b", RouteLocal, ReasonConfident, "", 1, nil},
		"balanced, idle":                {sure, answers, balanced, Question{}, "a b", RouteLocal, ReasonConfident, "", 1, nil},
		"balanced, busy":                {sure, answers, busy, Question{}, "x", RouteCloud, ReasonHot, "", 0, nil},
		"private":                       {sure, answers, hot, Question{Privacy: Private}, "a b", RouteLocal, ReasonConfident, "", 1, nil},
		"a text to continue":            {sure, answers, hot, Question{Prompt: "a"}, "a b", RouteProvisional, ReasonLocalOnly, "", 1, nil},
		"no cloud":                      {sure, nil, hot, Question{}, "a b", RouteLocal, ReasonConfident, "", 1, nil},
		"cloud fails":                   {sure, refusing{}, hot, Question{}, "a b", RouteLocal, ReasonConfident, "asked first (hot)", 1, nil},
		"cloud fails, doubt":            {unsure, refusing{}, hot, Question{}, "a b", RouteProvisional, ReasonCloudFailed, "asked first (hot)", 1, nil},
		"link down":                     {sure, fails, hot, Question{}, "a b", RouteLocal, ReasonConfident, "", 1, nil},
		"cloud late":                    {sure, silent, hot, Question{}, "a b", RouteLocal, ReasonConfident, "asked first (hot)", 1, nil},
		"cloud late, doubt":             {unsure, &lateCloud{}, hot, Question{}, "x", RouteCloud, ReasonBelowThreshold, "", 1, nil},
		"cloud late, deadline":          {sure, silent, hot, deadline(), "a b", RouteLocal, ReasonConfident, "asked first (hot)", 1, nil},
		"cloud late, deadline, doubt":   {unsure, silent, hot, deadline(), "a b", RouteProvisional, ReasonDeadline, "below_threshold", 1, nil},
		"cloud fails, and local model":  {broken, refusing{}, hot, Question{}, "", "", "", "", 1, ErrUnanswerable},
		"cloud fails in mid-stream":     {sure, &fakeCloud{pieces: []string{"x"}, err: errMid}, hot, Question{}, "", "", "", "", 0, errMid},
		"hot, local model fails anyway": {broken, answers, hot, Question{}, "x", RouteCloud, ReasonHot, "", 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := 0
			r := &Router{Local: counted{c.local, &n}, Cloud: c.cloud, Governor: func() Governor { return c.g }, SpareWait: 20 * time.Millisecond, Wait: time.Minute}
			if f, ok := c.cloud.(*fakeCloud); ok {
				own := *f
				own.asked = new(int)
				r.Cloud = up{own}
				if f == fails {
					r.Cloud = own
				}
			}
			var streamed strings.Builder
			a, err := r.Answer(t.Context(), c.q, func(d Delta) error { streamed.WriteString(d.Text); return nil })
			if !errors.Is(err, c.err) || n != c.asked {
				t.Fatalf("error %v, want %v; local model asked %d times, want %d", err, c.err, n, c.asked)
			}
			if err != nil {
				return
			}
			if a.Text != c.text || streamed.String() != c.text || a.Receipt.Route != c.route || a.Receipt.Reason != c.reason || !strings.Contains(a.Receipt.Detail, c.detail) {
				t.Errorf("text %q, streamed %q, receipt %+v", a.Text, streamed.String(), a.Receipt)
			}
			if g := a.Receipt.Governor; g == nil || *g != c.g {
				t.Errorf("the receipt has the governor %+v", g)
			}
			if why := a.Receipt.Explain(); !strings.Contains(why, "governor   "+c.g.Level) || strings.Contains(why, "reason     "+string(c.reason)+": \n") {
				t.Errorf("explained as\n%s", why)
			}
		})
	}
}

var errMid = errors.New("cut")

// up is a cloud whose link stands, whatever it does with questions.
type up struct{ Cloud }

func (up) Up() bool { return true }

// refusing is a cloud that refuses all questions.
type refusing struct{}

func (refusing) Up() bool { return true }
func (refusing) Ask(context.Context, Question, func(string) error) (CloudAnswer, error) {
	return CloudAnswer{}, ErrRefused
}

// A receipt has the energy for a token of the local model, also where the cloud
// answered in the end.
func TestJoulesPerToken(t *testing.T) {
	t.Parallel()
	r := &Router{Local: fakeLocal{text: "a", finish: "stop", confidence: 0.99}}
	a, err := r.Answer(t.Context(), Question{}, nil)
	if err != nil || a.Receipt.JoulesPerToken != 0 || strings.Contains(a.Receipt.Explain(), "energy") {
		t.Errorf("unmeasured: %+v, %v", a.Receipt, err)
	}
	c := (&asking{Router: &Router{}, local: LocalAnswer{Joules: 6, Tokens: sureTokens(3)}}).receipt()
	if c.Joules != 6 || c.JoulesPerToken != 2 || !strings.Contains(c.Explain(), "6 J, 2 J a token") {
		t.Errorf("receipt %+v", c)
	}
}

func sureTokens(n int) []calibrate.Token { return make([]calibrate.Token, n) }
