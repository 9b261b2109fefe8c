package regular

import (
	"cmp"
	"slices"
	"unicode/utf8"
)

// Range is the runes from Lo to Hi, both included.
type Range struct{ Lo, Hi rune }

// Set is a set of Unicode scalar values: sorted ranges that neither overlap nor
// touch. Surrogates are never in it, because UTF-8 cannot write them.
type Set []Range

// All has every scalar value.
var All = Set{{0, 0xD7FF}, {0xE000, utf8.MaxRune}}

// Runes is the set of the given ranges, which may come in any order and overlap.
func Runes(ranges ...Range) Set {
	sorted := slices.Clone(ranges)
	slices.SortFunc(sorted, func(a, b Range) int { return cmp.Compare(a.Lo, b.Lo) })
	var s Set
	for _, r := range sorted {
		r.Lo, r.Hi = max(r.Lo, 0), min(r.Hi, utf8.MaxRune)
		switch last := len(s) - 1; {
		case r.Lo > r.Hi:
		case last >= 0 && r.Lo <= s[last].Hi+1:
			s[last].Hi = max(s[last].Hi, r.Hi)
		default:
			s = append(s, r)
		}
	}
	return s.And(All)
}

// Of is the set of single runes.
func Of(text string) Set {
	var ranges []Range
	for _, r := range text {
		ranges = append(ranges, Range{r, r})
	}
	return Runes(ranges...)
}

// Or is the union.
func (s Set) Or(t Set) Set { return Runes(slices.Concat(s, t)...) }

// And is the intersection.
func (s Set) And(t Set) Set {
	var both Set
	for len(s) > 0 && len(t) > 0 {
		if r := (Range{max(s[0].Lo, t[0].Lo), min(s[0].Hi, t[0].Hi)}); r.Lo <= r.Hi {
			both = append(both, r)
		}
		if s[0].Hi < t[0].Hi {
			s = s[1:]
		} else {
			t = t[1:]
		}
	}
	return both
}

// Not is everything else.
func (s Set) Not() Set {
	var rest Set
	from := rune(0)
	for _, r := range s {
		if from < r.Lo {
			rest = append(rest, Range{from, r.Lo - 1})
		}
		from = r.Hi + 1
	}
	if from <= utf8.MaxRune {
		rest = append(rest, Range{from, utf8.MaxRune})
	}
	return rest.And(All)
}
