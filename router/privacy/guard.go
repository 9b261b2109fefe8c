package privacy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/match"
)

// Rule makes the questions that it matches private.
type Rule struct {
	Name string `toml:"name"` // for receipts
	match.Rule
}

// Options of [New].
type Options struct {
	Rules   []Rule
	Modes   Modes
	MaxText int    // bytes of text that a question may have to leave the device, 1 MiB
	Vault   *Vault // nil: mappings are in memory only, and nothing survives a restart
	Log     *slog.Logger
}

// DefaultMaxText is as much as a question has room for on its way.
const DefaultMaxText = 1 << 20

// Guard is a [router.Guard].
type Guard struct {
	o     Options
	rules []rule
}

type rule struct {
	name string
	*match.Matcher
}

var _ router.Guard = (*Guard)(nil)

// New compiles the rules. Every error names its rule.
func New(o Options) (*Guard, error) {
	if o.MaxText <= 0 {
		o.MaxText = DefaultMaxText
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	g := &Guard{o: o}
	var errs []error
	for i, r := range o.Rules {
		m, err := match.New(r.Rule)
		if err != nil {
			errs = append(errs, fmt.Errorf("rule %d (%q): %w", i+1, r.Name, err))
		}
		g.rules = append(g.rules, rule{r.Name, m})
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return g, nil
}

// Screen implements [router.Guard]. Whatever goes wrong in it keeps the question.
func (g *Guard) Screen(q router.Question) (s router.Screened) {
	defer func() {
		if p := recover(); p != nil {
			g.o.Log.Error("screening a question panicked; it stays on the device", "id", q.ID)
			s = router.Screened{Stays: router.ReasonUnredacted, Detail: "the search for personal data failed"}
		}
	}()
	if name, private := g.taint(q); private {
		return router.Screened{Stays: router.ReasonPrivateRule, Detail: "rule " + name}
	}
	r := g.read(q)
	switch {
	case r.err != nil:
		return router.Screened{Stays: router.ReasonUnredacted, Detail: r.err.Error()}
	case len(r.private) > 0:
		return router.Screened{Stays: router.ReasonPrivateData, Detail: "found: " + names(r.private)}
	case len(r.order) == 0:
		return router.Screened{}
	}
	return router.Screened{Redactions: r.counts(), Veil: func(c router.Cloud) router.Cloud { return veiled{c, g, r} }}
}

// taint is the first rule that makes q private.
func (g *Guard) taint(q router.Question) (name string, private bool) {
	if len(g.rules) == 0 {
		return "", false
	}
	s := subject(q)
	for _, r := range g.rules {
		if r.Match(s) {
			return r.name, true
		}
	}
	return "", false
}

// read finds what is to be hidden in a question.
func (g *Guard) read(q router.Question) *redaction {
	r := newRedaction(g.o.Modes, g.o.MaxText)
	r.learnQuestion(q)
	if r.err == nil {
		r.name()
	}
	return r
}

func (r *redaction) learnQuestion(q router.Question) {
	reader := pen{
		text: func(s string) string { r.learn(s); return s },
		json: func(s string) string { r.learnJSON(s); return s },
	}
	reader.question(q)
	r.checkNames(append(toolsOf(q), offered(q)...))
}

// names are categories in a fixed order.
func names(all map[Category]bool) string {
	var list []string
	for c := range all {
		list = append(list, string(c))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// Cloud is c for whoever asks it without a router, and once more for the router:
// what is not behind a veil is screened, and stays if it must.
func (g *Guard) Cloud(c router.Cloud) router.Cloud { return screening{c, g} }

type screening struct {
	router.Cloud
	guard *Guard
}

// Ask implements [router.Cloud].
func (s screening) Ask(ctx context.Context, q router.Question, emit func(string) error) (router.CloudAnswer, error) {
	if q.Redacted {
		return s.Cloud.Ask(ctx, q, emit)
	}
	switch v := s.guard.Screen(q); {
	case v.Stays != "":
		return router.CloudAnswer{}, fmt.Errorf("%w: %s", router.ErrWithheld, v.Detail)
	case v.Veil != nil:
		return v.Veil(s.Cloud).Ask(ctx, q, emit)
	}
	return s.Cloud.Ask(ctx, q, emit)
}

// veiled is a cloud that sees placeholders.
type veiled struct {
	router.Cloud
	guard *Guard
	r     *redaction
}

// Ask keeps what the placeholders stand for, asks with them, and restores the answer.
func (v veiled) Ask(ctx context.Context, q router.Question, emit func(string) error) (router.CloudAnswer, error) {
	// 1. Put placeholders, and keep what they stand for: what comes back after a
	// restart must find it.
	hidden := pen{v.r.hide, v.r.hideJSON}.question(q)
	hidden.Redacted = true
	if v.r.err != nil {
		return router.CloudAnswer{}, fmt.Errorf("%w: %w", router.ErrWithheld, v.r.err)
	}
	if err := v.guard.o.Vault.Put(q.ID, v.r.Mapping); err != nil {
		if errors.Is(err, errTaken) {
			return router.CloudAnswer{}, fmt.Errorf("%w: %w", router.ErrRefused, err)
		}
		return router.CloudAnswer{}, fmt.Errorf("%w: %w", router.ErrWithheld, err)
	}

	// 2. Ask.
	out := v.r.Mapping.stream(wantsJSON(q))
	a, err := v.Cloud.Ask(ctx, hidden, restoring(out, emit))

	// 3. The mapping has served when the question is done with.
	if err == nil || errors.Is(err, router.ErrExpired) || errors.Is(err, router.ErrRefused) {
		v.guard.Forget(q.ID)
	}
	if err != nil {
		return a, err
	}
	if rest := out.end(); rest != "" && emit != nil {
		if err := emit(rest); err != nil {
			return a, err
		}
	}
	return v.r.Mapping.answer(q, a), nil
}

// restoring is emit behind a stream, nil if there is none.
func restoring(s *stream, emit func(string) error) func(string) error {
	if emit == nil {
		return nil
	}
	return func(piece string) error {
		if shown := s.add(piece); shown != "" {
			return emit(shown)
		}
		return nil
	}
}
