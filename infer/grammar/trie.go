package grammar

import (
	"bytes"
	"slices"
)

// trie is the tokens' bytes with common beginnings once, in depth-first order:
// the nodes below one follow it. It takes 11 bytes a node and 4 a token.
type trie struct {
	byte  []byte   // the last byte of the node's text
	depth []uint16 // the length of its text
	end   []int32  // the node after those below it
	first []int32  // of tokens: where the node's own begin; one more entry than nodes
	token []int32  // ids, by node
}

// entry is a token and the bytes it adds to the text.
type entry struct {
	text []byte
	id   int32
}

// newTrie sorts the entries and makes a trie of them. Texts are not empty and at
// most MaxToken long.
func newTrie(entries []entry) *trie {
	slices.SortFunc(entries, func(a, b entry) int {
		if c := bytes.Compare(a.text, b.text); c != 0 {
			return c
		}
		return int(a.id) - int(b.id)
	})
	t := &trie{token: make([]int32, 0, len(entries))}
	var path []int32 // nodes of the text before
	var before []byte
	for _, e := range entries {
		same := 0
		for same < len(before) && same < len(e.text) && before[same] == e.text[same] {
			same++
		}
		t.close(path[same:])
		path = path[:same]
		for _, b := range e.text[same:] {
			path = append(path, int32(len(t.byte)))
			t.byte = append(t.byte, b)
			t.depth = append(t.depth, uint16(len(path)))
			t.end = append(t.end, 0)
			t.first = append(t.first, int32(len(t.token)))
		}
		t.token = append(t.token, e.id)
		before = e.text
	}
	t.close(path)
	t.first = append(t.first, int32(len(t.token)))
	return t
}

// close ends the nodes below which nothing comes any more.
func (t *trie) close(nodes []int32) {
	for _, n := range nodes {
		t.end[n] = int32(len(t.byte))
	}
}

// tokens are those whose text ends at a node.
func (t *trie) tokens(node int32) []int32 { return t.token[t.first[node]:t.first[node+1]] }

// below are the tokens whose text goes on after a node.
func (t *trie) below(node int32) []int32 { return t.token[t.first[node+1]:t.first[t.end[node]]] }

// size is the memory it takes, in bytes.
func (t *trie) size() int { return 11*len(t.byte) + 4*len(t.token) }
