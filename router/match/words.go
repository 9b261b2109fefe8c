package match

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// words finds whole words in any case. What begins or ends with a letter of a
// script that does not part words (Chinese, Japanese, Thai) is found inside of
// longer text too.
type words struct {
	byFirst map[rune][]string // folded and in lower case, by the first rune
}

func newWords(list []string) *words {
	w := &words{byFirst: map[rune][]string{}}
	for _, s := range list {
		s = lower(strings.TrimSpace(Fold(s).Text))
		if s == "" {
			continue
		}
		first, _ := utf8.DecodeRuneInString(s)
		w.byFirst[first] = append(w.byFirst[first], s)
	}
	return w
}

func (w *words) empty() bool { return len(w.byFirst) == 0 }

// in reports whether one of the words is in a folded text.
func (w *words) in(text string) bool {
	if w.empty() {
		return false
	}
	text = lower(text)
	before := ' '
	for i, r := range text {
		for _, s := range w.byFirst[r] {
			if strings.HasPrefix(text[i:], s) && !joined(before, r) && ends(text[i:], s) {
				return true
			}
		}
		before = r
	}
	return false
}

func ends(text, word string) bool {
	last, _ := utf8.DecodeLastRuneInString(word)
	next, _ := utf8.DecodeRuneInString(text[len(word):])
	return len(text) == len(word) || !joined(last, next)
}

// joined reports whether a and b, side by side, are of one word.
func joined(a, b rune) bool { return wordRune(a) && wordRune(b) && !Unparted(a) && !Unparted(b) }

func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }

// Unparted reports whether r is of a script that is written without spaces
// between words.
func Unparted(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// lower keeps every rune apart, so that offsets in runes stay.
func lower(s string) string { return strings.Map(unicode.ToLower, s) }

// Boundary reports whether a word may begin or end before text[i].
func Boundary(text string, i int) bool {
	if i <= 0 || i >= len(text) {
		return true
	}
	a, _ := utf8.DecodeLastRuneInString(text[:i])
	b, _ := utf8.DecodeRuneInString(text[i:])
	return utf8.RuneStart(text[i]) && !joined(a, b)
}
