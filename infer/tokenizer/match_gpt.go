package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// gpt2 is 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+.
func gpt2(text string, i int) int {
	if end := contraction(text, i); end > i {
		return end
	}
	start := skipOptional(text, i, isBlank)
	r, _ := utf8.DecodeRuneInString(text[start:])
	switch {
	case start == len(text) || unicode.IsSpace(r):
		return spaces(text, i)
	case unicode.IsLetter(r):
		return run(text, start, unicode.IsLetter)
	case unicode.IsNumber(r):
		return run(text, start, unicode.IsNumber)
	default:
		return run(text, start, isOther)
	}
}

// llama3 is (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
// ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+.
func llama3(text string, i int) int { return cl100k(text, i, 3) }

// qwen2 is llama3 with \p{N} for \p{N}{1,3}.
func qwen2(text string, i int) int { return cl100k(text, i, 1) }

func cl100k(text string, i, digits int) int {
	if end := contractionFold(text, i); end > i {
		return end
	}
	if end := prefixed(text, i, letters); end > i {
		return end
	}
	if end := upTo(digits, text, i, unicode.IsNumber); end > i {
		return end
	}
	if end := spaced(text, i, isBlank, isOther); end > i {
		return run(text, end, isNewline)
	}
	return blankLines(text, i)
}

func letters(text string, i int) int { return run(text, i, unicode.IsLetter) }

// prefixed is [^\r\n\p{L}\p{N}]? before the word that m matches.
func prefixed(text string, i int, m matcher) int {
	if start := skipOptional(text, i, isPrefix); start > i && start < len(text) {
		if end := m(text, start); end > start {
			return end
		}
	}
	return m(text, i)
}

func isPrefix(r rune) bool {
	return !isNewline(r) && !unicode.IsLetter(r) && !unicode.IsNumber(r)
}

// tekken is [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|
// [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|
// \p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+.
func tekken(text string, i int) int {
	if end := camelWord(text, i); end > i {
		return end
	}
	return o200kRest(text, i, 1)
}

// gpt4o is tekken with (?i:'s|'t|'re|'ve|'m|'ll|'d)? after the words and
// \p{N}{1,3} for \p{N}.
func gpt4o(text string, i int) int {
	if end := camelWord(text, i); end > i {
		if end < len(text) {
			return contractionFold(text, end)
		}
		return end
	}
	return o200kRest(text, i, 3)
}

func o200kRest(text string, i, digits int) int {
	if end := upTo(digits, text, i, unicode.IsNumber); end > i {
		return end
	}
	if end := spaced(text, i, isBlank, isOther); end > i {
		return run(text, end, func(r rune) bool { return isNewline(r) || r == '/' })
	}
	return blankLines(text, i)
}

func camelWord(text string, i int) int {
	if end := prefixed(text, i, upperThenLower); end > i {
		return end
	}
	return prefixed(text, i, upperOnly)
}

// upperThenLower is [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+.
// The two sets overlap: without a lower-case letter behind them, the upper
// ones give back all after the last rune that is in both.
func upperThenLower(text string, i int) int {
	afterBoth := i
	j := i
	for j < len(text) {
		r, width := utf8.DecodeRuneInString(text[j:])
		if !isUpperish(r) {
			break
		}
		j += width
		if isLowerish(r) {
			afterBoth = j
		}
	}
	if end := run(text, j, isLowerish); end > j {
		return end
	}
	return afterBoth
}

// upperOnly is [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*.
func upperOnly(text string, i int) int {
	end := run(text, i, isUpperish)
	if end == i {
		return i
	}
	return run(text, end, isLowerish)
}

func isUpperish(r rune) bool {
	if r < utf8.RuneSelf {
		return 'A' <= r && r <= 'Z'
	}
	return unicode.In(r, unicode.Lu, unicode.Lt, unicode.Lm, unicode.Lo, unicode.M)
}

func isLowerish(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z'
	}
	return unicode.In(r, unicode.Ll, unicode.Lm, unicode.Lo, unicode.M)
}
