package privacy

import (
	"regexp"
	"sort"
	"strings"
	"time"
)

// span is a row of digits in groups: s[from:to], at most maxGroups groups parted by
// at most two separators each.
type span struct {
	from, to int
	digits   string
	groups   int
	seps     string // separators in order
}

// Bounds of what is taken for one number. The groups may be single digits.
const (
	maxGroups = 20
	maxDigits = 19
)

// findNumbers finds numbers of persons, payment cards and telephones: from every
// group of digits on, the longest row of groups that is one.
func findNumbers(p *page) {
	for i := 0; i < len(p.s); i++ {
		if !digit(p.s[i]) || digit(p.before(i)) {
			continue
		}
		end := p.number(i)
		if end > i {
			i = end - 1
		}
	}
}

// number adds the number that begins with the group at i and returns its end, or i.
func (p *page) number(i int) int {
	if word(p.before(i)) || p.before(i) == '.' && digit(at(p.s, i-2)) {
		return i
	}
	all := spans(p.s, i)
	for k := len(all) - 1; k >= 0; k-- {
		c, from, to := p.classify(all[k])
		if c != "" {
			p.add(c, from, to)
			return to
		}
	}
	return i
}

// spans are the rows of groups that begin at i, shortest first.
func spans(s string, i int) []span {
	var digits [maxDigits]byte
	var seps [2 * maxGroups]byte
	var at [maxGroups]struct{ to, digits, seps int }
	n, d, p := 0, 0, 0
	for j := i; n < maxGroups; n++ {
		start := j
		for j < len(s) && digit(s[j]) {
			j++
		}
		if d+j-start > maxDigits {
			break
		}
		d += copy(digits[d:], s[start:j])
		at[n].to, at[n].digits, at[n].seps = j, d, p
		k := j
		for k < len(s) && k-j < 2 && strings.IndexByte(" -./()", s[k]) >= 0 {
			k++
		}
		if k == j || k == len(s) || !digit(s[k]) {
			n++
			break
		}
		p += copy(seps[p:], s[j:k])
		j = k
	}
	all, allDigits, allSeps := make([]span, n), string(digits[:d]), string(seps[:p])
	for k := range all {
		all[k] = span{i, at[k].to, allDigits[:at[k].digits], k + 1, allSeps[:at[k].seps]}
	}
	return all
}

// classify tells what a row is, and where it begins and ends with its prefix.
func (p *page) classify(n span) (c Category, from, to int) {
	next := p.after(n.to)
	if len(n.digits) == 17 && (next == 'X' || next == 'x') && !word(p.after(n.to+1)) && chineseID(n.digits+"X") {
		return ID, n.from, n.to + 1
	}
	if word(next) {
		return "", 0, 0
	}
	switch {
	case len(n.digits) == 18 && onlySpaced(n) && chineseID(n.digits):
		return ID, n.from, n.to
	case len(n.digits) == 9 && n.groups == 3 && socialSecurity.MatchString(p.s[n.from:n.to]):
		return ID, n.from, n.to
	case len(n.digits) == 15 && n.groups == 1 && p.said(n.from, markID):
		return ID, n.from, n.to
	case onlySpaced(n) && card(n.digits):
		return Card, n.from, n.to
	}
	if from := p.phone(n); from >= 0 {
		return Phone, from, n.to
	}
	return "", 0, 0
}

// onlySpaced is a number in groups with spaces or dashes between, one at a time.
func onlySpaced(n span) bool {
	return strings.Trim(n.seps, " -") == "" && len(n.seps) == n.groups-1
}

// card checks the first digits of the large payment systems and their lengths
// (ISO/IEC 7812), and the check digit after Luhn.
func card(d string) bool {
	n := len(d)
	visa := d[0] == '4' && (n == 13 || n == 16 || n == 19)
	mastercard := n == 16 && (d[:2] >= "51" && d[:2] <= "55" || d[:4] >= "2221" && d[:4] <= "2720")
	amex := n == 15 && (d[:2] == "34" || d[:2] == "37")
	diners := n == 14 && (d[:2] == "36" || d[:2] == "38" || d[:2] == "39" || d[:3] >= "300" && d[:3] <= "305")
	jcb := n == 16 && d[:4] >= "3528" && d[:4] <= "3589"
	others := n >= 16 && n <= 19 && (d[:2] == "62" || d[:4] == "6011" || d[:2] == "65" || d[:2] == "81" || d[:2] == "60")
	maestro := n >= 13 && n <= 19 && (d[:2] == "50" || d[:2] >= "56" && d[:2] <= "58" || d[:2] == "63" || d[:2] == "67")
	return (visa || mastercard || amex || diners || jcb || others || maestro) && luhn(d)
}

func luhn(d string) bool {
	sum := 0
	for i := range len(d) {
		v := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0
}

// chineseID checks a resident's number of 18 characters (GB 11643-1999): region,
// date of birth, ISO 7064 MOD 11-2.
func chineseID(d string) bool {
	born, err := time.Parse("20060102", d[6:14])
	if err != nil || born.Year() < 1850 || born.Year() > 2100 || d[0] == '0' || d[0] == '9' {
		return false
	}
	sum, weight := 0, 1
	for i := 17; i >= 0; i-- {
		v := 10
		if d[i] != 'X' {
			v = int(d[i] - '0')
		}
		sum += v * weight
		weight = weight * 2 % 11
	}
	return sum%11 == 1
}

// socialSecurity is the number of the United States, which is never written in
// other groups.
var socialSecurity = regexp.MustCompile(`^(?:00[1-9]|0[1-9]\d|[1-578]\d\d|6(?:[0-57-9]\d|6[0-57-9]))-(?:0[1-9]|[1-9]\d)-(?:000[1-9]|00[1-9]\d|0[1-9]\d\d|[1-9]\d\d\d)$`)

// lookback is how far before a number words about it are looked for, in bytes.
const lookback = 40

// said reports whether a mark of a kind ends shortly before i, on the same line and
// with no other number between.
func (p *page) said(i int, k kind) bool {
	last := sort.Search(len(p.marks), func(n int) bool { return p.marks[n].i >= i }) - 1
	for ; last >= 0 && i-p.marks[last].i <= lookback+maxWord; last-- {
		if m := p.marks[last]; m.kinds&k != 0 && m.j <= i && i-m.j <= lookback {
			return !strings.ContainsAny(p.s[m.j:i], "\n0123456789")
		}
	}
	return false
}
