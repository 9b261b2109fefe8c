package grammar

import (
	"unicode/utf8"

	"github.com/a472be26/cusp/infer/grammar/regular"
)

// byteRange is the bytes from lo to hi.
type byteRange struct{ lo, hi byte }

// utf8Ranges calls found with sequences of byte ranges that together are the
// UTF-8 of exactly the runes of a set.
func utf8Ranges(set regular.Set, found func([]byteRange)) {
	for _, r := range set {
		for _, limit := range []rune{0x7F, 0x7FF, 0xFFFF, utf8.MaxRune} {
			if hi := min(r.Hi, limit); r.Lo <= hi {
				splitUTF8(r.Lo, hi, found)
				r.Lo = hi + 1
			}
		}
	}
}

// splitUTF8 handles runes whose encodings are equally long.
func splitUTF8(lo, hi rune, found func([]byteRange)) {
	for i := 1; i < utf8.RuneLen(lo); i++ {
		tail := rune(1)<<(6*i) - 1 // of the last i bytes
		if lo&^tail == hi&^tail {
			continue
		}
		if lo&tail != 0 {
			splitUTF8(lo, lo|tail, found)
			splitUTF8(lo|tail+1, hi, found)
			return
		}
		if hi&tail != tail {
			splitUTF8(lo, hi&^tail-1, found)
			splitUTF8(hi&^tail, hi, found)
			return
		}
	}
	var first, last [utf8.UTFMax]byte
	n := utf8.EncodeRune(first[:], lo)
	utf8.EncodeRune(last[:], hi)
	ranges := make([]byteRange, n)
	for i := range ranges {
		ranges[i] = byteRange{first[i], last[i]}
	}
	found(ranges)
}
