package router

// Reason is why a question took its route: a stable code for scripts.
type Reason string

// Reasons. The first group keeps an answer local, the second sends a question
// to the cloud, the third explains a provisional answer, the last one stands in
// records only.
const (
	ReasonConfident Reason = "confident" // confidence reached the bundle's threshold

	ReasonBelowThreshold Reason = "below_threshold" // confidence did not reach it
	ReasonInDoubt        Reason = "in_doubt"        // confidence reached it, but not what it was raised to while the promise is in doubt
	ReasonDeclined       Reason = "declined"        // the local model said that the question is not its own
	ReasonUncalibrated   Reason = "uncalibrated"    // the model has no calibration for its weights
	ReasonSampled        Reason = "sampled"         // other than the likeliest tokens were asked for; the promise is on greedy answers
	ReasonTruncated      Reason = "truncated"       // the local answer hit its length limit
	ReasonNoLocalModel   Reason = "no_local_model"  // nothing is loaded, or it failed
	ReasonHot            Reason = "hot"             // the device is to be spared: it is too hot
	ReasonSaving         Reason = "saving"          // the device is to be spared: it draws too much, or its battery is low
	ReasonPolicy         Reason = "policy"          // a rule of this device sends the question to the cloud, or keeps it here
	ReasonBudget         Reason = "budget"          // of energy: the cloud was asked; of money or bytes: it was not

	ReasonNoCloud     Reason = "no_cloud"     // no cloud is configured
	ReasonLocalOnly   Reason = "local_only"   // no other model can do what was asked, such as continue a text as it is
	ReasonPrivate     Reason = "private"      // the asker said that the question must not leave the device
	ReasonPrivateRule Reason = "private_rule" // a rule of this device says so
	ReasonPrivateData Reason = "private_data" // it holds what must not leave, by a category of data
	ReasonUnredacted  Reason = "unredacted"   // what to hide of it could not be hidden, or not be looked for
	ReasonDeadline    Reason = "deadline"     // the cloud did not answer in time; the correction follows
	ReasonFollows     Reason = "follows"      // nobody waits for the cloud, as a rule or a budget wants it; the correction follows
	ReasonCloudFailed Reason = "cloud_failed" // the cloud refused, failed, or could not be asked

	ReasonAudit Reason = "audit" // the cloud was asked as well, to compare; the asker had the local answer
)

// CloudState is what is known of the cloud's part in one question.
type CloudState int

// States of the cloud in [Signals].
const (
	CloudNone    CloudState = iota // none is configured
	CloudUntried                   // there is one; it was not asked yet
	CloudLate                      // it was asked and will answer after the deadline
	CloudFailed                    // it was asked and will not answer
)

// Signals is everything that a decision may depend on.
type Signals struct {
	Private   bool
	Stays     Reason // why the question is private, if its asker did not say so
	LocalOnly bool   // only the local model can do what is asked
	Cloud     CloudState
	Up        bool // the link to the cloud stands

	Prefer Prefer // of a strained device; empty: local
	Strain Reason // why, if it prefers the cloud
	Busy   bool   // another question is being answered here

	Send  bool // a rule wants the cloud asked at once
	Keep  bool // a rule wants the question answered here, however well
	First bool // the asker shall have the local answer without waiting for the cloud
	Spent bool // of what the cloud may cost there is nothing left

	Early     *bool   // what a rule says about asking the cloud while the local model works; nil: nothing
	Foreseen  float64 // predicted probability that the local answer will be in doubt
	EarlyFrom float64 // from which probability on the cloud is asked early; 0: never
	Slow      bool    // the local answer is predicted to take too long

	LocalFailed bool // there is no local answer and none can be had
	Sampled     bool // not greedy decoding
	Truncated   bool
	Declined    bool
	Calibrated  bool
	Confidence  float64 // calibrated probability of being right; meaningless unless Calibrated
	Threshold   float64 // of the calibration
	Raised      float64 // what it was raised to while the promise is in doubt; 0: it was not
}

// Decision is where the answer comes from, and why. Cause is the doubt about
// the local answer when Reason names something else.
type Decision struct {
	Route  Route  `json:"route"` // empty: nothing can answer
	Reason Reason `json:"reason"`
	Cause  Reason `json:"cause,omitempty"`
}

// Decide chooses local, cloud or provisional from what is known now. It is
// pure, and the only place in the program that decides. The router calls it
// when the local answer is there, and again when the cloud failed or was late.
func Decide(s Signals) Decision {
	doubt := s.doubt()
	switch {
	case doubt == "":
		return Decision{Route: RouteLocal, Reason: ReasonConfident}
	case s.open():
		return Decision{Route: RouteCloud, Reason: doubt}
	}
	d := Decision{Route: RouteProvisional, Reason: s.obstacle(), Cause: doubt}
	if s.LocalFailed {
		d.Route = ""
	}
	return d
}

// Spare decides before the local model is asked whether the cloud is asked in its
// place, so that a strained device need not compute; without a route the local model
// is asked, and Decide comes after it. It is pure too. Only a question that may
// leave is sent away, and nothing is kept here that Decide would not keep.
func Spare(s Signals) Decision {
	strained := s.Prefer == PreferCloud || s.Prefer == PreferBalanced && s.Busy
	switch {
	case !s.open() || !s.Up:
	case s.Send:
		return Decision{Route: RouteCloud, Reason: ReasonPolicy}
	case strained:
		return Decision{Route: RouteCloud, Reason: s.Strain}
	}
	return Decision{}
}

// Early decides whether the cloud is asked while the local model still works on its
// answer. It is pure too, and decides nothing about the answer: that of the cloud is
// used only if Decide wants it.
func Early(s Signals) bool {
	switch {
	case !s.open() || !s.Up || s.First:
		return false
	case s.Early != nil:
		return *s.Early
	}
	return s.EarlyFrom > 0 && s.Foreseen >= s.EarlyFrom || s.Slow
}

// open reports whether the cloud can and may be asked.
func (s Signals) open() bool {
	return s.Cloud == CloudUntried && !s.Private && !s.LocalOnly && !s.Keep && !s.Spent
}

// doubt is what speaks against the local answer, empty if nothing does.
func (s Signals) doubt() Reason {
	switch {
	case s.LocalFailed:
		return ReasonNoLocalModel
	case !s.Calibrated:
		return ReasonUncalibrated
	case s.Sampled:
		return ReasonSampled
	case s.Declined:
		return ReasonDeclined
	case s.Truncated:
		return ReasonTruncated
	case !(s.Confidence >= s.Threshold): // NaN is doubt
		return ReasonBelowThreshold
	case s.Confidence < s.Raised:
		return ReasonInDoubt
	}
	return ""
}

// obstacle is what keeps a doubtful question from a better answer.
func (s Signals) obstacle() Reason {
	switch {
	case s.Private && s.Stays != "":
		return s.Stays
	case s.Private:
		return ReasonPrivate
	case s.LocalOnly:
		return ReasonLocalOnly
	case s.Cloud == CloudNone:
		return ReasonNoCloud
	case s.Keep:
		return ReasonPolicy
	case s.Cloud == CloudUntried && s.Spent:
		return ReasonBudget
	case s.Cloud == CloudLate && s.First:
		return ReasonFollows
	case s.Cloud == CloudLate:
		return ReasonDeadline
	}
	return ReasonCloudFailed
}
