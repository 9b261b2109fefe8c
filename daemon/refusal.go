package daemon

import (
	"errors"
	"fmt"
	"time"

	"github.com/a472be26/cusp/packaging/bundle"
)

// Refusal is why a model on disk does not serve.
type Refusal struct {
	Model  string    `json:"model"`  // its path
	Reason string    `json:"reason"` // one of the constants below
	Error  string    `json:"error"`
	Time   time.Time `json:"time"`
}

// Results of a load, as they are counted: it serves, or why it was refused.
const (
	ResultDone       = "done"
	RefusedRead      = "unreadable" // the models directory or a link in it
	RefusedSignature = "signature"  // missing, not trusted, or it does not fit
	RefusedHash      = "hash"       // a file is not what the manifest says
	RefusedLoad      = "load"       // the file is no model that can run here
	RefusedTest      = "self_test"  // wrong answers or broken numbers
	RefusedSpeed     = "speed"      // below model.min_speed
	RefusedCanary    = "canary"     // it did not agree with the serving model, or was slower
)

// loadReason sorts the errors of a Loader.
func loadReason(err error) string {
	for _, e := range []error{bundle.ErrUnsigned, bundle.ErrUntrusted, bundle.ErrSignature} {
		if errors.Is(err, e) {
			return RefusedSignature
		}
	}
	if errors.Is(err, bundle.ErrHash) || errors.Is(err, bundle.ErrManifest) {
		return RefusedHash
	}
	return RefusedLoad
}

func testReason(err error) string {
	if errors.Is(err, errSlow) {
		return RefusedSpeed
	}
	return RefusedTest
}

// Refuse keeps why a model does not serve, counts it and logs it; it returns the
// error. What serves keeps serving.
func (m *Models) Refuse(c Candidate, start time.Time, reason string, err error) error {
	m.mu.Lock()
	m.refusal = &Refusal{Model: c.String(), Reason: reason, Error: err.Error(), Time: time.Now().UTC()}
	m.note(c, start, reason, err.Error())
	kept := m.current
	m.mu.Unlock()
	what := "nothing serves yet"
	if kept != nil {
		what = "the old one keeps serving"
	}
	m.log.Error(fmt.Sprintf("model refused, %s: %v", what, err), "model", c.String(), "reason", reason, "error", err)
	m.changed()
	return err
}
