package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/policy"
	"github.com/a472be26/cusp/router/record"
)

// The answer to an early question corrects a provisional one, and never one that the
// promise held for, or may have: such an answer is compared if it is an audit's turn.
func TestLateAnswerOfAnEarlyQuestion(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before    router.Route // of the answer that was given; empty: nobody knows
		records   bool
		corrected bool
	}{
		"good":                     {router.RouteLocal, false, false},
		"good, recorded":           {router.RouteLocal, true, false},
		"provisional":              {router.RouteProvisional, false, true},
		"never answered":           {"", true, true},
		"nobody knows, no records": {"", false, false},
	} {
		log := slog.New(slog.DiscardHandler)
		p := newPromises(t, &scripted{})
		d := &device{log: log, answers: newAnswers(nil, log), ctx: t.Context(), open: make(chan struct{}), promises: p}
		if c.records {
			r, err := record.Open(t.TempDir(), record.Options{MaxBytes: 1 << 20, Log: log})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = r.Close() })
			d.answers.records = r
		}
		q := router.Question{ID: "q", Asker: "api", Messages: []router.Message{{Role: "user", Content: "x"}}}
		if c.before != "" {
			d.answers.keep(q, "on", router.Answer{Text: "on", Receipt: router.Receipt{ID: "q", Route: c.before, Reason: router.ReasonConfident}})
		}
		r := answeredLocally(0, "on")
		r.Question, r.Early = q, true
		p.due = 1
		p.Review(r)
		q.Early = true
		if err := d.late(q, router.CloudAnswer{Text: "on, of course", Model: "large"}, nil); err != nil {
			t.Fatal(err)
		}
		e, _ := d.answers.Find(t.Context(), "q")
		if corrected := e.Text == "on, of course"; corrected != c.corrected {
			t.Errorf("%s: kept is %q", name, e.Text)
		}
		if s := p.status(); (s.Audited == 1) == c.corrected {
			t.Errorf("%s: %d audits", name, s.Audited)
		}
	}
}

// Early questions are audits only in their turn, so that what is compared stays a fair
// sample, and the cloud is not asked once more.
func TestEarlyQuestionsAreAuditedInTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cloud := &scripted{text: "on"}
		p := newPromises(t, cloud)
		for i := range 100 {
			r := answeredLocally(i, "on")
			r.Early = true
			p.Review(r)
			p.answered(router.Question{ID: r.Question.ID, Asker: "api", Early: true}, router.CloudAnswer{Text: "on"}, nil)
		}
		if s := p.status(); s.Audited != 10 || cloud.asked.Load() != 0 {
			t.Errorf("%d compared, %d asked", s.Audited, cloud.asked.Load())
		}
	})
}

// A late answer that is faster than the provisional one waits until that is given.
func TestLateAnswerWaitsForTheFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := slog.New(slog.DiscardHandler)
		d := &device{log: log, answers: newAnswers(nil, log), ctx: t.Context(), open: make(chan struct{}), underway: newUnderway()}
		q := router.Question{ID: "q", Asker: "api", Messages: []router.Message{{Role: "user", Content: "x"}}}
		end := d.underway.begin("q")
		var done atomic.Bool
		go func() {
			if err := d.late(q, router.CloudAnswer{Text: "better"}, nil); err != nil {
				t.Error(err)
			}
			done.Store(true)
		}()
		synctest.Wait()
		if done.Load() {
			t.Error("the late answer came first")
		}
		d.answers.keep(q, "good", router.Answer{Text: "good", Receipt: router.Receipt{ID: "q", Route: router.RouteProvisional, Reason: router.ReasonFollows}})
		end()
		synctest.Wait()
		e, err := d.answers.Find(t.Context(), "q")
		if err != nil || e.Text != "better" || e.Receipt.Reason != router.ReasonFollows || len(d.underway.ids) != 0 {
			t.Errorf("%+v, %v", e, err)
		}
		ctx, stop := context.WithCancel(t.Context())
		defer d.underway.begin("q")()
		stop()
		if d.underway.wait(ctx, "q") == nil {
			t.Error("a stop does not end the wait")
		}
	})
}

// Rules and budgets of a running daemon: what the explanation says is what is done, and
// SIGHUP's reload replaces both.
func TestPolicyOfADaemon(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	address := freePort(t)
	startBroker(t, address)
	cfg.Cloud.Broker = "tcp://" + address
	cfg.Rules = []policy.Rule{
		{Name: "here", Route: "local", LongerThan: 100},
		{Name: "first", First: "provisional", Language: []string{"zh"}},
	}
	cfg.Budget.MoneyDay, cfg.Budget.AskCost = 0.25, 0.1
	c, stop := serve(t, cfg, Options{})
	startWorker(t, cfg)
	for name, x := range map[string]struct {
		q      router.Question
		route  router.Route
		reason router.Reason
		rule   string
	}{
		"long":    {ask(strings.Repeat("word ", 30)), router.RouteProvisional, router.ReasonPolicy, "here"},
		"Chinese": {ask("打开客厅的灯"), router.RouteProvisional, router.ReasonFollows, "first"},
		"other":   {ask("turn on the light"), router.RouteCloud, router.ReasonUncalibrated, ""},
	} {
		x.q.ID = name
		e, err := c.Explain(t.Context(), x.q)
		if err != nil || e.Effect.Rule != x.rule {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
		if _, err := c.Why(t.Context(), name); err == nil {
			t.Errorf("%s: the explanation was recorded", name)
		}
		a, err := c.Ask(t.Context(), x.q, nil)
		if err != nil || a.Receipt.Route != x.route || a.Receipt.Reason != x.reason || a.Receipt.Rule != x.rule {
			t.Errorf("%s: %+v, %v", name, a.Receipt, err)
		}
	}
	correction(t, c.Why, "Chinese", "big says 打开客厅的灯")
	a, err := c.Ask(t.Context(), ask("one too many"), nil)
	if err != nil || a.Receipt.Reason != router.ReasonBudget || !strings.Contains(a.Receipt.Detail, "budget of money: 0.2 of 0.25 USD in this day") {
		t.Errorf("%+v, %v", a.Receipt, err)
	}
	stop()
	text, err := os.ReadFile(filepath.Join(cfg.State.Dir, "budget.json"))
	if err != nil || !strings.Contains(string(text), `"open":{}`) {
		t.Errorf("not all is settled: %s, %v", text, err)
	}
}

// correction waits for the cloud's answer under an id.
func correction[E any](t *testing.T, why func(context.Context, string) (E, error), id, want string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		e, err := why(t.Context(), id)
		if err == nil && strings.Contains(fmt.Sprint(e), want) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no correction: %+v, %v", e, err)
		}
	}
}
