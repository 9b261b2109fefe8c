package grammar

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/a472be26/cusp/infer/grammar/regular"
)

const (
	hourMinute = `(?:[01]\d|2[0-3]):[0-5]\d`
	leapYear   = `(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)`
	dateText   = `(?:\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))|` + leapYear + `-02-29)`
	// Leap seconds come at the end of a day of UTC; only the offset 0 is known to
	// have its at 23:59.
	timeText = `(?:` + hourMinute + `:[0-5]\d(?:\.\d+)?(?:[Zz]|[+-]` + hourMinute + `)|23:59:60(?:\.\d+)?(?:[Zz]|[+-]00:00))`
	clock    = `T(?:\d+H(?:\d+M(?:\d+S)?)?|\d+M(?:\d+S)?|\d+S)`
	octet    = `(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`
	ipv4     = octet + `(?:\.` + octet + `){3}`
	// Without hyphens in a row, as those of internationalized names have their own
	// rules, and of at most four parts, so that the length needs no count.
	label     = `[A-Za-z0-9](?:-?[A-Za-z0-9])*`
	hostname  = label + `(?:\.` + label + `){0,3}`
	atom      = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
	localPart = atom + `(?:\.` + atom + `)*`
)

// formats are those of "format": expressions, of which a string must fulfil all.
// date, date-time, time, duration, uuid, ipv4, ipv6 and json-pointer are all
// strings of the format, but for leap seconds beside UTC; email and hostname are
// the usual ones.
var formats = map[string][]string{
	"date":         {dateText},
	"time":         {timeText},
	"date-time":    {dateText + `[Tt]` + timeText},
	"duration":     {`P(?:\d+W|\d+Y(?:\d+M(?:\d+D)?)?(?:` + clock + `)?|\d+M(?:\d+D)?(?:` + clock + `)?|\d+D(?:` + clock + `)?|` + clock + `)`},
	"uuid":         {`[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}`},
	"ipv4":         {ipv4},
	"ipv6":         {ipv6()},
	"hostname":     {hostname, `[^.]{1,62}(?:\.[^.]{1,62}){0,3}`},
	"email":        {localPart + `@` + hostname, `[^@]{1,64}@[^.]{1,46}(?:\.[^.]{1,46}){0,3}`},
	"json-pointer": {`(?:/(?:[^~/]|[\n\r\u2028\u2029]|~[01])*)*`},
}

// ipv6 is the text forms of RFC 4291: eight groups, of which some may be left out
// once, and the last two may be an IPv4 address.
func ipv6() string {
	const group = `[0-9A-Fa-f]{1,4}`
	head := func(n int) string { // n groups, with what separates them
		if n == 0 {
			return ""
		}
		return group + strings.Repeat(":"+group, n-1)
	}
	var forms []string
	for _, last := range []struct {
		text   string
		groups int
	}{{group, 1}, {ipv4, 2}} {
		forms = append(forms, strings.Repeat(group+":", 8-last.groups)+last.text)
		for before := range 8 - last.groups {
			most := 7 - before - last.groups // groups between the gap and the last
			forms = append(forms, head(before)+"::(?:"+group+":){0,"+fmt.Sprint(most)+"}"+last.text)
		}
	}
	for before := range 8 {
		forms = append(forms, head(before)+"::")
	}
	return strings.Join(forms, "|")
}

// formatDFAs are the automata that were needed so far, by name.
var formatDFAs sync.Map

// formatDFA is the strings of a format.
func formatDFA(name string) (regular.DFA, error) {
	if d, ok := formatDFAs.Load(name); ok {
		return d.(regular.DFA), nil
	}
	parts, ok := formats[name]
	if !ok {
		return nil, fmt.Errorf("format %q is not supported; these are: %s", name, strings.Join(slices.Sorted(maps.Keys(formats)), ", "))
	}
	d, err := allPatterns(parts)
	if err != nil {
		return nil, fmt.Errorf("format %q: %w", name, err)
	}
	formatDFAs.Store(name, d)
	return d, nil
}

// allPatterns is the strings that match all of some expressions as a whole.
func allPatterns(parts []string) (regular.DFA, error) {
	all := regular.Anything()
	for _, p := range parts {
		d, err := regular.Pattern("^(?:" + p + ")$")
		if err == nil {
			all, err = all.And(d)
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}
