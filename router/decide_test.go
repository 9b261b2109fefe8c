package router

import (
	"math"
	"testing"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	sure := Signals{Calibrated: true, Confidence: 0.97, Threshold: 0.9, Cloud: CloudUntried}
	with := func(change func(*Signals)) Signals { s := sure; change(&s); return s }
	for _, c := range []struct {
		name string
		s    Signals
		want Decision
	}{
		{"confident", sure, Decision{RouteLocal, ReasonConfident, ""}},
		{"exactly at the threshold", with(func(s *Signals) { s.Confidence = 0.9 }), Decision{RouteLocal, ReasonConfident, ""}},
		{"confident and private", with(func(s *Signals) { s.Private = true }), Decision{RouteLocal, ReasonConfident, ""}},
		{"confident without a cloud", with(func(s *Signals) { s.Cloud = CloudNone }), Decision{RouteLocal, ReasonConfident, ""}},
		{"doubtful", with(func(s *Signals) { s.Confidence = 0.5 }), Decision{RouteCloud, ReasonBelowThreshold, ""}},
		{"not a number", with(func(s *Signals) { s.Confidence = math.NaN() }), Decision{RouteCloud, ReasonBelowThreshold, ""}},
		{"no threshold keeps the promise", with(func(s *Signals) { s.Confidence, s.Threshold = 1, 2 }), Decision{RouteCloud, ReasonBelowThreshold, ""}},
		{"declined however sure", with(func(s *Signals) { s.Declined = true }), Decision{RouteCloud, ReasonDeclined, ""}},
		{"truncated", with(func(s *Signals) { s.Truncated = true }), Decision{RouteCloud, ReasonTruncated, ""}},
		{"uncalibrated errs to the cloud", with(func(s *Signals) { s.Calibrated = false }), Decision{RouteCloud, ReasonUncalibrated, ""}},
		{"sampled with a temperature", with(func(s *Signals) { s.Sampled = true }), Decision{RouteCloud, ReasonSampled, ""}},
		{"no local model", with(func(s *Signals) { s.LocalFailed = true }), Decision{RouteCloud, ReasonNoLocalModel, ""}},
		{"doubtful and private never leaves", with(func(s *Signals) { s.Confidence, s.Private = 0.5, true }), Decision{RouteProvisional, ReasonPrivate, ReasonBelowThreshold}},
		{"kept by the guard", with(func(s *Signals) { s.Confidence, s.Private, s.Stays = 0.5, true, ReasonPrivateRule }), Decision{RouteProvisional, ReasonPrivateRule, ReasonBelowThreshold}},
		{"confident and kept by the guard", with(func(s *Signals) { s.Private, s.Stays = true, ReasonPrivateData }), Decision{RouteLocal, ReasonConfident, ""}},
		{"doubtful without a cloud", with(func(s *Signals) { s.Confidence, s.Cloud = 0.5, CloudNone }), Decision{RouteProvisional, ReasonNoCloud, ReasonBelowThreshold}},
		{"declined without a cloud", with(func(s *Signals) { s.Declined, s.Cloud = true, CloudNone }), Decision{RouteProvisional, ReasonNoCloud, ReasonDeclined}},
		{"cloud late", with(func(s *Signals) { s.Confidence, s.Cloud = 0.5, CloudLate }), Decision{RouteProvisional, ReasonDeadline, ReasonBelowThreshold}},
		{"cloud failed", with(func(s *Signals) { s.Declined, s.Cloud = true, CloudFailed }), Decision{RouteProvisional, ReasonCloudFailed, ReasonDeclined}},
		{"only here", with(func(s *Signals) { s.LocalOnly, s.Calibrated = true, false }), Decision{RouteProvisional, ReasonLocalOnly, ReasonUncalibrated}},
		{"nothing left", Signals{LocalFailed: true, Cloud: CloudFailed}, Decision{"", ReasonCloudFailed, ReasonNoLocalModel}},
		{"nothing left and private", Signals{LocalFailed: true, Private: true, Cloud: CloudUntried}, Decision{"", ReasonPrivate, ReasonNoLocalModel}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := Decide(c.s); got != c.want {
				t.Errorf("Decide(%+v) = %+v, want %+v", c.s, got, c.want)
			}
		})
	}
}

// Only what may leave is sent away to spare the device, and only while the link
// stands; anything else takes the way that it takes without a governor.
func TestSpare(t *testing.T) {
	t.Parallel()
	hot := Signals{Cloud: CloudUntried, Up: true, Prefer: PreferCloud, Strain: ReasonHot}
	away := Decision{RouteCloud, ReasonHot, ""}
	with := func(change func(*Signals)) Signals { s := hot; change(&s); return s }
	for _, c := range []struct {
		name string
		s    Signals
		want Decision
	}{
		{"hot", hot, away},
		{"without a governor", Signals{Cloud: CloudUntried, Up: true}, Decision{}},
		{"prefers local", with(func(s *Signals) { s.Prefer = PreferLocal }), Decision{}},
		{"balanced and idle", with(func(s *Signals) { s.Prefer = PreferBalanced }), Decision{}},
		{"balanced and busy", with(func(s *Signals) { s.Prefer, s.Busy = PreferBalanced, true }), away},
		{"busy alone", with(func(s *Signals) { s.Prefer, s.Busy = PreferLocal, true }), Decision{}},
		{"private", with(func(s *Signals) { s.Private = true }), Decision{}},
		{"only here", with(func(s *Signals) { s.LocalOnly = true }), Decision{}},
		{"link down", with(func(s *Signals) { s.Up = false }), Decision{}},
		{"no cloud", with(func(s *Signals) { s.Cloud = CloudNone }), Decision{}},
		{"cloud failed before", with(func(s *Signals) { s.Cloud = CloudFailed }), Decision{}},
		{"saving", with(func(s *Signals) { s.Strain = ReasonSaving }), Decision{RouteCloud, ReasonSaving, ""}},
	} {
		if got := Spare(c.s); got != c.want {
			t.Errorf("%s: Spare(%+v) = %+v, want %+v", c.name, c.s, got, c.want)
		}
	}
}

// No combination of signals may send a private question away or call an
// uncalibrated, sampled, declined or truncated answer good.
func TestDecidePromises(t *testing.T) {
	t.Parallel()
	bools := []bool{false, true}
	for _, private := range bools {
		for cloud := CloudNone; cloud <= CloudFailed; cloud++ {
			for mask := range 64 {
				for _, conf := range []float64{0, 0.9, 1, math.NaN()} {
					s := Signals{Private: private, Cloud: cloud, LocalFailed: mask&1 != 0, Truncated: mask&2 != 0,
						Declined: mask&4 != 0, Calibrated: mask&8 != 0, Sampled: mask&16 != 0, LocalOnly: mask&32 != 0, Confidence: conf, Threshold: 0.9}
					checkPromises(t, s, Decide(s))
					checkStrain(t, s)
					checkWishes(t, s)
				}
			}
		}
	}
}

// checkStrain sees that a strained device keeps nothing here that an unstrained one
// would not, and sends away only what may go.
func checkStrain(t *testing.T, s Signals) {
	t.Helper()
	for _, p := range append(Preferences(), "") {
		for n := range 4 {
			strained := s
			strained.Prefer, strained.Strain, strained.Busy, strained.Up = p, ReasonHot, n&1 != 0, n&2 != 0
			if Decide(strained) != Decide(s) {
				t.Errorf("%+v: the decision about a local answer changes with the strain", strained)
			}
			d := Spare(strained)
			if d.Route == RouteLocal || d.Route == RouteProvisional {
				t.Errorf("%+v was kept without a look at the local answer", strained)
			}
			if d.Route == RouteCloud && (s.Private || s.LocalOnly || s.Cloud != CloudUntried || d.Reason == "") {
				t.Errorf("%+v was sent away: %+v", strained, d)
			}
		}
	}
}

// checkWishes sees that neither rules nor budgets send away what must not go, or make
// a local answer better than it is.
func checkWishes(t *testing.T, s Signals) {
	t.Helper()
	for n := range 64 {
		w := s
		w.Send, w.Keep, w.First, w.Spent, w.Up, w.Slow = n&1 != 0, n&2 != 0, n&4 != 0, n&8 != 0, n&16 != 0, n&32 != 0
		d := Decide(w)
		if (d.Route == RouteLocal) != (Decide(s).Route == RouteLocal) {
			t.Errorf("%+v: a wish changes whether the local answer is good: %+v", w, d)
		}
		closed := s.Private || s.LocalOnly || s.Cloud != CloudUntried || w.Keep || w.Spent
		for _, yes := range []*bool{nil, new(true)} {
			w.Early = yes
			if closed && (d.Route == RouteCloud || Spare(w).Route != "" || Early(w)) {
				t.Errorf("%+v went to the cloud", w)
			}
		}
		if d.Reason == "" || d.Route == RouteProvisional && s.LocalFailed {
			t.Errorf("%+v: %+v", w, d)
		}
	}
}

func checkPromises(t *testing.T, s Signals, d Decision) {
	t.Helper()
	good := s.Calibrated && !s.Sampled && !s.LocalFailed && !s.Declined && !s.Truncated && s.Confidence >= s.Threshold
	switch {
	case d.Route == RouteCloud && (s.Private || s.LocalOnly || s.Cloud != CloudUntried):
		t.Errorf("%+v went to the cloud", s)
	case (d.Route == RouteLocal) != good:
		t.Errorf("%+v: route %q, good %v", s, d.Route, good)
	case d.Route == RouteProvisional && s.LocalFailed:
		t.Errorf("%+v: provisional without an answer", s)
	case d.Reason == "":
		t.Errorf("%+v: no reason", s)
	}
}
