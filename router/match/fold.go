package match

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Folded is a text as detectors and rules read it: full-width forms as ASCII,
// digits of every script as 0 to 9, every dash as '-', every space as ' ', and
// nothing of what is invisible (zero-width characters, soft hyphens, marks of
// direction, variation selectors). Letters keep their case. It remembers where
// each byte came from.
type Folded struct {
	Text string
	from []int32 // offset in the original of the rune that each byte is of; nil: the text is as it was
	to   []int32 // end of that rune
}

// Fold folds a text of less than 2 GiB in linear time. Bytes that are no UTF-8
// become U+FFFD, lest two of them join.
func Fold(text string) Folded {
	if plain(text) {
		return Folded{Text: text}
	}
	f := Folded{from: make([]int32, 0, len(text)), to: make([]int32, 0, len(text))}
	var b strings.Builder
	b.Grow(len(text))
	for i, r := range text {
		size := utf8.RuneLen(r)
		if r == utf8.RuneError {
			_, size = utf8.DecodeRuneInString(text[i:])
		}
		g := foldRune(r)
		if g < 0 {
			continue
		}
		before := b.Len()
		b.WriteRune(g)
		for range b.Len() - before {
			f.from, f.to = append(f.from, int32(i)), append(f.to, int32(i+size))
		}
	}
	f.Text = b.String()
	return f
}

// plain reports whether text is ASCII, of which nothing is folded.
func plain(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Span is where Text[i:j] lies in the original; i < j.
func (f Folded) Span(i, j int) (from, to int) {
	if f.from == nil {
		return i, j
	}
	return int(f.from[i]), int(f.to[j-1])
}

// foldRune is what r is read as, or -1 for nothing.
func foldRune(r rune) rune {
	switch {
	case r < utf8.RuneSelf || r == utf8.RuneError:
		return r
	case r >= 0xff01 && r <= 0xff5e: // full-width forms of ASCII
		return r - 0xff01 + '!'
	case invisible(r):
		return -1
	case unicode.Is(unicode.Zs, r):
		return ' '
	case unicode.Is(unicode.Pd, r) || r == 0x2212:
		return '-'
	case r == 0xfe6b: // small commercial at
		return '@'
	case r == 0x2024: // one dot leader
		return '.'
	}
	if d := digit(r); d >= 0 {
		return '0' + d
	}
	return r
}

// invisible is what may stand in a value without being seen.
func invisible(r rune) bool {
	return unicode.Is(unicode.Cf, r) || r >= 0xfe00 && r <= 0xfe0f || r >= 0xe0100 && r <= 0xe01ef || r == 0x034f || r == 0x115f || r == 0x1160 || r == 0x3164
}

// digit is the value of a decimal digit of any script, -1 for what is none. Such
// digits lie in runs of ten (Unicode Standard, section 4.6).
func digit(r rune) rune {
	if !unicode.Is(unicode.Nd, r) {
		return -1
	}
	for _, t := range unicode.Nd.R16 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return (r - rune(t.Lo)) % 10
		}
	}
	for _, t := range unicode.Nd.R32 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return (r - rune(t.Lo)) % 10
		}
	}
	return -1
}
