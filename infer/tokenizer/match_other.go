package tokenizer

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// falconPunct is [\p{P}\$\+<=>\^~\|]+.
func falconPunct(text string, i int) int {
	return run(text, i, func(r rune) bool { return unicode.IsPunct(r) || strings.ContainsRune("$+<=>^~|", r) })
}

// falconTicks is [\p{P}\$\+<=>\^~\|`]+.
func falconTicks(text string, i int) int {
	return run(text, i, func(r rune) bool { return unicode.IsPunct(r) || strings.ContainsRune("$+<=>^~|`", r) })
}

// bloom is " ?[^(\s|.,!?…。，、।۔،)]+".
func bloom(text string, i int) int {
	return spaced(text, i, isBlank, func(r rune) bool {
		return !unicode.IsSpace(r) && !strings.ContainsRune("(|.,!?…。，、।۔،)", r)
	})
}

// spacedLetters is \s?\p{L}+.
func spacedLetters(text string, i int) int {
	return spaced(text, i, unicode.IsSpace, unicode.IsLetter)
}

// spacedPunct is \s?\p{P}+.
func spacedPunct(text string, i int) int {
	return spaced(text, i, unicode.IsSpace, unicode.IsPunct)
}

// cjk is [一-龥ࠀ-一가-퟿]+.
func cjk(text string, i int) int {
	return run(text, i, func(r rune) bool { return 0x800 <= r && r <= 0x9fa5 || 0xac00 <= r && r <= 0xd7ff })
}

// hanKana is [一-龥぀-ゟ゠-ヿ]+.
func hanKana(text string, i int) int {
	return run(text, i, func(r rune) bool { return 0x4e00 <= r && r <= 0x9fa5 || 0x3040 <= r && r <= 0x30ff })
}

// trailingSpace is \s+$. It looks from the end, so that a text of white space
// and words stays linear.
func trailingSpace(text string, from int) (int, int) {
	return from + len(strings.TrimRightFunc(text[from:], unicode.IsSpace)), len(text)
}

// casedWord is \s? and a run of the cased letters that DeepSeek-LLM lists.
func casedWord(text string, i int) int {
	return spaced(text, i, unicode.IsSpace, isDeepSeekLetter)
}

func isDeepSeekLetter(r rune) bool {
	if r < utf8.RuneSelf {
		return isASCIILetter(byte(r))
	}
	return unicode.Is(deepSeekLetters, r)
}

// asciiPunct is \s?[!-/:-~！-／：-～‘-‟　-。]+.
func asciiPunct(text string, i int) int {
	return spaced(text, i, unicode.IsSpace, func(r rune) bool {
		return '!' <= r && r <= '/' || ':' <= r && r <= '~' ||
			0xff01 <= r && r <= 0xff0f || 0xff1a <= r && r <= 0xff5e ||
			0x2018 <= r && r <= 0x201f || 0x3000 <= r && r <= 0x3002
	})
}

// deepseek3 is [!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|
// [^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|
// \s*[\r\n]+|\s+(?!\S)|\s+. Of numbers and control characters it may match nothing.
func deepseek3(text string, i int) int {
	if isASCIIPunct(text[i]) && i+1 < len(text) {
		if end := run(text, i+1, func(r rune) bool { return r < utf8.RuneSelf && isASCIILetter(byte(r)) }); end > i+1 {
			return end
		}
	}
	start := skipOptional(text, i, func(r rune) bool { return !isNewline(r) && !unicode.IsLetter(r) && !isMarkup(r) })
	if end := run(text, start, isLetterOrMark); end > start {
		return end
	}
	if end := run(text, i, isLetterOrMark); end > i {
		return end
	}
	if end := spaced(text, i, isBlank, isMarkup); end > i {
		return run(text, end, isNewline)
	}
	return blankLines(text, i)
}

func isASCIIPunct(c byte) bool {
	return '!' <= c && c <= '/' || ':' <= c && c <= '@' || '[' <= c && c <= '`' || '{' <= c && c <= '~'
}

// isMarkup is [\p{P}\p{S}].
func isMarkup(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }

// isLetterOrMark is [\p{L}\p{M}].
func isLetterOrMark(r rune) bool { return unicode.IsLetter(r) || unicode.IsMark(r) }

// deepSeekLetters are the letters beyond ASCII in DeepSeek-LLM's pattern: the
// cased letters of the Unicode version that its authors had.
var deepSeekLetters = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0xb5, 0xb5, 1}, {0xc0, 0xd6, 1}, {0xd8, 0xf6, 1}, {0xf8, 0x1ba, 1}, {0x1bc, 0x1bf, 1},
		{0x1c4, 0x293, 1}, {0x295, 0x2af, 1}, {0x370, 0x373, 1}, {0x376, 0x377, 1}, {0x37b, 0x37d, 1},
		{0x37f, 0x37f, 1}, {0x386, 0x386, 1}, {0x388, 0x38a, 1}, {0x38c, 0x38c, 1}, {0x38e, 0x3a1, 1},
		{0x3a3, 0x3f5, 1}, {0x3f7, 0x481, 1}, {0x48a, 0x52f, 1}, {0x531, 0x556, 1}, {0x10a0, 0x10c5, 1},
		{0x13a0, 0x13f5, 1}, {0x13f8, 0x13fd, 1}, {0x1c90, 0x1cba, 1}, {0x1cbd, 0x1cbf, 1},
		{0x1d00, 0x1d2b, 1}, {0x1d6b, 0x1d77, 1}, {0x1d79, 0x1d9a, 1}, {0x1e00, 0x1f15, 1},
		{0x1f18, 0x1f1d, 1}, {0x1f20, 0x1f45, 1}, {0x1f48, 0x1f4d, 1}, {0x1f50, 0x1f57, 1},
		{0x1f59, 0x1f5f, 2}, {0x1f60, 0x1f7d, 1}, {0x1f80, 0x1fb4, 1}, {0x1fb6, 0x1fbc, 1},
		{0x1fbe, 0x1fbe, 1}, {0x1fc2, 0x1fc4, 1}, {0x1fc6, 0x1fcc, 1}, {0x1fd0, 0x1fd3, 1},
		{0x1fd6, 0x1fdb, 1}, {0x1fe0, 0x1fec, 1}, {0x1ff2, 0x1ff4, 1}, {0x1ff6, 0x1ffc, 1},
		{0x2102, 0x2102, 1}, {0x2107, 0x2107, 1}, {0x210a, 0x2113, 1}, {0x2115, 0x2115, 1},
		{0x2119, 0x211d, 1}, {0x2124, 0x2128, 2}, {0x212a, 0x212d, 1}, {0x212f, 0x2134, 1},
		{0x2139, 0x2139, 1}, {0x213c, 0x213f, 1}, {0x2145, 0x2149, 1}, {0x214e, 0x214e, 1},
		{0x2183, 0x2184, 1}, {0x2c00, 0x2c7b, 1}, {0x2c7e, 0x2ce4, 1}, {0x2ceb, 0x2cee, 1},
		{0x2cf2, 0x2cf3, 1}, {0xa640, 0xa66d, 1}, {0xa680, 0xa69b, 1}, {0xa722, 0xa76f, 1},
		{0xa771, 0xa787, 1}, {0xa78b, 0xa78e, 1}, {0xab70, 0xabbf, 1}, {0xfb00, 0xfb06, 1},
		{0xfb13, 0xfb17, 1}, {0xff21, 0xff3a, 1}, {0xff41, 0xff5a, 1},
	},
	R32: []unicode.Range32{
		{0x10400, 0x1044f, 1}, {0x104b0, 0x104d3, 1}, {0x104d8, 0x104fb, 1}, {0x10c80, 0x10cb2, 1},
		{0x10cc0, 0x10cf2, 1}, {0x118a0, 0x118df, 1}, {0x1e900, 0x1e943, 1},
	},
}
