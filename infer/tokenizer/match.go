package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// The matchers of this file are the building blocks of the pre-tokenizers.
// Each names the regular expression that it stands for. Bytes that are no
// UTF-8 count as U+FFFD, one byte wide.

// run returns the end of the longest run of runes with the property at
// text[i:].
func run(text string, i int, has func(rune) bool) int {
	for i < len(text) {
		r, width := utf8.DecodeRuneInString(text[i:])
		if !has(r) {
			break
		}
		i += width
	}
	return i
}

// upTo is run with a limit on the number of runes.
func upTo(limit int, text string, i int, has func(rune) bool) int {
	for n := 0; n < limit && i < len(text); n++ {
		r, width := utf8.DecodeRuneInString(text[i:])
		if !has(r) {
			break
		}
		i += width
	}
	return i
}

// isOther is [^\s\p{L}\p{N}].
func isOther(r rune) bool {
	return !unicode.IsSpace(r) && !unicode.IsLetter(r) && !unicode.IsNumber(r)
}

func isNewline(r rune) bool { return r == '\r' || r == '\n' }

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

// skipOptional returns the index after one rune with the property, or i.
func skipOptional(text string, i int, has func(rune) bool) int {
	return upTo(1, text, i, has)
}

func isBlank(r rune) bool { return r == ' ' }

// contraction is 's|'t|'re|'ve|'m|'ll|'d.
func contraction(text string, i int) int {
	if text[i] != '\'' || i+1 >= len(text) {
		return i
	}
	switch text[i+1] {
	case 's', 't', 'm', 'd':
		return i + 2
	}
	if i+2 < len(text) {
		switch text[i+1 : i+3] {
		case "re", "ve", "ll":
			return i + 3
		}
	}
	return i
}

// contractionFold is (?i:'s|'t|'re|'ve|'m|'ll|'d). Case folding makes U+017F,
// the long s, an s.
func contractionFold(text string, i int) int {
	if text[i] != '\'' || i+1 >= len(text) {
		return i
	}
	switch text[i+1] | 0x20 {
	case 's', 't', 'm', 'd':
		if isASCIILetter(text[i+1]) {
			return i + 2
		}
	}
	if i+2 >= len(text) {
		return i
	}
	if text[i+1:i+3] == "ſ" {
		return i + 3
	}
	if !isASCIILetter(text[i+1]) || !isASCIILetter(text[i+2]) {
		return i
	}
	switch [2]byte{text[i+1] | 0x20, text[i+2] | 0x20} {
	case [2]byte{'r', 'e'}, [2]byte{'v', 'e'}, [2]byte{'l', 'l'}:
		return i + 3
	}
	return i
}

func isASCIILetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// spaces is \s+(?!\S)|\s+: white space before a word leaves its last rune to
// the word.
func spaces(text string, i int) int {
	end, last := i, i
	for end < len(text) {
		r, width := utf8.DecodeRuneInString(text[end:])
		if !unicode.IsSpace(r) {
			break
		}
		last = end
		end += width
	}
	if end == len(text) || last == i {
		return end
	}
	return last
}

// blankLines is \s*[\r\n]+|\s+(?!\S)|\s+.
func blankLines(text string, i int) int {
	afterNewline := i
	for j := i; j < len(text); {
		r, width := utf8.DecodeRuneInString(text[j:])
		if !unicode.IsSpace(r) {
			break
		}
		j += width
		if isNewline(r) {
			afterNewline = j
		}
	}
	if afterNewline > i {
		return afterNewline
	}
	return spaces(text, i)
}

// spaced is " ?" or "\s?" followed by a run of one rune or more; it returns i
// when there is none. A rune can be both space and part of the run, as U+3000
// is, hence the second try.
func spaced(text string, i int, space, has func(rune) bool) int {
	if start := skipOptional(text, i, space); start > i {
		if end := run(text, start, has); end > start {
			return end
		}
	}
	return run(text, i, has)
}

// newline is [\r\n].
func newline(text string, i int) int { return skipOptional(text, i, isNewline) }

// oneNumber is \p{N}.
func oneNumber(text string, i int) int { return skipOptional(text, i, unicode.IsNumber) }

// upToThreeNumbers is \p{N}{1,3}.
func upToThreeNumbers(text string, i int) int { return upTo(3, text, i, unicode.IsNumber) }

// numbers is \p{N}+.
func numbers(text string, i int) int { return run(text, i, unicode.IsNumber) }

// threeDigits is [0-9][0-9][0-9].
func threeDigits(text string, i int) int {
	if end := upTo(3, text, i, isDigit); end == i+3 {
		return end
	}
	return i
}
