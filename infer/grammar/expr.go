package grammar

import "github.com/a472be26/cusp/infer/grammar/regular"

// expr is what a rule stands for. The kinds are the types below.
type expr interface{}

type (
	text  string      // these bytes
	class regular.Set // one of these code points, as UTF-8
	seq   []expr      // one after the other; none: the empty text
	alt   []expr      // one of them; none: nothing fits
	ref   int         // the rule of this number

	// repeat is x from min to max times; a negative max is no bound.
	repeat struct {
		x        expr
		min, max int
	}
	// plain is a text of an automaton, as UTF-8.
	plain struct{ dfa regular.DFA }
	// quoted is a JSON string, with its quotes, whose value is of an automaton.
	// Only characters that need an escape have one, until the automaton accepts
	// everything: the rest is rule rest, which ends with the closing quote.
	quoted struct {
		dfa  regular.DFA
		rest int
	}
	// counted is x from min to max times between two texts that are not empty
	// and of which the last does not begin like an x. x is a prefix code: no text
	// of x begins with another. It needs as many states as one x.
	counted struct {
		before, after text
		x             expr
		min, max      int
	}
)

// graph is the texts on the ways from place 0 to place 1.
type graph struct {
	places int
	edges  []graphEdge
}

type graphEdge struct {
	from, to int
	x        expr
}

// place adds one.
func (g *graph) place() int {
	g.places = max(g.places, 2) + 1
	return g.places - 1
}

func (g *graph) edge(from, to int, x ...expr) {
	g.edges = append(g.edges, graphEdge{from, to, seq(x)})
}

// rule is a named expression.
type rule struct {
	name string
	body expr
	// called: never copied to where it is used, as many places use it.
	called bool
}

// Grammar is the set of texts that a GBNF grammar or a JSON Schema allows, ready
// for any vocabulary. It does not change and may be shared.
type Grammar struct{ program *program }

// facts are what is known of the rules before they are compiled.
type facts struct {
	nullable []bool // the empty text fits
	inline   []bool // copied to where it is used
}

// Rules that are copied instead of called: small ones, and ones of a few texts.
const (
	inlineAny   = 8
	inlineFinal = 48
)

func analyze(rules []rule) facts {
	f := facts{make([]bool, len(rules)), make([]bool, len(rules))}
	for changed := true; changed; {
		changed = false
		for i, r := range rules {
			if !f.nullable[i] && f.empty(r.body) {
				f.nullable[i], changed = true, true
			}
		}
	}
	// A rule is copied only if those that it uses are copied too, so that there
	// are no circles.
	for changed := true; changed; {
		changed = false
		for i, r := range rules {
			if f.inline[i] || r.called {
				continue
			}
			if n, loops, ok := f.size(rules, r.body); ok && (n <= inlineAny || !loops && n <= inlineFinal) {
				f.inline[i], changed = true, true
			}
		}
	}
	return f
}

// empty reports whether the empty text fits, as far as it is known.
func (f *facts) empty(e expr) bool {
	switch e := e.(type) {
	case text:
		return e == ""
	case seq:
		for _, x := range e {
			if !f.empty(x) {
				return false
			}
		}
		return true
	case alt:
		for _, x := range e {
			if f.empty(x) {
				return true
			}
		}
	case ref:
		return f.nullable[e]
	case repeat:
		return e.min == 0 || f.empty(e.x)
	case plain:
		return !e.dfa.Empty() && e.dfa[0].Accept
	}
	return false
}

// size estimates the states of an expression, or says that it must not be
// copied. loops: its texts have no longest one.
func (f *facts) size(rules []rule, e expr) (n int, loops, ok bool) {
	const much = inlineFinal + 1
	var parts []expr
	switch e := e.(type) {
	case text:
		return len(e), false, true
	case class:
		return 1, false, true
	case seq:
		parts = e
	case alt:
		parts = e
	case ref:
		if !f.inline[e] {
			return 0, false, false
		}
		return f.size(rules, rules[e].body)
	case repeat:
		n, loops, ok = f.size(rules, e.x)
		return n * max(1, min(much, max(e.min, e.max))), loops || e.max < 0, ok
	default:
		return 0, false, false
	}
	ok = true
	for _, x := range parts {
		m, l, fine := f.size(rules, x)
		n, loops, ok = min(n+m, much), loops || l, ok && fine
		if !ok {
			break
		}
	}
	return n, loops, ok
}
