package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// runeSet is a property of runes. ASCII, of which most text is made, is
// answered from a table.
type runeSet struct {
	ascii [utf8.RuneSelf]bool
	other func(rune) bool // beyond ASCII
}

func setOf(has func(rune) bool) *runeSet {
	s := &runeSet{other: has}
	for r := range s.ascii {
		s.ascii[r] = has(rune(r))
	}
	return s
}

func (s *runeSet) has(r rune) bool {
	if r < utf8.RuneSelf {
		return s.ascii[r]
	}
	return s.other(r)
}

// The sets of the pre-tokenizers, named after the classes of the regular
// expressions that they stand for.
var (
	blanks      = setOf(func(r rune) bool { return r == ' ' })
	newlines    = setOf(isNewline)                                                     // [\r\n]
	slashLines  = setOf(func(r rune) bool { return isNewline(r) || r == '/' })         // [\r\n/]
	anySpace    = setOf(unicode.IsSpace)                                               // \s
	letters     = setOf(unicode.IsLetter)                                              // \p{L}
	letterMarks = setOf(isLetterOrMark)                                                // [\p{L}\p{M}]
	marks       = setOf(unicode.IsMark)                                                // \p{M}
	numbers     = setOf(unicode.IsNumber)                                              // \p{N}
	decimals    = setOf(unicode.IsDigit)                                               // \d
	digits      = setOf(isDigit)                                                       // [0-9]
	asciiWords  = setOf(isASCIILetter)                                                 // [A-Za-z]
	puncts      = setOf(unicode.IsPunct)                                               // \p{P}
	markup      = setOf(isMarkup)                                                      // [\p{P}\p{S}]
	others      = setOf(isOther)                                                       // [^\s\p{L}\p{N}]
	otherLines  = setOf(func(r rune) bool { return isOther(r) && !isNewline(r) })      // [^\s\p{L}\p{N}\r\n]
	otherMarks  = setOf(func(r rune) bool { return isOther(r) && !unicode.IsMark(r) }) // [^\s\p{L}\p{M}\p{N}]
	prefixes    = setOf(isPrefix)                                                      // [^\r\n\p{L}\p{N}]
	upper       = setOf(isUpperish)                                                    // [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]
	lower       = setOf(isLowerish)                                                    // [\p{Ll}\p{Lm}\p{Lo}\p{M}]
	han         = setOf(isHanScript)                                                   // \p{Han}
	upperNoHan  = setOf(func(r rune) bool { return isUpperish(r) && !isHanScript(r) })
	lowerNoHan  = setOf(func(r rune) bool { return isLowerish(r) && !isHanScript(r) })
)

func isNewline(r rune) bool { return r == '\r' || r == '\n' }

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

func isASCIILetter(r rune) bool { return 'a' <= r|0x20 && r|0x20 <= 'z' }

func isLetterOrMark(r rune) bool { return unicode.IsLetter(r) || unicode.IsMark(r) }

func isMarkup(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }

func isOther(r rune) bool {
	return !unicode.IsSpace(r) && !unicode.IsLetter(r) && !unicode.IsNumber(r)
}

func isPrefix(r rune) bool {
	return !isNewline(r) && !unicode.IsLetter(r) && !unicode.IsNumber(r)
}

func isUpperish(r rune) bool {
	return unicode.In(r, unicode.Lu, unicode.Lo, unicode.Lt, unicode.Lm, unicode.M)
}

func isLowerish(r rune) bool {
	return unicode.In(r, unicode.Ll, unicode.Lo, unicode.Lm, unicode.M)
}

func isHanScript(r rune) bool { return unicode.Is(unicode.Han, r) }

// run returns the end of the longest run of runes of a set at text[i:]. Bytes
// that are no UTF-8 count as U+FFFD, one byte wide.
func run(text string, i int, set *runeSet) int {
	for i < len(text) {
		if c := text[i]; c < utf8.RuneSelf {
			if !set.ascii[c] {
				return i
			}
			i++
			continue
		}
		r, width := utf8.DecodeRuneInString(text[i:])
		if !set.other(r) {
			return i
		}
		i += width
	}
	return i
}

// upTo is run with a limit on the number of runes.
func upTo(limit int, text string, i int, set *runeSet) int {
	for n := 0; n < limit && i < len(text); n++ {
		r, width := utf8.DecodeRuneInString(text[i:])
		if !set.has(r) {
			break
		}
		i += width
	}
	return i
}
