package tokenizer

import (
	"cmp"
	"slices"
)

// trie finds which of many texts a text begins with. Its nodes lie in one
// slice, the children of a node side by side in the order of their labels: 12
// bytes for each byte of the texts at most.
type trie struct {
	nodes []node // the first is the root
}

type node struct {
	first int32  // of the children
	count uint16 // of children
	label byte   // that leads here
	text  int32  // the text that ends here; none where there is none
}

// newTrie makes a trie of the texts that has lets in. Of equal texts the first
// is found; an empty text is never found.
func newTrie(texts []string, has func(i int32) bool) *trie {
	var order []int32
	for i, text := range texts {
		if text != "" && has(int32(i)) {
			order = append(order, int32(i))
		}
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Or(cmp.Compare(texts[a], texts[b]), cmp.Compare(a, b)) })
	t := &trie{nodes: []node{{text: none}}}
	// spans are the texts below each node: order[from:to], which share the
	// first depth bytes.
	type span struct{ from, to, depth int32 }
	spans := []span{{0, int32(len(order)), 0}}
	for at := 0; at < len(t.nodes); at++ {
		s := spans[at]
		for ; s.from < s.to && int32(len(texts[order[s.from]])) == s.depth; s.from++ {
			if t.nodes[at].text == none {
				t.nodes[at].text = order[s.from]
			}
		}
		t.nodes[at].first = int32(len(t.nodes))
		for s.from < s.to {
			label := texts[order[s.from]][s.depth]
			end := s.from + 1
			for end < s.to && texts[order[end]][s.depth] == label {
				end++
			}
			t.nodes = append(t.nodes, node{label: label, text: none})
			spans = append(spans, span{s.from, end, s.depth + 1})
			t.nodes[at].count++
			s.from = end
		}
	}
	return t
}

// child returns the node that label leads to from node at, or 0.
func (t *trie) child(at int32, label byte) int32 {
	n := &t.nodes[at]
	low, high := n.first, n.first+int32(n.count)
	for low < high {
		middle := (low + high) / 2
		if t.nodes[middle].label < label {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low < n.first+int32(n.count) && t.nodes[low].label == label {
		return low
	}
	return 0
}

// each passes on the texts that text begins with, shortest first.
func (t *trie) each(text string, found func(i int32, size int)) {
	at := int32(0)
	for size := 1; size <= len(text); size++ {
		if at = t.child(at, text[size-1]); at == 0 {
			return
		}
		if i := t.nodes[at].text; i != none {
			found(i, size)
		}
	}
}

// longest returns the longest text that text begins with, and its size, which
// is 0 where there is none.
func (t *trie) longest(text string) (i int32, size int) {
	i = none
	t.each(text, func(found int32, n int) { i, size = found, n })
	return i, size
}

// begins reports whether text begins with one of the texts or is the beginning
// of one.
func (t *trie) begins(text string) bool {
	at := int32(0)
	for i := 0; i < len(text); i++ {
		if at = t.child(at, text[i]); at == 0 {
			return false
		}
		if t.nodes[at].text != none {
			return true
		}
	}
	return len(t.nodes) > 1
}
