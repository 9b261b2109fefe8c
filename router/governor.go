package router

import (
	"context"
	"fmt"
	"time"
)

// Prefer is where a device would rather have a question answered that it could
// answer itself. No preference keeps a question here that the promise sends away.
type Prefer string

// Preferences, each sending more to the cloud than the one before.
const (
	PreferLocal    Prefer = "local"    // here, whenever the promise allows it
	PreferBalanced Prefer = "balanced" // here, but for questions that come while another one is being answered
	PreferCloud    Prefer = "cloud"    // in the cloud, whenever it can be reached
)

// Preferences lists them.
func Preferences() []Prefer { return []Prefer{PreferLocal, PreferBalanced, PreferCloud} }

// Beyond tells whether p sends more to the cloud than o.
func (p Prefer) Beyond(o Prefer) bool {
	rank := map[Prefer]int{PreferBalanced: 1, PreferCloud: 2}
	return rank[p] > rank[o]
}

// Governor is how strained the device is when a question comes, for the decision
// and for the receipt.
type Governor struct {
	Level   string `json:"level"`           // "normal", "warm", "hot", "saving"
	Cause   string `json:"cause,omitempty"` // of the last change of the level
	Threads int    `json:"threads"`         // that compute
	Prefer  Prefer `json:"prefer"`

	Reason Reason `json:"-"` // of a question that goes to the cloud because of Prefer
	Busy   bool   `json:"-"` // another question is being answered
}

// governor is how strained the device is now, nil if nobody knows.
func (r *Router) governor() *Governor {
	if r.Governor == nil {
		return nil
	}
	g := r.Governor()
	return &g
}

// relief is what became of the wish to spare the device a question.
type relief struct {
	decision Decision // with the route to the cloud if it was asked
	cloud    CloudAnswer
	err      error // of asking it
}

// done tells whether the cloud answered.
func (r relief) done() bool { return r.decision.Route == RouteCloud && r.err == nil }

// blame adds to what went wrong that the cloud was asked first, and failed.
func (r relief) blame(failure error) error {
	switch {
	case r.err == nil:
		return failure
	case failure == nil:
		return fmt.Errorf("the cloud was asked first (%s): %w", r.decision.Reason, r.err)
	}
	return fmt.Errorf("the cloud was asked first (%s): %w; local model: %w", r.decision.Reason, r.err, failure)
}

// relieve asks the cloud in place of the local model, where that is decided. If the
// cloud is late or fails, the local model has to answer after all. After a failure s
// says that nothing more can be had of the cloud; if it is only late, the question
// is on its way, and is waited for again should the local answer be in doubt.
func (r *Router) relieve(ctx context.Context, q Question, s *Signals, out *outlet) (done relief) {
	done.decision = Spare(*s)
	if done.decision.Route != RouteCloud {
		return done
	}
	done.cloud, done.err = r.askCloud(ctx, q, r.spareWait(q), out)
	if done.err != nil && stateAfter(done.err) == CloudFailed {
		s.Cloud = CloudFailed
	}
	return done
}

// spareWait leaves the local model time to answer by the deadline, if there is one.
func (r *Router) spareWait(q Question) time.Duration {
	wait := r.SpareWait
	if wait <= 0 {
		wait = DefaultSpareWait
	}
	if !q.Deadline.IsZero() {
		wait = min(wait, time.Until(q.Deadline)/2)
	}
	return wait
}
