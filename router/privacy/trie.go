package privacy

import (
	"strings"

	"github.com/a472be26/cusp/router/match"
)

// trie finds known values in one pass. It looks where a word may begin.
type trie struct {
	next  map[byte]*trie
	value string // the placeholder of what ends here
}

func (t *trie) empty() bool { return t.next == nil }

func (t *trie) add(text, value string) {
	for i := range len(text) {
		if t.next == nil {
			t.next = map[byte]*trie{}
		}
		n := t.next[text[i]]
		if n == nil {
			n = &trie{}
			t.next[text[i]] = n
		}
		t = n
	}
	t.value = value
}

// longest is the longest known value at the beginning of text, if the text does not
// go on with the same word.
func (t *trie) longest(text string) (length int, value string) {
	for i := 0; i < len(text) && t.next != nil; i++ {
		if t = t.next[text[i]]; t == nil {
			break
		}
		if t.value != "" && match.Boundary(text, i+1) {
			length, value = i+1, t.value
		}
	}
	return length, value
}

// replace writes text with what is known replaced.
func (t *trie) replace(b *strings.Builder, text string) {
	if t.empty() {
		b.WriteString(text)
		return
	}
	last := 0
	for i := 0; i < len(text); i++ {
		if t.next[text[i]] == nil || !match.Boundary(text, i) {
			continue
		}
		if n, value := t.longest(text[i:]); n > 0 {
			b.WriteString(text[last:i])
			b.WriteString(value)
			last = i + n
			i = last - 1
		}
	}
	b.WriteString(text[last:])
}
