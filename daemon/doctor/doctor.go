// Package doctor checks what operators of a device get wrong, and says what to do
// about it.
//
// It looks at a configuration and at the machine as the daemon would find them; it
// changes nothing, needs no daemon that runs, and can be asked by any user: what a
// user may not see is said as well. Every check is bounded in time. Secrets are
// used as the daemon would use them, and never shown.
//
// A new check is a function in a file of its own and a line in the table below.
package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// State is how a check came out.
type State string

// States, from good to bad.
const (
	OK      State = "ok"
	Warning State = "warning" // it works, or may work: worth a look
	Failure State = "failure" // something that is configured cannot work
)

// Finding is one thing that a check saw.
type Finding struct {
	Check  string `json:"check"`
	State  State  `json:"state"`
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"` // what to do; empty where all is well
}

// Options say what is looked at.
type Options struct {
	Config  string // file; empty: the user's own, or else that of the packaged service
	Socket  string // instead of the configured one, if not empty
	Version string // of this program
	Host    Host
}

// check is one line of the table.
type check struct {
	name  string
	limit time.Duration // after which nobody waits for it any more
	look  func(context.Context, *subject) []Finding
}

const (
	quick = 5 * time.Second
	// A folder of transformers is put in order when it is opened.
	opening = time.Minute
	// A bundle's hash is over all of its weights, which may lie on a slow card.
	hashing = 3 * time.Minute
	// Name, connection, TLS, MQTT, subscription: for two brokers.
	network = 45 * time.Second
)

// checks are made in this order. The clock comes late, for it is compared with
// the dates that the others saw.
var checks = []check{
	{"configuration", quick, configuration},
	{"service", quick, service},
	{"socket", quick, socket},
	{"state", quick, stateDir},
	{"models", quick, modelsDir},
	{"model", hashing, model},
	{"memory", opening, memory},
	{"processor", quick, processor},
	{"gpu", opening, gpu},
	{"keys", quick, keys},
	{"space", quick, space},
	{"broker", network, brokers},
	{"clock", quick, clock},
	{"sensors", quick, sensors},
}

// Watcher sees the checks go by; see [Printer].
type Watcher interface {
	Begin(check string)
	Found(Finding)
}

// Run makes all checks, one after the other, shows them to w, if it is not nil,
// and returns what they found. It ends early with ctx.
func Run(ctx context.Context, o Options, w Watcher) (all []Finding) {
	s := newSubject(ctx, o)
	for _, c := range checks {
		if ctx.Err() != nil {
			break
		}
		if w != nil {
			w.Begin(c.name)
		}
		for _, f := range c.run(ctx, s) {
			f.Check, f.Text, f.Remedy = c.name, printable(f.Text), printable(f.Remedy)
			all = append(all, f)
			if w != nil {
				w.Found(f)
			}
		}
	}
	return all
}

// run waits for a check as long as it may take. One that hangs, on a dead network
// file system perhaps, is left behind.
func (c check) run(ctx context.Context, s *subject) []Finding {
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	done := make(chan []Finding, 1)
	go func() { done <- c.look(ctx, s) }()
	select {
	case found := <-done:
		return found
	case <-ctx.Done():
		return only(failure("see what is slow there: a dying card, a file system on the network, a machine under load", "no result: %v", ctx.Err()))
	}
}

func ok(format string, args ...any) Finding {
	return Finding{State: OK, Text: fmt.Sprintf(format, args...)}
}

func warning(remedy, format string, args ...any) Finding {
	return Finding{State: Warning, Text: fmt.Sprintf(format, args...), Remedy: remedy}
}

func failure(remedy, format string, args ...any) Finding {
	return Finding{State: Failure, Text: fmt.Sprintf(format, args...), Remedy: remedy}
}

func only(f Finding) []Finding { return []Finding{f} }

// told is a failure by an error of ours: what it says behind the last semicolon
// is the remedy.
func told(err error, otherwise string) Finding {
	text, remedy := strings.TrimSpace(err.Error()), otherwise
	if i := strings.LastIndex(text, "; "); i > 0 {
		text, remedy = text[:i], text[i+2:]
	}
	return failure(remedy, "%s", text)
}

// printable keeps what comes from files and peers from steering a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
}
