package grammar

import (
	"github.com/a472be26/cusp/infer/grammar/regular"
)

// nfa is the nondeterministic automaton of one rule, over bytes and other rules.
// It starts in node 0 and ends in node 1.
type nfa struct {
	c     *compiler
	nodes []nfaNode
	tails map[tail]int32 // shared ends of UTF-8 sequences
}

type nfaNode struct {
	eps   []int32
	bytes []byteEdge
	calls []call
}

type byteEdge struct {
	byteRange
	to int32
}

// call is a rule on the way to a node.
type call struct{ rule, to int32 }

type tail struct {
	byteRange
	to int32
}

const nfaStart, nfaEnd = 0, 1

func newNFA(c *compiler) *nfa {
	return &nfa{c: c, nodes: make([]nfaNode, 2), tails: map[tail]int32{}}
}

// node adds one. Beyond the bound it returns the start, and the compiler knows.
func (n *nfa) node() int32 {
	if !n.c.spend(1) {
		return nfaStart
	}
	n.nodes = append(n.nodes, nfaNode{})
	return int32(len(n.nodes) - 1)
}

func (n *nfa) eps(from, to int32) {
	if n.c.spend(1) {
		n.nodes[from].eps = append(n.nodes[from].eps, to)
	}
}

func (n *nfa) edge(from int32, r byteRange, to int32) {
	if n.c.spend(1) {
		n.nodes[from].bytes = append(n.nodes[from].bytes, byteEdge{r, to})
	}
}

// call goes through a rule. That it may be passed by is said with an edge of its
// own, so that rules never fit the empty text.
func (n *nfa) call(from int32, rule int, to int32) {
	if n.c.spend(1) {
		n.nodes[from].calls = append(n.nodes[from].calls, call{int32(rule), to})
	}
	if n.c.nullable[rule] {
		n.eps(from, to)
	}
	n.c.need(rule)
}

// add puts an expression between two nodes.
func (n *nfa) add(e expr, from, to int32) {
	if n.c.spent {
		return
	}
	switch e := e.(type) {
	case text:
		n.text(e, from, to)
	case class:
		n.class(regular.Set(e), from, to)
	case seq:
		for i, x := range e {
			next := to
			if i < len(e)-1 {
				next = n.node()
			}
			n.add(x, from, next)
			from = next
		}
		if len(e) == 0 {
			n.eps(from, to)
		}
	case alt:
		for _, x := range e {
			n.add(x, from, to)
		}
	case ref:
		if n.c.inline[e] {
			n.isolated(n.c.rules[e].body, from, to)
		} else {
			n.call(from, int(e), to)
		}
	case repeat:
		n.repeat(e, from, to)
	case plain:
		n.plain(e, from, to)
	case quoted:
		n.quoted(e, from, to)
	case *graph:
		n.graph(e, from, to)
	case counted:
		n.call(from, n.c.counted(e), to)
	}
}

// isolated puts an expression between two nodes so that no loop in it can go
// around through them.
func (n *nfa) isolated(e expr, from, to int32) {
	start, end := n.node(), n.node()
	n.eps(from, start)
	n.add(e, start, end)
	n.eps(end, to)
}

func (n *nfa) text(t text, from, to int32) {
	if t == "" {
		n.eps(from, to)
	}
	for i := range len(t) {
		next := to
		if i < len(t)-1 {
			next = n.node()
		}
		n.edge(from, byteRange{t[i], t[i]}, next)
		from = next
	}
}

func (n *nfa) class(set regular.Set, from, to int32) {
	utf8Ranges(set, func(ranges []byteRange) {
		at := to
		for i := len(ranges) - 1; i > 0; i-- {
			at = n.tail(ranges[i], at)
		}
		n.edge(from, ranges[0], at)
	})
}

// tail is a node from which one range leads to another node.
func (n *nfa) tail(r byteRange, to int32) int32 {
	if at, ok := n.tails[tail{r, to}]; ok {
		return at
	}
	at := n.node()
	n.edge(at, r, to)
	n.tails[tail{r, to}] = at
	return at
}

// manyCopies is how many states a repetition may have before it is counted, if
// it can be.
const manyCopies = 256

func (n *nfa) repeat(r repeat, from, to int32) {
	if copies := max(r.min, r.max); copies > 1 {
		rule, known := n.c.counts(r, copies)
		if known {
			n.call(from, rule, to)
			return
		}
	}
	at := n.node()
	n.eps(from, at)
	for range r.min {
		next := n.node()
		n.isolated(r.x, at, next)
		if at = next; n.c.spent {
			return
		}
	}
	if r.max < 0 {
		n.isolated(r.x, at, at)
	}
	for range r.max - r.min {
		next := n.node()
		n.eps(at, to)
		n.isolated(r.x, at, next)
		if at = next; n.c.spent {
			return
		}
	}
	n.eps(at, to)
}

func (n *nfa) plain(p plain, from, to int32) {
	at := n.dfaNodes(p.dfa, from)
	for i, s := range p.dfa {
		for _, e := range s.Edges {
			n.class(regular.Set{e.Range}, at[i], at[e.To])
		}
		if s.Accept {
			n.eps(at[i], to)
		}
	}
}

func (n *nfa) graph(g *graph, from, to int32) {
	at := make([]int32, max(2, g.places))
	for i := range at {
		at[i] = n.node()
	}
	n.eps(from, at[0])
	n.eps(at[1], to)
	for _, e := range g.edges {
		n.isolated(e.x, at[e.from], at[e.to])
	}
}

func (n *nfa) dfaNodes(d regular.DFA, from int32) []int32 {
	at := make([]int32, len(d))
	for i := range at {
		at[i] = n.node()
	}
	if len(at) > 0 {
		n.eps(from, at[0])
	}
	return at
}

func (n *nfa) quoted(q quoted, from, to int32) {
	open := n.node()
	n.edge(from, byteRange{'"', '"'}, open)
	at := n.dfaNodes(q.dfa, open)
	for i, s := range q.dfa {
		if q.dfa.Free(i) {
			n.call(at[i], q.rest, to)
			continue
		}
		escape := n.node()
		n.edge(at[i], byteRange{'\\', '\\'}, escape)
		for _, e := range s.Edges {
			n.jsonRunes(e.Range, at[i], escape, at[e.To])
		}
		if s.Accept {
			n.edge(at[i], byteRange{'"', '"'}, to)
		}
	}
}

// unescaped are the runes that may stand in a JSON string as they are.
var unescaped = regular.Runes(regular.Range{Lo: ' ', Hi: '!'}, regular.Range{Lo: '#', Hi: '['}, regular.Range{Lo: ']', Hi: 0x10FFFF})

// shortEscapes are the letters for runes that must be escaped and have one.
var shortEscapes = map[rune]byte{'"': '"', '\\': '\\', '\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't'}

// jsonRunes adds the runes of a range in a JSON string. escape is where a
// backslash led to.
func (n *nfa) jsonRunes(r regular.Range, from, escape, to int32) {
	set := regular.Set{r}
	n.class(set.And(unescaped), from, to)
	for _, special := range set.And(unescaped.Not()) {
		for c := special.Lo; c <= special.Hi; c++ {
			if letter, ok := shortEscapes[c]; ok {
				n.edge(escape, byteRange{letter, letter}, to)
			} else {
				n.add(seq{text("u00" + string("01"[c>>4])), hexDigit(byte(c & 15))}, escape, to)
			}
		}
	}
}

// hexDigit is one of a value, in both cases.
func hexDigit(v byte) expr {
	const lower, upper = "0123456789abcdef", "0123456789ABCDEF"
	return class(regular.Of(lower[v:v+1] + upper[v:v+1]))
}
