// Package drift keeps the promise of a calibration under review while it is
// relied on.
//
// A calibration promises that at most alpha of the answers above its threshold are
// wrong, on questions like those it was made on. What devices are asked changes.
// So some of the local answers are compared with the cloud's (audits), as are
// all those that went there anyway, and two detectors look for a change: of
// the share of audited answers that the cloud contradicts, and of the share of
// questions whose confidence stays below the threshold. When one of them raises an
// alarm the promise is in doubt: the threshold rises above every confidence, and
// comes back down to where fresh comparisons prove the promise.
//
// Agreement with the cloud stands in for being right, so an error of the cloud
// counts against the local answer.
package drift

import (
	"fmt"
	"time"

	"github.com/a472be26/cusp/router/calibrate"
)

// State is what is known of a promise.
type State string

// States of a promise.
const (
	Kept    State = "kept"     // nothing speaks against it
	InDoubt State = "in_doubt" // the threshold is raised until fresh comparisons prove it
)

// Causes of a doubt.
const (
	CauseAgreement  = "agreement"  // the cloud contradicts more of the audited answers than promised
	CauseConfidence = "confidence" // many more questions than at calibration stay below the threshold
)

const (
	// window is how many of the latest comparisons a raised threshold may rest on.
	window = 500
	// pause is how many comparisons come between two looks at the threshold.
	pause = 25
	// spread is how much larger than at calibration the share of questions below the
	// threshold may be: every device is asked its own mix.
	spread = 0.15
)

// steps are where between the calibration's threshold and 1 a raised one may stand.
var steps = [...]float64{0, 0.25, 0.5, 0.75}

// Judged is a local answer that was compared with the cloud's.
type Judged struct {
	Confidence float64 `json:"confidence"`
	Agreed     bool    `json:"agreed"`
}

// Watch is the review of one calibration's promise. All of it is in exported
// fields, so that it survives a restart as JSON. Not safe for concurrent use.
type Watch struct {
	Model     string    `json:"model"` // SHA-256 of the weights, as in the calibration
	State     State     `json:"state"`
	Cause     string    `json:"cause,omitempty"` // of the doubt
	Since     time.Time `json:"since"`           // of the state
	Threshold float64   `json:"threshold"`       // that holds now; never below the calibration's

	Answered  int `json:"answered"`  // questions that had a confidence, since the state began
	Below     int `json:"below"`     // of them below the calibration's threshold
	Audited   int `json:"audited"`   // answers at or above it that were compared, since the state began
	Disagreed int `json:"disagreed"` // of these

	Errors Detector `json:"errors"` // of audited answers
	Doubts Detector `json:"doubts"` // of questions below the threshold

	Fresh []Judged `json:"fresh,omitempty"` // compared in this doubt, the latest ones
	Looks int      `json:"looks,omitempty"` // at the threshold, in this doubt
	Wait  int      `json:"wait,omitempty"`  // comparisons until the next look
}

// New is the review of a promise that nothing speaks against.
func New(c *calibrate.Calibration, now time.Time) *Watch {
	w := &Watch{Model: c.Model}
	w.Doubts.reset(1 - c.Coverage + spread)
	w.keep(c, now)
	return w
}

// keep begins a time in which the calibration's own threshold holds.
func (w *Watch) keep(c *calibrate.Calibration, now time.Time) {
	w.State, w.Cause, w.Since, w.Threshold = Kept, "", now, c.Threshold
	w.Errors.reset(c.Alpha)
	w.Fresh = nil
	w.count()
}

// doubt begins a time in which nothing is believed that is not proven anew.
func (w *Watch) doubt(cause string, now time.Time) {
	w.State, w.Cause, w.Since, w.Threshold = InDoubt, cause, now, calibrate.Impossible
	w.Fresh, w.Looks, w.Wait = nil, 0, pause
	w.count()
}

func (w *Watch) count() { w.Answered, w.Below, w.Audited, w.Disagreed = 0, 0, 0, 0 }

// Answer takes in the confidence of a question, wherever its answer comes from,
// and reports whether the state changed.
func (w *Watch) Answer(c *calibrate.Calibration, confidence float64, now time.Time) bool {
	below := !(confidence >= c.Threshold)
	w.Answered++
	if below {
		w.Below++
	}
	if w.State != Kept || !w.Doubts.Add(below) {
		return false
	}
	w.doubt(CauseConfidence, now)
	return true
}

// Compare takes in a local answer that was compared with the cloud's, and
// reports whether the threshold changed.
func (w *Watch) Compare(c *calibrate.Calibration, j Judged, now time.Time) bool {
	if !(j.Confidence >= c.Threshold) { // the promise is not about it
		return false
	}
	w.Audited++
	if !j.Agreed {
		w.Disagreed++
	}
	if w.State == Kept {
		alarm := w.Errors.Add(!j.Agreed)
		if alarm {
			w.doubt(CauseAgreement, now)
		}
		return alarm
	}
	w.Fresh = append(w.Fresh, j)
	w.Fresh = w.Fresh[max(0, len(w.Fresh)-window):]
	if w.Wait--; w.Wait > 0 {
		return false
	}
	return w.look(c, now)
}

// look sets the threshold to the lowest that fresh comparisons prove. The k-th look
// of a doubt has the share 1/(k(k+1)) of delta, and each step an equal share of that, so that
// all looks together err with probability at most delta. Audits are fewer than
// what is sent to the cloud anyway, which has less confidence: that errs on the
// side of doubt.
func (w *Watch) look(c *calibrate.Calibration, now time.Time) bool {
	w.Looks, w.Wait = w.Looks+1, pause
	level := c.Delta / float64(w.Looks*(w.Looks+1)*len(steps))
	for _, step := range steps {
		t := c.Threshold + step*(1-c.Threshold)
		if !w.proves(t, c.Alpha, level) {
			continue
		}
		before := w.Threshold
		if step == 0 {
			w.recover(c, now)
		} else {
			w.Threshold = t
		}
		return w.Threshold != before
	}
	before := w.Threshold
	w.Threshold = calibrate.Impossible
	return w.Threshold != before
}

// proves reports whether fresh comparisons show, with confidence 1 - level, that
// at most alpha of the answers from a threshold on are wrong.
func (w *Watch) proves(threshold, alpha, level float64) bool {
	n, wrong := 0, 0
	for _, j := range w.Fresh {
		if j.Confidence >= threshold {
			n++
			if !j.Agreed {
				wrong++
			}
		}
	}
	return n > 0 && calibrate.UpperBound(wrong, n, level) <= alpha
}

// recover ends a doubt. What was asked since it began is what is usual from now on.
func (w *Watch) recover(c *calibrate.Calibration, now time.Time) {
	if w.Cause == CauseConfidence && w.Answered > 0 {
		w.Doubts.reset(float64(w.Below)/float64(w.Answered) + spread)
	} else {
		w.Doubts.reset(w.Doubts.Rate)
	}
	w.keep(c, now)
}

// Check refuses a review that could not have come from the methods above, or
// belongs to another calibration.
func (w *Watch) Check(c *calibrate.Calibration) error {
	switch {
	case w.Model != c.Model:
		return fmt.Errorf("drift: the review is of model %.16q, not of %.16q", w.Model, c.Model)
	case w.State != Kept && w.State != InDoubt:
		return fmt.Errorf("drift: state is %q, not %q or %q", w.State, Kept, InDoubt)
	case !(w.Threshold >= c.Threshold) || w.State == Kept && w.Threshold != c.Threshold:
		return fmt.Errorf("drift: threshold is %v in state %s, the calibration's is %v", w.Threshold, w.State, c.Threshold)
	case w.Errors.Rate != c.Alpha:
		return fmt.Errorf("drift: errors are watched at the rate %v, the calibration promises %v", w.Errors.Rate, c.Alpha)
	case !w.Errors.valid() || !w.Doubts.valid():
		return fmt.Errorf("drift: a detector has impossible values: %+v, %+v", w.Errors, w.Doubts)
	case w.Looks < 0 || w.Looks > 1<<30 || len(w.Fresh) > window:
		return fmt.Errorf("drift: %d looks at %d comparisons are not possible", w.Looks, len(w.Fresh))
	}
	return nil
}
