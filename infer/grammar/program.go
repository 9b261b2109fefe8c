package grammar

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// program is all rules as one pushdown automaton over bytes. A node is a state
// of a rule. What a rule's end returns to are nodes on a stack.
//
// From every node and stack some text can still be finished.
type program struct {
	nodes   []progNode
	rows    [][]int32 // by byte class: of nodes with many edges
	class   [256]uint8
	actions [][]action
	loops   []loop
	rules   []progRule
	start   int32
	empty   bool // the empty text fits
}

type progNode struct {
	edges  []progEdge // sorted and disjoint
	row    int32      // of rows, or none
	rule   int32
	loop   int32 // of loops: of the rule, or none
	need   int32 // frames that the way to the rule's end takes at least
	kind   kind
	accept bool // the rule may end here; a head: if it was turned often enough
}

// progEdge is the bytes for what to do: a node to go to, or the complement of an
// index of actions.
type progEdge struct {
	byteRange
	do int32
}

// action goes into rules and to a node in the last of them.
type action struct {
	returns []int32 // nodes to return to, the outermost first
	to      int32
	count   int32 // turns that are done at to
}

type progRule struct {
	base   int32    // its first node, the start
	follow byteSet  // bytes that may come after its end
	key    [32]byte // what it is, if it is a leaf: the same in all grammars
	leaf   bool     // it calls no rule
	open   bool     // it may end where it may also go on
}

type byteSet [4]uint64

func (s *byteSet) has(b byte) bool { return s[b>>6]>>(b&63)&1 != 0 }

func (s *byteSet) add(r byteRange) {
	for b := int(r.lo); b <= int(r.hi); b++ {
		s[b>>6] |= 1 << (b & 63)
	}
}

// or adds another set, and reports whether that changed anything.
func (s *byteSet) or(t *byteSet) (changed bool) {
	for i := range s {
		changed = changed || t[i]&^s[i] != 0
		s[i] |= t[i]
	}
	return changed
}

const (
	none = -1
	dead = math.MinInt32 // in a row: the byte is refused
	// manyEdges is from how many edges on a node gets a row.
	manyEdges = 4
)

// linker makes a program of a compiler's automata.
type linker struct {
	*compiler
	p    *program
	base []int32    // by rule
	fsm  []fsmState // by node
	need []int32    // by node: frames that the way to the rule's end takes, or none
	made []bool     // by rule: some text fits
	sum  int        // actions and pushes so far
}

func link(c *compiler) (*program, error) {
	l := &linker{compiler: c, p: &program{empty: c.nullable[0]}}
	l.number()
	l.findNeeds()
	switch {
	case !l.made[0] && !l.p.empty:
		return nil, errNoText
	case l.need[l.base[0]] > MaxDepth:
		return nil, fmt.Errorf("grammar: every text nests more than %d rules", MaxDepth)
	}
	l.dropBad()
	for i, need := range l.need {
		l.p.nodes[i].need = max(0, need)
	}
	l.p.start = l.base[0]
	l.classes()
	for i := range l.p.nodes {
		if l.edges(int32(i)); l.sum > maxEdges {
			return nil, errTooLarge
		}
	}
	l.follow()
	return l.p, nil
}

// number lays the states of all rules one behind the other.
func (l *linker) number() {
	l.base = make([]int32, len(l.rules))
	for i := range l.fsms {
		f, base := &l.fsms[i], int32(len(l.fsm))
		l.base[i] = base
		loopAt := int32(none)
		if f.loop != nil {
			loopAt = int32(len(l.p.loops))
			l.p.loops = append(l.p.loops, *f.loop)
		}
		l.p.rules = append(l.p.rules, progRule{base: base, key: f.key(), leaf: f.leaf(), open: f.open()})
		for _, s := range f.states {
			s.bytes, s.calls = slices.Clone(s.bytes), slices.Clone(s.calls)
			for j := range s.bytes {
				s.bytes[j].to += base
			}
			for j := range s.calls {
				s.calls[j].to += base
			}
			l.fsm = append(l.fsm, s)
			l.p.nodes = append(l.p.nodes, progNode{rule: int32(i), loop: loopAt, kind: s.kind, accept: s.accept, row: none})
		}
	}
}

func (f *fsm) leaf() bool {
	return !slices.ContainsFunc(f.states, func(s fsmState) bool { return len(s.calls) > 0 })
}

func (f *fsm) open() bool {
	return slices.ContainsFunc(f.states, func(s fsmState) bool { return s.accept && !s.final() })
}

// key tells leaves apart by what they do, but for how often a loop is turned.
func (f *fsm) key() [32]byte {
	var all []byte
	for _, s := range f.states {
		all = append(all, byte(s.kind), 0)
		if s.accept {
			all[len(all)-1] = 1
		}
		all = binary.AppendUvarint(all, uint64(len(s.bytes)))
		for _, e := range s.bytes {
			all = append(all, e.lo, e.hi)
			all = binary.AppendUvarint(all, uint64(e.to))
		}
	}
	return sha256.Sum256(all)
}

// site is a call in a rule.
type site struct{ from, to, rule int32 }

// findNeeds finds for each node how many frames the way to its rule's end takes
// at least, in rising order: a node is settled when it is reached first. Nodes
// that are not reached have no such way.
func (l *linker) findNeeds() {
	back, into, of := make([][]int32, len(l.fsm)), make([][]site, len(l.fsm)), make([][]site, len(l.rules))
	l.need, l.made = slices.Repeat([]int32{none}, len(l.fsm)), make([]bool, len(l.rules))
	levels := make([][]int32, 1) // nodes by need; some are settled before
	reach := func(n, need int32) {
		if l.need[n] == none {
			for int(need) >= len(levels) {
				levels = append(levels, nil)
			}
			levels[need] = append(levels[need], n)
		}
	}
	for i, s := range l.fsm {
		from := int32(i)
		for _, e := range s.bytes {
			back[e.to] = append(back[e.to], from)
		}
		for _, c := range s.calls {
			into[c.to] = append(into[c.to], site{from, c.to, c.rule})
			of[c.rule] = append(of[c.rule], site{from, c.to, c.rule})
		}
		if s.accept {
			reach(from, 0)
		}
	}
	for need := int32(0); int(need) < len(levels); need++ {
		for i := 0; i < len(levels[need]); i++ {
			n := levels[need][i]
			if l.need[n] != none {
				continue
			}
			l.need[n] = need
			for _, from := range back[n] {
				reach(from, need)
			}
			for _, s := range into[n] {
				l.reachCall(s, reach)
			}
			if rule := l.p.nodes[n].rule; n == l.base[rule] {
				l.made[rule] = true
				for _, s := range of[rule] {
					l.reachCall(s, reach)
				}
			}
		}
	}
}

// reachCall goes back over a call when both what it calls and what comes after
// are settled.
func (l *linker) reachCall(s site, reach func(n, need int32)) {
	if l.made[s.rule] && l.need[s.to] != none {
		inner := l.need[l.base[s.rule]]
		if !l.fsm[s.to].final() {
			inner++
		}
		reach(s.from, max(inner, l.need[s.to]))
	}
}

func (l *linker) dropBad() {
	for i := range l.fsm {
		s := &l.fsm[i]
		s.bytes = slices.DeleteFunc(s.bytes, func(e byteEdge) bool { return l.need[e.to] == none })
		s.calls = slices.DeleteFunc(s.calls, func(c call) bool { return l.need[c.to] == none || !l.made[c.rule] })
	}
}

// classes puts bytes together that no edge tells apart.
func (l *linker) classes() {
	var on [257]bool
	for _, s := range l.fsm {
		for _, e := range s.bytes {
			on[e.lo], on[int(e.hi)+1] = true, true
		}
	}
	class := uint8(0)
	for b := 1; b < 256; b++ {
		if on[b] {
			class++
		}
		l.p.class[b] = class
	}
}

// reached is a byte edge of a rule that a node goes into, with the action.
type reached struct {
	byteRange
	action
}

// edges gives a node its edges, with those of the rules that begin at it.
func (l *linker) edges(n int32) {
	var found []reached
	l.expand(n, nil, map[string]bool{}, &found)
	l.sum += len(found)
	node := &l.p.nodes[n]
	var on [257]bool
	for _, r := range found {
		on[r.lo], on[int(r.hi)+1] = true, true
	}
	for lo := 0; lo < 256 && len(found) > 0; {
		hi := lo
		for hi < 255 && !on[hi+1] {
			hi++
		}
		var list []action
		for _, r := range found {
			if int(r.lo) <= lo && lo <= int(r.hi) {
				list = append(list, r.action)
			}
		}
		if len(list) > 0 {
			node.addEdge(progEdge{byteRange{byte(lo), byte(hi)}, l.do(list)})
		}
		lo = hi + 1
	}
	if len(node.edges) >= manyEdges {
		l.row(node)
	}
}

func (n *progNode) addEdge(e progEdge) {
	if last := len(n.edges) - 1; last >= 0 && n.edges[last].do == e.do && n.edges[last].hi+1 == e.lo {
		n.edges[last].hi = e.hi
	} else {
		n.edges = append(n.edges, e)
	}
}

func (l *linker) row(node *progNode) {
	row := slices.Repeat([]int32{dead}, int(l.p.class[255])+1)
	for _, e := range node.edges {
		for b := int(e.lo); b <= int(e.hi); b++ {
			row[l.p.class[b]] = e.do
		}
	}
	node.row = int32(len(l.p.rows))
	l.p.rows = append(l.p.rows, row)
}

// do is the number for a list of actions.
func (l *linker) do(list []action) int32 {
	if a := list[0]; len(list) == 1 && len(a.returns) == 0 && a.count == 0 {
		return a.to
	}
	l.sum += len(list)
	for i := len(l.p.actions) - 1; i >= max(0, len(l.p.actions)-4); i-- { // mostly the same as just before
		if slices.EqualFunc(l.p.actions[i], list, action.equal) {
			return ^int32(i)
		}
	}
	l.p.actions = append(l.p.actions, list)
	return ^int32(len(l.p.actions) - 1)
}

func (a action) equal(b action) bool {
	return a.to == b.to && a.count == b.count && slices.Equal(a.returns, b.returns)
}

// expand collects the byte edges of a node and of the rules that begin at it.
// A return to a node where the rule is at its end is none.
func (l *linker) expand(n int32, returns []int32, seen map[string]bool, found *[]reached) {
	if l.sum+len(*found) > maxEdges {
		l.sum = maxEdges + 1
		return
	}
	s := &l.fsm[n]
	for _, e := range s.bytes {
		a := action{returns: returns, to: l.beyond(e.to)}
		if s.kind != head || len(seen) == 0 || l.enters(n, &a) {
			*found = append(*found, reached{e.byteRange, a})
		}
	}
	for _, c := range s.calls {
		inner := returns
		if !l.fsm[c.to].final() {
			inner = append(returns[:len(returns):len(returns)], c.to)
		}
		if key := callKey(inner, c.rule); !seen[key] {
			seen[key] = true
			l.sum += len(inner)
			l.expand(l.base[c.rule], inner, seen, found)
		}
	}
}

func callKey(returns []int32, rule int32) string {
	key := make([]byte, 0, 4*len(returns)+4)
	for _, x := range returns {
		key = binary.LittleEndian.AppendUint32(key, uint32(x))
	}
	return string(binary.LittleEndian.AppendUint32(key, uint32(rule)))
}

// enters completes the action of the first byte of a counted rule that begins
// with its loop, and reports whether the loop's bounds allow it.
func (l *linker) enters(n int32, a *action) bool {
	bounds := l.p.loops[l.p.nodes[n].loop]
	switch l.p.nodes[a.to].kind {
	case head:
		a.count = 1
		return bounds.max > 0
	case body:
		return bounds.max > 0
	}
	return bounds.min == 0
}

// beyond goes from a node that only leads into a rule, and ends with it, to that
// rule's start.
func (l *linker) beyond(n int32) int32 {
	for {
		s := &l.fsm[n]
		if s.accept || len(s.bytes) > 0 || len(s.calls) != 1 || !l.fsm[s.calls[0].to].final() {
			return n
		}
		n = l.base[s.calls[0].rule]
	}
}

// follow finds the bytes that may come after each rule.
func (l *linker) follow() {
	within := make([][]int32, len(l.rules)) // rules whose end may be this rule's end
	for i := range l.fsm {
		owner := l.p.nodes[i].rule
		for _, c := range l.fsm[i].calls {
			for _, e := range l.p.nodes[c.to].edges {
				l.p.rules[c.rule].follow.add(e.byteRange)
			}
			if l.fsm[c.to].accept {
				within[owner] = append(within[owner], c.rule)
			}
		}
	}
	queue := make([]int32, len(l.rules))
	for i := range queue {
		queue[i] = int32(i)
	}
	for len(queue) > 0 {
		owner := queue[0]
		queue = queue[1:]
		for _, rule := range within[owner] {
			if l.p.rules[rule].follow.or(&l.p.rules[owner].follow) {
				queue = append(queue, rule)
			}
		}
	}
}
