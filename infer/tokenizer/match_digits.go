package tokenizer

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

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
