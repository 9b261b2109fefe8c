//go:build e2e

package link

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/a472be26/cusp/router"
)

// kind is what a question is meant to meet.
type kind string

const (
	sure    kind = "sure"    // the local model is
	unsure  kind = "unsure"  // the cloud is asked, and there is time
	hasty   kind = "hasty"   // its deadline is too near for the cloud
	refused kind = "refused" // the provider does not want it
	private kind = "private" // the local model is not sure, and yet nobody else may hear of it
)

// privateMark is in the id of private questions, which no envelope hides, and in
// their texts.
const privateMark = "private-"

// fact is all that happened to one question.
type fact struct {
	id, device string
	kind       kind
	calm       bool // asked before the faults began
	asked      time.Time
	accepted   time.Time // when the uplink had it synced; zero: it was not
	expiry     time.Duration
	shown      []shown
	ends       []end
}

// shown is what the application got from the router.
type shown struct {
	answer router.Answer
	err    error
	stream string // as it was emitted
	took   time.Duration
}

// end is the outcome of an accepted question.
type end struct {
	late bool
	text string
	err  error
	at   time.Time
}

func (e end) String() string { return fmt.Sprintf("%q, %v (late: %v)", e.text, e.err, e.late) }

// ledger is the bookkeeping of all questions.
type ledger struct {
	mu     sync.Mutex // guards the fields below
	facts  map[string]*fact
	wrongs []string
	away   map[string]bool // late answers that the application did not take at first
}

func newLedger() *ledger { return &ledger{facts: map[string]*fact{}, away: map[string]bool{}} }

// isAway has the application refuse some late answers once.
func (l *ledger) isAway(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away[id] || sum(id)%10 != 0 {
		return false
	}
	l.away[id] = true
	return true
}

func (l *ledger) open(f *fact) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.facts[f.id] = f
}

// wrong notes what must not be; it may come from any goroutine.
func (l *ledger) wrong(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrongs = append(l.wrongs, fmt.Sprintf(format, args...))
}

func (l *ledger) accept(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.facts[id].accepted = time.Now()
}

func (l *ledger) end(device, id string, late bool, a router.CloudAnswer, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.facts[id]
	if f == nil || f.device != device {
		l.wrongs = append(l.wrongs, fmt.Sprintf("device %s got an answer to %s, which it did not ask", device, id))
		return
	}
	f.ends = append(f.ends, end{late, a.Text, err, time.Now()})
}

func (l *ledger) show(id string, s shown) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.facts[id].shown = append(l.facts[id].shown, s)
}

// check is every reason why the ledger is not as it should be, in the order of ids.
func (l *ledger) check() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	wrongs := slices.Clone(l.wrongs)
	for _, id := range slices.Sorted(maps.Keys(l.facts)) {
		f := l.facts[id]
		for _, err := range []error{f.checkEnds(), f.checkShown()} {
			if err != nil {
				wrongs = append(wrongs, fmt.Sprintf("%s (%s, of %s, accepted %v): %v", id, f.kind, f.device, !f.accepted.IsZero(), err))
			}
		}
	}
	return wrongs
}

// checkEnds: what was accepted has one end, and no other has any.
func (f *fact) checkEnds() error {
	if f.accepted.IsZero() {
		if len(f.ends) > 0 {
			return fmt.Errorf("it was not accepted and has ends: %v", f.ends)
		}
		return nil
	}
	if len(f.ends) != 1 {
		return fmt.Errorf("it has %d ends: %v", len(f.ends), f.ends)
	}
	switch e := f.ends[0]; {
	case e.err == nil && (f.kind == refused || e.text != cloudText(f.device, f.id)):
		return fmt.Errorf("it was answered %q", e.text)
	case e.err == nil, f.kind == refused && errors.Is(e.err, router.ErrRefused) && strings.Contains(e.err.Error(), refusalText):
		return nil
	case errors.Is(e.err, router.ErrExpired):
		return f.checkExpired(e.err.Error())
	default:
		return fmt.Errorf("it ended: %v", e.err)
	}
}

// checkExpired: the error has the date, and it is the right one.
func (f *fact) checkExpired(text string) error {
	_, date, _ := strings.Cut(text, "no answer until ")
	date, _, _ = strings.Cut(date, ";")
	at, err := time.Parse(time.RFC3339, date)
	if err != nil {
		return fmt.Errorf("it expired without a date: %s", text)
	}
	if want := f.accepted.Add(f.expiry); at.Before(f.asked.Add(f.expiry-2*time.Second)) || at.After(want.Add(2*time.Second)) {
		return fmt.Errorf("it expired with the date %v, want %v", at, want)
	}
	return nil
}

// checkShown: the application got one answer, of the kind that it should.
func (f *fact) checkShown() error {
	if len(f.shown) != 1 {
		return fmt.Errorf("the application got %d answers", len(f.shown))
	}
	s := f.shown[0]
	if s.err != nil {
		if s.stream == "" || f.accepted.IsZero() || !strings.HasPrefix(cloudText(f.device, f.id), s.stream) {
			return fmt.Errorf("after %q: %w", s.stream, s.err)
		}
		return nil // the stream broke off; the whole answer came apart
	}
	route, text := s.answer.Receipt.Route, localText(f.device, f.id)
	if route == router.RouteCloud {
		text = cloudText(f.device, f.id)
	}
	allowed := map[kind][]router.Route{
		sure: {router.RouteLocal}, private: {router.RouteProvisional}, refused: {router.RouteProvisional},
		unsure: {router.RouteCloud, router.RouteProvisional}, hasty: {router.RouteCloud, router.RouteProvisional},
	}
	inline := len(f.ends) == 1 && !f.ends[0].late && f.ends[0].err == nil
	switch {
	case s.answer.Receipt.ID != f.id:
		return fmt.Errorf("the receipt is of %s", s.answer.Receipt.ID)
	case !slices.Contains(allowed[f.kind], route):
		return fmt.Errorf("its route was %s (%s)", route, s.answer.Receipt.Reason)
	case s.answer.Text != text || s.stream != "" && s.stream != text:
		return fmt.Errorf("route %s, text %q, stream %q", route, s.answer.Text, s.stream)
	case (route == router.RouteCloud) != inline:
		return fmt.Errorf("its route was %s and its ends are %v", route, f.ends)
	case route == router.RouteProvisional && s.answer.Receipt.Detail == "":
		return errors.New("a provisional answer does not say why")
	case !f.accepted.IsZero() && (f.kind == sure || f.kind == private):
		return errors.New("it was sent to the cloud")
	}
	return nil
}
