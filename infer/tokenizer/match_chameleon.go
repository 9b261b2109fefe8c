package tokenizer

import (
	"strings"
	"unicode"
)

var (
	// chameleonPuncts is [\p{P}!-/:-@\[-`{-~].
	chameleonPuncts = setOf(func(r rune) bool { return unicode.IsPunct(r) || isASCIIPunct(r) })
	tabLines        = setOf(func(r rune) bool { return r == '\t' || r == '\n' })
)

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
