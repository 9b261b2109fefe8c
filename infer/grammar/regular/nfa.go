package regular

import (
	"encoding/binary"
	"slices"
)

// maxNodes bounds the nondeterministic automaton of a regular expression.
const maxNodes = 1 << 15

// nfa is a nondeterministic automaton that starts in node 0.
type nfa struct {
	nodes   []node
	final   int
	tooBig  bool
	visited []int // by node: the closure that last reached it
	closure int
}

type node struct {
	eps   []int  // may be gone to without a rune
	begin []int  // as eps, but only before the first rune
	end   []int  // as eps, but only after the last rune
	edges []Edge // not disjoint
}

func newNFA() *nfa { return &nfa{nodes: make([]node, 1)} }

// node adds one. Beyond the bound it returns node 0, and determinize will say so.
func (n *nfa) node() int {
	if len(n.nodes) >= maxNodes {
		n.tooBig = true
		return 0
	}
	n.nodes = append(n.nodes, node{})
	return len(n.nodes) - 1
}

func (n *nfa) eps(from, to int) { n.nodes[from].eps = append(n.nodes[from].eps, to) }

func (n *nfa) edge(from int, r Range, to int) {
	n.nodes[from].edges = append(n.nodes[from].edges, Edge{r, to})
}

// determinizeWork bounds the nodes looked at in all.
const determinizeWork = 1 << 24

// determinize is the subset construction.
func (n *nfa) determinize() (DFA, error) {
	if n.tooBig {
		return nil, ErrTooLarge
	}
	n.visited = make([]int, len(n.nodes))
	start := n.reach([]int{0}, true, false)
	sets, index := [][]int{start}, map[string]int{"start": 0}
	var d DFA
	work := 0
	for at := 0; at < len(sets); at++ {
		set := sets[at]
		ends := n.reach(set, at == 0, true)
		s := State{Accept: slices.Contains(ends, n.final)}
		lists := make([][]Edge, len(set))
		for i, x := range set {
			lists[i] = n.nodes[x].edges
		}
		for _, r := range cuts(lists...) {
			next := n.reach(targets(lists, r.Lo), false, false)
			work += len(next) + len(set)
			key := setKey(next)
			to, known := index[key]
			if !known {
				to = len(sets)
				index[key], sets = to, append(sets, next)
			}
			s.Edges = append(s.Edges, Edge{r, to})
		}
		if len(sets) > MaxStates || work > determinizeWork {
			return nil, ErrTooLarge
		}
		d = append(d, s)
	}
	return d.Minimize(), nil
}

func targets(lists [][]Edge, r rune) (to []int) {
	for _, edges := range lists {
		for _, e := range edges {
			if e.Lo <= r && r <= e.Hi {
				to = append(to, e.To)
			}
		}
	}
	return to
}

// reach is the nodes that can be gone to from some without a rune, sorted.
func (n *nfa) reach(from []int, begin, end bool) []int {
	n.closure++
	var found []int
	add := func(nodes []int) {
		for _, x := range nodes {
			if n.visited[x] != n.closure {
				n.visited[x] = n.closure
				found = append(found, x)
			}
		}
	}
	add(from)
	for i := 0; i < len(found); i++ {
		x := &n.nodes[found[i]]
		add(x.eps)
		if begin {
			add(x.begin)
		}
		if end {
			add(x.end)
		}
	}
	slices.Sort(found)
	return found
}

func setKey(set []int) string {
	key := make([]byte, 0, 2*len(set))
	for _, x := range set {
		key = binary.AppendUvarint(key, uint64(x))
	}
	return string(key)
}
