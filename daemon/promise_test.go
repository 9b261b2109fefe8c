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
	"github.com/a472be26/cusp/router/calibrate"
	"github.com/a472be26/cusp/router/drift"
)

// scripted is a cloud that says the same to everything.
type scripted struct {
	text  string
	asked atomic.Int64
}

func (s *scripted) Up() bool { return true }

func (s *scripted) Ask(_ context.Context, q router.Question, _ func(string) error) (router.CloudAnswer, error) {
	if q.Asker != askerAudit || q.Privacy == router.Private {
		return router.CloudAnswer{}, fmt.Errorf("asked for %q as %q", q.Asker, q.Privacy)
	}
	s.asked.Add(1)
	return router.CloudAnswer{Text: s.text, Model: "large"}, nil
}

func newPromises(t *testing.T, cloud router.Cloud) *promises {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	p := &promises{
		cloud: cloud, share: 0.1, agreement: 0.5, wait: time.Minute, file: filepath.Join(t.TempDir(), "promise.json"),
		log: log, changed: func() {}, record: newAnswers(nil, log).audited, ctx: t.Context(),
	}
	p.open()
	return p
}

var promised = &calibrate.Calibration{Model: "weights", Alpha: 0.05, Delta: 0.05, Threshold: 0.9, Coverage: 0.7}

// answeredLocally is a question with a confident local answer.
func answeredLocally(id int, text string) router.Review {
	return router.Review{
		Question: router.Question{ID: fmt.Sprint("q", id)}, Local: router.LocalAnswer{Text: text, Calibration: promised},
		Confidence: 0.97, Decision: router.Decision{Route: router.RouteLocal, Reason: router.ReasonConfident},
	}
}

// The share of local answers that is configured is audited, private ones never.
func TestAudits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cloud := &scripted{text: "on"}
		p := newPromises(t, cloud)
		for i := range 200 {
			r := answeredLocally(i, "on")
			if i%2 == 0 {
				r.Question.Privacy = router.Private
			}
			p.Review(r)
			synctest.Wait()
		}
		s := p.status()
		if cloud.asked.Load() != 10 || s.Audited != 10 || s.Disagreed != 0 || s.State != drift.Kept {
			t.Errorf("%d were asked: %+v", cloud.asked.Load(), s)
		}
	})
}

// A cloud that contradicts raises the threshold, over a restart too; agreement
// brings it back.
func TestPromiseInDoubt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cloud := &scripted{text: `{"tool": "off"}`}
		p := newPromises(t, cloud)
		for i := 0; p.Threshold(promised) == promised.Threshold; i++ {
			if i == 1000 {
				t.Fatal("no alarm")
			}
			p.Review(answeredLocally(i, `{"tool":"on"}`))
			synctest.Wait()
		}
		if line := p.status().line(); !strings.Contains(line, "IN DOUBT (agreement), all to the cloud") {
			t.Error(line)
		}

		again := newPromises(t, cloud)
		again.file = p.file
		again.open()
		if got := again.Threshold(promised); got != calibrate.Impossible {
			t.Fatalf("after a restart the threshold is %v", got)
		}
		for i := 0; again.Threshold(promised) != promised.Threshold; i++ {
			if i == 1000 {
				t.Fatal("no recovery")
			}
			r := answeredLocally(i, `{"tool":"on"}`)
			r.Decision = router.Decision{Route: router.RouteCloud, Reason: router.ReasonInDoubt}
			r.Answer.Text = `{"tool": "on"}`
			again.Review(r)
		}
		if s := again.status(); s.State != drift.Kept || s.Cause != "" {
			t.Errorf("%+v", s)
		}
	})
}

// Weights with another calibration, and a damaged file, begin anew.
func TestPromiseBeginsAnew(t *testing.T) {
	t.Parallel()
	p := newPromises(t, &scripted{})
	p.watches["weights"] = &drift.Watch{Model: "weights", State: drift.InDoubt, Threshold: 2}
	if got := p.Threshold(promised); got != promised.Threshold {
		t.Errorf("threshold of a damaged review: %v", got)
	}
	for _, damaged := range []string{"null", `{"a":null,"b":null,"c":null,"d":null}`, "{", `{"weights":{"threshold":"high"}}`} {
		if err := os.WriteFile(p.file, []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		p.open()
		if got := p.Threshold(promised); got != promised.Threshold {
			t.Errorf("threshold after %s: %v", damaged, got)
		}
	}
	for i := range 10 {
		c := *promised
		c.Model = fmt.Sprint(i)
		p.Threshold(&c)
	}
	if len(p.watches) > maxWatches {
		t.Errorf("%d reviews are kept", len(p.watches))
	}
}
