// Package regular has sets of strings that a finite automaton can tell apart:
// from words, from the regular expressions of JSON Schema, and from each other.
//
// The automata are deterministic and read Unicode scalar values. Every state of
// one can still reach an accepted string, so a reader that is not refused is on
// the way to one. None has more than [MaxStates] states: what would need more is
// the error [ErrTooLarge].
package regular

import (
	"errors"
	"slices"
)

// MaxStates bounds an automaton.
const MaxStates = 1 << 13

// ErrTooLarge says that an automaton would need more than MaxStates states.
var ErrTooLarge = errors.New("the pattern needs an automaton of more than 8192 states")

// DFA is a set of strings: states, of which the first is the start. One without
// states is the empty set.
type DFA []State

// State is what an automaton knows of the runes it has read.
type State struct {
	Accept bool
	Edges  []Edge // sorted and disjoint; any other rune is refused
}

// Edge is the runes that lead to a state.
type Edge struct {
	Range
	To int
}

// Anything accepts every string.
func Anything() DFA { return repeated(0, -1) }

// Length accepts the strings of min to max runes; a negative max is no bound.
func Length(min, max int) (DFA, error) {
	if min >= MaxStates || max >= MaxStates {
		return nil, ErrTooLarge
	}
	return repeated(min, max), nil
}

func repeated(min, max int) DFA {
	var d DFA
	last := max
	if max < 0 {
		last = min
	}
	for i := 0; i <= last; i++ {
		s := State{Accept: i >= min}
		if i < last {
			s.Edges = anyRune(i + 1)
		} else if max < 0 {
			s.Edges = anyRune(i)
		}
		d = append(d, s)
	}
	return d
}

func anyRune(to int) []Edge {
	edges := make([]Edge, len(All))
	for i, r := range All {
		edges[i] = Edge{r, to}
	}
	return edges
}

// Words accepts exactly the given strings.
func Words(words ...string) (DFA, error) {
	b := newNFA()
	end := b.node()
	for _, w := range words {
		at := b.node()
		b.eps(0, at)
		for _, r := range w {
			next := b.node()
			b.edge(at, Range{r, r}, next)
			at = next
		}
		b.eps(at, end)
	}
	b.final = end
	return b.determinize()
}

// Match reports whether the automaton accepts a string.
func (d DFA) Match(text string) bool {
	if len(d) == 0 {
		return false
	}
	at := 0
	for _, r := range text {
		if at = d[at].next(r); at < 0 {
			return false
		}
	}
	return d[at].Accept
}

func (s State) next(r rune) int {
	for _, e := range s.Edges {
		if e.Lo <= r && r <= e.Hi {
			return e.To
		}
	}
	return -1
}

// Empty reports whether the automaton accepts nothing.
func (d DFA) Empty() bool { return len(d) == 0 }

// Free reports whether every string is accepted from a state on.
func (d DFA) Free(state int) bool {
	s := d[state]
	if !s.Accept || len(s.Edges) != len(All) {
		return false
	}
	for i, e := range s.Edges {
		if e.Range != All[i] || e.To != state {
			return false
		}
	}
	return true
}

// Build explores an automaton from a description: the states are values, step
// says where a rune leads, or that it is refused. The runes of one range of the
// alphabet all lead to the same state.
func Build[S comparable](start S, alphabet []Range, step func(S, rune) (S, bool), accept func(S) bool) (DFA, error) {
	index, order := map[S]int{start: 0}, []S{start}
	var d DFA
	for at := 0; at < len(order); at++ {
		s := State{Accept: accept(order[at])}
		for _, r := range alphabet {
			next, ok := step(order[at], r.Lo)
			if !ok {
				continue
			}
			to, known := index[next]
			if !known {
				to = len(order)
				index[next], order = to, append(order, next)
			}
			s.Edges = append(s.Edges, Edge{r, to})
		}
		if len(order) > MaxStates {
			return nil, ErrTooLarge
		}
		d = append(d, s)
	}
	return d.Minimize(), nil
}

// And accepts what both accept.
func (d DFA) And(e DFA) (DFA, error) {
	return product(d, e, func(a, b bool) bool { return a && b })
}

// Or accepts what at least one accepts.
func (d DFA) Or(e DFA) (DFA, error) {
	return product(d, e, func(a, b bool) bool { return a || b })
}

// Minus accepts what the first accepts and the second does not.
func (d DFA) Minus(e DFA) (DFA, error) {
	return product(d, e, func(a, b bool) bool { return a && !b })
}

type pair struct{ a, b int } // -1: refused already

// product runs two automata side by side.
func product(d, e DFA, accept func(a, b bool) bool) (DFA, error) {
	start := pair{0, 0}
	if len(d) == 0 {
		start.a = -1
	}
	if len(e) == 0 {
		start.b = -1
	}
	index, order := map[pair]int{start: 0}, []pair{start}
	var out DFA
	for at := 0; at < len(order); at++ {
		p := order[at]
		a, b := d.at(p.a), e.at(p.b)
		s := State{Accept: accept(a.Accept, b.Accept)}
		for _, r := range cuts(a.Edges, b.Edges) {
			next := pair{a.next(r.Lo), b.next(r.Lo)}
			// Where no combination of the two can be accepted any more is a dead end.
			if next.a < 0 && !accept(false, true) || next.b < 0 && !accept(true, false) {
				continue
			}
			to, known := index[next]
			if !known {
				to = len(order)
				index[next], order = to, append(order, next)
			}
			s.Edges = append(s.Edges, Edge{r, to})
		}
		if len(order) > MaxStates {
			return nil, ErrTooLarge
		}
		out = append(out, s)
	}
	return out.Minimize(), nil
}

func (d DFA) at(i int) State {
	if i < 0 {
		return State{}
	}
	return d[i]
}

// cuts divides the runes that some edge has into ranges that lie wholly inside
// or outside every edge.
func cuts(lists ...[]Edge) []Range {
	var ranges []Range
	var starts []rune
	for _, edges := range lists {
		for _, e := range edges {
			ranges = append(ranges, e.Range)
			starts = append(starts, e.Lo, e.Hi+1)
		}
	}
	slices.Sort(starts)
	starts = slices.Compact(starts)
	var out []Range
	for _, r := range Runes(ranges...) {
		i, _ := slices.BinarySearch(starts, r.Lo)
		for lo := r.Lo; lo <= r.Hi; {
			hi := r.Hi
			for i < len(starts) && starts[i] <= lo {
				i++
			}
			if i < len(starts) {
				hi = min(hi, starts[i]-1)
			}
			out = append(out, Range{lo, hi})
			lo = hi + 1
		}
	}
	return out
}
