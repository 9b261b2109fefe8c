package assistant

import "strings"

// stops are the texts that end an answer.
type stops []string

// cut returns the part of text that is certainly before any stop string, and
// the rest that could be the beginning of one. At a stop string, found is true
// and there is no rest. Of several stop strings the one that begins first counts.
func (s stops) cut(text string) (safe, held string, found bool) {
	first := len(text)
	for _, stop := range s {
		if at := strings.Index(text, stop); at >= 0 && at <= first {
			first, found = at, true
		}
	}
	if found {
		return text[:first], "", true
	}
	for _, stop := range s {
		first = min(first, len(text)-overlap(text, stop))
	}
	return text[:first], text[first:], false
}

// overlap returns the size of the longest end of text that begins stop.
func overlap(text, stop string) int {
	for n := min(len(text), len(stop)-1); n > 0; n-- {
		if strings.HasSuffix(text, stop[:n]) {
			return n
		}
	}
	return 0
}
