package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// span is a time of day, in minutes, from inclusive to exclusive; it goes over
// midnight if it ends before it begins.
type span struct{ from, to int }

func parseHours(text string) (span, error) {
	wrong := fmt.Errorf("%q is no time of day; write for example \"22:00-06:00\", from 00:00 to 24:00", text)
	from, to, ok := strings.Cut(text, "-")
	f, ferr := minutes(from)
	t, terr := minutes(to)
	if !ok || ferr != nil || terr != nil || f == t || f == 24*60 {
		return span{}, wrong
	}
	return span{f, t}, nil
}

func minutes(text string) (int, error) {
	text = strings.TrimSpace(text)
	if text == "24:00" {
		return 24 * 60, nil
	}
	t, err := time.Parse("15:04", text)
	return 60*t.Hour() + t.Minute(), err
}

func (s span) has(t time.Time) bool {
	m := 60*t.Hour() + t.Minute()
	if s.from < s.to {
		return m >= s.from && m < s.to
	}
	return m >= s.from || m < s.to
}

func anyHours(texts []string) func(*view) bool {
	spans := make([]span, 0, len(texts))
	for _, text := range texts {
		s, _ := parseHours(text) // checked
		spans = append(spans, s)
	}
	return func(v *view) bool {
		return slices.ContainsFunc(spans, func(s span) bool { return s.has(v.now) })
	}
}

var days = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} // as in package time

// parseDays reads a day, or a range that may go over the end of the week.
func parseDays(text string) (set [7]bool, err error) {
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	i, j := slices.Index(days, strings.TrimSpace(first)), slices.Index(days, strings.TrimSpace(last))
	if i < 0 || j < 0 {
		return set, fmt.Errorf("%q is no day; write \"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\" or \"sun\", or a range such as \"mon-fri\"", text)
	}
	for ; i != j; i = (i + 1) % 7 {
		set[i] = true
	}
	set[j] = true
	return set, nil
}

func anyDays(texts []string) func(*view) bool {
	var all [7]bool
	for _, text := range texts {
		set, _ := parseDays(text) // checked
		for i, in := range set {
			all[i] = all[i] || in
		}
	}
	return func(v *view) bool { return all[v.now.Weekday()] }
}
