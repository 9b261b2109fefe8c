package tokenizer

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	// falconPuncts is [\p{P}\$\+<=>\^~\|], falconTicks has the back tick, too.
	falconPuncts = setOf(func(r rune) bool { return unicode.IsPunct(r) || strings.ContainsRune("$+<=>^~|", r) })
	falconTicks  = setOf(func(r rune) bool { return unicode.IsPunct(r) || strings.ContainsRune("$+<=>^~|`", r) })
	// bloomWords is [^(\s|.,!?…。，、।۔،)].
	bloomWords = setOf(func(r rune) bool {
		return !unicode.IsSpace(r) && !strings.ContainsRune("(|.,!?…。，、।۔،)", r)
	})
	// chameleonPuncts is [\p{P}!-/:-@\[-`{-~].
	chameleonPuncts = setOf(func(r rune) bool { return unicode.IsPunct(r) || isASCIIPunct(r) })
	tabLines        = setOf(func(r rune) bool { return r == '\t' || r == '\n' })
	lineFeeds       = setOf(func(r rune) bool { return r == '\n' })
	noLineFeeds     = setOf(func(r rune) bool { return r != '\n' })

	// deepSeekCased are the cased letters that DeepSeek-LLM lists.
	deepSeekCased = setOf(func(r rune) bool { return isASCIILetter(r) || unicode.Is(deepSeekLetters, r) })
	// deepSeekPuncts is [!-/:-~！-／：-～‘-‟　-。].
	deepSeekPuncts = ranges("!/:~！／：～‘‟　。")
	// deepSeekCJK is [一-龥ࠀ-一가-퟿].
	deepSeekCJK = ranges("ࠀ龥가\ud7ff")
	// hanKana is [一-龥぀-ゟ゠-ヿ].
	hanKana = ranges("一龥\u3040ヿ")
	// hangul is [가-힣ㄱ-ㆎ], bopomofo [ㄅ-ㄯ].
	hangul   = ranges("가힣ㄱㆎ")
	bopomofo = ranges("ㄅㄯ")
	// youtuPuncts is [！…“”‘’—：；，、-〿︰-﹏].
	youtuPuncts = ranges("！！……“”‘’——：；，，、〿︰﹏")
	// afmoeScripts is [一-鿿㐀-䶿豈-\uFAFF぀-ゟ゠-ヿ･-ﾟ⼀-\u2FDFเ-\u0E7F\u0E80-\u0EFFក-\u17FFက-႟ꩠ-ꩿꧠ-\uA9FF가-\uD7AFᄀ-ᇿ].
	afmoeScripts = ranges("一鿿㐀䶿豈\ufaff\u3040ヿ･ﾟ⼀\u2fdfเ\u0e7f\u0e80\u0effក\u17ffက႟ꩠꩿꧠ\ua9ff가\ud7afᄀᇿ")
)

// ranges is the set of the runes between the first and the second rune of
// bounds, the third and the fourth, and so on.
func ranges(bounds string) *runeSet {
	ends := []rune(bounds)
	return setOf(func(r rune) bool {
		for i := 0; i+1 < len(ends); i += 2 {
			if ends[i] <= r && r <= ends[i+1] {
				return true
			}
		}
		return false
	})
}

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

// lines is [^\n]+|[\n]+.
func lines(text string, i int) int {
	if end := run(text, i, lineFeeds); end > i {
		return end
	}
	return run(text, i, noLineFeeds)
}

// youtuScripts is [가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥぀-ゟ゠-ヿ]+.
func youtuScripts(text string, i int) int {
	for _, set := range []*runeSet{hangul, youtuPuncts, bopomofo, hanKana} {
		if end := run(text, i, set); end > i {
			return end
		}
	}
	return i
}

// sentinel is <sentinel:[0-9]+>.
func sentinel(text string, i int) int {
	const open = "<sentinel:"
	if !strings.HasPrefix(text[i:], open) {
		return i
	}
	start := i + len(open)
	end := run(text, start, digits)
	if end == start || end == len(text) || text[end] != '>' {
		return i
	}
	return end + 1
}

// image is IMGIMG[A-I]{1,4}Z.
func image(text string, i int) int {
	const open = "IMGIMG"
	if !strings.HasPrefix(text[i:], open) {
		return i
	}
	start := i + len(open)
	end := start
	for end < len(text) && end < start+4 && 'A' <= text[end] && text[end] <= 'I' {
		end++
	}
	if end == start || end == len(text) || text[end] != 'Z' {
		return i
	}
	return end + 1
}

// tabsAndIndents is [\t\n]|    |  .
func tabsAndIndents(text string, i int) int {
	for _, indent := range []string{"    ", "  "} {
		if strings.HasPrefix(text[i:], indent) {
			return i + len(indent)
		}
	}
	return skipOptional(text, i, tabLines)
}

// halvedSpaces cuts white space before white space into 512 runes, then 256,
// and so on down to 4, 2 and 1: \s{512}(?!\S)|\s{256}(?!\S)|...|\s{4}(?!\S)|
// \s{1,2}(?!\S)|\s{1} in the place of \s+(?!\S)|\s+. It is applied to the pieces
// of llama3, of which those of white space without an end of line are the ones
// that do not end in a word, a mark or a line end.
func halvedSpaces(text string, from int) (int, int) {
	if r, _ := utf8.DecodeLastRuneInString(text); !anySpace.has(r) || isNewline(r) {
		return len(text), len(text)
	}
	end := upTo(512, text, from, anySpace)
	size := 1
	for n := utf8.RuneCountInString(text[from:end]); 2*size <= n; {
		size *= 2
	}
	return from, upTo(size, text, from, anySpace)
}

// threes is (?=(\d{3})+(?!\d)), for another set than \d, too: it cuts runs of
// digits into groups of three, counted from their ends. A piece begins with its
// text or at a cut, so that what is left of the run there is full groups.
func threes(set *runeSet) stage {
	return func(text string, from int) (int, int) {
		i := from
		if from > 0 {
			i = upTo(3, text, from, set)
			if i < len(text) && upTo(1, text, i, set) > i {
				return from, i
			}
		}
		for i < len(text) {
			start := i + strings.IndexFunc(text[i:], set.has)
			if start < i {
				break
			}
			end := run(text, start, set)
			if cut := firstCut(text, start, end); cut > from {
				return from, cut
			}
			i = end
		}
		return from, len(text)
	}
}

// firstCut returns where a run of digits is cut first, or -1 where it is not.
// A run that begins the text is not cut there.
func firstCut(text string, start, end int) int {
	n := utf8.RuneCountInString(text[start:end])
	lead := n % 3
	if lead == 0 && start == 0 {
		lead = 3
	}
	if n < 3 || lead == n {
		return -1
	}
	for range lead {
		_, width := utf8.DecodeRuneInString(text[start:])
		start += width
	}
	return start
}

// boundedDigits is \d+(?!\w). With pureThrees it is \d{1,3}(?=(?:\d{3})*\b).
func boundedDigits(text string, from int) (int, int) {
	for from < len(text) {
		start := strings.IndexFunc(text[from:], decimals.has)
		if start < 0 {
			break
		}
		start += from
		end := run(text, start, decimals)
		if end == len(text) || upTo(1, text, end, wordRunes) == end {
			return start, end
		}
		from = end
	}
	return len(text), len(text)
}

// wordRunes is \w as Oniguruma has it, the engine of Hugging Face's tokenizers:
// with letters in circles, and of the numbers that are no digits only those of
// Latin-1.
var wordRunes = setOf(func(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.Nd, unicode.Nl, unicode.Pc, unicode.Other_Alphabetic) ||
		strings.ContainsRune("²³¹¼½¾", r)
})

// pureThrees cuts pieces that are nothing but digits.
func pureThrees(text string, from int) (int, int) {
	if from == 0 && run(text, 0, decimals) < len(text) {
		return len(text), len(text)
	}
	return threes(decimals)(text, from)
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
