package assistant

import "strings"

// stops are the texts that end an answer.
type stops []string

// cut returns the part of text that is certainly before any stop string, and
// the rest that could be the beginning of one. At a stop string, found is true
// and there is no rest. Of several stop strings the one that is complete first
// counts, of those that end together the longest: so it makes no difference in
// which pieces a text comes.
func (s stops) cut(text string) (safe, held string, found bool) {
	begin, end := len(text), len(text)+1
	for _, stop := range s {
		if at := strings.Index(text, stop); at >= 0 && (at+len(stop) < end || at+len(stop) == end && at < begin) {
			begin, end, found = at, at+len(stop), true
		}
	}
	if found {
		return text[:begin], "", true
	}
	for _, stop := range s {
		begin = min(begin, len(text)-overlap(text, stop))
	}
	return text[:begin], text[begin:], false
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
