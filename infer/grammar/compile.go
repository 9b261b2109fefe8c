package grammar

import (
	"fmt"
)

// compiler turns rules into automata, each rule that the root needs into one.
type compiler struct {
	rules []rule
	facts
	fsms      []fsm // by rule; no states: not needed
	queue     []int // rules that are needed and have no automaton yet
	queued    []bool
	countable map[string]int // counted rules that exist, by what they are

	states, edges, work int
	spent               bool // a bound was met; what was built is useless
}

// compile checks the size of rules that are free of left recursion, and makes
// them a program. Rule 0 is the root.
func compile(rules []rule) (*Grammar, error) {
	c := &compiler{rules: rules, facts: analyze(rules), countable: map[string]int{}}
	c.fsms, c.queued = make([]fsm, len(rules)), make([]bool, len(rules))
	c.inline[0] = false
	c.need(0)
	for len(c.queue) > 0 && !c.spent {
		i := c.queue[0]
		c.queue = c.queue[1:]
		n := newNFA(c)
		n.add(c.rules[i].body, nfaStart, nfaEnd)
		c.fsms[i] = n.determinize(c.nullable[i])
	}
	if c.spent {
		return nil, errTooLarge
	}
	p, err := link(c)
	if err != nil {
		return nil, err
	}
	return &Grammar{p}, nil
}

// need puts a rule on the list of those to compile.
func (c *compiler) need(rule int) {
	if !c.queued[rule] {
		c.queued[rule] = true
		c.queue = append(c.queue, rule)
	}
}

// spend counts parts of nondeterministic automata, and reports whether there may
// be so many.
func (c *compiler) spend(n int) bool {
	c.edges += n
	c.spent = c.spent || c.edges > maxParts
	return !c.spent
}

func (c *compiler) spendState() {
	c.states++
	c.spent = c.spent || c.states > MaxNodes
}

func (c *compiler) spendWork(n int) {
	c.work += n
	c.spent = c.spent || c.work > maxWork
}

// kind is what a state has to do with counting.
type kind uint8

const (
	uncounted kind = iota
	head           // between two turns of a counted loop
	body           // within a turn
)

// loop is how often a counted rule's x may come.
type loop struct{ min, max int32 }

// newLoop makes the bounds of a loop; a negative max is none.
func newLoop(lo, hi int) *loop {
	if hi < 0 || hi > MaxRepeat {
		hi = MaxRepeat
	}
	return &loop{int32(min(lo, MaxRepeat)), int32(hi)}
}

// addRule appends a rule that has its automaton already.
func (c *compiler) addRule(name string, nullable bool, f fsm) int {
	c.rules = append(c.rules, rule{name: name})
	c.fsms, c.queued = append(c.fsms, f), append(c.queued, true)
	c.nullable, c.inline = append(c.nullable, nullable), append(c.inline, false)
	return len(c.rules) - 1
}

// counted is the rule of a counted expression.
func (c *compiler) counted(e counted) int {
	key := fmt.Sprintf("%q %v %d %d %q", e.before, e.x, e.min, e.max, e.after)
	if i, ok := c.countable[key]; ok {
		return i
	}
	turn, _ := c.prefixCode(e.x)
	i := c.addRule("counted", false, countedFSM(e.before, turn, e.after, newLoop(e.min, e.max)))
	c.countable[key] = i
	return i
}

// counts is a rule for a repetition that would need many copies, if its turns
// can be told apart by their bytes alone.
func (c *compiler) counts(r repeat, copies int) (rule int, ok bool) {
	size, _, known := c.size(c.rules, r.x)
	if known && size*min(copies, manyCopies+1) <= manyCopies {
		return 0, false
	}
	key := fmt.Sprintf("%v %d %d", r.x, r.min, r.max)
	if i, ok := c.countable[key]; ok {
		return i, i >= 0
	}
	c.countable[key] = -1
	turn, ok := c.prefixCode(r.x)
	if !ok || c.spent || len(turn.states)*copies <= manyCopies {
		return 0, false
	}
	i := c.addRule("counted", r.min == 0, countedFSM("", turn, "", newLoop(r.min, r.max)))
	c.countable[key] = i
	return i, true
}

// prefixCode is the automaton of an expression, and whether it calls no rule and
// no text of it begins with another one.
func (c *compiler) prefixCode(e expr) (fsm, bool) {
	n := newNFA(c)
	n.add(e, nfaStart, nfaEnd)
	f := n.determinize(false)
	for _, s := range f.states {
		if len(s.calls) > 0 || s.accept && !s.final() {
			return fsm{}, false
		}
	}
	return f, !c.spent
}

// countedFSM is the automaton before turn* after, whose turns are counted. The
// turn's start becomes the loop's head.
func countedFSM(before text, turn fsm, after text, bounds *loop) fsm {
	f := fsm{loop: bounds}
	headAt := int32(len(before))
	for i := range len(before) {
		f.states = append(f.states, fsmState{bytes: []byteEdge{{byteRange{before[i], before[i]}, int32(i) + 1}}})
	}
	// Turn's state i goes to headAt + i; the states that end a turn stay there
	// unused.
	for i, s := range turn.states {
		t := fsmState{kind: body}
		if i == 0 {
			t.kind = head
		}
		for _, e := range s.bytes {
			to := headAt + e.to
			if turn.states[e.to].accept {
				to = headAt
			}
			t.bytes = appendEdge(t.bytes, byteEdge{e.byteRange, to})
		}
		f.states = append(f.states, t)
	}
	f.states[headAt].accept = after == ""
	from := headAt
	for i := range len(after) {
		to := int32(len(f.states))
		f.states[from].insert(byteEdge{byteRange{after[i], after[i]}, to})
		f.states = append(f.states, fsmState{accept: i == len(after)-1})
		from = to
	}
	return f
}

// insert adds an edge for bytes that have none yet.
func (s *fsmState) insert(e byteEdge) {
	at := 0
	for at < len(s.bytes) && s.bytes[at].lo < e.lo {
		at++
	}
	s.bytes = append(s.bytes[:at:at], append([]byteEdge{e}, s.bytes[at:]...)...)
}
