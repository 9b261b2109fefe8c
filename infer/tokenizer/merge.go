package tokenizer

import (
	"sync"
	"unicode/utf8"
)

// merger joins neighbouring symbols of a text, best pair first, until no pair
// has a rank: the one algorithm of byte-level BPE and of SentencePiece BPE.
// With a heap of pairs it takes O(n log n) for n symbols.
type merger struct {
	symbols []symbol
	pairs   pairHeap
}

// symbol is a stretch of the text; joined symbols live on in the left one.
type symbol struct {
	start, size int32 // bytes; size 0: joined to its left neighbour
	prev, next  int32 // neighbours; -1 at the ends
	id          int32
}

func (s symbol) of(text string) string { return text[s.start : s.start+s.size] }

// A ranker knows which pairs of neighbours merge, and into what. Lower orders
// merge first, equal ones from the left.
type ranker interface {
	rank(text string, left, right symbol) (order, result int32, ok bool)
}

// mergers reuses buffers. Outsized ones are dropped, so that one huge text
// does not pin its memory.
var mergers = sync.Pool{New: func() any { return new(merger) }}

const keepSymbols = 1 << 14

// maxRun keeps offsets within int32; a longer text is merged in stretches.
const maxRun = 1 << 30

func (m *merger) release() {
	if cap(m.symbols) <= keepSymbols {
		mergers.Put(m)
	}
}

// bytes makes one symbol of every byte.
func (m *merger) bytes(text string, ids *[256]int32) {
	m.symbols = m.symbols[:0]
	for i := range len(text) {
		at := int32(i)
		m.symbols = append(m.symbols, symbol{at, 1, at - 1, at + 1, ids[text[i]]})
	}
	m.end()
}

// runes makes one symbol of every rune.
func (m *merger) runes(text string, id func(rune string) int32) {
	m.symbols = m.symbols[:0]
	for start := 0; start < len(text); {
		_, width := utf8.DecodeRuneInString(text[start:])
		i := int32(len(m.symbols))
		m.symbols = append(m.symbols, symbol{int32(start), int32(width), i - 1, i + 1, id(text[start : start+width])})
		start += width
	}
	m.end()
}

func (m *merger) end() {
	if n := len(m.symbols); n > 0 {
		m.symbols[n-1].next = -1
	}
}

// run merges the symbols of text.
func (m *merger) run(text string, r ranker) {
	m.pairs = m.pairs[:0]
	for i := range m.symbols {
		m.offer(text, int32(i), r)
	}
	for len(m.pairs) > 0 {
		p := m.pairs.pop()
		if m.stale(p) {
			continue
		}
		m.join(p)
		m.offer(text, p.left, r)
		m.offer(text, m.symbols[p.left].prev, r)
	}
}

// only reports whether a single symbol remains, and is id.
func (m *merger) only(id int32) bool {
	return len(m.symbols) > 0 && m.symbols[0].next < 0 && m.symbols[0].id == id
}

// rest passes on the symbols that remain.
func (m *merger) rest(emit func(symbol)) {
	if len(m.symbols) == 0 {
		return
	}
	for i := int32(0); i >= 0; i = m.symbols[i].next {
		emit(m.symbols[i])
	}
}

// offer puts the pair that begins at symbol left on the heap when it has a rank.
func (m *merger) offer(text string, left int32, r ranker) {
	if left < 0 || m.symbols[left].next < 0 {
		return
	}
	a := m.symbols[left]
	b := m.symbols[a.next]
	if order, result, ok := r.rank(text, a, b); ok {
		m.pairs.push(pair{order, left, a.size + b.size, result})
	}
}

// stale reports whether a pair is out of date. Symbols only grow, so that an
// equal total size means the same two symbols.
func (m *merger) stale(p pair) bool {
	l := m.symbols[p.left]
	return l.size == 0 || l.next < 0 || l.size+m.symbols[l.next].size != p.size
}

func (m *merger) join(p pair) {
	l := &m.symbols[p.left]
	r := &m.symbols[l.next]
	l.size, l.id = p.size, p.result
	l.next = r.next
	r.size = 0
	if l.next >= 0 {
		m.symbols[l.next].prev = p.left
	}
}

// pair is a possible merge.
type pair struct {
	order  int32 // lower merges first
	left   int32 // symbol
	size   int32 // bytes of both symbols together
	result int32 // symbol id
}

func (p pair) before(q pair) bool {
	return p.order < q.order || p.order == q.order && p.left < q.left
}

// pairHeap is a binary min-heap. container/heap would box every pair.
type pairHeap []pair

func (h *pairHeap) push(p pair) {
	*h = append(*h, p)
	s := *h
	for i := len(s) - 1; i > 0; {
		parent := (i - 1) / 2
		if !s[i].before(s[parent]) {
			break
		}
		s[i], s[parent] = s[parent], s[i]
		i = parent
	}
}

func (h *pairHeap) pop() pair {
	s := *h
	top, last := s[0], len(s)-1
	s[0] = s[last]
	s = s[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			break
		}
		if child+1 < last && s[child+1].before(s[child]) {
			child++
		}
		if !s[child].before(s[i]) {
			break
		}
		s[i], s[child] = s[child], s[i]
		i = child
	}
	*h = s
	return top
}

// stretches cuts a text that is too long for offsets of 32 bits.
func stretches(text string, each func(string)) {
	for len(text) > maxRun {
		each(text[:maxRun])
		text = text[maxRun:]
	}
	each(text)
}
