package tokenizer

import (
	"strings"
	"unicode"
)

var (
	// deepSeekCased are the cased letters that DeepSeek-LLM lists.
	deepSeekCased = setOf(func(r rune) bool { return isASCIILetter(r) || unicode.Is(deepSeekLetters, r) })
	// deepSeekPuncts is [!-/:-~！-／：-～‘-‟　-。].
	deepSeekPuncts = ranges("!/:~！／：～‘‟　。")
	// deepSeekCJK is [一-龥ࠀ-一가-퟿].
	deepSeekCJK = ranges("ࠀ龥가\ud7ff")
)

// trailingSpace is \s+$. It looks from the end, so that a text of white space
// and words stays linear.
func trailingSpace(text string, from int) (int, int) {
	return from + len(strings.TrimRightFunc(text[from:], unicode.IsSpace)), len(text)
}

// deepSeek3 is [!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|
// [^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|
// \s*[\r\n]+|\s+(?!\S)|\s+. Of numbers and control characters it may match nothing.
func deepSeek3(text string, i int) int {
	if end := deepSeekWord(text, i); end > i {
		return end
	}
	if end := spaced(text, i, blanks, markup); end > i {
		return run(text, end, newlines)
	}
	return blankLines(text, i)
}

// spark is deepSeek3 with " ?[\p{P}\p{S}]+|[\r\n]" for what has line ends.
func spark(text string, i int) int {
	if end := deepSeekWord(text, i); end > i {
		return end
	}
	if end := spaced(text, i, blanks, markup); end > i {
		return end
	}
	if end := skipOptional(text, i, newlines); end > i {
		return end
	}
	return spaces(text, i)
}

var deepSeekPrefixes = setOf(func(r rune) bool { return !isNewline(r) && !unicode.IsLetter(r) && !isMarkup(r) })

func deepSeekWord(text string, i int) int {
	if isASCIIPunct(rune(text[i])) {
		if end := run(text, i+1, asciiWords); end > i+1 {
			return end
		}
	}
	start := skipOptional(text, i, deepSeekPrefixes)
	if end := run(text, start, letterMarks); end > start {
		return end
	}
	return run(text, i, letterMarks)
}

func isASCIIPunct(r rune) bool {
	return '!' <= r && r <= '/' || ':' <= r && r <= '@' || '[' <= r && r <= '`' || '{' <= r && r <= '~'
}

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
