package policy

import (
	"unicode"
	"unicode/utf8"
)

// Languages are what a text can be taken for. Only where a script has one language is
// that meant; "latin" is English as well as Vietnamese.
var Languages = []string{"zh", "ja", "ko", "th", "latin", "cyrillic", "greek", "arabic", "hebrew", "devanagari", "other"}

// scripts are those that are told apart. Japanese is what has kana in it.
var scripts = []struct {
	language string
	table    *unicode.RangeTable
}{
	{"latin", unicode.Latin}, {"zh", unicode.Han}, {"ja", unicode.Hiragana}, {"ja", unicode.Katakana}, {"ko", unicode.Hangul}, {"th", unicode.Thai},
	{"cyrillic", unicode.Cyrillic}, {"greek", unicode.Greek}, {"arabic", unicode.Arabic}, {"hebrew", unicode.Hebrew}, {"devanagari", unicode.Devanagari},
}

// Language is the language of most of a text, by the script of its letters, each of
// which counts as the bytes that it takes, so that a Chinese sentence with an English
// name in it is Chinese. A text without letters is "other".
func Language(text string) string {
	var count = map[string]int{}
	for _, r := range text {
		if l := script(r); l != "" {
			count[l] += utf8.RuneLen(r)
		}
	}
	if kana := count["ja"]; 10*kana > count["zh"] { // Japanese is written with both
		count["ja"] += count["zh"]
		delete(count, "zh")
	}
	best := "other"
	for _, l := range Languages {
		if count[l] > count[best] {
			best = l
		}
	}
	return best
}

func script(r rune) string {
	if r < utf8.RuneSelf {
		if r|0x20 >= 'a' && r|0x20 <= 'z' {
			return "latin"
		}
		return ""
	}
	if !unicode.IsLetter(r) {
		return ""
	}
	for _, s := range scripts {
		if unicode.Is(s.table, r) {
			return s.language
		}
	}
	return "other"
}
