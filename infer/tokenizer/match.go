package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// The matchers of this file are the building blocks of the pre-tokenizers.
// Each names the regular expression that it stands for.

// skipOptional returns the index after one rune of the set, or i.
func skipOptional(text string, i int, set *runeSet) int { return upTo(1, text, i, set) }

// one matches a single rune of a set, some a run of them.
func one(set *runeSet) matcher {
	return func(text string, i int) int { return upTo(1, text, i, set) }
}

func some(set *runeSet) matcher {
	return func(text string, i int) int { return run(text, i, set) }
}

// atMost is SET{1,limit}.
func atMost(limit int, set *runeSet) matcher {
	return func(text string, i int) int { return upTo(limit, text, i, set) }
}

// after is OPTIONAL?SET+.
func after(optional, set *runeSet) matcher {
	return func(text string, i int) int { return spaced(text, i, optional, set) }
}

// spaced is " ?" or "\s?" followed by a run of one rune or more; it returns i
// when there is none. A rune can be both space and part of the run, as U+3000
// is, hence the second try.
func spaced(text string, i int, space, set *runeSet) int {
	if start := skipOptional(text, i, space); start > i {
		if end := run(text, start, set); end > start {
			return end
		}
	}
	return run(text, i, set)
}

// prefixed is [^\r\n\p{L}\p{N}]? before the word that m matches.
func prefixed(text string, i int, m matcher) int {
	if start := skipOptional(text, i, prefixes); start > i && start < len(text) {
		if end := m(text, start); end > start {
			return end
		}
	}
	return m(text, i)
}

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
	switch text[i+1] {
	case 's', 't', 'm', 'd', 'S', 'T', 'M', 'D':
		return i + 2
	}
	if i+2 >= len(text) {
		return i
	}
	if text[i+1:i+3] == "ſ" {
		return i + 3
	}
	if !asciiWords.has(rune(text[i+1])) || !asciiWords.has(rune(text[i+2])) {
		return i
	}
	switch [2]byte{text[i+1] | 0x20, text[i+2] | 0x20} {
	case [2]byte{'r', 'e'}, [2]byte{'v', 'e'}, [2]byte{'l', 'l'}:
		return i + 3
	}
	return i
}

// spaces is \s+(?!\S)|\s+: white space before a word leaves its last rune to
// the word.
func spaces(text string, i int) int {
	end, last := i, i
	for end < len(text) {
		r, width := utf8.DecodeRuneInString(text[end:])
		if !anySpace.has(r) {
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

// blankLines is \s*[\r\n]+|\s+(?!\S)|\s+. It is also \s*[\r\n]|\s+(?!\S)|\s+,
// since \s* reaches for the last line end either way.
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

// threeDigits is [0-9][0-9][0-9].
func threeDigits(text string, i int) int {
	if end := upTo(3, text, i, digits); end == i+3 {
		return end
	}
	return i
}
