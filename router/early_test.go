package router

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pacedLocal takes its time.
type pacedLocal struct {
	Local
	takes time.Duration
}

func (s pacedLocal) Answer(ctx context.Context, q Question, emit func(Delta) error) (LocalAnswer, error) {
	select {
	case <-time.After(s.takes):
		return s.Local.Answer(ctx, q, emit)
	case <-ctx.Done():
		return LocalAnswer{}, ctx.Err()
	}
}

// pacedCloud answers word by word; a question whose asker does not wait is answered
// late, as by an uplink.
type pacedCloud struct {
	takes time.Duration // for each word
	text  string
	err   error
	late  func(q Question, c CloudAnswer)

	mu    sync.Mutex // guards asked
	asked []Question
}

func (*pacedCloud) Up() bool { return true }

func (s *pacedCloud) Ask(ctx context.Context, q Question, emit func(string) error) (CloudAnswer, error) {
	s.mu.Lock()
	s.asked = append(s.asked, q)
	s.mu.Unlock()
	answer := CloudAnswer{Text: s.text, Finish: "stop", Model: "teacher", CostUSD: 0.01}
	for i, word := range strings.SplitAfter(s.text, " ") {
		select {
		case <-time.After(s.takes):
			if s.err != nil {
				return CloudAnswer{}, s.err
			}
			if err := emit(word); err != nil {
				return CloudAnswer{}, err
			}
		case <-ctx.Done():
			rest := time.Duration(strings.Count(s.text, " ")+1-i) * s.takes
			if s.late != nil {
				time.AfterFunc(rest, func() { s.late(q, answer) })
			}
			return CloudAnswer{}, ctx.Err()
		}
	}
	return answer, nil
}

// wishes is a policy with one rule for everything.
type wishes Effect

func (w wishes) Effect(Question) Effect { return Effect(w) }
func (w wishes) Trace(Question) []Tried { return []Tried{{Rule: w.Rule, Matched: true}} }

// An escalated question has the cloud's answer sooner by what the local model took, and
// nothing twice; a good local answer is not waited for and not corrected.
func TestEarly(t *testing.T) {
	t.Parallel()
	sure := fakeLocal{text: "a b", finish: "stop", confidence: 0.99}
	unsure := fakeLocal{text: "a b", finish: "stop", confidence: 0.2}
	for name, c := range map[string]struct {
		local    Local
		early    *bool
		q        Question
		err      error
		text     string
		route    Route
		took     time.Duration
		asked    int
		reviewed bool // the local answer, with the cloud's on its way
		late     int
	}{
		"escalated":         {unsure, new(true), Question{}, nil, "x y z", RouteCloud, 3 * time.Second, 1, false, 0},
		"escalated, before": {unsure, nil, Question{}, nil, "x y z", RouteCloud, 5 * time.Second, 1, false, 0},
		"good":              {sure, new(true), Question{}, nil, "a b", RouteLocal, 2 * time.Second, 1, true, 1},
		"good, before":      {sure, nil, Question{}, nil, "a b", RouteLocal, 2 * time.Second, 0, false, 0},
		"private":           {unsure, new(true), Question{Privacy: Private}, nil, "a b", RouteProvisional, 2 * time.Second, 0, false, 0},
		"only here":         {unsure, new(true), Question{Prompt: "a"}, nil, "a b", RouteProvisional, 2 * time.Second, 0, false, 0},
		"cloud fails":       {unsure, new(true), Question{}, ErrRefused, "a b", RouteProvisional, 2 * time.Second, 1, false, 0},
		"local model fails": {fakeLocal{err: errors.New("no weights")}, new(true), Question{}, nil, "x y z", RouteCloud, 3 * time.Second, 1, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var late int
				cloud := &pacedCloud{takes: time.Second, text: "x y z", err: c.err, late: func(q Question, _ CloudAnswer) {
					late++
					if !q.Early {
						t.Error("a late answer does not say that its question was early")
					}
				}}
				w := &raised{threshold: 0.9}
				r := &Router{Local: pacedLocal{c.local, 2 * time.Second}, Cloud: cloud, Policy: wishes{Rule: "r", Early: c.early}, Watch: w,
					Late: func(Question, CloudAnswer) { late++ }}
				begun, shown := time.Now(), ""
				a, err := r.Answer(t.Context(), c.q, func(d Delta) error { shown += d.Text; return nil })
				if err != nil {
					t.Fatal(err)
				}
				if a.Text != c.text || shown != c.text || a.Receipt.Route != c.route || time.Since(begun) != c.took {
					t.Errorf("%q, shown %q, %s after %v", a.Text, shown, a.Receipt.Route, time.Since(begun))
				}
				if got := a.Receipt.Early; got != (c.asked > 0 && c.early != nil) {
					t.Errorf("receipt says early: %v", got)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if len(cloud.asked) != c.asked || late != c.late {
					t.Errorf("asked %d times, %d late answers", len(cloud.asked), late)
				}
				for _, review := range w.reviews {
					if review.Early != (c.reviewed || c.err != nil) {
						t.Errorf("review of %q says early: %v", review.Local.Text, review.Early)
					}
				}
			})
		})
	}
}

// An answer of the cloud that came before the good local one is told of once, after the
// local one is kept.
func TestEarlyAnswerInVain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var order []string
		r := &Router{
			Local:  pacedLocal{fakeLocal{text: "a b", finish: "stop", confidence: 0.99}, 5 * time.Second},
			Cloud:  &pacedCloud{takes: time.Second, text: "x"},
			Policy: wishes{Early: new(true)},
			Record: func(Question, string, Answer) { order = append(order, "kept") },
			Late:   func(q Question, c CloudAnswer) { order = append(order, "late "+c.Text) },
		}
		a, err := r.Answer(t.Context(), Question{ID: "q"}, nil)
		if err != nil || a.Text != "a b" || strings.Join(order, ", ") != "kept, late x" {
			t.Errorf("%q, %v, %v", a.Text, order, err)
		}
	})
}

// The cloud that is early and late at the same time: its answer comes as a correction.
func TestEarlyDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		late := 0
		cloud := &pacedCloud{takes: 10 * time.Second, text: "x", late: func(Question, CloudAnswer) { late++ }}
		r := &Router{Local: pacedLocal{fakeLocal{text: "a b", confidence: 0.2}, time.Second}, Cloud: cloud, Policy: wishes{Early: new(true)}, Wait: 2 * time.Second}
		a, err := r.Answer(t.Context(), Question{}, nil)
		if err != nil || a.Receipt.Reason != ReasonDeadline {
			t.Fatalf("%+v, %v", a, err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if late != 1 || len(cloud.asked) != 1 {
			t.Errorf("%d late answers, asked %d times", late, len(cloud.asked))
		}
	})
}

// told is a forecast that knows.
type told struct {
	doubt   float64
	took    time.Duration
	learned *int
}

func (f told) Predict(Question) (float64, time.Duration)        { return f.doubt, f.took }
func (f told) Learn(Question, LocalAnswer, bool, time.Duration) { *f.learned++ }

func TestForecastStartsEarly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		f     told
		limit EarlyStart
		rule  *bool
		early bool
	}{
		"in doubt":     {told{doubt: 0.8}, EarlyStart{Doubt: 0.8}, nil, true},
		"good":         {told{doubt: 0.7}, EarlyStart{Doubt: 0.8}, nil, false},
		"slow":         {told{took: 5 * time.Second}, EarlyStart{Slow: 5 * time.Second}, nil, true},
		"fast":         {told{took: time.Second}, EarlyStart{Slow: 5 * time.Second}, nil, false},
		"off":          {told{doubt: 1, took: time.Hour}, EarlyStart{}, nil, false},
		"not by rule":  {told{doubt: 1}, EarlyStart{Doubt: 0.5}, new(false), false},
		"only by rule": {told{}, EarlyStart{Doubt: 0.5}, new(true), true},
	} {
		synctest.Test(t, func(t *testing.T) {
			c.f.learned = new(int)
			r := &Router{Local: pacedLocal{fakeLocal{text: "a", confidence: 0.2}, time.Second}, Cloud: &pacedCloud{takes: time.Second, text: "x"},
				Policy: wishes{Early: c.rule}, Forecast: c.f, EarlyStart: c.limit}
			a, err := r.Answer(t.Context(), Question{}, nil)
			if err != nil || a.Receipt.Early != c.early || a.Text != "x" || *c.f.learned != 1 {
				t.Errorf("%s: early %v, %+v, learned %d, %v", name, a.Receipt.Early, a, *c.f.learned, err)
			}
		})
	}
}
