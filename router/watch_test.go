package router

import (
	"testing"

	"github.com/a472be26/cusp/router/calibrate"
)

// raised is a Watch with another threshold that counts what it is told.
type raised struct {
	threshold float64
	reviews   []Review
}

func (w *raised) Threshold(*calibrate.Calibration) float64 { return w.threshold }
func (w *raised) Review(r Review)                          { w.reviews = append(w.reviews, r) }

func TestWatch(t *testing.T) {
	t.Parallel()
	warm := 0.7
	for name, c := range map[string]struct {
		threshold float64
		question  Question
		local     fakeLocal
		route     Route
		reason    Reason
		reviewed  int
	}{
		"kept":     {0.9, Question{}, fakeLocal{text: "on", confidence: 0.95}, RouteLocal, ReasonConfident, 1},
		"in doubt": {0.97, Question{}, fakeLocal{text: "on", confidence: 0.95}, RouteCloud, ReasonInDoubt, 1},
		"below":    {0.97, Question{}, fakeLocal{text: "on", confidence: 0.5}, RouteCloud, ReasonBelowThreshold, 1},
		"declined": {0.9, Question{}, fakeLocal{text: "not mine", confidence: 0.95}, RouteCloud, ReasonDeclined, 0},
		"sampled":  {0.9, Question{Options: Options{Temperature: &warm}}, fakeLocal{text: "on", confidence: 0.95}, RouteCloud, ReasonSampled, 0},
		"private":  {2, Question{Privacy: Private}, fakeLocal{text: "on", confidence: 0.95}, RouteProvisional, ReasonPrivate, 1},
	} {
		w := &raised{threshold: c.threshold}
		asked := 0
		r := Router{Local: c.local, Cloud: fakeCloud{pieces: []string{"off"}, asked: &asked}, Watch: w}
		a, err := r.Answer(t.Context(), c.question, nil)
		if err != nil {
			t.Fatal(err)
		}
		if a.Receipt.Route != c.route || a.Receipt.Reason != c.reason {
			t.Errorf("%s: %s, %s", name, a.Receipt.Route, a.Receipt.Reason)
		}
		if len(w.reviews) != c.reviewed {
			t.Errorf("%s: %d reviews", name, len(w.reviews))
		}
		if *a.Receipt.Threshold != max(0.9, c.threshold) {
			t.Errorf("%s: receipt says threshold %v", name, *a.Receipt.Threshold)
		}
	}
}
