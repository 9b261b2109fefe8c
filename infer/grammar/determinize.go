package grammar

import (
	"encoding/binary"
	"maps"
	"slices"
)

// fsm is the deterministic automaton of one rule, over bytes and other rules. It
// starts in state 0, which does not accept: the empty text is the callers'
// affair.
type fsm struct {
	states []fsmState
	loop   *loop // of a counted rule
}

type fsmState struct {
	accept bool
	kind   kind
	bytes  []byteEdge // sorted and disjoint
	calls  []call     // sorted by rule, each once
}

// final reports whether nothing can follow in the rule.
func (s *fsmState) final() bool { return s.accept && len(s.bytes) == 0 && len(s.calls) == 0 }

// determinize is the subset construction. A start that must not accept, but is
// come back to, gets a state of its own.
func (n *nfa) determinize(nullable bool) fsm {
	d := &determinizer{n: n, visited: make([]int32, len(n.nodes)), index: map[string]int32{}, single: map[int32]int32{}}
	start := d.reach([]int32{nfaStart})
	if nullable {
		d.sets = append(d.sets, start)
		d.n.c.spendState()
	} else {
		d.state(start)
	}
	var out fsm
	for at := 0; at < len(d.sets) && !n.c.spent; at++ {
		s := d.edges(d.sets[at])
		s.accept = s.accept && !(at == 0 && nullable)
		out.states = append(out.states, s)
	}
	return out
}

type determinizer struct {
	n       *nfa
	visited []int32 // by node: the closure that last reached it
	closure int32
	index   map[string]int32
	sets    [][]int32
	single  map[int32]int32 // states of single nodes: most are come to often
	key     []byte
}

// reach is the nodes that matter among those that can be gone to without a byte.
func (d *determinizer) reach(from []int32) []int32 {
	d.closure++
	var queue, found []int32
	add := func(nodes []int32) {
		for _, x := range nodes {
			if d.visited[x] != d.closure {
				d.visited[x] = d.closure
				queue = append(queue, x)
			}
		}
	}
	add(from)
	for i := 0; i < len(queue); i++ {
		node := &d.n.nodes[queue[i]]
		if queue[i] == nfaEnd || len(node.bytes)+len(node.calls) > 0 {
			found = append(found, queue[i])
		}
		add(node.eps)
	}
	d.n.c.spendWork(len(queue))
	slices.Sort(found)
	return found
}

// after is the state of what can be gone to from some nodes without a byte.
func (d *determinizer) after(to []int32) int32 {
	if len(to) != 1 {
		return d.state(d.reach(to))
	}
	at, ok := d.single[to[0]]
	if !ok {
		at = d.state(d.reach(to))
		d.single[to[0]] = at
	}
	return at
}

func (d *determinizer) state(set []int32) int32 {
	d.key = d.key[:0]
	for _, x := range set {
		d.key = binary.AppendUvarint(d.key, uint64(x))
	}
	if at, ok := d.index[string(d.key)]; ok {
		return at
	}
	at := int32(len(d.sets))
	d.index[string(d.key)] = at
	d.sets = append(d.sets, set)
	d.n.c.spendState()
	return at
}

func (d *determinizer) edges(set []int32) (s fsmState) {
	var on [257]bool // bytes at which something begins or has ended
	calls := map[int32][]int32{}
	for _, x := range set {
		node := &d.n.nodes[x]
		s.accept = s.accept || x == nfaEnd
		for _, e := range node.bytes {
			on[e.lo], on[int(e.hi)+1] = true, true
		}
		for _, c := range node.calls {
			calls[c.rule] = append(calls[c.rule], c.to)
		}
	}
	for lo := 0; lo < 256; {
		hi := lo
		for hi < 255 && !on[hi+1] {
			hi++
		}
		var to []int32
		for _, x := range set {
			for _, e := range d.n.nodes[x].bytes {
				if int(e.lo) <= lo && lo <= int(e.hi) {
					to = append(to, e.to)
				}
			}
		}
		if len(to) > 0 {
			s.bytes = appendEdge(s.bytes, byteEdge{byteRange{byte(lo), byte(hi)}, d.after(to)})
		}
		lo = hi + 1
	}
	for _, rule := range slices.Sorted(maps.Keys(calls)) {
		s.calls = append(s.calls, call{rule, d.after(calls[rule])})
	}
	return s
}

// appendEdge puts an edge to its neighbour if both lead to the same state.
func appendEdge(edges []byteEdge, e byteEdge) []byteEdge {
	if last := len(edges) - 1; last >= 0 && edges[last].to == e.to && edges[last].hi+1 == e.lo {
		edges[last].hi = e.hi
		return edges
	}
	return append(edges, e)
}
