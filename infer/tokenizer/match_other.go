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
	lineFeeds   = setOf(func(r rune) bool { return r == '\n' })
	noLineFeeds = setOf(func(r rune) bool { return r != '\n' })

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
