package daemon

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a472be26/cusp/router"
)

// canaried is a set of models that tries each new one with every question.
func canaried(l *fakeLoader, how CanaryConfig) *Models {
	l.pieces, l.word = 10, "yes"
	how.Share = 1
	return NewModels(Setup{Loader: l, Test: selfTest(0), Canary: how}, slog.New(slog.DiscardHandler))
}

var strict = CanaryConfig{Questions: 5, Agreement: 0.9, Speed: 0.5, Time: time.Hour}

// keepAsking answers questions until check is true; every answer must be whole.
func keepAsking(t *testing.T, m *Models, what string, check func() bool) {
	t.Helper()
	until(t, what, func() bool {
		a, err := m.Answer(t.Context(), ask("hi"), func(router.Delta) error { return nil })
		if err != nil || len(strings.Fields(a.Text)) != 10 {
			t.Fatalf("answer %q, %v", a.Text, err)
		}
		return check()
	})
}

func version(m *Models) string {
	current, _ := m.Current()
	return current.Version
}

func results(m *Models) map[string]uint64 {
	_, all := m.Reloads()
	return all
}

func TestTrialPromotes(t *testing.T) {
	t.Parallel()
	l := &fakeLoader{}
	m := canaried(l, strict)
	for _, v := range []string{"v1", "v2"} { // there is nothing to compare the first one with
		if err := m.Update(t.Context(), at(v)); err != nil {
			t.Fatal(err)
		}
		l.made[0].delay = time.Millisecond // a speed that a busy machine cannot hide
	}
	if s := m.Trial(); version(m) != "v1" || s == nil || s.Model != "fake@v2" || s.Wanted != 5 {
		t.Fatalf("%s serves, trial %+v", version(m), s)
	}
	if err := m.Update(t.Context(), at("v2")); err != nil || len(l.made) != 2 { // it is tried already
		t.Errorf("%v, %d models were loaded", err, len(l.made))
	}
	keepAsking(t, m, "the promotion", func() bool { return version(m) == "v2" })
	if m.Trial() != nil || results(m)[ResultDone] != 2 {
		t.Errorf("trial %+v, results %v", m.Trial(), results(m))
	}
	m.Close()
	if l.open() != 0 || l.wrong.Load() != 0 {
		t.Errorf("%d models left open, %d wrong uses", l.open(), l.wrong.Load())
	}
}

func TestTrialRefuses(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]string{"other": "model.canary.agreement", "slow": "model.canary.speed"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &fakeLoader{}
			m := canaried(l, strict)
			dir := t.TempDir()
			m.rejected, _ = openRejection(dir)
			changes := make(chan struct{}, 100)
			m.OnChange = func() { changes <- struct{}{} }
			if err := m.Update(t.Context(), at("v1")); err != nil {
				t.Fatal(err)
			}
			l.made[0].delay = 100 * time.Microsecond // a speed that a clock can tell
			if err := m.Update(t.Context(), at(name)); err != nil {
				t.Fatal(err)
			}
			keepAsking(t, m, "the refusal", func() bool { _, r := m.Current(); return r != nil })
			_, r := m.Current()
			if version(m) != "v1" || r.Reason != RefusedCanary || !strings.Contains(r.Error, says) || results(m)[RefusedCanary] != 1 {
				t.Errorf("%s serves, refusal %+v", version(m), r)
			}
			if len(changes) < 3 { // it serves, it is tried, it is refused
				t.Errorf("%d changes were told", len(changes))
			}
			// The verdict holds, over a restart too, until the model is put there anew.
			again := canaried(l, strict)
			again.rejected, _ = openRejection(dir)
			for _, m := range []*Models{m, again} {
				if err := m.Update(t.Context(), at(name)); err == nil || !strings.Contains(err.Error(), "failed its trial") {
					t.Errorf("once more: %v", err)
				}
			}
			anew := at(name)
			anew.Since = time.Now()
			if err := again.Update(t.Context(), anew); err != nil {
				t.Errorf("put there anew: %v", err)
			}
			again.Close()
			m.Close()
			if l.open() != 0 || l.wrong.Load() != 0 {
				t.Errorf("%d models left open, %d wrong uses", l.open(), l.wrong.Load())
			}
		})
	}
}

// When the time is over, what was seen decides; nothing seen is nothing against it.
func TestTrialEnds(t *testing.T) {
	t.Parallel()
	how := strict
	how.Time = 50 * time.Millisecond
	m := canaried(&fakeLoader{}, how)
	defer m.Close()
	for _, v := range []string{"v1", "other"} {
		if err := m.Update(t.Context(), at(v)); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "the promotion of an untried model", func() bool { return version(m) == "other" })
}

// A trial gives way to a newer model, and to the return of the serving one.
func TestTrialIsGivenUp(t *testing.T) {
	t.Parallel()
	l := &fakeLoader{}
	m := canaried(l, strict)
	for _, v := range []string{"v1", "v2", "v3"} {
		if err := m.Update(t.Context(), at(v)); err != nil {
			t.Fatal(err)
		}
	}
	if s := m.Trial(); s == nil || s.Model != "fake@v3" || l.open() != 2 {
		t.Errorf("trial %+v, %d models open", s, l.open())
	}
	if err := m.Update(t.Context(), at("v1")); err != nil || m.Trial() != nil || l.open() != 1 {
		t.Errorf("%v, trial %+v, %d models open", err, m.Trial(), l.open())
	}
	if err := m.Update(t.Context(), at("v4")); err != nil {
		t.Fatal(err)
	}
	m.Close() // in the middle of a trial
	if l.open() != 0 || l.wrong.Load() != 0 {
		t.Errorf("%d models left open, %d wrong uses", l.open(), l.wrong.Load())
	}
}

// Streams that run while trials begin, end and swap are whole, and no model is
// used after its end.
func TestTrialsUnderLoad(t *testing.T) {
	t.Parallel()
	l := &fakeLoader{}
	m := canaried(l, CanaryConfig{Questions: 3, Agreement: 0.9, Time: time.Hour})
	if err := m.Update(t.Context(), at("v0")); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	for range 8 {
		asking.Go(func() {
			for ctx.Err() == nil {
				a, err := m.Answer(t.Context(), ask("hi"), func(router.Delta) error { return nil })
				if err != nil || len(strings.Fields(a.Text)) != 10 {
					t.Errorf("answer %q, %v", a.Text, err)
				}
			}
		})
	}
	for _, name := range []string{"v1", "other1", "v2", "bad", "other2", "v3"} {
		if err := m.Update(t.Context(), at(name)); err != nil {
			continue // bad
		}
		until(t, "the verdict on "+name, func() bool { return m.Trial() == nil })
	}
	stop()
	asking.Wait()
	if version(m) != "v3" || results(m)[RefusedCanary] != 2 || results(m)[RefusedLoad] != 1 {
		t.Errorf("%s serves, results %v", version(m), results(m))
	}
	m.Close()
	if l.open() != 0 || l.wrong.Load() != 0 {
		t.Errorf("%d models left open, %d wrong uses", l.open(), l.wrong.Load())
	}
}

// Of a private question a trial leaves nothing behind, and it writes no more about
// any question than there was without it.
func TestTrialKeepsNothing(t *testing.T) {
	t.Parallel()
	var logged strings.Builder
	l := &fakeLoader{}
	m := canaried(l, strict)
	m.log = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	kept := 0
	r := &router.Router{Local: m, Record: func(router.Question, string, router.Answer) { kept++ }}
	for _, v := range []string{"v1", "other"} {
		if err := m.Update(t.Context(), at(v)); err != nil {
			t.Fatal(err)
		}
	}
	asked := 0
	until(t, "the refusal", func() bool {
		q := ask("the secret of the house")
		q.Privacy = router.Private
		a, err := r.Answer(t.Context(), q, nil)
		if asked++; err != nil || strings.Contains(a.Text, "other") {
			t.Fatalf("answer %q, %v", a.Text, err)
		}
		_, refusal := m.Current()
		return refusal != nil
	})
	m.Close()
	if strings.Contains(logged.String(), "secret") || strings.Contains(logged.String(), "yes") || kept != asked {
		t.Errorf("%d questions, %d records, log:\n%s", asked, kept, &logged)
	}
}

func TestSampledQuestionsAreNotTried(t *testing.T) {
	t.Parallel()
	l := &fakeLoader{}
	m := canaried(l, strict)
	defer m.Close()
	for _, v := range []string{"v1", "other"} {
		if err := m.Update(t.Context(), at(v)); err != nil {
			t.Fatal(err)
		}
	}
	q := ask("hi")
	q.Options.Temperature = new(0.7)
	for range 20 {
		if _, err := m.Answer(t.Context(), q, func(router.Delta) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if s := m.Trial(); s == nil || s.Answered != 0 || s.busyForTest(m) {
		t.Errorf("trial %+v", s)
	}
}

func (s *TrialStatus) busyForTest(m *Models) bool {
	m.trial.mu.Lock()
	defer m.trial.mu.Unlock()
	return m.trial.busy
}

func TestAgreement(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want float64
	}{
		{"", "", 1},
		{"a b", "a  b\n", 1},
		{"a b c d", "a b", 2.0 / 3},
		{"a a", "a", 2.0 / 3},
		{"a", "", 0},
		{"a", "b", 0},
		{`{"x":1,"y":[2]}`, `{ "y": [2], "x": 1 }`, 1},
		{`{"x":1}`, `{"x":2}`, 0},
		{`{"x":1}`, `{"x":1`, 0},
	} {
		if got := agreement(c.a, c.b); got != c.want {
			t.Errorf("%q and %q agree by %g, want %g", c.a, c.b, got, c.want)
		}
	}
}
