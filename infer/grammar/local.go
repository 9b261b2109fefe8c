package grammar

import "math/bits"

// local is what can be said of all tokens at a node without knowing what its
// rule returns to.
type local struct {
	dense  []uint64 // tokens that stay in the rule and those it calls, a bit for each; nil:
	sparse []int32  // the same, by id
	// rest are the tokens that may come if what they have left, after the rule's
	// end somewhere in them, may come after the return.
	rest  *trie
	depth int32 // frames needed at most on those that are there
	// vast: there are too many of rest, every token has to be tried.
	vast bool
}

func (l *local) size() int {
	n := 128 + 8*len(l.dense) + 4*len(l.sparse)
	if l.rest != nil {
		n += l.rest.size()
	}
	return n
}

// apply allows the tokens that stay within.
func (l *local) apply(mask []uint64) {
	for i, word := range l.dense {
		mask[i] |= word
	}
	for _, id := range l.sparse {
		mask[id>>6] |= 1 << (id & 63)
	}
}

// nodeKey is a node of a machine. left and due are how often the loop of its rule
// can and must still be turned, no more than a token could do.
type nodeKey struct{ node, left, due int32 }

// leafKey is a node of a rule that calls no others, in any grammar.
type leafKey struct {
	rule   [32]byte
	follow byteSet // zero: does not matter
	nodeKey
}

// Mask sets the bits of the tokens that may come next and clears all others. dst
// has [Vocabulary.Words] words. What a token's bytes make of the state decides,
// so that a token may span what the grammar writes apart, and end within a
// character. End tokens are allowed where the text may end.
//
// Each node of the grammar is tried with all tokens once, which takes up to
// some milliseconds, and remembered. After that it takes microseconds.
func (s *State) Mask(dst []uint64) {
	v := s.machine.vocabulary
	dst = dst[:v.Words()]
	clear(dst)
	if s.ended {
		return
	}
	if s.Done() {
		for _, id := range v.end {
			dst[id>>6] |= 1 << (id & 63)
		}
	}
	length := len(s.frames)
	for _, way := range s.stacks {
		for {
			s.allow(dst, way)
			if !s.accepts(way) || way.under == 0 {
				break
			}
			f := &s.frames[way.under]
			way = stack{node: f.node, under: f.under}
		}
	}
	s.frames.cut(length)
}

// allow sets the bits of the tokens that go on one way, or back out of it after
// some of their bytes.
func (s *State) allow(dst []uint64, way stack) {
	l := s.local(way)
	below := &s.frames[way.under]
	if l.vast || below.depth+l.depth > MaxDepth {
		s.walk(s.machine.vocabulary.trie, way, dst, nil)
		return
	}
	l.apply(dst)
	if l.rest != nil && way.under != 0 {
		s.walk(l.rest, stack{node: below.node, under: below.under}, dst, nil)
	}
}

// local finds what is known of a way's node.
func (s *State) local(way stack) *local {
	m := s.machine
	n := &m.program.nodes[way.node]
	key := nodeKey{node: way.node}
	if n.loop != none {
		bounds, most := m.program.loops[n.loop], int32(m.vocabulary.longest)
		key.left, key.due = min(bounds.max-way.count, most), max(0, min(bounds.min-way.count, most))
	}
	if l := m.nodes.get(key); l != nil {
		return l
	}
	rule := &m.program.rules[n.rule]
	if !rule.leaf {
		l := s.find(way)
		m.nodes.put(key, l)
		return l
	}
	shared := leafKey{rule: rule.key, nodeKey: key}
	shared.node -= rule.base
	if rule.open {
		shared.follow = rule.follow
	}
	l := m.vocabulary.leaves.get(shared)
	if l == nil {
		l = s.find(way)
		m.vocabulary.leaves.put(shared, l)
	}
	m.nodes.put(key, l)
	return l
}

// find tries all tokens at a node.
func (s *State) find(way stack) *local {
	m := s.machine
	rule := &m.program.rules[m.program.nodes[way.node].rule]
	f := finder{tokens: m.vocabulary.tokens, limit: 2*len(m.vocabulary.tokens) + 1024}
	if !rule.leaf || rule.open {
		f.follow = &rule.follow
	}
	frames := frames{bottom}
	var w walker
	w.init(m.program, &frames)
	found := make([]uint64, m.vocabulary.Words())
	way.under = 0
	w.walk(m.vocabulary.trie, way, found, &f)
	return f.local(found, w.deepest)
}

// finder collects the tokens that go on after the end of a rule.
type finder struct {
	tokens [][]byte
	follow *byteSet // bytes that may come then; nil: any
	rest   []entry
	limit  int
	vast   bool
}

// ended notes the tokens below a node of the trie, at which the rule may end.
func (f *finder) ended(t *trie, node int32) {
	depth := t.depth[node]
	for _, id := range t.below(node) {
		if text := f.tokens[id][depth:]; f.follow == nil || f.follow.has(text[0]) {
			if len(f.rest) >= f.limit {
				f.vast = true
				return
			}
			f.rest = append(f.rest, entry{text, id})
		}
	}
}

func (f *finder) local(found []uint64, deepest int32) *local {
	l := &local{vast: f.vast, depth: deepest}
	if l.vast {
		return l
	}
	kept := f.rest[:0]
	for _, e := range f.rest {
		if found[e.id>>6]>>(e.id&63)&1 == 0 {
			kept = append(kept, e)
		}
	}
	if len(kept) > 0 {
		l.rest = newTrie(kept)
	}
	count := 0
	for _, word := range found {
		count += bits.OnesCount64(word)
	}
	if count > len(found) {
		l.dense = found
		return l
	}
	for i, word := range found {
		for ; word != 0; word &= word - 1 {
			l.sparse = append(l.sparse, int32(64*i+bits.TrailingZeros64(word)))
		}
	}
	return l
}

// walk tries the tokens of a trie on a way, and sets the bits of those that can
// come. With a finder it also notes the ones that go on after the way's rule.
func (w *walker) walk(t *trie, way stack, dst []uint64, f *finder) {
	w.begin([]stack{way})
	for i := int32(0); i < int32(len(t.byte)); {
		w.back(int(t.depth[i]) - 1)
		if !w.quickStep(t.byte[i]) && !w.step(t.byte[i]) {
			i = t.end[i]
			continue
		}
		for _, id := range t.tokens(i) {
			dst[id>>6] |= 1 << (id & 63)
		}
		if f != nil && t.end[i] > i+1 && w.finished(w.result()) {
			f.ended(t, i)
		}
		i++
	}
}

// quickStep reads a byte where there is one way, in the middle of a rule, and it
// stays in it. Otherwise it does nothing: step decides.
func (w *walker) quickStep(b byte) bool {
	n := len(w.from)
	low, high := w.from[n-2], w.from[n-1]
	if high-low != 1 {
		return false
	}
	way := w.ways[low]
	node := &w.program.nodes[way.node]
	if node.kind != uncounted || node.accept {
		return false
	}
	do := node.find(w.program, b)
	if do < 0 || w.program.nodes[do].need > 0 {
		return false
	}
	w.ways = append(w.ways, stack{node: do, under: way.under})
	w.from = append(w.from, high+1)
	return true
}
