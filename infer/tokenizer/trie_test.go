package tokenizer

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestTrieEqualsLookingAtAllTexts(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(8, 9))
	word := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteByte("ab\x00\xffc"[r.IntN(5)])
		}
		return b.String()
	}
	for range 200 {
		texts := make([]string, r.IntN(30))
		for i := range texts {
			texts[i] = word(r.IntN(5))
		}
		has := func(i int32) bool { return i%7 != 3 }
		trie := newTrie(texts, has)
		for range 20 {
			text := word(r.IntN(8))
			wantID, wantSize, begins := none, 0, false
			for i, candidate := range texts {
				if candidate == "" || !has(int32(i)) {
					continue
				}
				begins = begins || strings.HasPrefix(text, candidate) || strings.HasPrefix(candidate, text)
				if strings.HasPrefix(text, candidate) && len(candidate) > wantSize {
					wantID, wantSize = int32(i), len(candidate)
				}
			}
			if id, size := trie.longest(text); id != wantID || size != wantSize {
				t.Fatalf("%q in %q: %d, %d; want %d, %d", text, texts, id, size, wantID, wantSize)
			}
			if got := trie.begins(text); got != begins {
				t.Fatalf("%q begins in %q: %v, want %v", text, texts, got, begins)
			}
		}
	}
}
