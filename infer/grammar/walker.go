package grammar

import "math/bits"

// walker runs a program. It keeps the ways to read a text after each byte of it,
// so that a trie's tokens can be tried one after the other.
type walker struct {
	program *program
	frames  *frames
	ways    []stack // after 0, 1, ... bytes
	from    []int32 // where those after a number of bytes begin in ways; one more entry
	deepest int32   // depth that some way took or needs, since begin
	seen    []int32 // hash table of ways of the step: 1 + index in ways
}

func (w *walker) init(p *program, f *frames) { w.program, w.frames = p, f }

// begin sets out from some ways to read.
func (w *walker) begin(ways []stack) {
	w.ways = append(w.ways[:0], ways...)
	w.from = append(w.from[:0], 0, int32(len(ways)))
	w.deepest = 0
}

// result is the ways after the latest step.
func (w *walker) result() []stack {
	n := len(w.from)
	return w.ways[w.from[n-2]:w.from[n-1]]
}

// back forgets the steps after a number of them.
func (w *walker) back(steps int) {
	w.from = w.from[:steps+2]
	w.ways = w.ways[:w.from[steps+1]]
}

// run reads a text, and reports whether something is left to go on with.
func (w *walker) run(ways []stack, text []byte) bool {
	w.begin(ways)
	for _, b := range text {
		if !w.step(b) {
			return false
		}
	}
	return true
}

// step reads a byte. If it is refused, the walker stays where it was.
func (w *walker) step(b byte) bool {
	n := len(w.from)
	low, high := w.from[n-2], w.from[n-1]
	for i := low; i < high; i++ {
		way := w.ways[i]
		for {
			w.edge(way, b)
			if !w.accepts(way) || way.under == 0 {
				break
			}
			f := &(*w.frames)[way.under]
			way = stack{node: f.node, under: f.under}
		}
	}
	if int32(len(w.ways)) == high {
		return false
	}
	w.from = append(w.from, int32(len(w.ways)))
	return true
}

// accepts reports whether a way's rule may end.
func (w *walker) accepts(way stack) bool {
	n := &w.program.nodes[way.node]
	return n.accept && (n.kind == uncounted || way.count >= w.program.loops[n.loop].min)
}

// finished reports whether the text may end after one of the ways.
func (w *walker) finished(ways []stack) bool {
	for _, way := range ways {
		if (*w.frames)[way.under].ends && w.accepts(way) {
			return true
		}
	}
	return false
}

// edge adds the ways to which one leads.
func (w *walker) edge(way stack, b byte) {
	n := &w.program.nodes[way.node]
	do := n.find(w.program, b)
	switch {
	case do == dead:
	case do < 0:
		for _, a := range w.program.actions[^do] {
			w.act(a, way.under)
		}
	case n.kind == uncounted:
		w.add(stack{node: do, under: way.under})
	default:
		w.count(n, way, do)
	}
}

// find is what to do at a byte.
func (n *progNode) find(p *program, b byte) int32 {
	if n.row != none {
		return p.rows[n.row][p.class[b]]
	}
	for _, e := range n.edges {
		if b <= e.hi {
			if b >= e.lo {
				return e.do
			}
			break
		}
	}
	return dead
}

// act goes into rules.
func (w *walker) act(a action, under int32) {
	for _, node := range a.returns {
		if !w.fits(node, under) {
			return
		}
		under = w.frames.on(w.program, under, node)
	}
	w.add(stack{node: a.to, count: a.count, under: under})
}

// fits reports whether there may be as many frames as a node on a frame needs.
func (w *walker) fits(node, under int32) bool {
	deep := (*w.frames)[under].depth + max(1, w.program.nodes[node].need)
	w.deepest = max(w.deepest, deep)
	return deep <= MaxDepth
}

// count goes on in or out of a loop.
func (w *walker) count(n *progNode, way stack, to int32) {
	bounds := &w.program.loops[n.loop]
	kindTo := w.program.nodes[to].kind
	switch {
	case n.kind == head && kindTo == uncounted && way.count < bounds.min:
		return
	case n.kind == head && kindTo != uncounted && way.count >= bounds.max:
		return
	case kindTo == head:
		way.count = min(way.count+1, MaxRepeat)
	case kindTo == uncounted:
		way.count = 0
	}
	way.node = to
	w.add(way)
}

// fewWays is up to how many ways equal ones are searched one by one.
const fewWays = 8

// add notes a way, once. Those beyond MaxStacks are forgotten.
func (w *walker) add(way stack) {
	if w.program.nodes[way.node].need > 0 && !w.fits(way.node, way.under) {
		return
	}
	low := w.from[len(w.from)-1]
	count := int32(len(w.ways)) - low
	switch {
	case count < fewWays:
		for _, other := range w.ways[low:] {
			if other == way {
				return
			}
		}
	case count >= MaxStacks:
		return
	case w.known(way, low, count):
		return
	}
	w.ways = append(w.ways, way)
}

// known looks for a way in the hash table, which is made when it is first needed
// for a step, and notes it there.
func (w *walker) known(way stack, low, count int32) bool {
	if w.seen == nil {
		w.seen = make([]int32, 4*MaxStacks)
	}
	if count == fewWays {
		clear(w.seen)
		for i := low; i < low+count; i++ {
			w.seen[w.slot(w.ways[i])] = i + 1
		}
	}
	at := w.slot(way)
	if w.seen[at] != 0 {
		return true
	}
	w.seen[at] = int32(len(w.ways)) + 1
	return false
}

// slot is where a way is in the hash table, or where it would go.
func (w *walker) slot(way stack) uint32 {
	h := uint64(uint32(way.node))*0x9e3779b97f4a7c15 ^ uint64(uint32(way.under))*0xc2b2ae3d27d4eb4f ^ uint64(uint32(way.count))*0x165667b19e3779f9
	for at := uint32(bits.RotateLeft64(h, 23)) % (4 * MaxStacks); ; at = (at + 1) % (4 * MaxStacks) {
		if i := w.seen[at]; i == 0 || w.ways[i-1] == way {
			return at
		}
	}
}

// only is the byte that must come next, if there is only one.
func (w *walker) only() (b byte, only bool) {
	var all byteSet
	for _, way := range w.result() {
		for {
			w.first(way, &all)
			if !w.accepts(way) || way.under == 0 {
				break
			}
			f := &(*w.frames)[way.under]
			way = stack{node: f.node, under: f.under}
		}
	}
	count := 0
	for i, word := range all {
		if word != 0 {
			count += bits.OnesCount64(word)
			b = byte(64*i + bits.TrailingZeros64(word))
		}
	}
	return b, count == 1
}

// first adds the bytes at which a way goes on in its rule.
func (w *walker) first(way stack, all *byteSet) {
	n := &w.program.nodes[way.node]
	for _, e := range n.edges {
		if n.kind == head {
			bounds := w.program.loops[n.loop]
			if within := w.program.nodes[e.do].kind != uncounted; within && way.count >= bounds.max || !within && way.count < bounds.min {
				continue
			}
		}
		all.add(e.byteRange)
	}
}
