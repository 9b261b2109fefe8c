package drift

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/a472be26/cusp/router/calibrate"
)

var (
	now         = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	calibration = &calibrate.Calibration{Model: "m", Alpha: 0.05, Delta: 0.05, Threshold: 0.9, Coverage: 0.7}
)

// world is what a device is asked: how often the confidence reaches the
// threshold, and how often such an answer is wrong; one below is wrong half of the
// time.
type world struct {
	covered, wrong float64
	steep          bool // all errors are in the lower half of the answers
}

func (o world) ask(r *rand.Rand) Judged {
	if r.Float64() >= o.covered {
		return Judged{Confidence: 0.9 * r.Float64(), Agreed: r.IntN(2) == 0}
	}
	c := 0.9 + 0.1*r.Float64()
	wrong := o.wrong
	switch {
	case o.steep && c < 0.95:
		wrong *= 2
	case o.steep:
		wrong = 0
	}
	return Judged{Confidence: c, Agreed: r.Float64() >= wrong}
}

// run asks n questions; every share-th answer above the threshold that holds is
// audited, everything below goes to the cloud. It stops when until is true and
// returns how many were asked.
func run(w *Watch, o world, r *rand.Rand, n, share int, until func() bool) int {
	local := 0
	for i := range n {
		j := o.ask(r)
		w.Answer(calibration, j.Confidence, now)
		escalated := !(j.Confidence >= w.Threshold)
		if !escalated {
			local++
		}
		if escalated || local%share == 0 {
			w.Compare(calibration, j, now)
		}
		if until != nil && until() {
			return i + 1
		}
	}
	return n
}

// A promise that holds is seldom doubted.
func TestFalseAlarms(t *testing.T) {
	t.Parallel()
	const runs, questions = 100, 20000
	alarms := 0
	for seed := range uint64(runs) {
		w := New(calibration, now)
		r := rand.New(rand.NewPCG(seed, 1))
		asked := run(w, world{covered: 0.7, wrong: 0.05}, r, questions, 20, func() bool { return w.State == InDoubt })
		if asked < questions {
			alarms++
		}
	}
	// 700 audits each, at the very rate that is promised; runLength is 2000.
	if alarms > runs*4/10 {
		t.Errorf("%d of %d runs of %d questions ended in a doubt", alarms, runs, questions)
	}
}

// Drift is noticed within the number of questions that the documentation states:
// docs/drift.md.
func TestDetection(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		after world
		cause string
		most  int // questions at the 95th percentile
	}{
		{"one in five wrong", world{covered: 0.7, wrong: 0.2}, CauseAgreement, 3500},
		{"half wrong", world{covered: 0.7, wrong: 0.5}, CauseAgreement, 700},
		{"unfamiliar questions", world{covered: 0.1, wrong: 0.05}, CauseConfidence, 60},
		{"rather unfamiliar", world{covered: 0.35, wrong: 0.05}, CauseConfidence, 250},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			const runs = 200
			late := 0
			for seed := range uint64(runs) {
				w := New(calibration, now)
				r := rand.New(rand.NewPCG(seed, 2))
				run(w, world{covered: 0.7, wrong: 0.01}, r, 5000, 20, nil)
				if w.State != Kept {
					t.Fatalf("seed %d: in doubt before anything changed", seed)
				}
				asked := run(w, c.after, r, 20000, 20, func() bool { return w.State == InDoubt })
				if asked > c.most || w.Cause != c.cause {
					late++
				}
			}
			if late > runs/20 {
				t.Errorf("%d of %d runs needed more than %d questions, or saw something else", late, runs, c.most)
			}
		})
	}
}

// In doubt nothing is answered locally until it is proven, and the threshold comes
// back when the evidence does.
func TestRecovery(t *testing.T) {
	t.Parallel()
	w := New(calibration, now)
	r := rand.New(rand.NewPCG(7, 3))
	run(w, world{covered: 0.7, wrong: 0.5}, r, 20000, 20, func() bool { return w.State == InDoubt })
	if w.Threshold <= 1 {
		t.Fatalf("threshold is %v at the beginning of a doubt", w.Threshold)
	}
	run(w, world{covered: 0.7, wrong: 0.5}, r, 5000, 20, nil)
	if w.Threshold <= 1 {
		t.Fatalf("threshold is %v while half of the answers are wrong", w.Threshold)
	}
	asked := run(w, world{covered: 0.7, wrong: 0.005}, r, 20000, 20, func() bool { return w.State == Kept })
	if asked == 20000 || w.Threshold != calibration.Threshold {
		t.Fatalf("no recovery: %+v", w)
	}
	if w.Cause != "" || w.Fresh != nil {
		t.Errorf("after a recovery: %+v", w)
	}
}

// Where errors fall with the confidence, a threshold between holds the promise.
func TestTightens(t *testing.T) {
	t.Parallel()
	w := New(calibration, now)
	r := rand.New(rand.NewPCG(8, 4))
	drifted := world{covered: 0.7, wrong: 0.13, steep: true}
	run(w, drifted, r, 60000, 20, func() bool { return w.State == InDoubt })
	run(w, drifted, r, 60000, 20, func() bool { return w.Threshold < 1 })
	if w.State != InDoubt || math.Abs(w.Threshold-0.95) > 1e-9 {
		t.Errorf("state %s, threshold %v", w.State, w.Threshold)
	}
}

// A false recovery while the promise is broken comes with probability delta at most.
func TestFalseRecovery(t *testing.T) {
	t.Parallel()
	const runs = 200
	recovered := 0
	for seed := range uint64(runs) {
		w := New(calibration, now)
		w.doubt(CauseAgreement, now)
		r := rand.New(rand.NewPCG(seed, 5))
		asked := run(w, world{covered: 0.7, wrong: 0.06}, r, 4000, 20, func() bool { return w.Threshold <= 1 })
		if asked < 4000 {
			recovered++
		}
	}
	if recovered > runs/20 {
		t.Errorf("%d of %d doubts ended though 6%% are wrong", recovered, runs)
	}
}

// Confidences that have become usual are no doubt for ever.
func TestNewNormal(t *testing.T) {
	t.Parallel()
	w := New(calibration, now)
	r := rand.New(rand.NewPCG(9, 6))
	mix := world{covered: 0.3, wrong: 0.002}
	run(w, mix, r, 5000, 20, func() bool { return w.State == InDoubt })
	if w.Cause != CauseConfidence {
		t.Fatalf("cause is %q", w.Cause)
	}
	if asked := run(w, mix, r, 20000, 20, func() bool { return w.State == Kept }); asked == 20000 {
		t.Fatal("no recovery")
	}
	if run(w, mix, r, 5000, 20, func() bool { return w.State == InDoubt }) < 5000 {
		t.Errorf("in doubt again: %+v", w)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(*Watch){
		"model":     func(w *Watch) { w.Model = "other" },
		"state":     func(w *Watch) { w.State = "fine" },
		"threshold": func(w *Watch) { w.Threshold = 0.5 },
		"rate":      func(w *Watch) { w.Errors.Rate = 0 },
		"evidence":  func(w *Watch) { w.Doubts.Evidence[0] = -1 },
		"looks":     func(w *Watch) { w.Looks = -1 },
	} {
		w := New(calibration, now)
		if err := w.Check(calibration); err != nil {
			t.Fatal(err)
		}
		if damage(w); w.Check(calibration) == nil {
			t.Errorf("a damaged %s passes", name)
		}
	}
}
