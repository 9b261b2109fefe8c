package tokenizer

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"strings"
	"unicode/utf8"
)

// mergeList is the merges of a BPE, ready for [merger]: symbols are numbers,
// tokens by their id and what is no token by numbers behind them.
type mergeList struct {
	tokens *table           // texts as symbols spell them
	beyond map[string]int32 // symbols that are no tokens
	slots  []mergeSlot
	mask   uint64
	// bytes are the symbols of single bytes.
	bytes [256]int32
}

// mergeSlot says what two symbols merge into.
type mergeSlot struct {
	left, right int32
	rank        int32 // + 1; 0: the slot is free
	result      int32
}

// salt keeps a hostile file from choosing symbols that collide.
var salt = [2]uint64{rand.Uint64(), rand.Uint64() | 1}

func hashPair(left, right int32) uint64 {
	hi, lo := bits.Mul64((uint64(uint32(left))<<32|uint64(uint32(right)))^salt[0], salt[1])
	return hi ^ lo
}

// newMergeList numbers the symbols of merges. spell rewrites a part from the
// spelling of the file to that of tokens.keys; it is false where no text can
// have the part.
func newMergeList(tokens *table, merges []string, spell func(dst []byte, part string) ([]byte, bool)) *mergeList {
	l := &mergeList{tokens: tokens, beyond: make(map[string]int32), slots: make([]mergeSlot, slotsFor(len(merges)))}
	l.mask = uint64(len(l.slots) - 1)
	for b := range l.bytes {
		l.bytes[b] = l.number(string([]byte{byte(b)}))
	}
	var buf []byte
	for rank, merge := range merges {
		left, right := cutMerge(merge)
		joined, ok := spell(buf[:0], left)
		if !ok {
			continue
		}
		cut := len(joined)
		if joined, ok = spell(joined, right); !ok {
			continue
		}
		buf = joined
		text := string(joined)
		l.add(mergeSlot{l.number(text[:cut]), l.number(text[cut:]), int32(rank + 1), l.number(text)})
	}
	return l
}

// number returns the symbol of a text, which is new where there was none.
func (l *mergeList) number(text string) int32 {
	if id := l.symbol(text); id != none {
		return id
	}
	id := int32(len(l.tokens.keys) + len(l.beyond))
	l.beyond[text] = id
	return id
}

// symbol returns the symbol of a text, or none.
func (l *mergeList) symbol(text string) int32 {
	if id, ok := l.tokens.find(text); ok {
		return id
	}
	if id, ok := l.beyond[text]; ok {
		return id
	}
	return none
}

// add keeps the first of merges with equal parts.
func (l *mergeList) add(s mergeSlot) {
	at := hashPair(s.left, s.right) & l.mask
	for l.slots[at].rank != 0 {
		if l.slots[at].left == s.left && l.slots[at].right == s.right {
			return
		}
		at = (at + 1) & l.mask
	}
	l.slots[at] = s
}

// rank says what two neighbouring symbols merge into, and how early.
func (l *mergeList) rank(_ string, left, right symbol) (order, result int32, ok bool) {
	for at := hashPair(left.id, right.id) & l.mask; l.slots[at].rank != 0; at = (at + 1) & l.mask {
		if s := &l.slots[at]; s.left == left.id && s.right == right.id {
			return s.rank, s.result, true
		}
	}
	return 0, 0, false
}

// cutMerge cuts "left right" at its space; a part may itself begin with one.
func cutMerge(merge string) (left, right string) {
	if merge == "" {
		return "", ""
	}
	at := strings.IndexByte(merge[1:], ' ')
	if at < 0 {
		return merge, ""
	}
	return merge[:at+1], merge[at+2:]
}

// readMerges reads merges and compares them with the vocabulary: a token of n
// runes is made in at most n-1 ways, so that more merges than that belong to
// another one.
func readMerges(r *reader, tokens []string) ([]string, error) {
	merges, err := r.Strings(keyMerges)
	if err != nil {
		return nil, fmt.Errorf("read merges: %w", err)
	}
	for rank, merge := range merges {
		if left, right := cutMerge(merge); left == "" || right == "" {
			return nil, fmt.Errorf("%s: %s[%d] is %q, not two parts with a space between", r.Name(), keyMerges, rank, merge)
		}
	}
	ways := 0
	for _, token := range tokens {
		ways += max(utf8.RuneCountInString(token)-1, 0)
	}
	if len(merges) > ways {
		return nil, fmt.Errorf("%s: %s has %d merges, but the %d tokens of %s can be made in only %d ways: they are of different vocabularies",
			r.Name(), keyMerges, len(merges), len(tokens), keyTokens, ways)
	}
	return merges, nil
}
