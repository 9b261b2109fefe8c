package privacy

import (
	"regexp"
	"strings"
)

// callingCode has the country codes of ITU-T E.164 by their first digits: those of
// one and two digits; all others in assigned zones have three.
var callingCode = regexp.MustCompile(`^(?:1|7|2(?:0|7|[1-69]\d)|3(?:[0-469]|[578]\d)|4(?:[013-9]|2\d)|5(?:[1-8]|[09]\d)|6(?:[0-6]|[7-9]\d)|8(?:[1246]|[058]\d)|9(?:[0-58]|[679]\d))`)

var (
	northAmerica = regexp.MustCompile(`^(?:1[-. ])?\(?[2-9]\d\d\)?[-. ]{1,2}[2-9]\d\d[-. ]\d{4}$`)
	date         = regexp.MustCompile(`^(?:\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}[./-]\d{1,2}[./-]\d{1,2})`)
	chineseLine  = regexp.MustCompile(`^(?:0\d{2,3}[- ]?\d{7,8}|0\d{2,3}[- ]\d{3,4}[- ]\d{4}|[48]00[- ]?\d{3}[- ]?\d{4}|[48]00[- ]\d{4}[- ]\d{3})$`)
)

// phone is where the telephone number that ends with n begins, with its + and
// brackets, or -1. International numbers are told by their code; national ones by
// how they are written (a leading zero, the groups of North America, the first
// digits of China's mobile numbers), or by words before them.
func (p *page) phone(n span) int {
	d, from := n.digits, n.from
	if len(d) < 7 || len(d) > 17 {
		return -1
	}
	if p.before(from) == '(' {
		from--
	}
	if p.before(from) == '+' && !word(at(p.s, from-2)) {
		if len(d) >= 8 && len(d) <= 15 && callingCode.MatchString(d) {
			return from - 1
		}
		return -1
	}
	written := national(n, p.s[from:n.to]) && !p.goesOn(n)
	if !written && len(d) > 15 {
		return -1
	}
	said := p.said(from, markPhone)
	if !written && !said || p.notPhone(n) {
		return -1
	}
	if !said && (strings.IndexByte("$€£¥#=:/-", p.before(from)) >= 0 || p.said(from, markOther)) {
		return -1
	}
	return from
}

// goesOn reports whether the groups go on with those of a longer number.
func (p *page) goesOn(n span) bool {
	before := p.before(n.from)
	return n.groups > 1 && (before == ' ' || before == '-') && digit(at(p.s, n.from-2))
}

// notPhone is a date, a number with a decimal point, or a row of many slashes.
func (p *page) notPhone(n span) bool {
	text := p.s[n.from:n.to]
	return n.groups >= 3 && date.MatchString(text) || dotted(n) && n.groups < 3 || n.groups > 3 && strings.Contains(n.seps, "/")
}

// national tells numbers by how they are written.
func national(n span, text string) bool {
	d := n.digits
	switch {
	case len(d) == 11 && d[0] == '1' && d[1] >= '3' && dashed(n): // mobile, China
		return true
	case len(d) == 13 && strings.HasPrefix(d, "861") && d[3] >= '3' && dashed(n):
		return true
	case strings.HasPrefix(d, "00"):
		return len(d) >= 11 && callingCode.MatchString(d[2:])
	case d[0] == '0' && len(d) >= 9 && len(d) <= 12:
		return (digit(text[1]) || dashed(n)) && (!dotted(n) && n.groups <= 6 || dotted(n) && n.groups >= 4)
	case len(d) >= 10 && len(d) <= 12:
		return n.groups <= 4 && (chineseLine.MatchString(text) || northAmerica.MatchString(text))
	}
	return false
}

// dashed is a number with nothing but spaces and dashes inside.
func dashed(n span) bool { return strings.Trim(n.seps, " -") == "" }

// dotted has a dot for every separator, as versions, addresses and decimal numbers.
func dotted(n span) bool { return n.seps != "" && strings.Trim(n.seps, ".") == "" }
